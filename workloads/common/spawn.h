/*
 * Tasks that end at once: what a worker does when it makes one and waits for
 * it.
 */
#ifndef SPAWN_H
#define SPAWN_H

/*
 * The operation of that name, or NULL:
 *	fork   fork(), the child ends, waitpid()
 *	vfork  the same with vfork(), which copies no address space
 *	exec   fork(), the child becomes /bin/nothing, waitpid()
 *	spawn  the same with vfork(): the cost of exec alone
 *	clone  a thread is started and joined
 */
void (*spawn_operation(const char *name))(void);

#endif
