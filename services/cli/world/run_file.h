/*
 * run_file: DIR/run.json, written by the supervisor, read by every other command and by tests.
 */
#ifndef KEFU_CLI_RUN_FILE_H
#define KEFU_CLI_RUN_FILE_H

#include "base/arena.h"
#include "cli_rows.msg.h"
#include "base/err.h"

/* NULL with err if there is none (nothing is running in that directory) or it is not readable. */
MUST_CHECK const struct run_file *run_file_read(const char *dir, struct arena *arena,
                                                struct err *err);
/* Replace it in one stroke. */
MUST_CHECK int run_file_write(const char *dir, const struct run_file *run, struct err *err);
void run_file_remove(const char *dir);

#endif
