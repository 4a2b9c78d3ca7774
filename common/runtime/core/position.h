/*
 * position: what has been handled of each source in one partition, as its row says it:
 * "intake=17@1a2b3c4d routing=9@…", a number and how the uuid of the journal begins that it is of.
 */
#ifndef KEFU_POSITION_H
#define KEFU_POSITION_H

#include "runtime/core/runtime.h"

void position_write(const int64_t done[SOURCES_MAX], struct buf *out);
/* Sources that the text does not name keep their number. A source whose journal is not known yet
   learns how its uuid begins. */
void position_read(int64_t done[SOURCES_MAX], text seqs);

#endif
