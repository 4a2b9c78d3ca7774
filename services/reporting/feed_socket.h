/*
 * feed_socket: every replica tails the feed table and publishes all of it, and to each new
 * subscriber the last value of every topic under its prefix. Nothing here decides anything; whoever
 * misses something asks feed.read.
 */
#ifndef KEFU_REPORTING_FEED_SOCKET_H
#define KEFU_REPORTING_FEED_SOCKET_H

#include "base/settings.h"

extern const struct setting feed_settings[];
extern const size_t feed_settings_n;
void feed_start(void);
void feed_stop(void);
/* Hints: somebody is going to append to the feed; the transaction under way does. They may be
   wrong: nothing depends on them but how soon subscribers hear. */
void feed_hint(void);
void feed_grows(void);
/* A transaction of this process has been committed. */
void feed_committed(void);

#endif
