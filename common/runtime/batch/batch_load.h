/*
 * batch_load: rounds, and the facts of each.
 */
#ifndef KEFU_BATCH_LOAD_H
#define KEFU_BATCH_LOAD_H

#include "runtime/batch/batch_state.h"

/* Is all that it loads whole? Then it is loaded with the first one of its key. */
bool batch_may_follow(const struct work *m);
void batch_assign_rounds(struct batch *batch,
                         int base); /* every undecided message gets a round after `base` */
bool batch_in_round(const struct batch *batch, const struct work *m);
void batch_add_loads(struct batch *batch);
MUST_CHECK int batch_read_loads(struct batch *batch, struct err *err);
/* The rows of one statement, sorted by key, from its result. */
MUST_CHECK int batch_read_load(struct batch *batch, struct loading *loading, struct err *err);
void batch_fill_facts(struct batch *batch, struct work *m);
uint64_t batch_key_hash(const void *tag, const struct sql_key *key);
/* The statement's keys and rows in this round; NULL if nobody of the round loads it. */
struct loading *batch_loading_of(struct batch *batch, const struct statement *statement);
/* The values that a load looks up for a message; in the batch's arena. */
const struct sql_key *batch_load_keys(struct batch *batch, const struct work *m,
                                      const struct load *load, size_t *n);
/* Keys and locks of messages that stay undecided: is this message free of them? */
void batch_forget_undecided(struct batch *batch);
void batch_note_undecided(struct batch *batch, const struct work *m);
bool batch_may_go_first(struct batch *batch, const struct work *m);

/* The place of a key among those that were asked for, or -1. */
int batch_find_key(const struct loading *loading, const struct sql_key *key);
/* The rows of a key: as loaded, or as known by now. */
struct list batch_rows_of(const struct loading *loading, const struct sql_key *key);

#endif
