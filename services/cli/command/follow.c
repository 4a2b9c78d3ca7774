#include "commands.h"

#include "net/bus.h"
#include "data/json.h"
#include "base/loop.h"
#include "data/pack.h"
#include "reporting.msg.h"
#include "cli/client/console.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

static enum exit_status follow(const struct words *words);

static int64_t given_for_ms, given_after;

static const struct option options[] = {
    {"for", OPTION_SPAN, &given_for_ms, "SPAN", "stop after so long; left out: until interrupted"},
    {"after", OPTION_INT, &given_after, "SEQ",
     "resume behind this position; left out: a snapshot first"},
};

const struct command command_follow = {
    .name = "follow",
    .args = "[PREFIX]",
    .most = 1,
    .usage = "The feed for dashboards: a snapshot of every topic, then each change. What the"
             " subscription misses is read from reporting\n"
             "by its number, so there is no gap and nothing twice.",
    .examples =
        "  kefu follow\n  kefu follow tickets/repair/ --json\n  kefu follow --after 1234 --for 10s",
    .options = options,
    .options_n = COUNT(options),
    .exec = follow};

enum { CATCH_UP_MS = 500, PAGE = 500 };

static struct {
    struct client *client;
    int service;
    text prefix;
    int64_t seq; /* everything up to it is printed */
    bool asking, again, over;
    struct loop_timer catch_up, end;
    enum exit_status status;
} self;

static void print(const struct feed_entry *entry)
{
    struct buf out = {0};
    if (common_options.json) {
        json_write(&out, &feed_entry_shape, entry);
    } else {
        json_add_time(&out, entry->at);
        buf_printf(&out, " %8lld  %-40s %lld", (long long)entry->seq, entry->topic.at,
                   (long long)entry->count);
        if (entry->of.given) buf_printf(&out, " of %lld", (long long)entry->of.is);
        if (entry->value.given) buf_printf(&out, " (%g)", entry->value.is);
    }
    buf_add_char(&out, '\n');
    if (terminal_print(&out) < 0) loop_stop();
}

static void ask(void *ctx);

static void answered(void *ctx, const struct reply *reply)
{
    const struct feed_page *page = reply->body;
    (void)ctx;
    self.asking = false;
    if (self.over) return; /* nobody waits for it any more */
    if (reply->kind != REPLY_ANSWERED) {
        self.status = talk_complain(reply);
        self.over = true;
        loop_stop();
        return;
    }
    for (size_t i = 0; i < page->entries.n; i++) {
        const struct feed_entry *entry = &LIST(page->entries, struct feed_entry)[i];
        if (page->reset || entry->seq > self.seq) print(entry);
    }
    bool more = !page->reset && page->entries.n > 0 &&
                LIST(page->entries, struct feed_entry)[page->entries.n - 1].seq < page->seq &&
                page->entries.n >= PAGE;
    if (more)
        self.seq = LIST(page->entries, struct feed_entry)[page->entries.n - 1].seq;
    else if (page->seq > self.seq)
        self.seq = page->seq;
    if (more || self.again) ask(NULL);
}

/* Everything behind `seq`; with 0 a snapshot. */
static void ask(void *ctx)
{
    struct feed_read read = {.after = self.seq, .prefix = self.prefix, .limit = given_int(PAGE)};
    (void)ctx;
    self.again = self.asking;
    if (self.asking) return;
    self.asking = true;
    client_ask(self.client,
               &(struct question){.shape = &feed_read_shape,
                                  .body = &read,
                                  .service = self.service,
                                  .replica = ANY_REPLICA,
                                  .patience_ms = common_options.timeout_ms},
               answered, NULL);
}

/* A subscription is only a hint: it may miss something, repeats last values and knows nothing of
   order over replicas. */
static void hear(void *ctx, text topic, text frame)
{
    struct arena *arena = arena_create();
    struct err err;
    (void)ctx, (void)topic;
    const struct feed_entry *entry = NULL;
    if (pack_scan(frame, &pack_limits_inside, &err) == 0)
        entry = pack_read(frame, &feed_entry_shape, arena, &err);
    if (entry != NULL && entry->seq > self.seq) ask(NULL);
    arena_destroy(arena);
}

static void end(void *ctx)
{
    (void)ctx;
    self.over = true;
    loop_stop();
}

static const char *feed_of(const struct run_file *run)
{
    for (size_t i = 0; i < run->children.n; i++)
        if (LIST(run->children, struct run_child)[i].feed.len > 0)
            return LIST(run->children, struct run_child)[i].feed.at;
    return "";
}

static enum exit_status listen_until_end(void)
{
    struct err err;
    struct bus_subscription *feed =
        bus_subscribe(client_bus(self.client), feed_of(client_run(self.client)), "reporting",
                      self.prefix, hear, NULL, &err);
    if (feed == NULL) return complain(STATUS_FAILED, &err);
    loop_on_signal(SIGINT, end, NULL);
    loop_on_signal(SIGTERM, end, NULL);
    if (given_for_ms > 0) loop_timer_start(&self.end, given_for_ms, 0, end, NULL);
    loop_timer_start(&self.catch_up, CATCH_UP_MS, CATCH_UP_MS, ask, NULL);
    ask(NULL);
    while (!self.over) loop_run();
    loop_timer_stop(&self.catch_up);
    loop_timer_stop(&self.end);
    bus_unsubscribe(feed);
    return self.status;
}

static enum exit_status follow(const struct words *words)
{
    self.prefix = words->n > 0 ? text_of(words->at[0]) : (text){0};
    self.seq = given_after;
    self.client = talk_open();
    if (self.client == NULL) return STATUS_UNREACHABLE;
    self.service = talk_service(self.client, "reporting");
    enum exit_status status = self.service < 0 ? STATUS_UNREACHABLE : listen_until_end();
    client_close(self.client);
    return status;
}
