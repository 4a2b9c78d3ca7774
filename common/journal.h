/*
 * journal: serving the own journal. One read of the tail, woken by local commits and bells, fills a ring in memory that all readers
 * are served from; who asks for something older is served from the database.
 */
#ifndef KEFU_JOURNAL_H
#define KEFU_JOURNAL_H

#include "runtime.h"
#include "runtime.msg.h"

struct journal_ask {
    int partitions[PARTITIONS];
    int64_t after[PARTITIONS];
    size_t n;
    size_t most;
    int64_t wait_ms;
    bool fresh;
    /* events live during the call; as_of: all that was committed before and follows `after` is among them, unless there are `most` */
    void (*fn)(void *ctx, const struct journal_event *const *events, size_t n, time_us as_of);
    void *ctx;
};

void journal_start(void);
void journal_stop(void);
/* Copies the ask. fn is called exactly once, possibly from within, unless the journal is stopped. */
void journal_serve(const struct journal_ask *ask);
/* Something was appended here. */
void journal_poke(void);
const char *journal_id(void);
/* The last event of each partition, as last seen. */
int64_t journal_head(int partition);
/* Nobody can have read beyond this. */
int64_t journal_last(void);
/* Call fn once the tail has been read anew. */
void journal_refresh(void (*fn)(void *ctx), void *ctx);
bool journal_busy(void);

#endif
