/*
 * Functions that must not be used in klab: each has overrun a buffer or
 * started a shell in somebody's program.  Force-included by the Makefile.
 */
#ifndef KLAB_BANNED_H
#define KLAB_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok
#pragma GCC poison system popen gets mktemp tmpnam atoi atol

#endif
