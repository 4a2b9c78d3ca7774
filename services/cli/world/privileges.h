/*
 * privileges: what a process gives up before it becomes a service. The limits of files that it
 * makes, of what it may do, and of what it knows by its environment; the user stays.
 */
#ifndef KEFU_CLI_PRIVILEGES_H
#define KEFU_CLI_PRIVILEGES_H

#include "base/err.h"
#include "base/base.h"

/* Of the environment: the settings of other services and the key of the command line, which may
   hold secrets or name their files. */
void privileges_leave_environment(text service);
/* For good, whatever program is run then: all capabilities, those that a program could bring along,
   core files; new files are the user's alone. */
MUST_CHECK int privileges_leave(struct err *err);

#endif
