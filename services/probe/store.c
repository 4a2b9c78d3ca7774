#include "store.h"

const struct query probe_count_lock = {
    .kind = QUERY_LOCK,
    .row = &probe_count_row_shape,
    .by = "key",
    .sql = "SELECT key, count, last FROM counted WHERE key = ANY(:keys) ORDER BY key FOR UPDATE"};
const struct query probe_count_read = {
    .kind = QUERY_READ,
    .row = &probe_count_row_shape,
    .by = "key",
    .sql = "SELECT key, count, last FROM counted WHERE key = ANY(:keys)"};
const struct query probe_count_put = {
    .kind = QUERY_WRITE,
    .row = &probe_count_row_shape,
    .sql = "INSERT INTO counted (key, count, last) SELECT key, count, last FROM :rows"
           " ON CONFLICT (key) DO UPDATE SET count = excluded.count, last = excluded.last"};
const struct query probe_effect_put = {
    .kind = QUERY_WRITE,
    .row = &probe_effect_row_shape,
    .sql = "INSERT INTO effect (key, n, cause) SELECT journal_key, n, cause FROM :rows"};

const struct query *const probe_store[] = {&probe_count_lock, &probe_count_read, &probe_count_put,
                                           &probe_effect_put};
const size_t probe_store_n = COUNT(probe_store);
