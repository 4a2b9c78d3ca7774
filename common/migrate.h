/*
 * migrate: bring a schema forward. Numbered SQL files, applied once each, in order, under a lock; never backward. Blocking: at start only.
 */
#ifndef KEFU_MIGRATE_H
#define KEFU_MIGRATE_H

#include "err.h"

/* Create the schema if needed, then apply home/common/migrations and home/services/NAME/migrations. */
MUST_CHECK int migrate_schema(const char *dsn, const char *schema, const char *home,
                              const char *service, struct err *err);
/* Was this instance's last life ended without a drain? (False if it never lived.) */
MUST_CHECK int migrate_was_unclean(const char *dsn, const char *schema, const char *instance,
                                   bool *unclean, struct err *err);
/* Start the test clock if it is not running yet. */
MUST_CHECK int migrate_test_clock(const char *dsn, const char *schema, time_us start,
                                  struct err *err);

#endif
