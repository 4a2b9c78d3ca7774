/*
 * batch_letters: dead letters in a transaction: who waits behind them, which are run again, what is
 * set aside.
 */
#ifndef KEFU_BATCH_LETTERS_H
#define KEFU_BATCH_LETTERS_H

#include "runtime/batch/batch_state.h"

/* Which messages have to wait behind letters, and which are run again, is asked … */
bool batch_asks_for_letters(const struct batch *batch);
void batch_add_letters(struct batch *batch);
/* … and taken: those are parked, and these become what they hold. */
void batch_read_letters(struct batch *batch);
/* Must it wait behind a letter, of before or of this batch? */
bool batch_parks(const struct batch *batch, const struct work *m);
void batch_park(struct batch *batch, struct work *m);
/* May what is said under this key be heard in this transaction? */
bool batch_may_hear_now(const struct batch *batch, text key);
void batch_add_dead(struct batch *batch);
void batch_letters_committed(struct batch *batch);

#endif
