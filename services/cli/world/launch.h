/*
 * launch: starts the supervisor in a process of its own and watches it from the outside, as `kefu
 * up` does. In the foreground it ends with the process that has launched it, however that ends.
 */
#ifndef KEFU_CLI_LAUNCH_H
#define KEFU_CLI_LAUNCH_H

#include "cli/world/supervisor.h"

#include <sys/types.h>

struct launch {
    const struct supervised *plan;
    bool detach;
    pid_t supervisor;
};

/* Take the lock of plan->dir and start; comes back when all processes have been started. SIGINT and
   SIGTERM of this process are the supervisor's from now on. */
MUST_CHECK int launch_start(struct launch *launch, struct err *err);
/* -1 with err if the supervisor has ended, if this process was told to stop, or if the service dies
   again and again (NULL: none is meant). */
MUST_CHECK int launch_look(struct launch *launch, const char *service, struct err *err);
void launch_stop(struct launch *launch);
/* Until the supervisor ends; true if all was well. */
bool launch_wait(struct launch *launch);

#endif
