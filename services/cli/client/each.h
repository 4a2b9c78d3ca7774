/*
 * each: the same question to every service, the answers' rows under one another.
 */
#ifndef KEFU_CLI_EACH_H
#define KEFU_CLI_EACH_H

#include "console.h"

/* One replica of each service (or of `only`, if not NULL) is asked. `list` names the answer's list
   of structs, which is printed as a table under the service's name; with --json each answer is one
   line. `total` (may be NULL) counts the rows. */
enum exit_status each_list(const struct shape *query, const void *body, const char *only,
                           const char *list, size_t *total);

#endif
