/*
 * reader: what other journals, and the own one, say to a lane.
 */
#ifndef KEFU_READER_H
#define KEFU_READER_H

#include "runtime/core/lane.h"

/* Ask all sources for what follows. */
void reader_pull(struct lane *lane);
/* Ask them for news as of now. */
void reader_freshen(struct lane *lane);
/* Forget what is under way and ask anew. */
void reader_restart(struct lane *lane);

#endif
