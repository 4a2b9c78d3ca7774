/*
 * overdue: requests that waited too long. Who asks may say until when an answer is of use to it
 * (`deadline` of the header); without one a request waits as long as the setting `wait` says. What
 * is overdue is answered so, and is not carried out later: it leaves its queue with the answer.
 */
#ifndef KEFU_OVERDUE_H
#define KEFU_OVERDUE_H

#include "runtime/core/work.h"

/* Is it, having waited since then (by the loop)? A deadline of 0 is none. */
bool overdue(time_us deadline, int64_t since_ms);
/* Answer it; ends the request. `uncertain`: a COMMIT with it was under way when the connection was
   lost, so nobody knows yet whether it happened; its sender is told to ask again with the same id,
   never that it was refused. */
void overdue_answer(struct bus_request *request, text id, time_us deadline, bool uncertain);
/* Take the commands that are overdue out of a queue, each with its answer. No transaction may be
   at work on what is in it. */
void overdue_take(struct queue *queue);
/* The outcome of what is in the queue is not known. */
void overdue_doubt(struct queue *queue);

#endif
