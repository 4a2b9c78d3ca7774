/*
 * control: the runtime's own messages: runtime.*, clock.*, alarm.list, dead.*, journal.read,
 * policy.*.
 */
#ifndef KEFU_CONTROL_H
#define KEFU_CONTROL_H

#include "db/pg_queue.h"
#include "runtime/core/runtime.h"

/* True if the message is one of the runtime's own. */
bool control_takes(text type);
/* Answered at once, whatever else waits: it needs no room. */
bool control_is_instant(text type);
void control_handle(struct bus_request *request, const struct envelope *envelope, const void *body);
void control_start(struct workline *line);

#endif
