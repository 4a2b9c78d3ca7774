/*
 * run_lock: DIR/lock. One supervisor at a time in a directory: it holds the lock for as long as it
 * lives, from before it prepares anything, and its process id stands in the file. A process id
 * alone proves nothing, since another process may have it by now.
 */
#ifndef KEFU_CLI_RUN_LOCK_H
#define KEFU_CLI_RUN_LOCK_H

#include "base/err.h"

#include <sys/types.h>

/* The descriptor that holds the lock: a forked process inherits it, a program that is run does not.
   -1 with err if somebody else holds it. */
MUST_CHECK int run_lock_take(const char *dir, struct err *err);
/* From now on this process is who holds it. */
void run_lock_sign(int lock);

enum run_lock_state {
    RUN_LOCK_NONE, /* there never was one in this directory */
    RUN_LOCK_FREE, /* whoever held it is gone */
    RUN_LOCK_HELD
};

/* *holder: the process id, 0 if it has not signed yet; may be NULL. */
enum run_lock_state run_lock_look(const char *dir, pid_t *holder);

#endif
