/*
 * door: what comes in at the service's address: commands go to the lane of their key, queries to a
 * connection of their own, the rest (journal.read, runtime.*, clock, dead letters, policy) to
 * control.c.
 */
#ifndef KEFU_DOOR_H
#define KEFU_DOOR_H

#include "runtime/core/runtime.h"

void door_on_request(void *ctx, struct bus_request *request, text frame);

#endif
