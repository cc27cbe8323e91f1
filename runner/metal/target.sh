# What klab does on a box, verb by verb; run there by sh, as root.  What it finds
# goes to stdout, a "key value" a line; what went wrong to stderr.  Part of the
# program: see the Makefile.
# shellcheck disable=SC2174 # folders above are there
set -u
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH LC_ALL=C
HOME_DIR=/var/lib/klab
LOCK=$HOME_DIR/lock
RUN=${KLAB_RUN:-/run/klab}
SYS=${KLAB_SYS:-/sys}
PROC=${KLAB_PROC:-/proc}
BEGIN='# klab: begin'
END='# klab: end'

die() {
	echo "$*" >&2
	exit 1
}

# The first line of a file, or nothing.
first() {
	[ -r "$1" ] && head -n 1 "$1" 2>/dev/null
}

# ---- one at a time ----

# Where klab is interrupted or its connection breaks, its verb goes on here:
# nobody tells a command without a terminal.  So what changes the box holds this
# file, all children included, and leaves the number of its process group in it.
alone() {
	exec 9>>"$RUN.verb" && flock "$@" 9 || return 1
	# shellcheck disable=SC2046 # the words of cat's line there
	set -- $(cat /proc/self/stat)
	echo "$5" >"$RUN.verb"
}

# The same for what clears up: a verb that is still at work is ended first.
instead() {
	alone -n && return
	kill -- -"$(first "$RUN.verb")"
	alone -w 20 || die "a verb that was interrupted does not end there"
}

# ---- who it is ----

hello() {
	echo "boot_id $(first "$PROC/sys/kernel/random/boot_id")"
	echo "release $(uname -r)"
	echo "cmdline $(first "$PROC/cmdline")"
	echo "notes $(base64 <"$SYS/kernel/notes" 2>/dev/null | tr -d '\n')"
	if [ -d "$LOCK" ]; then
		echo "now $(date +%s)"
		echo "owner $(first "$LOCK/owner")"
		echo "expires $(first "$LOCK/expires")"
		echo "default $(first "$LOCK/default")"
	fi
}

# lock WHO SECONDS DEFAULT: at most one klab, also over a restart.
lock() {
	mkdir -p -m 700 "$HOME_DIR" || exit 1
	mkdir "$LOCK" 2>/dev/null || die "locked by $(first "$LOCK/owner")"
	echo "$3" >"$LOCK/default"
	echo $(($(date +%s) + $2)) >"$LOCK/expires"
	echo "$1" >"$LOCK/owner" || die "cannot write to $HOME_DIR"
	sync
}

facts() {
	cpu=$SYS/devices/system/cpu
	echo "cpu_model $(sed -n 's/^model name[^:]*: //p' "$PROC/cpuinfo" | head -n 1)"
	echo "cpus $(first "$cpu/online")"
	echo "microcode $(sed -n 's/^microcode[^:]*: //p' "$PROC/cpuinfo" | head -n 1)"
	for f in "$cpu"/vulnerabilities/*; do
		[ -r "$f" ] && echo "mitigation ${f##*/}: $(first "$f")"
	done
	echo "smt $(first "$cpu/smt/control")"
	echo "governor $(cat "$cpu"/cpu*/cpufreq/scaling_governor 2>/dev/null |
		sort -u | tr '\n' ' ')"
	echo "turbo $(turbo_state)"
	echo "cmdline $(first "$PROC/cmdline")"
	echo "banner $(first "$PROC/version")"
	echo "thp $(first "$SYS/kernel/mm/transparent_hugepage/enabled")"
	echo "aslr $(first "$PROC/sys/kernel/randomize_va_space")"
	echo "clocksource $(first "$SYS/devices/system/clocksource/clocksource0/current_clocksource")"
	echo "memory $(sed -n 's/^MemTotal: *//p' "$PROC/meminfo")"
	echo "firmware $(first "$SYS/class/dmi/id/bios_vendor") $(first "$SYS/class/dmi/id/bios_version")"
	echo "product $(first "$SYS/class/dmi/id/sys_vendor") $(first "$SYS/class/dmi/id/product_name")"
	echo "host_load $(first "$PROC/loadavg")"
}

# ---- settings ----

turbo_state() {
	f=$SYS/devices/system/cpu/intel_pstate/no_turbo
	case $(first "$f") in
	0) echo on ;;
	1) echo off ;;
	*)
		case $(first "$SYS/devices/system/cpu/cpufreq/boost") in
		0) echo off ;;
		1) echo on ;;
		esac
		;;
	esac
}

# The files of a setting.
files_of() {
	cpu=$SYS/devices/system/cpu
	case $1 in
	governor) ls "$cpu"/cpu*/cpufreq/scaling_governor 2>/dev/null ;;
	turbo) ls "$cpu/intel_pstate/no_turbo" 2>/dev/null ||
		ls "$cpu/cpufreq/boost" 2>/dev/null ;;
	smt) grep -lE '^(on|off)' "$cpu/smt/control" 2>/dev/null ;;
	thp) ls "$SYS/kernel/mm/transparent_hugepage/enabled" 2>/dev/null ;;
	aslr) ls "$PROC/sys/kernel/randomize_va_space" 2>/dev/null ;;
	*) die "there is no setting '$1'" ;;
	esac
}

# The value that setting $1 = $2 has in file $3.
value_for() {
	case $1:$2 in
	turbo:on) case $3 in *no_turbo) echo 0 ;; *) echo 1 ;; esac ;;
	turbo:off) case $3 in *no_turbo) echo 1 ;; *) echo 0 ;; esac ;;
	aslr:off) echo 0 ;;
	aslr:on) echo 2 ;;
	*) echo "$2" ;;
	esac
}

# "always [madvise] never" is madvise.
value_of() {
	sed -n '1{s/.*\[\(.*\)\].*/\1/;p;}' "$1"
}

settings() {
	for name in governor turbo smt thp aslr; do
		files_of "$name" | while read -r f; do
			echo "setting $name $f $(value_of "$f")"
		done
	done
}

# quiesce NAME=VALUE...: what was there goes to a file first.
quiesce() {
	mkdir -p -m 700 "$RUN"
	for pair in "$@"; do
		name=${pair%%=*}
		files=$(files_of "$name") || files=
		[ -n "$files" ] || echo "absent $name"
		for f in $files; do
			old=$(value_of "$f")
			new=$(value_for "$name" "${pair#*=}" "$f")
			[ "$old" != "$new" ] || continue
			echo "$f $old" >>"$RUN/saved"
			echo "$new" >"$f" ||
				die "cannot set $name: '$new' is not taken by $f"
			[ "$(value_of "$f")" = "$new" ] ||
				die "cannot set $name: $f stays '$(value_of "$f")'"
			echo "set $f $old $new"
		done
	done
}

restore() {
	[ -f "$RUN/saved" ] || return 0
	sed '1!G;h;$!d' "$RUN/saved" | {
		bad=0
		while read -r f old; do
			if echo "$old" >"$f" && [ "$(value_of "$f")" = "$old" ]; then
				echo "restored $f $old"
			else
				echo "cannot restore '$old' in $f" >&2
				bad=1
			fi
		done
		exit $bad
	} || return 1
	rm -f "$RUN/saved"
}

# ---- the kernel ----

# have KEY: is what an earlier boot left here that of this kernel?  If not, it
# goes.
have() {
	if [ "$(first "$HOME_DIR/boot/key")" = "$1" ]; then
		echo "have $1"
	else
		remove_files
	fi
}

# complete KEY: all that belongs to that kernel is here now.
complete() {
	echo "$1" >"$HOME_DIR/boot/key"
}

# put NAME: stdin becomes a file of klab's own.
put() {
	mkdir -p -m 700 "$HOME_DIR/boot" || exit 1
	cat >"$HOME_DIR/boot/$1" || die "no room for $1 in $HOME_DIR"
}

# modules RELEASE: stdin is a tar of lib/modules/RELEASE.  Modules of the box's
# own are never touched, and taken where they are for that release.
modules() {
	at=/lib/modules/$1
	if [ -e "$at" ] && [ ! -L "$at" ]; then
		cat >/dev/null
		echo "modules the box's own"
		return
	fi
	mkdir -p "$HOME_DIR/boot/modules" || exit 1
	tar -C "$HOME_DIR/boot/modules" -xf - || die "cannot unpack the modules"
	ln -sfn "$HOME_DIR/boot/modules/lib/modules/$1" "$at" || exit 1
	depmod "$1" || die "depmod failed for $1"
	echo "modules copied"
}

# initrd RELEASE: made by the box's own tools, which want the kernel's config.
initrd() {
	[ -d "/lib/modules/$1" ] || die "no modules for $1 on the box"
	if [ -f "$HOME_DIR/boot/config" ] && [ ! -e "/boot/config-$1" ]; then
		ln -s "$HOME_DIR/boot/config" "/boot/config-$1" || exit 1
	fi
	to=$HOME_DIR/boot/initrd
	if command -v mkinitramfs >/dev/null; then
		mkinitramfs -o "$to" "$1" >&2 || die "mkinitramfs failed"
	elif command -v dracut >/dev/null; then
		dracut -q -f "$to" "$1" >&2 || die "dracut failed"
	else
		die "neither mkinitramfs nor dracut is on the box"
	fi
}

# The box's own command line, without what its boot loader put there.
cmdline() {
	line=
	set -f # a word may hold a star
	# shellcheck disable=SC2013
	for word in $(cat "$PROC/cmdline"); do
		case $word in
		BOOT_IMAGE=* | initrd=* | panic=* | sysrq_always_enabled* | klab.boot=*) ;;
		*) line="$line$word " ;;
		esac
	done
	set +f
	echo "${line}panic=5 sysrq_always_enabled=1${1:+ $1}"
}

# load APPEND: for kexec.
load() {
	command -v kexec >/dev/null ||
		die "kexec is not on the box; install kexec-tools there"
	line=$(cmdline "$1")
	echo "cmdline $line"
	set -- --command-line="$line"
	[ ! -f "$HOME_DIR/boot/initrd" ] ||
		set -- "$@" --initrd="$HOME_DIR/boot/initrd"
	kexec -a -l "$HOME_DIR/boot/kernel" "$@" ||
		die "kexec does not take the kernel"
}

unload() {
	[ "$(first "$SYS/kernel/kexec_loaded")" != 1 ] || kexec -u
}

# Without an earlier entry of klab's.
without_entry() {
	[ ! -f "$1" ] || sed "/^$BEGIN/,/^$END/d" "$1"
}

# The path that GRUB knows a file of /boot by.
for_grub() {
	if command -v grub-mkrelpath >/dev/null; then
		grub-mkrelpath "$1"
	else
		grub2-mkrelpath "$1"
	fi
}

grub_dir() {
	for d in /boot/grub /boot/grub2; do
		[ ! -f "$d/grub.cfg" ] || { echo "$d" && return; }
	done
	die "no grub.cfg in /boot/grub or /boot/grub2"
}

grub_tool() {
	tool=grub-$1
	command -v "$tool" >/dev/null || tool=grub2-$1
	shift
	"$tool" "$@"
}

# grub APPEND: an entry of klab's own, which is the next one only.
grub() {
	dir=$(grub_dir) || exit 1
	line=$(cmdline "$1")
	echo "cmdline $line"
	cp "$HOME_DIR/boot/kernel" /boot/klab-kernel || exit 1
	[ ! -f "$HOME_DIR/boot/initrd" ] ||
		cp "$HOME_DIR/boot/initrd" /boot/klab-initrd || exit 1
	without_entry "$dir/custom.cfg" >"$dir/custom.new"
	{
		echo "$BEGIN"
		echo "menuentry klab --id klab {"
		probe=$(grub_tool probe --target=fs_uuid /boot 2>/dev/null) &&
			echo "	search --no-floppy --fs-uuid --set=root $probe"
		echo "	linux $(for_grub /boot/klab-kernel) $line"
		[ ! -f /boot/klab-initrd ] ||
			echo "	initrd $(for_grub /boot/klab-initrd)"
		echo "}"
		echo "$END"
	} >>"$dir/custom.new"
	mv "$dir/custom.new" "$dir/custom.cfg" || exit 1
	grub_tool reboot klab || die "grub-reboot failed"
	sync
}

# The EFI system partition, or XBOOTLDR.
esp() {
	bootctl -x 2>/dev/null || bootctl -p 2>/dev/null ||
		die "bootctl finds no boot partition"
}

systemd_boot() {
	at=$(esp) || exit 1
	line=$(cmdline "$1")
	echo "cmdline $line"
	mkdir -p "$at/klab" "$at/loader/entries" || exit 1
	cp "$HOME_DIR/boot/kernel" "$at/klab/kernel" || exit 1
	{
		echo "title klab"
		echo "linux /klab/kernel"
		if [ -f "$HOME_DIR/boot/initrd" ]; then
			cp "$HOME_DIR/boot/initrd" "$at/klab/initrd" || exit 1
			echo "initrd /klab/initrd"
		fi
		echo "options $line"
	} >"$at/loader/entries/klab.conf"
	bootctl set-oneshot klab.conf || die "bootctl set-oneshot failed"
	sync
}

remove_entry() {
	for dir in /boot/grub /boot/grub2; do
		[ -f "$dir/custom.cfg" ] || continue
		grep -q "^$BEGIN" "$dir/custom.cfg" || continue
		without_entry "$dir/custom.cfg" >"$dir/custom.new"
		if [ -s "$dir/custom.new" ]; then
			mv "$dir/custom.new" "$dir/custom.cfg"
		else
			rm -f "$dir/custom.new" "$dir/custom.cfg"
		fi
		# GRUB leaves it empty when it has taken it.
		case $(grub_tool editenv - list | sed -n 's/^next_entry=//p') in
		klab | '') grub_tool editenv - unset next_entry ;;
		esac
	done
	rm -f /boot/klab-kernel /boot/klab-initrd
	if [ -d /sys/firmware/efi ] && at=$(esp 2>/dev/null); then
		if [ -f "$at/loader/entries/klab.conf" ]; then
			bootctl set-oneshot '' 2>/dev/null
			rm -rf "$at/loader/entries/klab.conf" "$at/klab"
		fi
	fi
}

# go kexec|reboot|force BOOT_ID: answers first, and leaves after it.  A box that
# has left on its own meanwhile stays.
go() {
	[ "$(first "$PROC/sys/kernel/random/boot_id")" = "$2" ] ||
		die "the box has restarted meanwhile"
	case $1 in
	kexec) how='sync; echo u >/proc/sysrq-trigger; kexec -e' ;;
	reboot) how='reboot' ;;
	force) how='sync; echo b >/proc/sysrq-trigger' ;;
	esac
	sync
	setsid sh -c "sleep 1; $how" </dev/null >/dev/null 2>&1 &
}

# sysrq LETTER...: to the console.
sysrq() {
	for letter in "$@"; do
		echo "$letter" >/proc/sysrq-trigger
	done
}

# ---- the agent ----

# unpack: stdin is a tar of what the guests of other machines boot into.
unpack() {
	mkdir -p -m 700 "$RUN/root" || exit 1
	mountpoint -q "$RUN/root" ||
		mount -t tmpfs -o mode=755 klab "$RUN/root" || exit 1
	tar -C "$RUN/root" -xf - || die "cannot unpack the programs"
	mkdir -p "$RUN/root/klab"
	mkfifo "$RUN/root/klab/port"
}

# agent: PID 1 of a namespace, so that what it kills, mounts and restarts at its
# end is that and not the box.
agent() {
	cat "$RUN/root/klab/port" &
	port=$!
	unshare --mount --pid --fork --kill-child --propagation private \
		chroot "$RUN/root" /init </dev/null >&2
	# Where it never opened its port somebody must, or cat waits for ever.
	: 1<>"$RUN/root/klab/port"
	wait $port
}

# ---- the end ----

remove_files() {
	for at in /lib/modules/* /boot/config-*; do
		case $(readlink "$at") in
		"$HOME_DIR"/*) rm "$at" ;;
		esac
	done
	rm -rf "${HOME_DIR:?}/boot"
}

# clean [keep]: all that is klab's, but not the lock; with keep, what the next
# boot of the same kernel can use stays.
clean() {
	restore || exit 1
	unload
	if mountpoint -q "$RUN/root"; then
		umount "$RUN/root" 2>/dev/null || umount -l "$RUN/root"
	fi
	rm -rf "$RUN" "$RUN.verb"
	remove_entry
	[ "${1:-}" = keep ] || remove_files
}

unlock() {
	rm -rf "$LOCK"
	[ -d "$HOME_DIR/boot" ] || rm -rf "$HOME_DIR"
	sync
}

case $1 in
put | modules | initrd | complete | load | grub | systemd_boot | quiesce | unpack)
	alone -w 600 || die "a verb that was interrupted is still at work there"
	;;
restore | clean) instead ;;
esac
"$@"
