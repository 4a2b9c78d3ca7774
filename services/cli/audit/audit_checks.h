/*
 * audit_checks: what must hold, as tables: the invariants, and the statements that find breaches.
 */
#ifndef KEFU_CLI_AUDIT_CHECKS_H
#define KEFU_CLI_AUDIT_CHECKS_H

#include "base/base.h"

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

/* Statements for `passes` may use what audit_outline makes, all others what audit_detail makes as
   well. */
extern const struct audit_check audit_checks[];
extern const size_t audit_checks_n;
extern const struct audit_invariant audit_invariants[];
extern const size_t audit_invariants_n;
extern const char *const audit_outline[], *const audit_detail[];
extern const size_t audit_outline_n, audit_detail_n;

#endif
