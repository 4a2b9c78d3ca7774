/*
 * program: runs a program that ends, such as a script that prepares something, and waits for it.
 */
#ifndef KEFU_CLI_PROGRAM_H
#define KEFU_CLI_PROGRAM_H

#include "base/buf.h"
#include "base/err.h"

/* Its standard output, without the last newline, goes to `out` (may be NULL); its standard error is
   passed on. -1 unless it exits with 0: err then has the last line that it said. */
MUST_CHECK int program_run(char *const *argv, struct buf *out, struct err *err);
/* The same; before the program is run, its process calls `prepare`, which ends it or comes back. */
MUST_CHECK int program_run_prepared(char *const *argv, void (*prepare)(const void *ctx),
                                    const void *ctx, struct err *err);
/* The last line of what a program said that tells something: neither empty nor a hint. */
text program_last_line(text said);

#endif
