/*
 * query: an ON_QUERY handler is run in a read-only snapshot, on a connection of its own, one after
 * the other.
 */
#ifndef KEFU_QUERY_H
#define KEFU_QUERY_H

#include "runtime/core/runtime.h"

void query_handle(const struct handler *handler, struct bus_request *request,
                  const struct envelope *envelope);
void query_start(void);
void query_stop(void);

#endif
