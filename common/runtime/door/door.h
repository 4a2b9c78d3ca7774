/*
 * rpc: what comes in at the service's address: commands go to the lane of their key, queries to a connection of their own, the rest
 * (journal.read, runtime.*, clock, dead letters, policy) to control.c.
 */
#ifndef KEFU_RPC_H
#define KEFU_RPC_H

#include "runtime/core/runtime.h"
#include "db/pg_queue.h"

void rpc_on_request(void *ctx, struct bus_request *request, text frame);

/* control.c: true if the message is one of the runtime's own. */
bool control_takes(text type);
void control_handle(struct bus_request *request, const struct envelope *envelope, const void *body);
void control_start(struct workline *line);

/* query.c: run an ON_QUERY handler. */
void query_handle(const struct handler *handler, struct bus_request *request,
                  const struct envelope *envelope);
void query_start(void);
void query_stop(void);

#endif
