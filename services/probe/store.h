/*
 * store: all SQL of the test service.
 */
#ifndef KEFU_PROBE_STORE_H
#define KEFU_PROBE_STORE_H

#include "probe_rows.msg.h"
#include "db/statement.h"

extern const struct statement probe_count_lock, probe_count_read, probe_count_put, probe_effect_put,
    probe_share_lock, probe_share_read, probe_taking_put, probe_count_part, probe_count_move,
    probe_count_delete, probe_count_mark, probe_effects_read;
extern const struct statement *const probe_store[];
extern const size_t probe_store_n;

#endif
