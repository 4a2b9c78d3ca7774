/*
 * batch_chain: messages decided on what others of their round have written.
 */
#ifndef KEFU_BATCH_CHAIN_H
#define KEFU_BATCH_CHAIN_H

#include "runtime/batch/batch_state.h"

/* Of whole rows that the plan writes again only the new content is left, with the plan that wrote
   them first. */
void batch_note_written(struct batch *batch, struct work *m);
/* Is everything that the message loads in memory, whole? */
bool batch_knows(struct batch *batch, const struct work *m);
/* It is a whole row, of a key that the message has loaded: nobody else of the round writes it
   without being seen. */
bool batch_has_loaded(struct batch *batch, const struct work *m, const struct plan_row *row);

#endif
