#include "time/calendar.h"

#include <stdlib.h>
#include <string.h>

#include "time/date.h"
#include "time/zone.h"

#define FIRST_INSTANT (INT64_C(-2208988800) * SECOND_US) /* 1900-01-01 */
#define LAST_INSTANT TIME_END
#define STEP (366 * DAY_US) /* compiled at a time */

/* Working time without pauses, in UTC. */
struct stretch {
    time_us from;
    time_us until;
    int64_t before; /* working time from the first day compiled to `from`; negative if earlier */
};

struct stretches {
    struct stretch *at;
    size_t n;
    size_t room;
};

struct calendar {
    struct calendar_rules *rules; /* NULL: natural time */
    struct zone *zone;
    struct stretches spans;
    time_us from; /* compiled is [from, until) */
    time_us until;
    /* of the call under way: in order, apart from each other, none empty */
    struct calendar_span *pauses;
    size_t pauses_room;
};

static time_us earlier(time_us a, time_us b)
{
    return a < b ? a : b;
}

static time_us later(time_us a, time_us b)
{
    return a > b ? a : b;
}

static time_us clip(time_us t)
{
    return earlier(later(t, FIRST_INSTANT), LAST_INSTANT);
}

/* --- compiling --- */

static int64_t work_until_end(const struct stretches *list)
{
    if (list->n == 0) return 0;
    assert(list->at != NULL);
    const struct stretch *last = &list->at[list->n - 1];
    return last->before + (last->until - last->from);
}

static int64_t work_until_start(const struct stretches *list)
{
    return list->n > 0 ? list->at[0].before : 0;
}

static void make_room(struct stretches *list, size_t more)
{
    if (list->n + more <= list->room) return;
    list->room = list->n + more + list->room;
    list->at = mem_resize(list->at, list->room * sizeof(*list->at));
}

/* In order of time; joins the one before if they touch or overlap. */
static void append(struct stretches *list, time_us from, time_us until)
{
    if (from >= until) return;
    struct stretch *last = list->n > 0 ? &list->at[list->n - 1] : NULL;
    if (last != NULL && from <= last->until) {
        last->until = later(last->until, until);
        return;
    }
    make_room(list, 1);
    list->at[list->n] = (struct stretch){from, until, work_until_end(list)};
    list->n++;
}

/* The part of one era. Its offset turns the readings of the wall clock into instants; those that
   the era does not show are cut off, those that two eras show are in both. */
static void compile_era(const struct calendar_rules *rules, const struct zone_era *era,
                        struct stretches *list)
{
    int64_t first =
        date_day_of(era->from + era->offset) - 1; /* the night before reaches into the first day */
    int64_t last = date_day_of(era->until - 1 + era->offset);
    for (int64_t date = first; date <= last; date++) {
        const struct calendar_hours *hours = calendar_rules_on(rules, date);
        int64_t midnight = date * DATE_DAY_SECONDS - era->offset;
        for (int i = 0; i < hours->n; i++) {
            int64_t open = later(midnight + hours->at[i].open, era->from);
            int64_t close = earlier(midnight + hours->at[i].close, era->until);
            append(list, open * SECOND_US, close * SECOND_US);
        }
    }
}

static void compile_between(const struct calendar *calendar, time_us from, time_us until,
                            struct stretches *list)
{
    int64_t end = until / SECOND_US;
    for (int64_t at = from / SECOND_US; at < end;) {
        struct zone_era era = zone_era(calendar->zone, at);
        era.from = at;
        era.until = earlier(era.until, end);
        compile_era(calendar->rules, &era, list);
        at = era.until;
    }
}

static void extend_forward(struct calendar *calendar)
{
    time_us until = clip(calendar->until + STEP);
    compile_between(calendar, calendar->until, until, &calendar->spans);
    calendar->until = until;
}

static void extend_backward(struct calendar *calendar)
{
    time_us from = clip(calendar->from - STEP);
    struct stretches earlier_ones = {0};
    compile_between(calendar, from, calendar->from, &earlier_ones);
    int64_t shift = work_until_start(&calendar->spans) - work_until_end(&earlier_ones);
    for (size_t i = 0; i < earlier_ones.n; i++) earlier_ones.at[i].before += shift;
    struct stretches *spans = &calendar->spans;
    make_room(spans, earlier_ones.n);
    if (earlier_ones.n > 0) {
        memmove(spans->at + earlier_ones.n, spans->at, spans->n * sizeof(*spans->at));
        memcpy(spans->at, earlier_ones.at, earlier_ones.n * sizeof(*spans->at));
    }
    spans->n += earlier_ones.n;
    free(earlier_ones.at);
    calendar->from = from;
}

/* See that the instant, already clipped, lies in what is compiled (or at its end). */
static void cover(struct calendar *calendar, time_us t)
{
    if (calendar->from == calendar->until) {
        time_us midnight = date_day_of(t / SECOND_US - 1) * DATE_DAY_SECONDS * SECOND_US;
        calendar->from = calendar->until = clip(midnight);
        extend_forward(calendar);
    }
    while (t > calendar->until) extend_forward(calendar);
    while (t < calendar->from) extend_backward(calendar);
}

struct calendar *calendar_always(void)
{
    struct calendar *calendar = mem_alloc(sizeof(*calendar));
    calendar->from = FIRST_INSTANT;
    calendar->until = LAST_INSTANT;
    append(&calendar->spans, FIRST_INSTANT, LAST_INSTANT);
    return calendar;
}

struct calendar *calendar_compile(struct calendar_rules *take_rules, struct err *err)
{
    struct calendar *calendar = mem_alloc(sizeof(*calendar));
    calendar->rules = take_rules;
    calendar->zone = zone_load(calendar_rules_zone(take_rules), err);
    if (calendar->zone != NULL) return calendar;
    calendar_destroy(calendar);
    return NULL;
}

void calendar_destroy(struct calendar *calendar)
{
    if (calendar == NULL) return;
    calendar_rules_destroy(calendar->rules);
    zone_destroy(calendar->zone);
    free(calendar->spans.at);
    free(calendar->pauses);
    free(calendar);
}

/* --- pauses --- */

static int compare_spans(const void *a, const void *b)
{
    time_us first = ((const struct calendar_span *)a)->from;
    time_us second = ((const struct calendar_span *)b)->from;
    return (first > second) - (first < second);
}

static size_t join_pauses(struct calendar_span *at, size_t n)
{
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        if (kept > 0 && at[i].from <= at[kept - 1].until)
            at[kept - 1].until = later(at[kept - 1].until, at[i].until);
        else
            at[kept++] = at[i];
    }
    return kept;
}

/* Put those that touch [from, until) in order into calendar->pauses. Returns how many. */
static size_t tidy_pauses(struct calendar *calendar, const struct calendar_spans *pauses,
                          time_us from, time_us until)
{
    if (pauses == NULL || pauses->n == 0) return 0;
    if (pauses->n > calendar->pauses_room) {
        calendar->pauses_room = pauses->n;
        calendar->pauses = mem_resize(calendar->pauses, pauses->n * sizeof(*calendar->pauses));
    }
    size_t n = 0;
    for (size_t i = 0; i < pauses->n; i++) {
        struct calendar_span pause = {later(pauses->at[i].from, from),
                                      earlier(pauses->at[i].until, until)};
        if (pause.from < pause.until) calendar->pauses[n++] = pause;
    }
    qsort(calendar->pauses, n, sizeof(*calendar->pauses), compare_spans);
    return join_pauses(calendar->pauses, n);
}

/* --- counting --- */

/* How many spans begin at or before the instant. */
static size_t count_begun(const struct stretches *list, time_us t)
{
    size_t low = 0, high = list->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->at[middle].from <= t)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* How many spans begin with no more than that work before them. */
static size_t count_up_to(const struct stretches *list, int64_t work)
{
    size_t low = 0, high = list->n;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (list->at[middle].before <= work)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Working time from the first day ever compiled to the instant, which must be covered. */
static int64_t work_at(const struct calendar *calendar, time_us t)
{
    size_t begun = count_begun(&calendar->spans, t);
    if (begun == 0) return work_until_start(&calendar->spans);
    const struct stretch *span = &calendar->spans.at[begun - 1];
    return span->before + earlier(t, span->until) - span->from;
}

/* The earliest instant in (from, stop] by which *work > 0 has been worked since `from`. If there is
   none: CALENDAR_NEVER, and *work is what then is left. */
static time_us reach_forward(struct calendar *calendar, time_us from, time_us stop, int64_t *work)
{
    if (from >= stop) return CALENDAR_NEVER;
    cover(calendar, from);
    int64_t target = work_at(calendar, from) + *work;
    while (work_until_end(&calendar->spans) < target && calendar->until < stop)
        extend_forward(calendar);
    if (work_until_end(&calendar->spans) >= target) {
        /* the last span with less than that before it; the sums are whole microseconds */
        const struct stretch *span =
            &calendar->spans.at[count_up_to(&calendar->spans, target - 1) - 1];
        time_us due = span->from + (target - span->before);
        if (due <= stop) return due;
    }
    *work = target - work_at(calendar, stop);
    return CALENDAR_NEVER;
}

/* The mirror image: the latest instant in [stop, from). */
static time_us reach_backward(struct calendar *calendar, time_us from, time_us stop, int64_t *work)
{
    if (from <= stop) return CALENDAR_NEVER;
    cover(calendar, from);
    int64_t target = work_at(calendar, from) - *work;
    while (work_until_start(&calendar->spans) > target && calendar->from > stop)
        extend_backward(calendar);
    size_t n = count_up_to(&calendar->spans, target);
    if (n > 0) {
        const struct stretch *span = &calendar->spans.at[n - 1];
        time_us begun = span->from + (target - span->before);
        if (begun >= stop) return begun;
    }
    *work = work_at(calendar, stop) - target;
    return CALENDAR_NEVER;
}

time_us calendar_add(struct calendar *calendar, time_us start, int64_t work,
                     const struct calendar_spans *pauses)
{
    assert(work >= 0);
    if (work == 0) return start;
    if (work > CALENDAR_HORIZON) return CALENDAR_NEVER;
    time_us at = clip(start);
    time_us limit = clip(at + CALENDAR_HORIZON);
    size_t n = tidy_pauses(calendar, pauses, at, limit);
    for (size_t i = 0; i < n; i++) {
        time_us due = reach_forward(calendar, at, calendar->pauses[i].from, &work);
        if (due != CALENDAR_NEVER) return due;
        at = calendar->pauses[i].until;
    }
    return reach_forward(calendar, at, limit, &work);
}

time_us calendar_sub(struct calendar *calendar, time_us end, int64_t work,
                     const struct calendar_spans *pauses)
{
    assert(work >= 0);
    if (work == 0) return end;
    if (work > CALENDAR_HORIZON) return CALENDAR_NEVER;
    time_us at = clip(end);
    time_us limit = clip(at - CALENDAR_HORIZON);
    size_t n = tidy_pauses(calendar, pauses, limit, at);
    for (size_t i = n; i-- > 0;) {
        time_us begun = reach_backward(calendar, at, calendar->pauses[i].until, &work);
        if (begun != CALENDAR_NEVER) return begun;
        at = calendar->pauses[i].from;
    }
    return reach_backward(calendar, at, limit, &work);
}

static int64_t work_between(struct calendar *calendar, time_us from, time_us until)
{
    cover(calendar, from);
    cover(calendar, until);
    return work_at(calendar, until) - work_at(calendar, from);
}

int64_t calendar_worked(struct calendar *calendar, time_us from, time_us until,
                        const struct calendar_spans *pauses)
{
    if (until < from) return -calendar_worked(calendar, until, from, pauses);
    from = clip(from);
    until = clip(until);
    int64_t worked = work_between(calendar, from, until);
    size_t n = tidy_pauses(calendar, pauses, from, until);
    for (size_t i = 0; i < n; i++)
        worked -= work_between(calendar, calendar->pauses[i].from, calendar->pauses[i].until);
    return worked;
}

/* --- explaining --- */

struct story {
    struct calendar_span *at;
    size_t n;
};

static void tell(struct story *story, time_us from, time_us until)
{
    if (from >= until) return;
    if (story->n > 0 && story->at[story->n - 1].until == from)
        story->at[story->n - 1].until = until;
    else
        story->at[story->n++] = (struct calendar_span){from, until};
}

/* The spans that touch [from, until), which must be covered: indexes [*first, *end). */
static void find_between(const struct stretches *list, time_us from, time_us until, size_t *first,
                         size_t *end)
{
    size_t begun = count_begun(list, from);
    *first = begun > 0 && list->at[begun - 1].until > from ? begun - 1 : begun;
    *end = count_begun(list, until - 1);
}

struct calendar_spans calendar_explain(struct calendar *calendar, time_us from, time_us until,
                                       const struct calendar_spans *pauses, struct arena *arena)
{
    from = clip(from);
    until = clip(until);
    if (until <= from) return (struct calendar_spans){0};
    cover(calendar, from);
    cover(calendar, until);
    size_t n = tidy_pauses(calendar, pauses, from, until);
    size_t first, end;
    find_between(&calendar->spans, from, until, &first, &end);
    struct story story = {ARENA_ARRAY(arena, struct calendar_span, end - first + n + 1), 0};
    size_t next = 0; /* the first pause that is not over */
    for (size_t i = first; i < end; i++) {
        time_us at = later(calendar->spans.at[i].from, from);
        time_us stop = earlier(calendar->spans.at[i].until, until);
        while (next < n && calendar->pauses[next].until <= at) next++;
        for (size_t p = next; p < n && calendar->pauses[p].from < stop; p++) {
            tell(&story, at, calendar->pauses[p].from);
            at = later(at, calendar->pauses[p].until);
        }
        tell(&story, at, stop);
    }
    return (struct calendar_spans){story.at, story.n};
}
