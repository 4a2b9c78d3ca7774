/*
 * migrate: bring a schema forward. Numbered SQL files, applied once each, in order, under a lock;
 * never backward. Blocking: at start only.
 */
#ifndef KEFU_MIGRATE_H
#define KEFU_MIGRATE_H

#include "base/arena.h"
#include "base/err.h"
#include "data/shape.h"

enum migrate_result {
    MIGRATE_DONE,
    MIGRATE_UNREACHABLE, /* no connection */
    MIGRATE_NOT_OWNER,   /* it is behind, and the DSN's role may not bring it forward */
    MIGRATE_FAILED
};

/* See that everything in home/common/runtime/migrations and home/services/NAME/migrations has been
   applied. What is missing is applied as the owner of the schema, if the DSN's role is that or may
   become it (a member, a superuser); without a schema, if it may create one. */
MUST_CHECK enum migrate_result migrate_schema(const char *dsn, const char *schema, const char *home,
                                              const char *service, struct err *err);
/* Was this instance's last life ended without a drain? (False if it never lived.) */
MUST_CHECK int migrate_was_unclean(const char *dsn, const char *schema, const char *instance,
                                   bool *unclean, struct err *err);
/* How many connections the server allows those without privileges, and how many of them were free
   before this look. */
MUST_CHECK int migrate_room(const char *dsn, const char *schema, int64_t *most, int64_t *left,
                            struct err *err);
/* The schema's clock and the one that a service is told to decide by must be the same: a schema
   that has a test clock is served with it only, and a new one is started, at `start`, only where
   nothing has happened in real time. *now is what it shows. */
MUST_CHECK int migrate_clock(const char *dsn, const char *schema, bool test_clock, time_us start,
                             time_us *now, struct err *err);
/* One statement at start. `given` is its $1, bytes, if it is there; out: the first column of all
   rows, bytes, as texts in the arena. */
MUST_CHECK int migrate_ask(const char *dsn, const char *schema, const char *sql, text given,
                           struct arena *arena, struct list *out, struct err *err);

#endif
