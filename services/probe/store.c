#include "store.h"

const struct statement probe_count_lock = {
    .kind = STATEMENT_LOCK,
    .row = &probe_count_row_shape,
    .by = "key",
    .whole = &probe_count_row_shape,
    .sql = "SELECT key, count, last FROM counted WHERE key = ANY(:keys) ORDER BY key FOR UPDATE"};
const struct statement probe_count_read = {
    .kind = STATEMENT_READ,
    .row = &probe_count_row_shape,
    .by = "key",
    .sql = "SELECT key, count, last FROM counted WHERE key = ANY(:keys)"};
const struct statement probe_count_put = {
    .kind = STATEMENT_WRITE,
    .row = &probe_count_row_shape,
    .sql = "INSERT INTO counted (key, count, last) SELECT key, count, last FROM :rows"
           " ON CONFLICT (key) DO UPDATE SET count = excluded.count, last = excluded.last"};
const struct statement probe_effect_put = {
    .kind = STATEMENT_WRITE,
    .row = &probe_effect_row_shape,
    .sql = "INSERT INTO effect (key, n, cause) SELECT journal_key, n, cause FROM :rows"};

/* Two statements: after a wait for the lock only the locked row is read again, so what was counted
   beside it would be old. */
const struct statement probe_share_lock = {
    .kind = STATEMENT_LOCK,
    .row = &probe_share_row_shape,
    .by = "share",
    .sql = "SELECT share, most FROM share WHERE share = ANY(:keys) ORDER BY share FOR UPDATE"};
const struct statement probe_share_read = {
    .kind = STATEMENT_READ,
    .row = &probe_share_row_shape,
    .by = "share",
    .sql = "SELECT s.share, s.most, (SELECT count(*) FROM taking AS t"
           " WHERE t.share = s.share) AS taken"
           " FROM share AS s WHERE s.share = ANY(:keys)"};
const struct statement probe_taking_put = {
    .kind = STATEMENT_WRITE,
    .row = &probe_taking_row_shape,
    .sql = "INSERT INTO taking (share, key) SELECT share, key FROM :rows"};

/* --- promises of whole rows, broken --- */

/* It leaves out a column that plans change, or do not fill in. */
const struct statement probe_count_part = {
    .kind = STATEMENT_WRITE,
    .row = &probe_count_row_shape,
    .sql = "UPDATE counted SET last = rows.last FROM :rows WHERE counted.key = rows.key"};
/* It changes the column `by`. */
const struct statement probe_count_move = {
    .kind = STATEMENT_WRITE,
    .row = &probe_count_row_shape,
    .sql = "UPDATE counted SET key = rows.key || ' moved' FROM :rows WHERE counted.key = rows.key"};
const struct statement probe_count_delete = {
    .kind = STATEMENT_WRITE,
    .row = &probe_count_row_shape,
    .sql = "DELETE FROM counted USING :rows WHERE counted.key = rows.key"};
/* What changes for the reader is written by rows of another shape. */
const struct statement probe_count_mark = {
    .kind = STATEMENT_WRITE,
    .row = &probe_effect_row_shape,
    .sql = "UPDATE counted SET last = rows.n + 1 FROM :rows WHERE counted.key = rows.journal_key"};
/* It sorts otherwise than it says. */
const struct statement probe_effects_read = {
    .kind = STATEMENT_READ,
    .row = &probe_effect_row_shape,
    .by = "journal_key",
    .whole = &probe_effect_row_shape,
    .order = {"n"},
    .sql = "SELECT key AS journal_key, n, cause FROM effect WHERE key = ANY(:keys)"
           " ORDER BY key, n DESC"};

const struct statement *const probe_store[] = {
    &probe_count_lock, &probe_count_read, &probe_count_put,    &probe_effect_put,
    &probe_share_lock, &probe_share_read, &probe_taking_put,   &probe_count_part,
    &probe_count_move, &probe_count_mark, &probe_effects_read, &probe_count_delete,
};
const size_t probe_store_n = COUNT(probe_store);
