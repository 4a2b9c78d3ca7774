#include "feed_socket.h"

#include "net/bus.h"
#include "base/loop.h"
#include "base/log.h"
#include "base/metrics.h"
#include "data/pack.h"
#include "reporting.msg.h"
#include "reporting_rows.msg.h"
#include "db/sql.h"
#include "store.h"
#include "db/pg_queue.h"
#include "runtime/api/service.h"

#include <string.h>

enum {
    POLL_MS = 250,  /* floor */
    EAGER_MS = 10,  /* after a hint: look so often … */
    EAGER_FOR = 20, /* … so many times */
    OWN_MS = 2000,  /* who appended to the feed so lately knows when to look */
    TOPIC_MAX = 199 /* bus.h */
};

METRIC(published, .name = "kefu_feed_published_total", .type = METRIC_COUNTER,
       .help = "Feed entries published.");

static const char *endpoint;
const struct setting feed_settings[] = {
    {"feed-endpoint", SETTING_ENDPOINT, &endpoint, "tcp://127.0.0.1:7206", 1, 200,
     "Where the feed is published."},
};
const size_t feed_settings_n = COUNT(feed_settings);

static struct {
    struct workline *line;
    struct bus_publisher *publisher;
    struct loop_timer timer;
    struct sql *head, *tail, *last;
    struct arena *arena; /* of one look */
    struct pg *pg;
    bool looking;
    bool again;   /* the look under way may have begun too early */
    bool started; /* `cursor` is known */
    int64_t cursor;
    int eager;
    bool grows;       /* by the transaction under way */
    int64_t grown_ms; /* when one of this process last did */
    bool telling;     /* last values, to new subscribers */
    int results[2];
} feed;

static void look(void);

static void on_timer(void *ctx)
{
    (void)ctx;
    look();
}

static void look_later(void)
{
    int64_t wait = feed.eager > 0 ? EAGER_MS : POLL_MS;
    if (feed.eager > 0) feed.eager--;
    loop_timer_start(&feed.timer, wait, 0, on_timer, NULL);
}

/* --- what was found --- */

static void publish_row(const struct feed_row *row,
                        void (*publish)(struct bus_publisher *, text topic, text frame))
{
    struct buf frame = {0};
    struct feed_entry entry = {row->seq, row->topic, row->value, row->count,
                               row->of,  row->p50,   row->p90,   row->at};
    if (row->topic.len > TOPIC_MAX) return;
    pack_write(&frame, &feed_entry_shape, &entry);
    publish(feed.publisher, row->topic, buf_text(&frame));
    buf_finish(&frame);
    metric_add(&published, 1);
}

static int read_result(int i, struct sql *sql, struct list *out, struct err *err)
{
    return sql_read(sql, pg_result(feed.pg, feed.results[i]), feed.arena, out, err);
}

static int take_head(struct err *err)
{
    struct list rows;
    if (read_result(0, feed.head, &rows, err) < 0) return -1;
    feed.cursor = rows.n > 0 ? LIST(rows, struct feed_state_row)[0].head : 0;
    feed.started = true;
    return 0;
}

static int take_news(struct err *err)
{
    struct list news, last = {0};
    if (read_result(0, feed.tail, &news, err) < 0) return -1;
    if (feed.telling && read_result(1, feed.last, &last, err) < 0) return -1;
    for (size_t i = 0; i < last.n; i++)
        publish_row(&LIST(last, struct feed_row)[i], bus_publish_last);
    for (size_t i = 0; i < news.n; i++) publish_row(&LIST(news, struct feed_row)[i], bus_publish);
    if (news.n > 0) feed.cursor = LIST(news, struct feed_row)[news.n - 1].seq;
    if (news.n == FEED_PAGE && feed.eager == 0) feed.eager = 1; /* more waits */
    return 0;
}

static void feed_looked(void *ctx, const struct pg_trip *trip)
{
    struct err err = {0};
    (void)ctx;
    int bad = 0;
    if (trip->outcome == PG_OK)
        bad = feed.started ? take_news(&err) : take_head(&err);
    else if (!trip->lost)
        bad = err_set(&err, "%s", trip->message);
    if (bad < 0) log_warn("feed_not_read", "reason=%s", log_quoted(err.message));
    if (feed.telling) bus_publish_last_end(feed.publisher, trip->outcome == PG_OK && bad == 0);
    feed.telling = false;
    arena_reset(feed.arena);
    feed.looking = false;
    workline_next(feed.line);
    if (feed.again && trip->outcome == PG_OK)
        look();
    else
        look_later();
}

/* --- looking --- */

/* One statement for the head, or for what follows the cursor; a second one for new subscribers, of
   what lies before it. Together they need no transaction: a value is published again by the tail if
   it has changed meanwhile. */
static void start_look(void *ctx, struct pg *pg)
{
    struct feed_read ask = {.after = feed.cursor};
    (void)ctx;
    feed.pg = pg;
    if (!feed.started) {
        feed.results[0] = sql_add_keys(pg, feed.head, NULL, 0, NULL);
    } else {
        feed.telling = bus_publish_last_begin(feed.publisher);
        feed.results[0] = sql_add_keys(pg, feed.tail, NULL, 0, &ask);
        if (feed.telling) feed.results[1] = sql_add_keys(pg, feed.last, NULL, 0, &ask);
    }
    pg_run(pg, feed_looked, NULL);
}

static void look(void)
{
    if (feed.looking || feed.line == NULL) return;
    feed.looking = true;
    feed.again = false;
    loop_timer_stop(&feed.timer);
    workline_add(feed.line, start_look, NULL);
}

static void on_subscribe(void *ctx)
{
    (void)ctx;
    look();
}

void feed_hint(void)
{
    if (feed.line == NULL) return; /* no socket: a test, or the process stops */
    if (loop_now_ms() < feed.grown_ms + OWN_MS) return;
    bool soon =
        feed.eager > 0; /* the timer runs already: set anew by every hint it would never fire */
    feed.eager = EAGER_FOR;
    if (!feed.looking && !soon) loop_timer_start(&feed.timer, EAGER_MS, 0, on_timer, NULL);
}

void feed_grows(void)
{
    feed.grows = true;
}

void feed_committed(void)
{
    if (!feed.grows) return;
    feed.grows = false;
    feed.grown_ms = loop_now_ms();
    feed.again = feed.looking;
    look();
}

/* --- life --- */

void feed_start(void)
{
    struct err err;
    feed.arena = arena_create();
    feed.head = sql_compile(&feed_head, NULL);
    feed.tail = sql_compile(&feed_tail, &feed_read_shape);
    feed.last = sql_compile(&feed_last, &feed_read_shape);
    feed.publisher = bus_publish_open(service_bus(), endpoint, on_subscribe, NULL, &err);
    if (feed.publisher == NULL)
        fatal("is another replica on this host? set feed-endpoint", "feed-endpoint: %s",
              err.message);
    log_info("feed_open", "endpoint=%s", bus_publish_endpoint(feed.publisher));
    feed.line = service_workline();
    look();
}

void feed_stop(void)
{
    loop_timer_stop(&feed.timer);
    workline_destroy(feed.line);
    feed.line = NULL;
    bus_publish_close(feed.publisher);
    feed.publisher = NULL;
    arena_destroy(feed.arena);
    feed.arena = NULL;
}
