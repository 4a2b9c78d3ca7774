#include "runtime/lane/letters.h"

#include "base/log.h"
#include "runtime.msg.h"
#include "runtime/core/tables.h"

enum {
    LOOK_MS = 60000, /* marks of keys that have no letters any more go; what nobody runs is found */
    LOOK_AGAIN_MS = 1000, /* after a look that failed: until then any key may have letters */
    KEYS_MAX = 20000      /* as in the statement */
};

static void mark_keys(struct lane *lane, struct list rows)
{
    letter_keys_begin(&lane->letter_keys);
    for (size_t i = 0; i < rows.n; i++)
        letter_keys_add(&lane->letter_keys, LIST(rows, struct dead_row)[i].key);
    if (rows.n > KEYS_MAX) letter_keys_forget(&lane->letter_keys);
}

static void letters_looked(void *ctx, const struct pg_trip *trip)
{
    struct lane *lane = ctx;
    lane->chore = false;
    if (trip->outcome == PG_OK) {
        struct arena *arena = arena_create();
        struct list keys, ready;
        struct err err;
        int bad =
            sql_read(runtime_own_sql(&sql_dead_keys), pg_result(lane->pg, 0), arena, &keys, &err);
        bad +=
            sql_read(runtime_own_sql(&sql_dead_ready), pg_result(lane->pg, 1), arena, &ready, &err);
        assert(bad == 0);
        mark_keys(lane, keys);
        for (size_t i = 0; i < ready.n; i++) {
            const struct dead_row *row = &LIST(ready, struct dead_row)[i];
            lane_run_letters(lane, (int)row->partition, row->key);
        }
        lane->letters_look_ms = loop_now_ms() + LOOK_MS;
        arena_destroy(arena);
    } else if (!trip->lost) {
        log_warn("letters_failed", "reason=%s", log_quoted(trip->message));
    }
    lane_wake(lane);
}

void letters_look(struct lane *lane)
{
    struct sql_key keys[PARTITIONS];
    size_t n = 0;
    lane->chore = true;
    lane->letters_look_ms = loop_now_ms() + LOOK_AGAIN_MS;
    letter_keys_forget(&lane->letter_keys);
    for (int p = 0; p < PARTITIONS; p++)
        if (lane->slots[p].held) keys[n++] = (struct sql_key){.number = p};
    sql_add_keys(lane->pg, runtime_own_sql(&sql_dead_keys), keys, n, NULL);
    sql_add_keys(lane->pg, runtime_own_sql(&sql_dead_ready), keys, n, NULL);
    pg_run(lane->pg, letters_looked, lane);
}

bool letters_due(const struct lane *lane)
{
    return loop_now_ms() >= lane->letters_look_ms;
}
