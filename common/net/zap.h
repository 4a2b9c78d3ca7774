/*
 * zap: who may connect. libzmq asks this before it ends any CURVE handshake with a socket that binds; without an answerer it lets
 * everybody in, so it must be up, and have proved that it refuses, before anything is bound. It has a thread of its own.
 */
#ifndef KEFU_ZAP_H
#define KEFU_ZAP_H

#include "net/keys.h"

/* The domains that sockets name. */
#define ZAP_RPC "rpc"   /* every key of the list */
#define ZAP_FEED "feed" /* subscribers, and whoever may ask everything */

struct zap;
/* Start it in the context and test it with real handshakes: a key made up now must be refused, that of this process accepted. NULL with
   err. Should the thread ever end by itself, so does the process. */
MUST_CHECK struct zap *zap_start(void *context, struct keys *keys, struct err *err);
void zap_stop(struct zap *zap); /* before the context ends. NULL is fine */

#endif
