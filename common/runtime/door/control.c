#include "runtime/door/control.h"

#include "base/log.h"
#include "base/metrics.h"
#include "runtime/core/lane.h"
#include "runtime/core/lateness.h"
#include "runtime/core/reply.h"
#include "runtime/core/tables.h"
#include "runtime/door/control_dead_letters.h"
#include "runtime/door/control_journal.h"
#include "runtime/journal/journal.h"
#include "runtime/lane/alarm.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

/* The runtime's own messages. Each handler is given a request that it must end; bodies live in the
   request's arena. */

/* --- runtime.hello, runtime.quiet, runtime.status --- */

static void hello(struct control *c)
{
    const struct runtime_hello *m = c->body;
    struct runtime_hello_view view = {text_of(runtime.service->name),
                                      text_of(runtime.settings.instance)};
    struct err err;
    if (!text_is(m->service, runtime.service->name)) {
        err_field(&err, "service", NULL, "this is %s, not %.*s", runtime.service->name,
                  TEXT_ARG(m->service));
        control_refuse(c, VERB_REFUSED, &err);
        return;
    }
    control_answer(c, &runtime_hello_view_shape, &view);
}

static time_us earliest_alarm(void)
{
    time_us earliest = 0;
    for (int i = 0; i < runtime.lanes_n; i++) {
        time_us next = runtime.lanes[i]->next_alarm;
        if (next > 1 && (earliest == 0 || next < earliest)) earliest = next;
    }
    return earliest;
}

static int64_t busy(void)
{
    int64_t waiting = 0;
    for (int i = 0; i < runtime.lanes_n; i++) {
        const struct lane *lane = runtime.lanes[i];
        waiting += (int64_t)lane_waiting(lane) + !lane->ready + (lane->next_alarm == 1) +
                   (lane->alarm_look_ms == 0) + lane->lost_jobs +
                   (lane->next_alarm > 1 && lane->next_alarm <= runtime_now());
    }
    waiting += journal_busy();
    return waiting + (runtime.service->policy != NULL && runtime.policy_version == 0);
}

/* -1: leased elsewhere. What is in a batch is not done yet. */
static int64_t done_up_to(const struct backlog *backlog, int partition, int source)
{
    const struct lane *lane = runtime.lanes[partition % runtime.lanes_n];
    const struct slot *slot = &lane->slots[partition];
    if (!slot->held) return -1;
    return lane->batch != NULL ? slot->handled[source]
                               : slot_done(slot, backlog, partition, source);
}

static void give_quiet(void *ctx)
{
    struct control *c = ctx;
    struct runtime_quiet_view view = {.service = text_of(runtime.service->name),
                                      .busy = busy(),
                                      .now = runtime_now(),
                                      .next_alarm = earliest_alarm(),
                                      .test_clock = given_bool(runtime.settings.test_clock)};
    int64_t *heads = ARENA_ARRAY(c->arena, int64_t, PARTITIONS);
    int64_t *read = ARENA_ARRAY(c->arena, int64_t, (size_t)PARTITIONS * SOURCES_MAX);
    text *sources = ARENA_ARRAY(c->arena, text, SOURCES_MAX);
    struct backlog backlogs[LANES_MAX];
    for (int i = 0; i < runtime.lanes_n; i++) backlogs[i] = lane_backlog(runtime.lanes[i]);
    for (int p = 0; p < PARTITIONS; p++) {
        heads[p] = journal_head(p);
        for (int s = 0; s < runtime.sources_n; s++)
            read[s * PARTITIONS + p] = done_up_to(&backlogs[p % runtime.lanes_n], p, s);
    }
    for (int s = 0; s < runtime.sources_n; s++) sources[s] = text_of(runtime.sources[s].name);
    for (int i = 0; i < runtime.lanes_n; i++) view.done += runtime.lanes[i]->batches;
    view.heads = (struct list){heads, PARTITIONS};
    view.sources = (struct list){sources, (size_t)runtime.sources_n};
    view.read = (struct list){read, (size_t)runtime.sources_n * PARTITIONS};
    control_answer(c, &runtime_quiet_view_shape, &view);
}

/* An idle waiter is answered at the end of the turn in which the last work was done; the timer is
   for its time limit alone. */
enum { IDLE_STEP_MS = 10 };
struct idle_waiter {
    struct idle_waiter *next;
    struct control *control;
    int64_t until_ms;
};
static struct idle_waiter *idle_waiters;
static struct loop_timer idle_timer;

static void poll_idle_waiters(void *ctx)
{
    (void)ctx;
    bool over = busy() == 0;
    for (struct idle_waiter **at = &idle_waiters; *at != NULL;) {
        struct idle_waiter *waiter = *at;
        if (!over && loop_now_ms() < waiter->until_ms) {
            at = &waiter->next;
            continue;
        }
        *at = waiter->next;
        give_quiet(waiter->control);
        free(waiter);
    }
    if (idle_waiters != NULL) return;
    loop_timer_stop(&idle_timer);
    loop_each_turn(NULL, NULL);
}

static void wait_until_idle(struct control *c, int64_t wait_ms)
{
    struct idle_waiter *waiter = mem_alloc(sizeof(*waiter));
    *waiter = (struct idle_waiter){idle_waiters, c, loop_now_ms() + wait_ms};
    idle_waiters = waiter;
    if (loop_timer_runs(&idle_timer)) return;
    loop_timer_start(&idle_timer, IDLE_STEP_MS, IDLE_STEP_MS, poll_idle_waiters, NULL);
    loop_each_turn(poll_idle_waiters, NULL);
}

/* The positions known to this process are enough: an appending replica reads its tail at once.
   `fresh` looks for events of other replicas, too. */
static void quiet(struct control *c)
{
    const struct runtime_quiet *m = c->body;
    if (m->fresh.is)
        journal_refresh(give_quiet, c);
    else if (m->wait_ms.is > 0 && busy() > 0)
        wait_until_idle(c, m->wait_ms.is < WAIT_MS ? m->wait_ms.is : WAIT_MS);
    else
        give_quiet(c);
}

static int64_t oldest_ms(const struct lane *lane, int source)
{
    for (const struct work *m = lane->events.first; m != NULL; m = m->next)
        if (m->source == source) return (runtime_now() - m->header.time) / 1000;
    return 0;
}

static void give_status(void *ctx, const struct pg_trip *trip)
{
    struct control *c = ctx;
    struct rusage usage;
    if (trip->outcome != PG_OK) {
        control_failed(c, trip);
        return;
    }
    const PGresult *counts = pg_result(c->pg, 0);
    struct runtime_status_view view = {.service = text_of(runtime.service->name),
                                       .instance = text_of(runtime.settings.instance),
                                       .up_since = runtime.up_since,
                                       .now = runtime_now(),
                                       .policy = runtime.policy_version,
                                       .next_alarm = earliest_alarm(),
                                       .deadlocks = runtime.deadlocks,
                                       .lateness_p99_ms = lateness_p99()};
    view.alarms = pg_int(counts, 0, 0);
    view.dead = pg_int(counts, 0, 1);
    view.parked = pg_int(counts, 0, 2);
    view.test_clock = pg_int(counts, 0, 3) > 0;
    workline_next(control_work);
    struct lane_status *lanes = ARENA_ARRAY(c->arena, struct lane_status, (size_t)runtime.lanes_n);
    struct source_status *sources = ARENA_ARRAY(c->arena, struct source_status, SOURCES_MAX);
    for (int i = 0; i < runtime.lanes_n; i++) {
        const struct lane *lane = runtime.lanes[i];
        lanes[i] = (struct lane_status){.lane = i,
                                        .up = pg_up(lane->pg),
                                        .waiting = (int64_t)lane_waiting(lane),
                                        .batches = lane->batches,
                                        .messages = lane->messages,
                                        .failures = lane->failures,
                                        .trouble = text_of(lane->trouble),
                                        .careful = runtime.isolating};
        for (int p = 0; p < PARTITIONS; p++) lanes[i].partitions += lane->slots[p].held;
    }
    for (int s = 0; s < runtime.sources_n; s++) {
        sources[s] = (struct source_status){.source = text_of(runtime.sources[s].name),
                                            .handled = runtime.sources[s].handled};
        for (int i = 0; i < runtime.lanes_n && sources[s].trouble.len == 0; i++)
            sources[s].trouble = text_of(runtime.sources[s].trouble[i]);
        if (runtime.sources[s].own)
            sources[s].connected = 1;
        else
            for (size_t i = 0; i < peers_n(runtime.sources[s].peers); i++)
                sources[s].connected += peers_ready(runtime.sources[s].peers, i);
        for (int i = 0; i < runtime.lanes_n; i++) {
            int64_t behind = oldest_ms(runtime.lanes[i], s);
            if (behind > sources[s].behind_ms) sources[s].behind_ms = behind;
        }
    }
    view.lanes = (struct list){lanes, (size_t)runtime.lanes_n};
    view.sources = (struct list){sources, (size_t)runtime.sources_n};
    getrusage(RUSAGE_SELF, &usage);
    view.memory_kb = usage.ru_maxrss;
    control_answer(c, &runtime_status_view_shape, &view);
}

static void start_status(void *ctx, struct pg *pg)
{
    struct control *c = ctx;
    c->pg = pg;
    pg_add(pg, &statement_counts, NULL, 0);
    pg_run(pg, give_status, c);
}

static void status(struct control *c)
{
    control_queue(c, start_status);
}

/* --- runtime.metrics --- */

METRIC(partitions_held, .name = "kefu_partitions", .type = METRIC_GAUGE,
       .help = "Partitions leased.", .labels = {"lane"});
METRIC(lane_waiting_now, .name = "kefu_waiting", .type = METRIC_GAUGE,
       .help = "Messages in memory.", .labels = {"lane"});
METRIC(lane_failures, .name = "kefu_lane_failures", .type = METRIC_GAUGE,
       .help = "How often in a row a lane's transaction failed; 0: it gets on.",
       .labels = {"lane"});
METRIC(deadlocks_seen, .name = "kefu_deadlocks", .type = METRIC_GAUGE,
       .help = "Deadlocks since start: must be 0.");

static void metrics(struct control *c)
{
    struct buf out = {0};
    for (int i = 0; i < runtime.lanes_n; i++) {
        const struct lane *lane = runtime.lanes[i];
        char number[12];
        int held = 0;
        snprintf(number, sizeof(number), "%d", i);
        for (int p = 0; p < PARTITIONS; p++) held += lane->slots[p].held;
        metric_set(&partitions_held, held, number);
        metric_set(&lane_waiting_now, (double)lane_waiting(lane), number);
        metric_set(&lane_failures, (double)lane->failures, number);
    }
    metric_set(&deadlocks_seen, (double)runtime.deadlocks);
    metrics_write(&out);
    control_answer(c, &runtime_metrics_view_shape, &(struct runtime_metrics_view){buf_text(&out)});
    buf_finish(&out);
}

/* --- clock.set --- */

static void clock_set(void *ctx, const struct pg_trip *trip)
{
    struct control *c = ctx;
    if (trip->outcome != PG_OK) {
        control_failed(c, trip);
        return;
    }
    struct clock_now now = {alarm_take_clock(pg_result(c->pg, 0))};
    workline_next(control_work);
    control_answer(c, &clock_now_shape, &now);
    for (int i = 0; i < runtime.lanes_n; i++) lane_wake(runtime.lanes[i]);
}

static void start_clock(void *ctx, struct pg *pg)
{
    struct control *c = ctx;
    c->pg = pg;
    const struct clock_set *set = c->body;
    alarm_add_clock(pg, set->now, set->window_from, set->window_to);
    pg_run(pg, clock_set, c);
}

static void set_clock(struct control *c)
{
    struct err err;
    if (!runtime.settings.test_clock) {
        err_field(&err, "now", NULL, "%s runs on the real clock", runtime.service->name);
        control_refuse(c, VERB_REFUSED, &err);
        return;
    }
    const struct clock_set *set = c->body;
    if ((set->window_from != 0 || set->window_to != 0) && set->window_from >= set->window_to) {
        err_field(&err, "window_to", NULL, "must be later than window_from");
        control_refuse(c, VERB_REFUSED, &err);
        return;
    }
    control_queue(c, start_clock);
}

/* --- alarm.list --- */

/* 0: it names none, or this build does not know it. */
static int64_t alarm_ticket(struct arena *arena, text name, text body)
{
    struct err err;
    const struct handler *handler = runtime_handler(ON_ALARM, NULL, name, 0);
    if (handler == NULL) handler = runtime_handler(ON_JOB, NULL, name, 0);
    if (handler == NULL) return 0;
    const struct field *field = shape_field(handler->hears, TEXT("ticket"));
    const void *said = field == NULL ? NULL : pack_read(body, handler->hears, arena, &err);
    return said == NULL ? 0 : shape_int(field, said);
}

static struct alarm_line alarm_line(struct arena *arena, const PGresult *result, int row)
{
    text name = arena_text(arena, pg_text(result, row, 1));
    return (struct alarm_line){.partition = pg_int(result, row, 0),
                               .name = name,
                               .key = arena_text(arena, pg_text(result, row, 2)),
                               .due_at = pg_int(result, row, 3),
                               .attempt = pg_int(result, row, 4),
                               .ticket = alarm_ticket(arena, name, pg_text(result, row, 5))};
}

static void give_alarms(void *ctx, const struct pg_trip *trip)
{
    struct control *c = ctx;
    if (trip->outcome != PG_OK) {
        control_failed(c, trip);
        return;
    }
    const PGresult *result = pg_result(c->pg, 0);
    size_t n = control_page(result, ((const struct alarm_list *)c->body)->limit);
    struct alarm_line *rows = ARENA_ARRAY(c->arena, struct alarm_line, n);
    for (size_t i = 0; i < n; i++) rows[i] = alarm_line(c->arena, result, (int)i);
    workline_next(control_work);
    control_answer(c, &alarm_page_shape, &(struct alarm_page){{rows, n}});
}

static void start_alarms(void *ctx, struct pg *pg)
{
    struct control *c = ctx;
    c->pg = pg;
    pg_add(pg, &statement_alarms, NULL, 0);
    pg_run(pg, give_alarms, c);
}

static void list_alarms(struct control *c)
{
    control_queue(c, start_alarms);
}

/* --- policy.publish --- */

static void policy_ready(void *ctx, bool known)
{
    struct control *c = ctx;
    struct policy_published published = {.version = runtime.policy_version, .changed = known};
    control_answer(c, &policy_published_shape, &published);
    for (int i = 0; i < runtime.lanes_n; i++) lane_wake(runtime.lanes[i]);
}

static void policy_stored(void *ctx, const struct pg_trip *trip)
{
    struct control *c = ctx;
    if (trip->outcome != PG_OK) {
        control_failed(c, trip);
        return;
    }
    const PGresult *result = pg_result(c->pg, c->first);
    int64_t version = PQntuples(result) > 0 ? pg_int(result, 0, 0) : 0;
    workline_next(control_work);
    if (version == 0)
        control_answer(c, &policy_published_shape,
                       &(struct policy_published){.version = runtime.policy_version});
    else
        policy_need(version, policy_ready, c);
}

/* A new version if the files differ from those of the last. One trip is one transaction: if it fails
   none is left open on the connection. */
static void start_policy(void *ctx, struct pg *pg)
{
    struct control *c = ctx;
    const struct policy_publish *m = c->body;
    const void **rows = ARENA_ARRAY(c->arena, const void *, m->files.n + 1);
    size_t n = 0;
    c->pg = pg;
    pg_add(pg, &statement_policy_lock, NULL, 0);
    pg_add_text(pg, statement_policy_offered);
    for (size_t i = 0; i < m->files.n; i++) {
        struct policy_file_row *row = ARENA_NEW(c->arena, struct policy_file_row);
        const struct policy_part *part = &LIST(m->files, struct policy_part)[i];
        if (!policy_owns(runtime.service->policy, part->name)) continue;
        *row = (struct policy_file_row){1, part->name, part->body};
        rows[n++] = row;
    }
    sql_add_rows(pg, runtime_own_sql(&sql_policy_offer), rows, n);
    c->first = pg_add_text(pg, statement_policy_version);
    pg_add_text(pg, statement_policy_files);
    pg_run(pg, policy_stored, c);
}

static void publish(struct control *c)
{
    const struct policy_publish *m = c->body;
    struct err err;
    if (runtime.service->policy == NULL) {
        err_set(&err, "%s owns no policy", runtime.service->name);
        control_refuse(c, VERB_REFUSED, &err);
        return;
    }
    if (!runtime.policies_ready) {
        err_set(&err, "the policy in force is not known yet");
        control_refuse(c, VERB_RETRY, &err);
        return;
    }
    struct policy_file *at = ARENA_ARRAY(c->arena, struct policy_file, m->files.n + 1);
    struct policy_files files = {at, 0};
    for (size_t i = 0; i < m->files.n; i++) {
        const struct policy_part *part = &LIST(m->files, struct policy_part)[i];
        if (policy_owns(runtime.service->policy, part->name))
            at[files.n++] = (struct policy_file){part->name, part->body};
    }
    err_set(&err, "the policy is not usable");
    if (runtime.service->policy->compile(&files, c->arena, &err) == NULL) {
        control_refuse(c, VERB_REFUSED, &err);
        return;
    }
    if (m->check_only.is)
        control_answer(c, &policy_published_shape,
                       &(struct policy_published){.version = runtime.policy_version});
    else
        control_queue(c, start_policy);
}

/* --- the table --- */

static const struct row {
    const struct shape *shape;
    void (*fn)(struct control *c);
} table[] = {
    {&journal_read_shape, control_read_journal},
    {&runtime_hello_shape, hello},
    {&runtime_quiet_shape, quiet},
    {&runtime_status_shape, status},
    {&runtime_metrics_shape, metrics},
    {&clock_set_shape, set_clock},
    {&alarm_list_shape, list_alarms},
    {&dead_list_shape, control_list_dead},
    {&dead_retry_shape, control_retry_dead},
    {&dead_discard_shape, control_discard_dead},
    {&policy_publish_shape, publish},
};

static const struct row *find(text type)
{
    for (size_t i = 0; i < COUNT(table); i++)
        if (text_is(type, table[i].shape->name)) return &table[i];
    return NULL;
}

bool control_takes(text type)
{
    return find(type) != NULL;
}

bool control_is_instant(text type)
{
    return text_is(type, runtime_hello_shape.name) || text_is(type, runtime_metrics_shape.name);
}

void control_handle(struct bus_request *request, const struct envelope *envelope, const void *body)
{
    struct control *c = mem_alloc(sizeof(*c));
    const struct row *row = find(envelope->header.type);
    struct err err;
    (void)body;
    c->request = request;
    c->arena = arena_create();
    c->id = arena_text(c->arena, envelope->header.id);
    c->actor = arena_text(c->arena, envelope->header.actor);
    c->deadline = envelope->header.deadline;
    c->since_ms = loop_now_ms();
    c->body = pack_read(envelope->body, row->shape, c->arena,
                        &err); /* again: it must outlive the request's arena */
    assert(c->body != NULL);
    row->fn(c);
}

void control_start(struct workline *given)
{
    control_work = given;
}
