/*
 * supervisor: starts a private PostgreSQL and the services, keeps them running, stops them. It runs
 * in a process of its own.
 */
#ifndef KEFU_CLI_SUPERVISOR_H
#define KEFU_CLI_SUPERVISOR_H

#include "cli_rows.msg.h"
#include "base/err.h"

#include <signal.h>

enum { SUPERVISED_MAX = 32 };

struct supervised {
    const char *dir, *home,
        *programs; /* files it keeps; the product's files; the folder of the kefu-* programs */
    int64_t base_port, pg_port, lanes;
    bool test_clock;       /* a new world stands on a test clock */
    time_us test_time;     /* where a new test clock starts */
    char *const *settings; /* further settings for all services, such as "--lease=1s" */
    size_t settings_n;
    /* service, instance, endpoint, feed, log filled in */
    struct run_child children[SUPERVISED_MAX];
    size_t n;
};

/* The stop signals. They are blocked when supervisor_run() is called, so that one that comes during
   the preparation ends it in order, too. */
sigset_t supervisor_signals(void);
/* Prepare all, start the children, write run.json, then call `started` (NULL: fine; else what went
   wrong), and run until SIGTERM or SIGINT, after which everything has been stopped. Returns the
   exit status of the process. */
int supervisor_run(const struct supervised *supervised,
                   void (*started)(void *ctx, const struct err *err), void *ctx);

#endif
