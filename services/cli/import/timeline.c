#include "timeline.h"

#include "wall.h"

#include <stdlib.h>

static void add_moment(struct timeline *timeline, struct moment moment)
{
    if (timeline->n == timeline->room) {
        timeline->room = timeline->room * 2 + 1024;
        timeline->at = mem_resize(timeline->at, timeline->room * sizeof(*timeline->at));
    }
    timeline->at[timeline->n++] = moment;
}

static void add_rows(struct timeline *timeline, const struct import_rows *rows,
                     const struct mapping *mapping)
{
    time_us first = rows->n > 0 ? rows->at[0].opened : 0;
    for (size_t i = 0; i < rows->n; i++) {
        struct import_row *row = &rows->at[i];
        const struct path *path = row->status->path;
        enum group group = path->exit.len > 0             ? GROUP_EXIT
                           : row->status->at == AT_CLOSED ? GROUP_END
                                                          : GROUP_WALK;
        add_moment(timeline, (struct moment){row->opened, GROUP_OPEN, i + 1, row, NULL, false});
        if (row->moment != 0)
            add_moment(timeline, (struct moment){row->moment, group, i + 1, row, NULL, false});
        if (row->opened < first) first = row->opened;
    }
    if (mapping->stand_in.len == 0 || rows->n == 0) return;
    timeline->stand_in = (struct import_row){.source_id = mapping->stand_in,
                                             .words = mapping->stand_in_words,
                                             .opened = first,
                                             .channel = mapping->stand_in_channel,
                                             .topic = mapping->stand_in_topic};
    add_moment(timeline, (struct moment){first, GROUP_OPEN, 0, &timeline->stand_in, NULL, false});
}

/* Shift changes from the day of the earliest row to the end. A shift that began before `first`
   began with that day. */
static void add_shifts(struct timeline *timeline, const struct people *people, time_us first,
                       time_us end)
{
    int64_t last = wall_day(people->zone, end);
    for (int64_t day = wall_day(people->zone, first); day <= last; day++)
        for (size_t i = 0; i < people->n; i++)
            for (size_t s = 0; s < people->at[i].shifts_n; s++) {
                const struct shift *shift = &people->at[i].shifts[s];
                if (shift->weekday != (int)((day + 3) % 7))
                    continue; /* 1970-01-01 was a Thursday */
                time_us from = wall_instant(people->zone, day, shift->from),
                        until = wall_instant(people->zone, day, shift->until);
                if (from <= end)
                    add_moment(timeline, (struct moment){from, GROUP_ON_DUTY, i, NULL,
                                                         &people->at[i], false});
                if (until <= end)
                    add_moment(timeline, (struct moment){until, GROUP_OFF_DUTY, i, NULL,
                                                         &people->at[i], false});
            }
}

static int moment_order(const void *a, const void *b)
{
    const struct moment *x = a, *y = b;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    if (x->group != y->group) return x->group < y->group ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

void timeline_make(struct timeline *timeline, const struct import_rows *rows,
                   const struct mapping *mapping, const struct people *people, time_us until)
{
    time_us first = 0;
    add_rows(timeline, rows, mapping);
    for (size_t i = 0; i < timeline->n; i++)
        if (first == 0 || timeline->at[i].at < first) first = timeline->at[i].at;
    if (first != 0 && people != NULL && people->zone != NULL)
        add_shifts(timeline, people, first, until);
    if (timeline->n > 0) qsort(timeline->at, timeline->n, sizeof(*timeline->at), moment_order);
}

void timeline_finish(struct timeline *timeline)
{
    free(timeline->at);
}

bool moment_is_duty(const struct moment *moment)
{
    return moment->group == GROUP_ON_DUTY || moment->group == GROUP_OFF_DUTY;
}
