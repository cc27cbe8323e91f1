#include "pool.h"

static int count;

int pool_get(struct pool *p)
{
	int slot;

	for (slot = 0; slot < p->size; slot++)
		if (!p->used[slot])
			break;

	if (slot == p->size)
		return -1;
	p->used[slot] = 1;

	count++;
	return slot;
}

void pool_put(struct pool *p, int slot)
{
	p->used[slot] = 0;
	count--;
}

int pool_count(void)
{
	return count;
}
