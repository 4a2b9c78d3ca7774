/*
 * audit: does a system hold what it promises? Looks at all schemas in one snapshot of the database and runs every check of
 * audit_checks.c. It reads only: what it needs beside the tables (the journals with their bodies as JSON) it puts into temporary
 * tables that end with the transaction. Blocking libpq; the services may run or not.
 */
#ifndef KEFU_CLI_AUDIT_H
#define KEFU_CLI_AUDIT_H

#include "base/arena.h"
#include "base/err.h"

enum { AUDIT_EXAMPLES = 5 };

/* One promise that SQL can hold. `sql` gives one text for each case that breaks it. */
struct audit_check {
    const char *invariant; /* I1, I2, I3, I4, I5, I7 or I11 */
    const char *name;
    const char *explanation; /* what a case means */
    const char *sql;
    bool passes; /* a case goes away by itself while the services run: worth waiting for */
};

/* A promise, and what was looked at to judge it: `sql` gives one text. */
struct audit_invariant {
    const char *name;
    const char *promise;
    const char *sql;
};

/* audit_checks.c. Statements for `passes` may use what audit_outline makes, all others what audit_detail makes as well. */
extern const struct audit_check audit_checks[];
extern const size_t audit_checks_n;
extern const struct audit_invariant audit_invariants[];
extern const size_t audit_invariants_n;
extern const char *const audit_outline[], *const audit_detail[];
extern const size_t audit_outline_n, audit_detail_n;

/* What a check found. */
struct audit_finding {
    int64_t cases;
    text examples[AUDIT_EXAMPLES];
    size_t examples_n;
};

struct audit;

MUST_CHECK struct audit *audit_open(const char *dsn, struct err *err);
void audit_close(struct audit *audit); /* NULL is fine */
/* Take a new snapshot. *waits: something in it goes away by itself; *live: somebody is there to make it go away. */
MUST_CHECK int audit_look(struct audit *audit, bool *waits, bool *live, struct err *err);
/* Run all checks on the snapshot: findings[i] is that of audit_checks[i], looked_at[i] belongs to audit_invariants[i]. */
MUST_CHECK int audit_examine(struct audit *audit, struct arena *arena,
                             struct audit_finding *findings, text *looked_at, struct err *err);

#endif
