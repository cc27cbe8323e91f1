#include "series/mail.h"

#include "base/err.h"
#include "series/diff.h"

struct mail *mails_add(struct mails *m, const char *name, struct err *e)
{
	if (m->n >= MAILS_CAP) {
		err_user(e, "%s: there are more than %d mails", name,
			 MAILS_CAP);
		return NULL;
	}
	if (!(m->n & (m->n - 1)))
		m->at = xrealloc(m->at, (m->n ? m->n * 2 : 1) * sizeof(*m->at));
	m->at[m->n] = (struct mail){.at = {.name = name}, .strip = STRIP_AUTO};
	return &m->at[m->n++];
}

void mails_release(struct mails *m)
{
	for (size_t i = 0; i < m->n; i++) {
		struct mail *one = &m->at[i];

		free(one->file);
		free(one->subject);
		subject_release(&one->head);
		free(one->author);
		free(one->date);
		free(one->id);
		strv_release(&one->refs);
		str_release(&one->body);
		free(one->charset);
	}
	free(m->at);
	*m = (struct mails){0};
}
