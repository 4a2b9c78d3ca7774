#include "runtime/journal/reader.h"

#include "base/log.h"
#include "base/metrics.h"
#include "runtime/core/lane.h"
#include "runtime/journal/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Readers pull. Each lane has one question outstanding at each source (and at times a second one
 * that asks for news as of now). Answers carry what follows the positions; what was received twice
 * is dropped by its number.
 */

struct reading {
    int lane, source, generation;
    bool fresh;
};

/* The generation of the lane that has a question outstanding; 0: none. An answer to one of before
   does not end it, or there would be one more from then on. */
static int asking[LANES_MAX][SOURCES_MAX], freshening[LANES_MAX][SOURCES_MAX];

static void take_event(struct lane *lane, int source, const struct journal_event *event)
{
    const char *from = runtime.sources[source].name;
    const struct handler *handler = runtime_handler(ON_EVENT, from, event->type, 0);
    struct slot *slot = &lane->slots[event->partition];
    if (!slot->held || event->seq <= slot->received[source]) return;
    slot->received[source] = event->seq;
    if (handler == NULL) return; /* not for us */
    /* An event of a version that is not known has no handler: it is set aside. */
    if (handler->hears->version != event->version)
        handler = runtime_handler(ON_EVENT, from, event->type, event->version);
    struct header header = {.type = event->type,
                            .version = event->version,
                            .key = event->key,
                            .time = event->at,
                            .trace = event->trace,
                            .cause = event->cause};
    struct work *m = work_create(ORIGIN_EVENT, &header, event->body);
    m->handler = handler;
    m->source = source;
    m->partition = (int)event->partition;
    m->seq = event->seq;
    queue_add(&lane->events, m);
}

static void took_all(struct lane *lane, int source, time_us as_of)
{
    alarm_gate_hear(&lane->gate, source, as_of);
}

/* Is this answer still wanted? Clears the mark that it is outstanding. */
static struct lane *end_reading(struct reading *reading)
{
    struct lane *lane = runtime.lanes[reading->lane];
    bool wanted = lane != NULL && lane->generation == reading->generation;
    int *outstanding = &(reading->fresh ? freshening : asking)[reading->lane][reading->source];
    if (*outstanding == reading->generation) *outstanding = 0;
    return wanted ? lane : NULL;
}

static void retry(void *ctx)
{
    struct lane *lane = runtime.lanes[(intptr_t)ctx];
    if (lane != NULL) reader_pull(lane);
}

static void retry_soon(int lane)
{
    static struct loop_timer timers[LANES_MAX];
    loop_timer_start(&timers[lane], 50, 0, retry, (void *)(intptr_t)lane);
}

static void ask_rested(int lane, int64_t ms)
{
    static struct loop_timer timers[LANES_MAX];
    loop_timer_start(&timers[lane], ms, 0, retry, (void *)(intptr_t)lane);
}

METRIC(unreadable, .name = "kefu_source_unreadable", .type = METRIC_GAUGE,
       .help = "1: a lane does not read a journal on, because it would skip something.",
       .labels = {"source", "lane"});

/* Absent: there is none. Told once. */
static void note_trouble(int source, int lane, text why)
{
    char *known = runtime.sources[source].trouble[lane], number[12];
    const char *name = runtime.sources[source].name;
    size_t room = sizeof(runtime.sources[source].trouble[lane]) - 1;
    why = text_cut(why, room);
    if (text_is(why, known)) return;
    text_fit(known, room + 1, why);
    snprintf(number, sizeof(number), "%d", lane);
    metric_set(&unreadable, why.len > 0, name, number);
    if (why.len > 0)
        log_error("source_unreadable", "source=%s lane=%d reason=%s", name, lane,
                  log_quoted(known));
    else
        log_info("source_readable", "source=%s lane=%d", name, lane);
}

/* The known journal id may be a prefix of the uuid: from a position. */
static bool known_journal(struct source *source, text id)
{
    if (!text_starts(id, source->journal) || id.len >= sizeof(source->journal)) return false;
    if (id.len > 0) memcpy(source->journal, id.at, id.len);
    return true;
}

static void own_events(void *ctx, const struct journal_event *const *events, size_t n,
                       time_us as_of)
{
    struct reading *reading = ctx;
    struct lane *lane = end_reading(reading);
    if (lane != NULL && as_of == JOURNAL_GONE) {
        note_trouble(reading->source, reading->lane, TEXT("events of the own journal are gone"));
        retry_soon(reading->lane);
        free(reading);
        return;
    }
    if (lane != NULL) {
        note_trouble(reading->source, reading->lane, (text){0});
        for (size_t i = 0; i < n; i++) take_event(lane, reading->source, events[i]);
        took_all(lane, reading->source, as_of);
    }
    if (runtime.lanes[reading->lane] != NULL) lane_wake(runtime.lanes[reading->lane]);
    free(reading);
}

/* A page from another service. -1 if it is not to be used. */
static int take_page(struct lane *lane, const struct reading *reading, text frame,
                     struct arena *arena)
{
    struct envelope envelope;
    struct err err;
    if (pack_scan(frame, &pack_limits_inside, &err) < 0 ||
        pack_open(frame, arena, &envelope, &err) < 0) {
        log_warn("bad_page", "source=%s reason=%s", runtime.sources[reading->source].name,
                 log_quoted(err.message));
        return -1;
    }
    if (envelope.verb != VERB_ANSWER) {
        const struct refusal *refusal = pack_read(envelope.body, &refusal_shape, arena, &err);
        if (refusal != NULL && envelope.verb == VERB_REFUSED)
            note_trouble(reading->source, reading->lane, refusal->message);
        return -1;
    }
    const struct journal_page *page = pack_read(envelope.body, &journal_page_shape, arena, &err);
    if (page == NULL) return -1;
    if (!known_journal(&runtime.sources[reading->source], page->journal)) {
        note_trouble(reading->source, reading->lane, TEXT("it is another journal than before"));
        return -1;
    }
    note_trouble(reading->source, reading->lane, (text){0});
    for (size_t i = 0; i < page->events.n; i++) {
        const struct journal_event *event = &LIST(page->events, struct journal_event)[i];
        if (event->partition >= 0 && event->partition < PARTITIONS)
            take_event(lane, reading->source, event);
    }
    took_all(lane, reading->source, page->as_of);
    return 0;
}

static void on_page(void *ctx, enum peers_status status, text frame)
{
    struct reading *reading = ctx;
    struct lane *lane = end_reading(reading);
    int bad = status == PEERS_ANSWERED ? 0 : -1;
    if (lane != NULL && status == PEERS_ANSWERED) {
        struct arena *arena = arena_create();
        bad = take_page(lane, reading, frame, arena);
        arena_destroy(arena);
    }
    int number = reading->lane;
    bool closed = status == PEERS_CLOSED;
    free(reading);
    if (runtime.lanes[number] == NULL || closed) return;
    if (bad < 0) {
        retry_soon(number);
        return;
    }
    lane_wake(runtime.lanes[number]);
}

static size_t held_positions(const struct lane *lane, int source, int64_t *partitions,
                             int64_t *after)
{
    size_t n = 0;
    for (int p = 0; p < PARTITIONS; p++) {
        if (!lane->slots[p].held) continue;
        partitions[n] = p;
        after[n++] = lane->slots[p].received[source];
    }
    return n;
}

static void ask_own(struct reading *reading, const int64_t *partitions, const int64_t *after,
                    size_t n)
{
    struct journal_ask ask = {.n = n,
                              .most = READ_MAX,
                              .wait_ms = WAIT_MS,
                              .fresh = reading->fresh,
                              .keeps = true,
                              .fn = own_events,
                              .ctx = reading};
    for (size_t i = 0; i < n; i++) {
        ask.partitions[i] = (int)partitions[i];
        ask.after[i] = after[i];
    }
    journal_serve(&ask);
}

static void ask_other(struct lane *lane, int source, struct reading *reading,
                      const int64_t *partitions, const int64_t *after, size_t n)
{
    static int64_t count;
    struct buf body = {0}, frame = {0};
    char id[80], name[80];
    snprintf(id, sizeof(id), "%s/%" PRId64, runtime.owner, ++count);
    snprintf(name, sizeof(name), "%s/%d", runtime.owner, lane->number);
    struct journal_read read = {.reader = text_of(name),
                                .partitions = {partitions, n},
                                .after = {after, n},
                                .most = READ_MAX,
                                .wait_ms = reading->fresh ? 0 : WAIT_MS,
                                .fresh = reading->fresh};
    struct header header = {.id = text_of(id), .type = TEXT("journal.read"), .version = 1};
    if (runtime.sources[source].journal[0] != '\0')
        read.journal = text_of(runtime.sources[source].journal);
    pack_write(&body, &journal_read_shape, &read);
    pack_envelope(&frame, VERB_QUERY, &header, buf_text(&body));
    peers_ask(runtime.sources[source].peers, PEERS_ANY, buf_text(&frame), header.id, WAIT_MS + 3000,
              on_page, reading);
    buf_finish(&body);
    buf_finish(&frame);
}

static void ask(struct lane *lane, int source, bool fresh)
{
    int64_t partitions[PARTITIONS], after[PARTITIONS];
    size_t n = held_positions(lane, source, partitions, after);
    if (n == 0) return;
    struct reading *reading = mem_alloc(sizeof(*reading));
    *reading = (struct reading){lane->number, source, lane->generation, fresh};
    (fresh ? freshening : asking)[lane->number][source] = lane->generation;
    if (runtime.sources[source].own)
        ask_own(reading, partitions, after, n);
    else
        ask_other(lane, source, reading, partitions, after, n);
}

void reader_pull(struct lane *lane)
{
    if (!lane->ready || runtime.draining || lane->events.n >= QUEUE_MAX ||
        lane->events.bytes >= QUEUE_BYTES_MAX)
        return;
    int64_t soonest = 0;
    for (int s = 0; s < runtime.sources_n; s++) {
        if (asking[lane->number][s] == lane->generation) continue;
        int64_t left = runtime.sources[s].own ? 0 : lane_pace_left(&lane->asks[s]);
        if (left > 0) {
            if (soonest == 0 || left < soonest) soonest = left;
            continue;
        }
        pace_note(&lane->asks[s], loop_now_ms(), runtime.settings.batch_interval_ms);
        ask(lane, s, false);
    }
    if (soonest > 0) ask_rested(lane->number, soonest);
}

void reader_freshen(struct lane *lane)
{
    if (!lane->ready || runtime.draining || lane->events.n >= QUEUE_MAX) return;
    for (int s = 0; s < runtime.sources_n; s++)
        if (freshening[lane->number][s] != lane->generation && lane->gate.as_of[s] < lane->gate.at)
            ask(lane, s, true);
}

void reader_restart(struct lane *lane)
{
    lane->generation++;
    alarm_gate_forget(&lane->gate, loop_now_ms());
    reader_pull(lane);
}
