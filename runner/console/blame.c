#include "console/blame.h"

#include "base/str.h"

/* ---- symbols ---- */

static bool in_symbol(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '$';
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "0x12" at s.p[*i]; at most eight digits. */
static bool hex_number(struct slice s, size_t *i, unsigned *out)
{
	size_t start = *i + 2;

	if (*i + 3 > s.n || s.p[*i] != '0' || s.p[*i + 1] != 'x')
		return false;
	*out = 0;
	for (*i = start; *i < s.n && hex(s.p[*i]) >= 0 && *i < start + 8; ++*i)
		*out = *out << 4 | (unsigned)hex(s.p[*i]);
	return *i > start;
}

/* Without what the compiler added: C names have no dot. */
static void set_name(struct symbol *out, struct slice name)
{
	const char *dot =
		name.n > 1 ? memchr(name.p + 1, '.', name.n - 1) : NULL;

	if (dot)
		name.n = (size_t)(dot - name.p);
	if (name.n >= sizeof(out->name))
		name.n = sizeof(out->name) - 1;
	memcpy(out->name, name.p, name.n);
	out->name[name.n] = '\0';
}

/* "name+0x12/0x34" around the plus at s.p[plus]; *from and *to are its ends. */
static bool symbol_at(struct slice s, size_t plus, size_t *from, size_t *to,
		      struct symbol *out)
{
	unsigned size;

	for (*from = plus; *from && in_symbol(s.p[*from - 1]);)
		--*from;
	*to = plus + 1;
	if (*from == plus || !hex_number(s, to, &out->offset) || *to >= s.n ||
	    s.p[(*to)++] != '/' || !hex_number(s, to, &size))
		return false;
	set_name(out, (struct slice){s.p + *from, plus - *from});
	return true;
}

static bool find_from(struct slice s, size_t *from, size_t *to,
		      struct symbol *out)
{
	const char *plus = s.n ? memchr(s.p, '+', s.n) : NULL;

	while (plus) {
		size_t at = (size_t)(plus - s.p);

		if (symbol_at(s, at, from, to, out))
			return true;
		plus = memchr(plus + 1, '+', s.n - at - 1);
	}
	return false;
}

bool symbol_find(struct slice s, struct symbol *out)
{
	size_t from, to;

	return find_from(s, &from, &to, out);
}

/* Skips "[<ffffffff81234567>] ", which older kernels print. */
static void skip_address(struct slice *s)
{
	const char *end;

	if (!slice_starts(*s, "[<"))
		return;
	end = memmem(s->p, s->n, ">]", 2);
	if (end) {
		s->n -= (size_t)(end + 2 - s->p);
		s->p = end + 2;
		*s = slice_trim(*s);
	}
}

bool symbol_frame(struct slice s, struct symbol *out)
{
	size_t from, to;

	s = slice_trim(s);
	skip_address(&s);
	if (!find_from(s, &from, &to, out) || from)
		return false;
	s.p += to;
	s.n -= to;
	s = slice_trim(s);
	return !s.n || (s.p[0] == '[' && s.p[s.n - 1] == ']') ||
	       (s.p[0] == '(' && s.p[s.n - 1] == ')');
}

bool symbol_word(struct slice s, struct symbol *out)
{
	size_t n = 0;

	while (n < s.n && in_symbol(s.p[n]))
		n++;
	set_name(out, (struct slice){s.p, n});
	out->offset = 0;
	return n;
}

/* ---- functions that are passed over ---- */

/* Names with a star at the end stand for all that start so. */
static const struct {
	unsigned group;
	const char *names;
} groups[] = {
	{SKIP_REPORT,
	 "dump_stack* __dump_stack show_stack* dump_backtrace* show_trace* "
	 "show_regs panic vpanic nmi_panic __warn __warn_printk warn_slowpath* "
	 "report_bug handle_bug die die_addr __die* oops_end no_context "
	 "page_fault_oops bad_area* do_kern_addr_fault do_user_addr_fault "
	 "__bad_area* do_trap* do_error_trap do_page_fault* asm_* exc_* "
	 "sysvec_* __sysvec_* early_idt_handler* early_fixup_exception "
	 "common_interrupt ret_from_intr apic_timer_interrupt "
	 "irq_exit* __irq_exit* irq_enter* call_softirq"},
	{SKIP_REPORT,
	 "print_report print_address_description* print_error_description "
	 "kasan_* __kasan_* __asan_* __hwasan_* check_memory_region* "
	 "kfence_* __kfence_* kmsan_* __msan_* kcsan_* __tsan_* ubsan_* "
	 "__ubsan_* handle_overflow val_to_string kmemleak_* "
	 "check_canary check_canary_byte"},
	{SKIP_REPORT,
	 "nmi_cpu_backtrace* nmi_trigger_cpumask_backtrace* "
	 "arch_trigger_cpumask_backtrace* rcu_dump_cpu_stacks* "
	 "print_cpu_stall* print_other_cpu_stall* check_cpu_stall* "
	 "rcu_check_gp_kthread* rcu_pending* rcu_sched_clock_irq "
	 "update_process_times tick_sched_* tick_periodic tick_handle_* "
	 "tick_nohz_handler tick_nohz_highres_handler __hrtimer_run_queues "
	 "hrtimer_interrupt* local_apic_timer_interrupt "
	 "__run_hrtimer hrtimer_run_queues"},
	{SKIP_REPORT,
	 "print_circular_bug* check_noncircular* check_prev_add* "
	 "check_prevs_add* validate_chain* __lock_acquire* lock_acquire* "
	 "lock_release* __lock_release* print_usage_bug* mark_lock* "
	 "mark_usage* mark_held_locks* valid_state* print_deadlock_bug* "
	 "print_bad_irq_dependency* print_irq_inversion_bug* "
	 "check_irq_usage* check_deadlock* print_unlock_imbalance_bug* "
	 "print_lock_invalid_wait_context* check_wait_context* "
	 "print_freed_lock_bug* print_lock_nested* lockdep_* __lockdep_* "
	 "register_lock_class* assign_lock_key* debug_check_no_locks* "
	 "save_trace* alloc_list_entry* add_chain_cache* add_lock_to_list*"},
	{SKIP_REPORT,
	 "__might_sleep ___might_sleep __might_resched __might_fault "
	 "__cant_sleep __cant_migrate __schedule_bug bad_page "
	 "print_bad_pte free_page_is_bad* check_new_page* spin_bug spin_dump "
	 "rwlock_bug do_raw_* check_preemption_disabled "
	 "debug_smp_processor_id __this_cpu_preempt_check debug_print_object "
	 "refcount_* __refcount_* __list_add_valid* __list_del_entry_valid* "
	 "usercopy_abort __check_object_size* check_heap_object* "
	 "__check_heap_object* fortify_panic __fortify_* check_panic_on_warn "
	 "__stack_chk_fail report_cfi_failure __cfi_* __report_bad_irq "
	 "note_interrupt ex_handler_msr* fixup_exception"},
	{SKIP_REPORT,
	 "slab_bug print_trailer object_err slab_err slab_fix slab_pad_check* "
	 "check_bytes_and_report* check_object* check_slab* on_freelist* "
	 "free_debug_processing* alloc_debug_processing* "
	 "alloc_consistency_checks* free_consistency_checks* "
	 "check_valid_pointer* restore_bytes* warn_alloc* dump_header* "
	 "object_is_on_stack __slab_bug __slab_err"},
	{SKIP_LOCK,
	 "_raw_spin_* _raw_read_* _raw_write_* __raw_spin_* __raw_read_* "
	 "__raw_write_* native_queued_* __pv_queued_* queued_* "
	 "pv_native_* kvm_wait pv_wait* mutex_lock* mutex_unlock* "
	 "mutex_trylock* __mutex_* ww_mutex_* down down_* up up_* __down* "
	 "__up* rwsem_* percpu_down_* percpu_up_* __percpu_down_* "
	 "percpu_rwsem_* rt_mutex_* __rt_mutex_* rt_spin_* __rt_spin_* "
	 "rtlock_* rt_read_* rt_write_* rt_down_* rwbase_* __rwbase_* "
	 "local_lock* __local_lock* cpus_read_lock cpus_read_unlock "
	 "cpus_write_lock mem_hotplug_begin "
	 "ktime_get read_hpet bit_spin_lock* lock_page*"},
	{SKIP_WAIT,
	 "__schedule* schedule schedule_* preempt_schedule* io_schedule* "
	 "context_switch switch_to* __switch_to* preempt_count_* "
	 "wait_for_* __wait_for_* wait_on_* __wait_on_* out_of_line_wait_* "
	 "bit_wait* do_wait_for_* synchronize_* __wait_rcu_gp "
	 "wait_rcu_exp_gp rcu_barrier* __flush_work* flush_work "
	 "__flush_workqueue flush_workqueue msleep* usleep_range* "
	 "do_nanosleep hrtimer_nanosleep __cond_resched* cond_resched "
	 "__const_udelay __udelay __delay __ndelay delay_* "
	 "smp_call_function* on_each_cpu* csd_lock_wait* stop_machine* "
	 "__stop_machine stop_cpus* native_safe_halt default_idle* "
	 "rcu_momentary_* touch_*"},
	{SKIP_ALLOC,
	 "kmalloc* __kmalloc* ___kmalloc* __do_kmalloc* kzalloc* kcalloc* "
	 "kvmalloc* "
	 "__kvmalloc* krealloc* kmem_cache_alloc* __kmem_cache_alloc* "
	 "kmemdup* kstrdup* kstrndup* kasprintf* kvasprintf* slab_alloc* "
	 "slab_post_alloc_hook* __slab_alloc_node* ___slab_alloc* "
	 "__slab_alloc* new_slab* allocate_slab* alloc_slab_page* vmalloc* "
	 "__vmalloc* vzalloc* alloc_pages* __alloc_pages* "
	 "__alloc_frozen_pages* alloc_frozen_pages* get_zeroed_page* "
	 "__get_free_pages* get_free_pages* pcpu_alloc* __alloc_percpu* "
	 "prepare_alloc_pages* might_alloc* create_object* "
	 "__alloc_object* folio_alloc* __folio_alloc* stack_trace_save "
	 "save_stack set_track*"},
	{SKIP_FREE,
	 "kfree* __kfree kvfree* kmem_cache_free* __kmem_cache_free* vfree* "
	 "slab_free* __slab_free* free_to_partial_list* do_slab_free* "
	 "__free_pages* free_pages* "
	 "free_unref_* free_the_page* __free_slab* discard_slab* "
	 "free_large_kmalloc* free_frozen_pages* slab_free_hook*"},
	{SKIP_COPY,
	 "memcpy* __memcpy* memmove* __memmove* memset* __memset* memcmp "
	 "memchr* memscan strlen strnlen strcmp strncmp strcpy strncpy "
	 "strscpy* sized_strscpy* strlcpy strcat strncat strchr strrchr "
	 "strstr strsep rep_movs_* rep_stos_* copy_user_* copy_from_user* "
	 "copy_to_user* _copy_from_user* _copy_to_user* "
	 "__copy_user_* raw_copy_* clear_page_* copy_page clear_user_* "
	 "__clear_user vsnprintf snprintf string_nocheck string number "
	 "format_decode"},
};

struct word {
	const char *p;
	size_t n;
	bool start; /* all names that start so */
	unsigned group;
};

struct blame {
	struct word *words; /* in order of their first letter */
	size_t n;
	size_t from[129]; /* of each letter, in words */
};

static void add_words(struct blame *b, const char *list, unsigned group)
{
	while (*list) {
		size_t n = strcspn(list, " ");
		bool start = list[n - 1] == '*';

		if (b->n % 256 == 0)
			b->words = xrealloc(b->words,
					    (b->n + 256) * sizeof(*b->words));
		b->words[b->n++] = (struct word){list, n - start, start, group};
		list += n;
		list += strspn(list, " ");
	}
}

static int by_letter(const void *a, const void *b)
{
	return *((const struct word *)a)->p - *((const struct word *)b)->p;
}

struct blame *blame_new(void)
{
	struct blame *b = xcalloc(1, sizeof(*b));
	size_t i = 0;

	for (size_t g = 0; g < sizeof(groups) / sizeof(*groups); g++)
		add_words(b, groups[g].names, groups[g].group);
	qsort(b->words, b->n, sizeof(*b->words), by_letter);
	for (int letter = 0; letter < 129; letter++) {
		while (i < b->n && *b->words[i].p < letter)
			i++;
		b->from[letter] = i;
	}
	return b;
}

void blame_free(struct blame *b)
{
	if (!b)
		return;
	free(b->words);
	free(b);
}

bool blame_skips(const struct blame *b, const char *function, unsigned which)
{
	int letter = *function & 0x7f;

	for (size_t i = b->from[letter]; i < b->from[letter + 1]; i++) {
		const struct word *w = &b->words[i];

		if (w->group & which && !strncmp(w->p, function, w->n) &&
		    (w->start || !function[w->n]))
			return true;
	}
	return false;
}
