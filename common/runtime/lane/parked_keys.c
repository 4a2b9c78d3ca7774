#include "runtime/lane/scheduler.h"
#include "base/log.h"
#include "runtime.msg.h"
#include "runtime/core/tables.h"

static bool parks(const struct dead_row *row)
{
    const struct handler *handler = runtime_handler(ON_EVENT, NULL, row->type, 0);
    if (handler == NULL) handler = runtime_handler(ON_ALARM, NULL, row->type, 0);
    return lane_parks(handler);
}

static void looked(void *ctx, const struct pg_trip *trip)
{
    struct lane *lane = ctx;
    lane->chore = false;
    if (trip->outcome == PG_OK) {
        struct arena *arena = arena_create();
        struct list rows;
        struct err err;
        int bad =
            sql_read(runtime_own_sql(&sql_dead_keys), pg_result(lane->pg, 0), arena, &rows, &err);
        assert(bad == 0);
        for (size_t i = 0; i < rows.n; i++)
            if (parks(&LIST(rows, struct dead_row)[i]))
                lane_park(lane, LIST(rows, struct dead_row)[i].key);
        arena_destroy(arena);
    }
    lane_wake(lane);
}

void dead_look(struct lane *lane)
{
    struct sql_key keys[PARTITIONS];
    size_t n = 0;
    lane->chore = true;
    for (int p = 0; p < PARTITIONS; p++)
        if (lane->slots[p].held) keys[n++] = (struct sql_key){.number = p};
    sql_add_keys(lane->pg, runtime_own_sql(&sql_dead_keys), keys, n, NULL);
    pg_run(lane->pg, looked, lane);
}
