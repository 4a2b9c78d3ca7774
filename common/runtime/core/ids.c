#include "base/log.h"
#include "runtime/core/runtime.h"
#include "runtime/core/tables.h"
#include "db/pg_queue.h"
#include "net/services.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/*
 * Numbers for what is created: yymmdd and nine digits. The digits come from blocks of a sequence; a
 * number serves the one partition that its hash names, so each partition walks the block by itself.
 * Two blocks are at hand: when a partition is half through the second, the first is given up and
 * another is fetched.
 */

enum { BLOCK = 1 << 17, DIGITS = 1000000000 };

static struct {
    struct workline *line;
    int64_t blocks[2];
    int n;
    int64_t cursor[PARTITIONS]; /* over both blocks */
    bool fetching;
} ids;

static void fetch(void);

static void fetched(void *ctx, const struct pg_trip *trip)
{
    struct pg *pg = ctx;
    ids.fetching = false;
    if (trip->outcome == PG_OK) ids.blocks[ids.n++] = pg_int(pg_result(pg, 0), 0, 0);
    workline_next(ids.line);
    if (ids.n < 2) fetch();
}

static void start_fetch(void *ctx, struct pg *pg)
{
    (void)ctx;
    pg_add(pg, &statement_id_block, NULL, 0);
    pg_run(pg, fetched, pg);
}

static void fetch(void)
{
    if (ids.fetching) return;
    ids.fetching = true;
    workline_add(ids.line, start_fetch, NULL);
}

void ids_start(struct workline *line)
{
    ids.line = line;
    fetch();
}

static void shift(void)
{
    ids.blocks[0] = ids.blocks[1];
    ids.n = 1;
    for (int p = 0; p < PARTITIONS; p++)
        ids.cursor[p] = ids.cursor[p] > BLOCK ? ids.cursor[p] - BLOCK : 0;
    fetch();
}

static int64_t day_of(time_us now)
{
    time_t seconds = (time_t)(now / SECOND_US);
    struct tm tm;
    (void)gmtime_r(&seconds, &tm);
    return (tm.tm_year % 100) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday;
}

/* The partition of a number. Numbers are tried one after the other, so nearly all of their digits
   have been hashed before. */
static int partition_of_number(int64_t number)
{
    enum { TAIL = 3, TAILS = 1000 };
    static int64_t head;
    static uint64_t head_hash;
    char digits[24];
    int64_t tail = number % TAILS;
    if (head != number / TAILS) {
        head = number / TAILS;
        int len = snprintf(digits, sizeof(digits), "%" PRId64, head);
        head_hash = text_hash_more(TEXT_HASH_START, (text){digits, (size_t)len});
    }
    for (int i = TAIL; i-- > 0; tail /= 10) digits[i] = (char)('0' + tail % 10);
    return (int)(text_hash_end(text_hash_more(head_hash, (text){digits, TAIL})) % PARTITIONS);
}

int64_t ids_new(void *ctx, int partition, time_us now)
{
    int64_t first = day_of(now) * DIGITS + runtime_service_number();
    (void)ctx;
    for (int64_t *at = &ids.cursor[partition]; *at < (int64_t)ids.n * BLOCK;) {
        int64_t within = (*at)++;
        int64_t place =
            (ids.blocks[within / BLOCK] * BLOCK + within % BLOCK) % (DIGITS / SERVICES_MAX);
        int64_t number = first + place * SERVICES_MAX; /* numbers of two services never meet */
        if (partition_of_number(number) != partition) continue;
        if (*at > BLOCK + BLOCK / 2 && ids.n == 2) shift();
        return number;
    }
    if (ids.n == 2) shift();
    return 0;
}
