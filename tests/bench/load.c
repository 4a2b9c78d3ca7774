/*
 * The load generator: sends commands to one service and measures the answers, which come after
 * commit.
 *
 *   load burst ADDRESS MESSAGE COUNT WINDOW        as fast as it goes, at most WINDOW unanswered
 *   load idle  ADDRESS MESSAGE COUNT GAP_MS        one at a time, with a gap between
 *   load paced ADDRESS MESSAGE COUNT PER_SECOND [FEED]
 *       sent on a timetable, whether or not answers come (open loop); every time is measured
 *       from the moment the timetable says. With FEED (a topic's prefix and the publisher's
 *       address, such as held/=tcp://127.0.0.1:7116) it also measures when the sum of the counts
 *       under that prefix has grown by 1, 2, 3 …: when the nth ticket stands on the feed.
 *
 * MESSAGE is contact.record (600 bytes, one ticket each) or probe.say. Prints one line of JSON;
 * fails if one is refused.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "net/bus.h"
#include "intake.msg.h"
#include "base/loop.h"
#include "data/pack.h"
#include "probe.msg.h"
#include "reporting.msg.h"

enum {
    FRAME_BYTES = 600,
    RETRY_MS = 20,
    PATIENCE_MS = 30000,
    TOPICS = 512,
    WARM_UP_MS = 300,
    CUSTOMERS = 5000
};

struct topic_count {
    char name[64];
    int64_t count;
};

static struct {
    const struct shape *shape;
    struct bus_link *link;
    struct bus_subscription *feed;
    struct arena *arena, *reading;
    struct buf body, frame;
    struct loop_timer timer, patience;
    char prefix[40]; /* of the ids: new ones in each run */
    int64_t count, window, gap_ms, per_second;
    int64_t sent, answered, again, shown, shown_before, marked;
    int64_t *begun, *ended, *on_feed; /* by number, nanoseconds */
    int64_t first, last;
    struct topic_count topics[TOPICS];
    size_t topics_n;
    bool started;
} load;

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static void end_badly(const char *why, text more)
{
    fprintf(stderr, "load: %s %.*s\n", why, TEXT_ARG(more));
    exit(1);
}

/* --- what is sent --- */

/* All customers are invented: numbered names, phones of a range that nobody has. They come back
   with the same details. */
static const void *make_contact(int64_t n, size_t filler)
{
    static const char *const kinds[] = {"inquiry", "repair", "suggestion", "inquiry"};
    static const char *const topics[] = {"fee", "leak", "service", "handover"};
    struct contact_item *item = ARENA_NEW(load.arena, struct contact_item);
    struct contact_record *m = ARENA_NEW(load.arena, struct contact_record);
    char *words = arena_alloc(load.arena, filler + 1);
    int64_t customer = n % CUSTOMERS;
    memset(words, 'w', filler);
    *item = (struct contact_item){
        .kind = text_of(kinds[n % 4]), .topic = text_of(topics[n % 4]), .words = {words, filler}};
    if (n % 4 == 2) item->category = TEXT("service");
    *m = (struct contact_record){
        .source = TEXT("bench"), .channel = TEXT("call"), .items = {item, 1}, .locale = TEXT("en")};
    m->source_id = arena_printf(load.arena, "%s/%lld", load.prefix, (long long)n);
    m->customer_name = arena_printf(load.arena, "Customer %lld", (long long)customer);
    m->phone = arena_printf(load.arena, "+99000%08lld", (long long)customer);
    m->email = arena_printf(load.arena, "customer-%lld@example.com", (long long)customer);
    m->address = arena_printf(load.arena, "Building %lld, unit %lld", (long long)(customer % 40),
                              (long long)(customer % 900));
    return m;
}

static const void *make_say(int64_t n, size_t filler)
{
    struct probe_say *m = ARENA_NEW(load.arena, struct probe_say);
    char *words = arena_alloc(load.arena, filler + 1);
    memset(words, 'w', filler);
    m->key = arena_printf(load.arena, "%s/%lld", load.prefix, (long long)n);
    m->n = n + 1;
    m->note = (text){words, filler};
    return m;
}

static void write_frame(int64_t n, size_t filler)
{
    struct header header = {.id = arena_printf(load.arena, "%s/%lld", load.prefix, (long long)n),
                            .type = text_of(load.shape->name),
                            .version = load.shape->version};
    bool contact = load.shape == &contact_record_shape;
    buf_clear(&load.body);
    buf_clear(&load.frame);
    pack_write(&load.body, load.shape, contact ? make_contact(n, filler) : make_say(n, filler));
    pack_envelope(&load.frame, VERB_COMMAND, &header, buf_text(&load.body));
    arena_reset(load.arena);
}

/* False if the connection takes no more now. Frames are alike but for the digits of their numbers:
   the words seldom change their length. */
static bool send(int64_t n)
{
    static size_t filler = 1;
    write_frame(n, filler);
    if (load.frame.len != FRAME_BYTES) {
        write_frame(n, 1);
        filler = load.frame.len < FRAME_BYTES ? FRAME_BYTES - load.frame.len - 1 : 1;
        write_frame(n, filler);
    }
    return bus_link_send(load.link, buf_text(&load.frame));
}

/* --- when --- */

static void finish(void)
{
    loop_stop();
}

static bool time_to_send(int64_t now, int64_t *begun)
{
    *begun = now;
    if (load.sent == load.count) return false;
    if (load.per_second == 0) return load.sent - load.answered < load.window;
    *begun = load.first + load.sent * INT64_C(1000000000) / load.per_second;
    return *begun <= now;
}

static void send_more(void *ctx)
{
    int64_t begun;
    (void)ctx;
    if (!load.started) return;
    while (time_to_send(now_ns(), &begun) && send(load.sent)) load.begun[load.sent++] = begun;
}

static void start(void *ctx)
{
    (void)ctx;
    load.first = now_ns();
    load.started = true;
    load.shown_before = load.shown;
    if (load.per_second > 0) loop_timer_start(&load.timer, 1, 1, send_more, NULL);
    send_more(NULL);
}

static void on_up(void *ctx)
{
    (void)ctx;
    if (!load.started) loop_timer_start(&load.timer, WARM_UP_MS, 0, start, NULL);
}

static void give_up(void *ctx)
{
    (void)ctx;
    end_badly(
        "no answer for half a minute; answered",
        arena_printf(load.arena, "%lld of %lld", (long long)load.answered, (long long)load.sent));
}

static void finish_if_done(void)
{
    bool all_shown = load.feed == NULL || load.shown - load.shown_before >= load.count;
    loop_timer_start(&load.patience, PATIENCE_MS, 0, give_up, NULL);
    if (load.answered == load.count && all_shown) finish();
}

/* --- what comes back --- */

struct again {
    struct loop_timer timer;
    int64_t n;
};

static void send_again(void *ctx)
{
    struct again *again = ctx;
    if (send(again->n))
        free(again);
    else
        loop_timer_start(&again->timer, RETRY_MS, 0, send_again, again);
}

static int64_t number_of(text id)
{
    int64_t n = -1;
    text rest = id;
    text prefix = text_take(&rest, '/');
    if (!text_is(prefix, load.prefix) || !text_to_int(rest, &n) || n < 0 || n >= load.sent)
        return -1;
    return n;
}

static void on_frame(void *ctx, text frame)
{
    struct envelope envelope;
    struct err err;
    (void)ctx;
    arena_reset(load.reading);
    if (pack_scan(frame, &pack_limits_inside, &err) < 0 ||
        pack_open(frame, load.reading, &envelope, &err) < 0)
        end_badly("malformed answer:", text_of(err.message));
    int64_t n = number_of(envelope.header.id);
    if (n < 0 || load.ended[n] != 0) return;
    if (envelope.verb == VERB_RETRY) {
        struct again *again = mem_alloc(sizeof(*again));
        again->n = n;
        load.again++;
        send_again(again);
        return;
    }
    if (envelope.verb != VERB_ANSWER) {
        const struct refusal *refusal =
            pack_read(envelope.body, &refusal_shape, load.reading, &err);
        end_badly("refused:", refusal == NULL ? text_of(err.message) : refusal->message);
    }
    load.last = load.ended[n] = now_ns();
    load.answered++;
    finish_if_done();
    if (load.gap_ms > 0)
        loop_timer_start(&load.timer, load.gap_ms, 0, send_more, NULL);
    else
        send_more(NULL);
}

/* --- the feed --- */

static struct topic_count *find_topic(text name)
{
    for (size_t i = 0; i < load.topics_n; i++)
        if (text_is(name, load.topics[i].name)) return &load.topics[i];
    if (load.topics_n == TOPICS) end_badly("too many topics under the prefix:", name);
    struct topic_count *topic = &load.topics[load.topics_n++];
    snprintf(topic->name, sizeof(topic->name), "%.*s", TEXT_ARG(name));
    return topic;
}

static void on_published(void *ctx, text name, text frame)
{
    const struct feed_entry *entry = NULL;
    struct err err;
    (void)ctx;
    arena_reset(load.reading);
    if (pack_scan(frame, &pack_limits_inside, &err) == 0)
        entry = pack_read(frame, &feed_entry_shape, load.reading, &err);
    if (entry == NULL) end_badly("malformed entry of the feed:", text_of(err.message));
    struct topic_count *topic = find_topic(name);
    load.shown += entry->count - topic->count;
    topic->count = entry->count;
    while (load.started && load.marked < load.count && load.marked < load.shown - load.shown_before)
        load.on_feed[load.marked++] = now_ns();
    if (load.started) finish_if_done();
}

static void open_feed(struct bus *bus, const char *spec)
{
    struct err err;
    text rest = text_of(spec);
    text prefix = text_take(&rest, '=');
    load.feed = bus_subscribe(bus, rest.at, "reporting", prefix, on_published, NULL, &err);
    if (load.feed == NULL) end_badly("feed:", text_of(err.message));
}

/* --- the report --- */

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* Times in milliseconds, from what began to what ended. */
static void print_times(const char *name, const int64_t *ended)
{
    int64_t *times = mem_alloc(sizeof(*times) * (size_t)load.count);
    double sum = 0;
    for (int64_t i = 0; i < load.count; i++) {
        times[i] = ended[i] - load.begun[i];
        sum += (double)times[i];
    }
    qsort(times, (size_t)load.count, sizeof(*times), compare);
    printf(
        ", \"%s\": {\"mean\": %.4f, \"p50\": %.4f, \"p90\": %.4f, \"p99\": %.4f, \"most\": %.4f}",
        name, sum / (double)load.count / 1e6, (double)times[load.count / 2] / 1e6,
        (double)times[load.count * 9 / 10] / 1e6, (double)times[load.count * 99 / 100] / 1e6,
        (double)times[load.count - 1] / 1e6);
    free(times);
}

static void report(void)
{
    double seconds = (double)(load.last - load.first) / 1e9;
    printf(
        "{\"count\": %lld, \"seconds\": %.6f, \"rate\": %.2f, \"again\": %lld, \"began_s\": %.6f,"
        " \"frame_bytes\": %zu",
        (long long)load.count, seconds, (double)load.count / seconds, (long long)load.again,
        (double)load.first / 1e9, load.frame.len);
    print_times("answer_ms", load.ended);
    if (load.feed != NULL) print_times("feed_ms", load.on_feed);
    printf("}\n");
}

static bool read_arguments(int argc, char **argv)
{
    int64_t last;
    if (argc < 6 || argc > 7) return false;
    load.shape = strcmp(argv[3], "probe.say") == 0 ? &probe_say_shape : &contact_record_shape;
    if (!text_to_int(text_of(argv[4]), &load.count) || load.count < 1) return false;
    if (!text_to_int(text_of(argv[5]), &last) || last < 1) return false;
    load.window = strcmp(argv[1], "burst") == 0 ? last : 1;
    load.gap_ms = strcmp(argv[1], "idle") == 0 ? last : 0;
    load.per_second = strcmp(argv[1], "paced") == 0 ? last : 0;
    return argc == 6 || load.per_second > 0;
}

int main(int argc, char **argv)
{
    struct bus_link_hooks hooks = {.on_up = on_up, .on_writable = send_more, .on_frame = on_frame};
    struct err err;
    if (!read_arguments(argc, argv)) {
        fprintf(stderr,
                "usage: KEFU_KEYS=DIR load burst|idle|paced ADDRESS contact.record|probe.say COUNT"
                " WINDOW|GAP_MS|PER_SECOND [PREFIX=FEED]\n");
        return 2;
    }
    load.arena = arena_create();
    load.reading = arena_create();
    load.begun = mem_alloc(sizeof(int64_t) * (size_t)load.count * 3);
    load.ended = load.begun + load.count;
    load.on_feed = load.ended + load.count;
    snprintf(load.prefix, sizeof(load.prefix), "load-%d-%lld", getpid(), (long long)now_ns());
    const char *dir = getenv("KEFU_KEYS");
    struct keys *keys = keys_open(dir == NULL ? "." : dir, "operator", &err);
    if (keys == NULL) end_badly("", text_of(err.message));
    struct bus *bus = bus_create(keys);
    if (argc == 7) open_feed(bus, argv[6]);
    load.link = bus_link_open(bus, argv[2], load.shape->service, &hooks, &err);
    if (load.link == NULL) end_badly("", text_of(err.message));
    finish_if_done();
    loop_run();
    report();
    return 0;
}
