#include "world_clock.h"

#include "base/loop.h"
#include "runtime.msg.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SERVICES_MAX = 16,
    REPLICAS_MAX = 32,
    PARTITIONS = 32,
    HASTY_LOOKS =
        20, /* so many looks follow each other at once; then there is a pause between them */
    PAUSE_MS = 1,
    BUSY_MS = 100, /* so long one who is busy may take to answer: then it is not */
    SLOW_LOOKS = 400,
    SLOW_PAUSE_MS = 10
};

/* In which order clocks are set where alarms fall due: sources before those who read them. */
static const char *const order[] = {"intake",    "workforce",    "routing",
                                    "reporting", "notification", "escalation"};

/* A replica's last report, and the one before. */
struct view {
    bool answered, test_clock;
    int64_t busy, done;
    time_us now, next_alarm;
    int64_t heads[PARTITIONS];
    int64_t reads[SERVICES_MAX][PARTITIONS]; /* -1: not held */
};

struct replica {
    struct clockwork *clockwork;
    size_t service;
    int number;
    struct view view, before;
    bool stale; /* what it said last is not how it is by now */
    struct err err;
};

struct clockwork {
    struct client *client;
    int64_t patience_ms;
    struct replica replicas[REPLICAS_MAX];
    size_t n;
    bool readers[SERVICES_MAX][SERVICES_MAX]; /* [who][whom]: seen to read it */
    time_us now, next;
    time_us window_from, window_to; /* 0: none */
    bool settled;
    struct clockwork_work work;
    int failed;
    struct err why;
};

/* --- looking --- */

static void take_positions(struct view *view, const struct runtime_quiet_view *said,
                           const struct client *client)
{
    for (size_t s = 0; s < said->sources.n && (s + 1) * PARTITIONS <= said->read.n; s++) {
        int source = client_service(client, LIST(said->sources, text)[s].at);
        if (source >= 0 && source < SERVICES_MAX)
            memcpy(view->reads[source], &LIST(said->read, int64_t)[s * PARTITIONS],
                   sizeof(view->reads[source]));
    }
}

static void take_view(void *ctx, const struct reply *reply)
{
    struct replica *replica = ctx;
    struct view *view = &replica->view;
    memset(view, 0, sizeof(*view));
    memset(view->reads, 0xff, sizeof(view->reads));
    replica->err = reply->err;
    if (reply->kind != REPLY_ANSWERED) return;
    const struct runtime_quiet_view *said = reply->body;
    view->answered = true;
    view->busy = said->busy;
    view->done = said->done;
    view->now = said->now;
    view->test_clock = said->test_clock.is;
    view->next_alarm = said->next_alarm;
    if (said->heads.n == PARTITIONS) memcpy(view->heads, said->heads.at, sizeof(view->heads));
    take_positions(view, said, replica->clockwork->client);
}

static void look_at(struct clockwork *clockwork, struct replica *replica)
{
    struct runtime_quiet quiet = {.wait_ms = given_int(BUSY_MS)};
    replica->before = replica->view;
    replica->stale = false;
    client_ask(clockwork->client,
               &(struct question){.shape = &runtime_quiet_shape,
                                  .body = &quiet,
                                  .service = (int)replica->service,
                                  .replica = replica->number,
                                  .patience_ms = 3000},
               take_view, replica);
}

static void look_at_stale(struct clockwork *clockwork)
{
    int asked = 0;
    for (size_t i = 0; i < clockwork->n; i++) {
        if (!clockwork->replicas[i].stale) continue;
        look_at(clockwork, &clockwork->replicas[i]);
        asked++;
    }
    clockwork->work.looks += asked > 0;
    client_wait(clockwork->client, 0);
}

static void look_at_all(struct clockwork *clockwork)
{
    clockwork_stir(clockwork);
    look_at_stale(clockwork);
}

/* --- judging: pure functions of the views --- */

static int64_t head_of(const struct clockwork *clockwork, size_t service, int partition)
{
    int64_t head = 0;
    for (size_t i = 0; i < clockwork->n; i++) {
        const struct replica *replica = &clockwork->replicas[i];
        if (replica->service == service && replica->view.heads[partition] > head)
            head = replica->view.heads[partition];
    }
    return head;
}

/* How far the service has read that partition of the source, over all its replicas; -1: nobody
   holds it. */
static int64_t position_of(const struct clockwork *clockwork, size_t service, size_t source,
                           int partition)
{
    int64_t position = -1;
    for (size_t i = 0; i < clockwork->n; i++) {
        const struct replica *replica = &clockwork->replicas[i];
        if (replica->service == service && replica->view.reads[source][partition] > position)
            position = replica->view.reads[source][partition];
    }
    return position;
}

static void note_readers(struct clockwork *clockwork)
{
    for (size_t i = 0; i < clockwork->n; i++)
        for (size_t source = 0; source < client_services(clockwork->client); source++)
            for (int p = 0; p < PARTITIONS; p++)
                if (clockwork->replicas[i].view.reads[source][p] >= 0)
                    clockwork->readers[clockwork->replicas[i].service][source] = true;
}

/* The first partition of the source that the service has not read to its end; -1: none. */
static int find_behind(const struct clockwork *clockwork, size_t service, size_t source)
{
    for (int p = 0; p < PARTITIONS && clockwork->readers[service][source]; p++) {
        int64_t position = position_of(clockwork, service, source, p);
        if (position < 0 || position < head_of(clockwork, source, p)) return p;
    }
    return -1;
}

static void note_behind(struct clockwork *clockwork, size_t service, size_t source, int p)
{
    err_set(&clockwork->why, "%s has read partition %d of %s up to %" PRId64 " of %" PRId64,
            client_service_name(clockwork->client, service), p,
            client_service_name(clockwork->client, source),
            position_of(clockwork, service, source, p), head_of(clockwork, source, p));
    for (size_t i = 0; i < clockwork->n; i++)
        if (clockwork->replicas[i].service == service) clockwork->replicas[i].stale = true;
}

static int find_lag(struct clockwork *clockwork)
{
    int lags = 0;
    for (size_t s = 0; s < client_services(clockwork->client); s++)
        for (size_t source = 0; source < client_services(clockwork->client); source++) {
            int p = find_behind(clockwork, s, source);
            if (p >= 0) note_behind(clockwork, s, source, p);
            lags += p >= 0;
        }
    return lags == 0 ? 0 : -1;
}

static int find_restless(struct clockwork *clockwork)
{
    int restless = 0;
    for (size_t i = 0; i < clockwork->n; i++) {
        struct replica *replica = &clockwork->replicas[i];
        const char *name = client_service_name(clockwork->client, replica->service);
        const struct view *view = &replica->view;
        replica->stale = true;
        restless++;
        if (!view->answered)
            err_set(&clockwork->why, "%s", replica->err.message);
        else if (view->busy > 0)
            err_set(&clockwork->why, "%s has %" PRId64 " things to do", name, view->busy);
        else if (clockwork->now != 0 && view->now != clockwork->now)
            err_set(&clockwork->why, "the clock of %s is not where it was set", name);
        else {
            replica->stale = false;
            restless--;
        }
    }
    return restless == 0 ? 0 : -1;
}

/* -1 and `why` unless there is nothing to do by what all said last. Whoever has something to do is
   stale. */
static int judge(struct clockwork *clockwork)
{
    int restless = find_restless(clockwork);
    note_readers(clockwork);
    return find_lag(clockwork) < 0 ? -1 : restless;
}

static bool nothing_happened(const struct clockwork *clockwork)
{
    for (size_t i = 0; i < clockwork->n; i++) {
        const struct view *a = &clockwork->replicas[i].before, *b = &clockwork->replicas[i].view;
        if (!a->answered || a->done != b->done || a->now != b->now ||
            memcmp(a->heads, b->heads, sizeof(a->heads)) != 0 ||
            memcmp(a->reads, b->reads, sizeof(a->reads)) != 0)
            return false;
    }
    return true;
}

/* Of that service, or of all (-1). */
static time_us earliest_alarm(const struct clockwork *clockwork, int service)
{
    time_us earliest = 0;
    for (size_t i = 0; i < clockwork->n; i++) {
        const struct replica *replica = &clockwork->replicas[i];
        time_us next = replica->view.next_alarm;
        if (service >= 0 && replica->service != (size_t)service) continue;
        if (next != 0 && (earliest == 0 || next < earliest)) earliest = next;
    }
    return earliest;
}

/*
 * Quiet is what all say twice, with equal counts, heads and positions, when everything said first
 * was said before anybody was asked the second time. Counts only grow, so it does not matter how
 * long before: whoever has not been touched since need be asked once.
 */
static bool is_quiet(struct clockwork *clockwork)
{
    if (judge(clockwork) < 0) return false;
    look_at_all(clockwork);
    return judge(clockwork) == 0 && nothing_happened(clockwork);
}

int clockwork_settle(struct clockwork *clockwork, struct err *err)
{
    int64_t until = loop_now_ms() + clockwork->patience_ms;
    for (int looks = 0;; looks++) {
        look_at_stale(clockwork);
        if (is_quiet(clockwork)) break;
        if (loop_now_ms() > until)
            return err_set(err, "it does not become quiet: %s", clockwork->why.message);
        if (looks <= HASTY_LOOKS) continue;
        clockwork_stir(clockwork);
        client_sleep(clockwork->client, looks > SLOW_LOOKS ? SLOW_PAUSE_MS : PAUSE_MS);
    }
    clockwork->next = earliest_alarm(clockwork, -1);
    clockwork->settled = true;
    return 0;
}

/* --- setting --- */

static void was_set(void *ctx, const struct reply *reply)
{
    struct replica *replica = ctx;
    struct clockwork *clockwork = replica->clockwork;
    if (reply->kind == REPLY_ANSWERED) {
        replica->view.now = ((const struct clock_now *)reply->body)->now;
        return;
    }
    clockwork->failed++;
    clockwork->why = reply->err;
}

static void set_one(struct clockwork *clockwork, struct replica *replica, time_us to)
{
    struct clock_set set = {to, clockwork->window_from, clockwork->window_to};
    client_ask(clockwork->client,
               &(struct question){.shape = &clock_set_shape,
                                  .body = &set,
                                  .service = (int)replica->service,
                                  .replica = replica->number,
                                  .patience_ms = clockwork->patience_ms},
               was_set, replica);
}

/* Will an alarm of this service fire when the clock says `to`? */
static bool wakes(const struct clockwork *clockwork, size_t service, time_us to)
{
    for (size_t i = 0; i < clockwork->n; i++) {
        const struct replica *replica = &clockwork->replicas[i];
        if (replica->service == service && replica->view.next_alarm != 0 &&
            replica->view.next_alarm <= to)
            return true;
    }
    return false;
}

static void set_service(struct clockwork *clockwork, size_t service, time_us to)
{
    bool woken = wakes(clockwork, service, to);
    for (size_t i = 0; i < clockwork->n; i++) {
        struct replica *replica = &clockwork->replicas[i];
        if (replica->service != service) continue;
        replica->stale = replica->stale || woken;
        set_one(clockwork, replica, to);
    }
}

static bool is_ordered(const struct clockwork *clockwork, size_t service)
{
    for (size_t i = 0; i < COUNT(order); i++)
        if (client_service(clockwork->client, order[i]) == (int)service) return true;
    return false;
}

/* Those who have something due, sources first. */
static void set_wakers(struct clockwork *clockwork, time_us to)
{
    for (size_t i = 0; i < COUNT(order); i++) {
        int service = client_service(clockwork->client, order[i]);
        if (service < 0 || !wakes(clockwork, (size_t)service, to)) continue;
        set_service(clockwork, (size_t)service, to);
        client_wait(clockwork->client, 0);
    }
    for (size_t s = 0; s < client_services(clockwork->client); s++)
        if (!is_ordered(clockwork, s) && wakes(clockwork, s, to)) set_service(clockwork, s, to);
    client_wait(clockwork->client, 0);
}

int clockwork_set(struct clockwork *clockwork, time_us to, struct err *err)
{
    bool awake = false;
    clockwork->failed = 0;
    clockwork->work.steps++;
    for (size_t s = 0; s < client_services(clockwork->client); s++) {
        if (wakes(clockwork, s, to))
            awake = true;
        else
            set_service(clockwork, s, to);
    }
    client_wait(clockwork->client, 0);
    if (awake) set_wakers(clockwork, to);
    if (awake || clockwork->failed > 0)
        clockwork->settled = false; /* else what was quiet stays so */
    if (clockwork->failed > 0) return err_set(err, "%s", clockwork->why.message);
    clockwork->now = to;
    return 0;
}

int clockwork_open_window(struct clockwork *clockwork, time_us to, struct err *err)
{
    clockwork->window_from = clockwork->now;
    clockwork->window_to = to;
    return clockwork_set(clockwork, clockwork->now, err);
}

int clockwork_close_window(struct clockwork *clockwork, struct err *err)
{
    clockwork->window_from = clockwork->window_to = 0;
    return clockwork_set(clockwork, clockwork->now, err);
}

time_us clockwork_next_of(const struct clockwork *clockwork, const char *service)
{
    int number = client_service(clockwork->client, service);
    return number < 0 ? 0 : earliest_alarm(clockwork, number);
}

void clockwork_stir(struct clockwork *clockwork)
{
    clockwork->settled = false;
    for (size_t i = 0; i < clockwork->n; i++) clockwork->replicas[i].stale = true;
}

int clockwork_advance(struct clockwork *clockwork, time_us to, struct err *err)
{
    clockwork->window_from = clockwork->window_to = 0;
    if (!clockwork->settled && clockwork_settle(clockwork, err) < 0) return -1;
    while (clockwork->now < to) {
        bool alarm = clockwork->next > clockwork->now && clockwork->next < to;
        if (clockwork_set(clockwork, alarm ? clockwork->next : to, err) < 0) return -1;
        if (!clockwork->settled && clockwork_settle(clockwork, err) < 0) return -1;
    }
    return 0;
}

/* --- life --- */

/* Clocks that differ (a system that was just started) are set to the latest of them. */
static int agree(struct clockwork *clockwork, struct err *err)
{
    const struct client *client = clockwork->client;
    bool differ = false;
    int64_t until = loop_now_ms() + clockwork->patience_ms;
    for (size_t i = 0; i < clockwork->n; i++) {
        while (!clockwork->replicas[i].view.answered && loop_now_ms() < until)
            look_at_all(clockwork);
        if (!clockwork->replicas[i].view.answered)
            return err_set(err, "%s", clockwork->replicas[i].err.message);
        if (!clockwork->replicas[i].view.test_clock)
            return err_set(err,
                           "%s runs on the real clock (a new system gets a test clock by kefu up"
                           " --test-clock)",
                           client_service_name(client, clockwork->replicas[i].service));
    }
    for (size_t i = 0; i < clockwork->n; i++) {
        time_us now = clockwork->replicas[i].view.now;
        differ = differ || (clockwork->now != 0 && now != clockwork->now);
        if (now > clockwork->now) clockwork->now = now;
    }
    clockwork_stir(clockwork);
    return differ ? clockwork_set(clockwork, clockwork->now, err) : 0;
}

struct clockwork *clockwork_create(struct client *client, int64_t patience_ms, struct err *err)
{
    struct clockwork *clockwork = mem_alloc(sizeof(*clockwork));
    assert(client_services(client) <= SERVICES_MAX);
    clockwork->client = client;
    clockwork->patience_ms = patience_ms;
    for (size_t s = 0; s < client_services(client); s++)
        for (size_t r = 0; r < client_replicas(client, s) && clockwork->n < REPLICAS_MAX; r++)
            clockwork->replicas[clockwork->n++] =
                (struct replica){.clockwork = clockwork, .service = s, .number = (int)r};
    if (agree(clockwork, err) < 0) {
        free(clockwork);
        return NULL;
    }
    return clockwork;
}

void clockwork_destroy(struct clockwork *clockwork)
{
    free(clockwork);
}

time_us clockwork_now(const struct clockwork *clockwork)
{
    return clockwork->now;
}

time_us clockwork_next(const struct clockwork *clockwork)
{
    return clockwork->next;
}

struct clockwork_work clockwork_work(const struct clockwork *clockwork)
{
    return clockwork->work;
}
