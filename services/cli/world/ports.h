/*
 * ports: is a port free, and if not, who has it? Asked before anything is started there, because a
 * process that finds its port taken can only die.
 */
#ifndef KEFU_CLI_PORTS_H
#define KEFU_CLI_PORTS_H

#include "base/err.h"

/* -1 if nobody can listen on that port of 127.0.0.1; err names the port, what it is `meant` for,
   and who listens there, as far as this user may see it. */
MUST_CHECK int ports_check(int64_t port, const char *meant, struct err *err);

#endif
