/*
 * journal: serving the own journal. One read of the tail, woken by local commits and bells, fills a
 * ring in memory that all readers are served from; who asks for something older is served from the
 * database.
 */
#ifndef KEFU_JOURNAL_H
#define KEFU_JOURNAL_H

#include "runtime/core/runtime.h"
#include "runtime.msg.h"

/* Instead of as_of: what follows the positions is not all there any more. */
enum { JOURNAL_GONE = -1 };

struct journal_ask {
    int partitions[PARTITIONS];
    int64_t after[PARTITIONS];
    size_t n;
    size_t most;
    int64_t wait_ms;
    bool fresh;
    bool keeps; /* a position is 0 or the number of an event that must still be there */
    /* events live during the call; as_of: all that was committed before and follows `after` is
       among them, unless there are `most` */
    void (*fn)(void *ctx, const struct journal_event *const *events, size_t n, time_us as_of);
    void *ctx;
};

void journal_start(void);
void journal_stop(void);
/* Copies the ask. fn is called exactly once, possibly from within, unless the journal is
   stopped. */
void journal_serve(const struct journal_ask *ask);
/* Events of this process have been committed: the rows (struct journal_row, by partition) as they
   were inserted, their numbers (sql_journal_put), and what stood last in each of their partitions
   before (sql_journal_heads). What follows the ring without a gap is kept; if somebody else's
   events lie between, the tail is read. */
void journal_committed(const void *const *rows, size_t n, const PGresult *heads,
                       const PGresult *seqs);
/* Do other replicas append to it as well? Their events are found by reading the tail. */
void journal_is_shared(bool shared);
bool journal_shared(void);
const char *journal_id(void);
/* The last event of each partition, as last seen. */
int64_t journal_head(int partition);
/* Call fn once the tail has been read anew. */
void journal_refresh(void (*fn)(void *ctx), void *ctx);
bool journal_busy(void);

#endif
