/*
 * audit: does a system hold what it promises? Looks at all schemas in one snapshot of the database
 * and runs every check of audit_checks.c. It reads only: what it needs beside the tables (the
 * journals with their bodies as JSON) it puts into temporary tables that end with the transaction.
 * Blocking libpq; the services may run or not.
 */
#ifndef KEFU_CLI_AUDIT_H
#define KEFU_CLI_AUDIT_H

#include "base/arena.h"
#include "base/err.h"
#include "audit_checks.h"

enum { AUDIT_EXAMPLES = 5 };

/* The result of a check. */
struct audit_finding {
    int64_t cases;
    text examples[AUDIT_EXAMPLES];
    size_t examples_n;
};

struct audit;

MUST_CHECK struct audit *audit_open(const char *dsn, struct err *err);
void audit_close(struct audit *audit); /* NULL is fine */
/* Take a new snapshot. *waits: something in it goes away by itself; *live: somebody is there to
   make it go away. */
MUST_CHECK int audit_look(struct audit *audit, bool *waits, bool *live, struct err *err);
/* Run all checks on the snapshot: findings[i] is that of audit_checks[i], looked_at[i] belongs to
   audit_invariants[i]. */
MUST_CHECK int audit_examine(struct audit *audit, struct arena *arena,
                             struct audit_finding *findings, text *looked_at, struct err *err);

#endif
