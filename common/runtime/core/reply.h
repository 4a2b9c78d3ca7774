/*
 * reply: how a request ends: with an answer, a refusal, or the advice to try again.
 */
#ifndef KEFU_REPLY_H
#define KEFU_REPLY_H

#include "net/bus.h"
#include "runtime/core/work.h"

/* Answer a request; ends it. */
void reply_answer(struct bus_request *request, text id, const struct shape *shape,
                  const void *body);
/* The id is absent only where none could be read: then it is said as "?" (proto/README.md). */
void reply_refuse(struct bus_request *request, enum verb verb, text id, const struct err *err);
/* The word for programs in a refusal's body, or empty (struct refusal in data/pack.h). */
text reply_reason(enum verb verb, const struct err *err);
/* Answer a command with a refusal or "try again"; the message is gone then. */
void reply_refuse_work(struct work *take_work, enum verb verb, const char *field,
                       const char *format, ...) PRINTF(4, 5);

/* A failpoint behind an answer (base/failpoint.h): the answer is on its way. */
void reply_fail_at(const char *point);

#endif
