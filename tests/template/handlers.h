/*
 * sample: the handlers, one for each message.
 */
#ifndef KEFU_SAMPLE_HANDLERS_H
#define KEFU_SAMPLE_HANDLERS_H

#include "runtime/api/service.h"

/* on_note.c */
void on_sample_note(struct plan *plan, const void *message, const struct facts *facts);

/* on_query.c */
void on_sample_get(struct plan *plan, const void *message, const struct facts *facts);

#endif
