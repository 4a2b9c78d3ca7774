#include "clocks.h"

#include <string.h>

/* --- time --- */

/* The pauses as the calendar wants them; the one that lasts has no end. */
static struct calendar_spans spans_of(const struct clock_life *life, struct calendar_span *room)
{
    size_t n = 0;
    for (; n < life->pauses_n; n++) {
        room[n] = (struct calendar_span){life->pauses[n].from_at, life->pauses[n].to_at};
    }
    if (life->row.paused_at != 0)
        room[n++] = (struct calendar_span){life->row.paused_at, CALENDAR_NEVER};
    return (struct calendar_spans){room, n};
}

time_us clock_at_share(const struct clock_life *life, int64_t share)
{
    struct calendar_span room[CLOCK_PAUSES + 1];
    struct calendar_spans pauses = spans_of(life, room);
    if (life->row.allowed == 0) return life->row.due_at;
    int64_t work = life->row.allowed / 100 * share + life->row.allowed % 100 * share / 100;
    return calendar_add(life->calendar, life->row.started_at, work, &pauses);
}

static void date_anew(struct clock_life *life)
{
    time_us due = clock_at_share(life, 100);
    if (due != CALENDAR_NEVER) life->row.due_at = due;
}

bool clock_redate(struct clock_life *life)
{
    time_us before = life->row.due_at;
    if (clock_running(life) && !life->row.breached) date_anew(life);
    return life->row.due_at != before;
}

/* When the pause that lasts has used up what is allowed (SLA-31). */
static time_us pause_limit(const struct clock_life *life)
{
    int64_t left = life->most_pause;
    for (size_t i = 0; i < life->pauses_n; i++) {
        left -=
            calendar_worked(life->business, life->pauses[i].from_at, life->pauses[i].to_at, NULL);
    }
    return left <= 0 ? life->row.paused_at
                     : calendar_add(life->business, life->row.paused_at, left, NULL);
}

/* --- beginning --- */

/* Working hours and days are the business calendar's, whatever the base says. */
static bool is_working(struct span span)
{
    return span.unit == SPAN_WORKING_HOURS || span.unit == SPAN_WORKING_DAYS;
}

static int64_t span_length(struct span span, const struct named_calendar *calendar)
{
    if (span.unit == SPAN_WORKING_DAYS) return span.n * calendar->day;
    return span.unit == SPAN_WORKING_HOURS ? span.n * HOUR_US : span_natural(span);
}

struct span clock_limit(const struct clock_rule *rule, text class)
{
    for (size_t i = 0; i < rule->classes_n; i++) {
        if (text_equal(rule->classes[i].class, class)) return rule->classes[i].limit;
    }
    return rule->limit;
}

/* Emergencies run their minutes and hours on natural time; working days stay working days
   (SLA-28). */
static text base_of(const struct clock_rule *rule, struct span limit, text class)
{
    if (rule->kind != LIMIT_SPAN) return rule->base;
    if (is_working(limit)) return TEXT("business");
    return rule->emergency_natural && text_is(class, "emergency") ? TEXT("natural") : rule->base;
}

/* The allowance of its kind of limit, in time of `calendar`. */
static int64_t allowed_by(const struct clock_rule *rule, struct span limit,
                          const struct named_calendar *calendar, const struct clock_start *start)
{
    if (rule->kind == LIMIT_PROMISED)
        return start->promised > start->at ? start->promised - start->at : 0;
    return span_length(limit, calendar) / 100 * rule->share;
}

void clock_bind(struct clock_life *life, const struct clock_rules *rules,
                const struct clock_rules *now, text unit)
{
    if (rules == NULL) rules = now;
    life->rule = clock_rules_find(rules, life->row.name);
    const struct named_calendar *calendar = clock_rules_calendar(now, life->row.calendar);
    if (calendar == NULL) calendar = clock_rules_calendar(rules, life->row.calendar);
    if (calendar == NULL) calendar = clock_rules_calendar_of(now, life->row.base, unit);
    const struct named_calendar *business = clock_rules_calendar_of(now, TEXT("business"), unit);
    life->calendar = calendar->calendar;
    life->business = business->calendar;
    life->most_pause = span_length(rules->most_pause, business);
}

void clock_begin(struct clock_life *life, const struct clock_rules *rules,
                 const struct clock_rule *rule, const struct clock_start *start)
{
    struct span limit = clock_limit(rule, start->class);
    text base = base_of(rule, limit, start->class);
    const struct named_calendar *calendar = clock_rules_calendar_of(rules, base, start->unit);
    *life = (struct clock_life){
        .row = {
            .id = start->id,
            .ticket = start->ticket,
            .name = rule->name,
            .kind = start->kind,
            .round = start->round,
            .policy = start->policy,
            .state = TEXT("running"),
            .base = base,
            .calendar = calendar->name,
            .allowed = allowed_by(rule, limit, calendar, start),
            .limit_n = rule->kind == LIMIT_SPAN ? limit.n : 0,
            .limit_unit =
                rule->kind == LIMIT_SPAN ? text_of(span_suffix(limit.unit)) : TEXT("promised"),
            .started_at = start->at,
            .due_at = rule->kind == LIMIT_PROMISED ? start->promised : start->at,
            .started_by = start->by,
        }};
    clock_bind(life, rules, rules, start->unit);
    if (life->row.allowed == 0) return;
    if (rule->kind == LIMIT_SPAN) life->row.due_at = TIME_END - 1; /* where no calendar reaches */
    date_anew(life);
}

/* --- running --- */

bool clock_running(const struct clock_life *life)
{
    return !text_is(life->row.state, "ended");
}

/* Levels before `until`, and the breach even if the ladder is lost. */
static void tell_levels(struct clock_life *life, time_us until)
{
    size_t n = life->rule == NULL ? 0 : life->rule->ladder->n;
    for (size_t i = 0; i < n; i++) {
        if ((life->row.levels >> i & 1) != 0) continue;
        if (clock_at_share(life, life->rule->ladder->at[i].share) < until)
            life->row.levels |= INT64_C(1) << i;
    }
    if (life->row.paused_at == 0 && life->row.due_at < until) life->row.breached = true;
}

void clock_reach(struct clock_life *life, time_us until)
{
    if (!clock_running(life)) return;
    if (life->row.paused_at != 0 && pause_limit(life) < until)
        clock_resume(life, pause_limit(life));
    tell_levels(life, until);
}

static void end_clock(struct clock_life *life, time_us at, text verdict, text by)
{
    life->row.state = TEXT("ended");
    life->row.verdict = verdict;
    life->row.breached = text_is(verdict, "breached");
    life->row.stopped_at = at;
    life->row.stopped_by = by;
}

/* Everything up to `at` has happened, nothing after it. */
static bool in_time(struct clock_life *life, time_us at)
{
    clock_resume(life, at);
    clock_reach(life, at);
    return at <= life->row.due_at;
}

void clock_stop(struct clock_life *life, time_us at, text by)
{
    if (at < life->row.started_at) return;
    if (!clock_running(life)) {
        bool earlier = at < life->row.stopped_at ||
                       (at == life->row.stopped_at && text_is(life->row.verdict, "none"));
        if (!earlier) return;
        life->row.state = TEXT("running");
    }
    end_clock(life, at, in_time(life, at) ? TEXT("met") : TEXT("breached"), by);
}

void clock_end(struct clock_life *life, time_us at, text by)
{
    if (at < life->row.started_at) at = life->row.started_at;
    if (!clock_running(life)) {
        if (at >= life->row.stopped_at) return;
        life->row.state = TEXT("running");
    }
    end_clock(life, at, in_time(life, at) ? TEXT("none") : TEXT("breached"), by);
}

void clock_pause(struct clock_life *life, time_us at)
{
    if (!text_is(life->row.state, "running") || at < life->row.started_at) return;
    if (life->pauses_n == CLOCK_PAUSES) return;
    clock_reach(life, at);
    life->row.paused_at = at;
    if (pause_limit(life) <= at) {
        life->row.paused_at = 0;
        return;
    }
    life->row.state = TEXT("paused");
    if (at <= life->row.due_at) life->row.breached = false;
}

/* Heard after its cap had ended the pause: it ended earlier. */
static void shorten_last(struct clock_life *life, time_us at)
{
    if (life->pauses_n == 0) return;
    struct pause_row *last = &life->pauses[life->pauses_n - 1];
    if (at < last->from_at || at >= last->to_at) return;
    last->to_at = at;
    date_anew(life);
}

void clock_resume(struct clock_life *life, time_us at)
{
    if (!clock_running(life)) return;
    if (life->row.paused_at == 0) {
        shorten_last(life, at);
        return;
    }
    time_us limit = pause_limit(life);
    struct pause_row *pause = &life->pauses[life->pauses_n++];
    *pause = (struct pause_row){
        .clock = life->row.id, .ticket = life->row.ticket, .from_at = life->row.paused_at};
    pause->to_at = at < limit ? at : limit;
    if (pause->to_at < pause->from_at) pause->to_at = pause->from_at;
    life->row.paused_at = 0;
    life->row.state = TEXT("running");
    date_anew(life);
}

time_us clock_wake(const struct clock_life *life)
{
    if (!clock_running(life)) return 0;
    time_us next = CALENDAR_NEVER;
    if (life->row.paused_at != 0) {
        next = pause_limit(life);
    } else {
        if (!life->row.breached) next = life->row.due_at;
        size_t n = life->rule == NULL ? 0 : life->rule->ladder->n;
        for (size_t i = 0; i < n; i++) {
            if ((life->row.levels >> i & 1) != 0) continue;
            time_us at = clock_at_share(life, life->rule->ladder->at[i].share);
            if (at < next) next = at;
        }
    }
    return next == CALENDAR_NEVER ? 0 : next + 1;
}
