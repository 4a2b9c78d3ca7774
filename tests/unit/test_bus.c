/* The bus and peers over real sockets on 127.0.0.1. A frame here is "id:anything". */
#include "net/peers.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/loop.h"
#include "secure.h"
#include "test.h"

/* What the two sides saw. Each test has a process of its own, so one of these is enough. */

enum { MANY = 10000 };

static struct {
    struct bus *bus;
    struct bus_server *server;
    struct peers *peers;
    struct bus_request *kept[MANY];
    char *kept_frames[MANY];
    size_t kept_n, heard, ended, changes;
    size_t by_status[PEERS_CLOSED + 1];
    size_t wrong; /* answers that are not those of their asks */
    char answer[64];
    size_t answer_len;
    const char *welcome; /* the answer to hello that is accepted */
} saw;

static bool (*awaited)(void);
static size_t want_ended, stop_when_kept;

static void on_tick(void *ctx)
{
    const int64_t *until = ctx;
    if (awaited() || loop_now_ms() > *until) loop_stop();
}

/* Run the loop until it is so, or the time is up. */
static bool wait_for(bool (*so)(void), int64_t ms)
{
    struct loop_timer timer = {0};
    int64_t until = loop_now_ms() + ms;
    awaited = so;
    loop_timer_start(&timer, 0, 1, on_tick, &until);
    loop_run();
    loop_timer_stop(&timer);
    return so();
}

static bool never(void)
{
    return false;
}

static bool all_ended(void)
{
    return saw.ended >= want_ended;
}

static bool any_heard(void)
{
    return saw.heard > 0;
}

static bool all_ready(void)
{
    size_t ready = 0;
    for (size_t i = 0; i < peers_n(saw.peers); i++) ready += peers_ready(saw.peers, i);
    return ready > 0 && ready == peers_n(saw.peers);
}

static bool none_ready(void)
{
    return !peers_ready(saw.peers, 0);
}

/* The server's side */

static void echo(void *ctx, struct bus_request *request, text frame)
{
    (void)ctx;
    saw.heard++;
    bus_reply(request, frame);
}

static void keep(void *ctx, struct bus_request *request, text frame)
{
    (void)ctx;
    saw.heard++;
    assert(saw.kept_n < MANY);
    saw.kept_frames[saw.kept_n] = mem_string(frame);
    saw.kept[saw.kept_n++] = request;
    if (saw.kept_n == stop_when_kept) loop_stop();
}

static void reply_kept_backwards(void)
{
    while (saw.kept_n > 0) {
        saw.kept_n--;
        bus_reply(saw.kept[saw.kept_n], text_of(saw.kept_frames[saw.kept_n]));
        free(saw.kept_frames[saw.kept_n]);
    }
}

static void answer_big(void *ctx, struct bus_request *request, text frame)
{
    const size_t *size = ctx;
    char *big = mem_alloc(*size);
    memset(big, 'x', *size);
    memcpy(big, frame.at, frame.len < 8 ? frame.len : 8);
    bus_reply(request, (text){big, *size});
    free(big);
}

/* A socket that was closed a moment ago may keep its port for a moment. */
static struct bus_server *serve(const char *endpoint,
                                void (*fn)(void *, struct bus_request *, text), void *ctx)
{
    struct err err;
    struct bus_server *server = NULL;
    for (int i = 0; i < 200 && server == NULL; i++) {
        server = bus_serve(saw.bus, endpoint, fn, ctx, &err);
        if (server == NULL) wait_for(never, 20);
    }
    if (server == NULL) CHECK_STRING(err.message, "");
    assert(server != NULL);
    return server;
}

/* The client's side */

static text id_of(void *ctx, text frame)
{
    (void)ctx;
    const char *colon = frame.len == 0 ? NULL : memchr(frame.at, ':', frame.len);
    return colon == NULL ? (text){0} : (text){frame.at, (size_t)(colon - frame.at)};
}

static void on_change(void *ctx)
{
    (void)ctx;
    saw.changes++;
}

static void write_hello(void *ctx, struct buf *frame, struct buf *id)
{
    (void)ctx;
    static int n;
    buf_printf(id, "hello%d", ++n);
    buf_printf(frame, "hello%d:who are you", n);
}

static bool check_welcome(void *ctx, const char *address, text frame)
{
    (void)ctx;
    (void)address;
    text id = id_of(NULL, frame);
    return text_is((text){frame.at + id.len + 1, frame.len - id.len - 1}, saw.welcome);
}

static const struct peers_hooks plain = {.id_of = id_of, .on_change = on_change};
static const struct peers_hooks polite = {
    .id_of = id_of, .on_change = on_change, .hello = write_hello, .welcome = check_welcome};

static struct peers *peer_with(const char *spec, const struct peers_hooks *hooks)
{
    struct err err = {0};
    struct peers *peers = peers_create(saw.bus, "test", spec, hooks, &err);
    CHECK_STRING(err.message, "");
    assert(peers != NULL);
    return peers;
}

/* "static:127.0.0.1:41234,…": of servers' endpoints. */
static const char *static_spec(const char *first, const char *second)
{
    static char spec[200];
    snprintf(spec, sizeof(spec), "static:%s%s%s", first + strlen("tcp://"),
             second == NULL ? "" : ",", second == NULL ? "" : second + strlen("tcp://"));
    return spec;
}

static void on_answer(void *ctx, enum peers_status status, text frame)
{
    saw.ended++;
    saw.by_status[status]++;
    if (status != PEERS_ANSWERED) return;
    char id[32];
    snprintf(id, sizeof(id), "%zu", (size_t)(uintptr_t)ctx);
    if (!text_is(id_of(NULL, frame), id)) saw.wrong++;
    saw.answer_len = frame.len;
    snprintf(saw.answer, sizeof(saw.answer), "%.*s", TEXT_ARG(frame));
}

static size_t asked;

static void ask(int which, text body, int64_t timeout_ms)
{
    struct buf frame = {0};
    char id[32];
    snprintf(id, sizeof(id), "%zu", ++asked);
    buf_printf(&frame, "%s:", id);
    buf_add_text(&frame, body);
    peers_ask(saw.peers, which, buf_text(&frame), text_of(id), timeout_ms, on_answer,
              (void *)(uintptr_t)asked);
    buf_finish(&frame);
    want_ended = asked;
}

static enum peers_status ask_and_wait(int which, text body, int64_t timeout_ms)
{
    size_t before[PEERS_CLOSED + 1];
    memcpy(before, saw.by_status, sizeof(before));
    ask(which, body, timeout_ms);
    CHECK(wait_for(all_ended, timeout_ms + 5000));
    for (int status = 0; status <= PEERS_CLOSED; status++) {
        if (saw.by_status[status] != before[status]) return status;
    }
    return PEERS_CLOSED;
}

static void start(void (*fn)(void *, struct bus_request *, text), void *ctx)
{
    saw.bus = secure_bus();
    saw.server = serve("tcp://127.0.0.1:*", fn, ctx);
    saw.peers = peer_with(static_spec(bus_server_endpoint(saw.server), NULL), &plain);
}

static void finish(void)
{
    peers_destroy(saw.peers);
    bus_server_close(saw.server);
    bus_destroy(saw.bus);
    loop_finish();
    CHECK_INT(saw.wrong, 0);
    CHECK_INT(saw.ended, asked);
}

/* Requests and replies */

TEST(an_ask_is_answered)
{
    start(echo, NULL);
    CHECK_INT(peers_n(saw.peers), 1);
    CHECK(!peers_ready(saw.peers, 0));
    CHECK_STRING(peers_address(saw.peers, 0), bus_server_endpoint(saw.server));
    CHECK_INT(ask_and_wait(PEERS_ANY, TEXT("hello"), 3000), PEERS_ANSWERED);
    CHECK_STRING(saw.answer, "1:hello");
    CHECK_INT(ask_and_wait(0, TEXT("again"), 3000), PEERS_ANSWERED);
    CHECK_STRING(saw.answer, "2:again");
    CHECK_INT(saw.changes, 1);
    CHECK_INT(peers_open(saw.peers), 0);
    CHECK_INT(bus_server_in_flight(saw.server), 0);
    finish();
}

TEST(ten_thousand_asks_at_once)
{
    start(echo, NULL);
    for (int i = 0; i < MANY; i++) ask(PEERS_ANY, TEXT("0123456789"), 15000);
    CHECK(wait_for(all_ended, 15000));
    CHECK_INT(saw.by_status[PEERS_ANSWERED], MANY);
    CHECK_INT(bus_server_lost(saw.server), 0);
    finish();
}

static void stop(void *ctx)
{
    (void)ctx;
    loop_stop();
}

TEST(nothing_but_messages_wakes_the_loop)
{
    struct loop_timer limit = {0};
    start(keep, NULL);
    CHECK(wait_for(all_ready, 3000));
    wait_for(never, 50); /* so that nothing is on its way any more */
    for (int i = 0; i < MANY; i++) ask(PEERS_ANY, TEXT("0123456789"), 60000);
    loop_timer_start(&limit, 10000, 0, stop, NULL);
    stop_when_kept = MANY;
    loop_run(); /* without the ticks of wait_for() */
    CHECK_INT(saw.kept_n, MANY);
    loop_timer_stop(&limit);
    reply_kept_backwards();
    CHECK(wait_for(all_ended, 10000));
    finish();
}

static bool all_kept(void)
{
    return saw.kept_n == MANY;
}

TEST(ten_thousand_answers_at_once_backwards)
{
    start(keep, NULL);
    for (int i = 0; i < MANY; i++) ask(PEERS_ANY, TEXT("0123456789"), 15000);
    CHECK(wait_for(all_kept, 10000));
    CHECK_INT(bus_server_in_flight(saw.server), MANY);
    reply_kept_backwards();
    CHECK(wait_for(all_ended, 10000));
    CHECK_INT(saw.by_status[PEERS_ANSWERED], MANY);
    CHECK_INT(bus_server_lost(saw.server), 0);
    finish();
}

/* Whether a queue forms depends on the speed of libzmq's thread, hence the rounds. */
TEST(a_hint_does_not_stop_a_queue)
{
    start(echo, NULL);
    CHECK(wait_for(all_ready, 3000));
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < 5000; i++) ask(PEERS_ANY, TEXT("0123456789"), 3000);
        for (int i = 0; i < 20; i++) { /* there is room again, and the loop has not seen it yet */
            usleep(1000);
            peers_tell(saw.peers, TEXT("0:hint"));
        }
        CHECK(wait_for(all_ended, 10000));
    }
    CHECK_INT(saw.by_status[PEERS_ANSWERED], 25000);
    finish();
}

TEST(a_late_answer_is_dropped)
{
    start(keep, NULL);
    CHECK(wait_for(all_ready, 3000));
    CHECK_INT(ask_and_wait(PEERS_ANY, TEXT("slow"), 60), PEERS_TIMED_OUT);
    CHECK_INT(saw.kept_n, 1);
    ask(PEERS_ANY, TEXT("next"), 3000);
    saw.heard = 0;
    CHECK(wait_for(any_heard, 3000));
    reply_kept_backwards();
    CHECK(wait_for(all_ended, 3000));
    CHECK_STRING(saw.answer, "2:next");
    wait_for(never, 50);
    CHECK_INT(saw.ended, 2);
    finish();
}

TEST(a_dropped_request_times_out)
{
    start(keep, NULL);
    ask(PEERS_ANY, TEXT("x"), 300);
    CHECK(wait_for(any_heard, 3000));
    bus_drop(saw.kept[0]);
    free(saw.kept_frames[0]);
    CHECK(wait_for(all_ended, 3000));
    CHECK_INT(saw.by_status[PEERS_TIMED_OUT], 1);
    finish();
}

TEST(requests_may_outlive_their_server)
{
    start(keep, NULL);
    for (int i = 0; i < 3; i++) ask(PEERS_ANY, TEXT("x"), 3000);
    CHECK(wait_for(any_heard, 3000));
    wait_for(never, 50);
    bus_server_close(saw.server);
    saw.server = NULL;
    reply_kept_backwards();
    CHECK(wait_for(all_ended, 1500)); /* at once, not when their time is up */
    CHECK_INT(saw.by_status[PEERS_UNREACHABLE], 3);
    finish();
}

TEST(sizes)
{
    start(echo, NULL);
    char *big = mem_alloc(2 << 20);
    memset(big, 'b', 2 << 20);
    CHECK_INT(ask_and_wait(PEERS_ANY, (text){big, 300 << 10}, 5000), PEERS_ANSWERED);
    CHECK_INT(saw.answer_len, (300 << 10) + 2);
    CHECK_INT(ask_and_wait(PEERS_ANY, (text){big, 2 << 20}, 5000), PEERS_UNREACHABLE); /* cut off */
    CHECK_INT(ask_and_wait(PEERS_ANY, TEXT("small"), 5000), PEERS_ANSWERED);
    free(big);
    finish();
}

TEST(a_big_answer_arrives)
{
    size_t size = 8 << 20;
    start(answer_big, &size);
    CHECK_INT(ask_and_wait(PEERS_ANY, TEXT("......"), 10000), PEERS_ANSWERED);
    CHECK_INT(saw.answer_len, size);
    finish();
}

TEST(a_port_in_use_is_an_error)
{
    struct err err = {0};
    start(echo, NULL);
    CHECK(bus_serve(saw.bus, bus_server_endpoint(saw.server), echo, NULL, &err) == NULL);
    CHECK_HAS(text_of(err.message), "cannot listen on tcp://127.0.0.1:");
    finish();
}

/* Losing and finding servers */

static void ask_again(void *ctx, enum peers_status status, text frame)
{
    on_answer(ctx, status, frame);
    if (status == PEERS_UNREACHABLE && asked < 5) ask(PEERS_ANY, TEXT("again"), 8000);
}

TEST(a_server_that_restarts_is_found_again)
{
    start(keep, NULL);
    char endpoint[100];
    snprintf(endpoint, sizeof(endpoint), "%s", bus_server_endpoint(saw.server));
    asked = 1;
    peers_ask(saw.peers, PEERS_ANY, TEXT("1:x"), TEXT("1"), 8000, ask_again, (void *)1);
    CHECK(wait_for(any_heard, 3000));
    bus_server_close(saw.server);
    CHECK(wait_for(none_ready, 3000));
    wait_for(never, 300);
    CHECK_INT(saw.by_status[PEERS_UNREACHABLE], 1);
    saw.server = serve(endpoint, echo, NULL);
    want_ended = 2;
    CHECK(wait_for(all_ended, 8000));
    CHECK_STRING(saw.answer, "2:again");
    bus_drop(saw.kept[0]);
    free(saw.kept_frames[0]);
    finish();
}

static const char nonsense_http[] =
    "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nno messages are spoken here\r\n";
/* A peer that insists on a mechanism we do not speak: libzmq never tries again after this. */
static const char other_mechanism[64] = "\xFF\0\0\0\0\0\0\0\0\x7F\x03\0PLAIN";

static struct {
    int listener;
    int accepted[64];
    size_t n;
    text says;
    bool hangs_up;
} stranger;

static void accept_strangely(void *ctx)
{
    (void)ctx;
    int fd = accept4(stranger.listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0) return;
    if (stranger.says.len > 0 && send(fd, stranger.says.at, stranger.says.len, MSG_NOSIGNAL) < 0)
        perror("send");
    if (stranger.hangs_up || stranger.n == COUNT(stranger.accepted)) {
        close(fd);
    } else {
        stranger.accepted[stranger.n++] = fd;
    }
}

/* A port of its own; returns its address. */
static const char *listen_strangely(void)
{
    static char endpoint[64];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int on = 1;
    stranger.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(stranger.listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    CHECK_INT(bind(stranger.listener, (struct sockaddr *)&address, size), 0);
    CHECK_INT(getsockname(stranger.listener, (struct sockaddr *)&address, &size), 0);
    CHECK_INT(listen(stranger.listener, 16), 0);
    snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%d", ntohs(address.sin_port));
    return endpoint;
}

static void recover_from_stranger(text says, bool hangs_up)
{
    struct loop_timer timer = {0};
    stranger.says = says;
    stranger.hangs_up = hangs_up;
    saw.bus = secure_bus();
    const char *endpoint = listen_strangely();
    saw.peers = peer_with(static_spec(endpoint, NULL), &plain);
    loop_timer_start(&timer, 1, 1, accept_strangely, NULL);
    CHECK_INT(ask_and_wait(PEERS_ANY, TEXT("x"), 600), PEERS_UNREACHABLE);
    loop_timer_stop(&timer);
    close(stranger.listener);
    while (stranger.n > 0) close(stranger.accepted[--stranger.n]);
    saw.server = serve(endpoint, echo, NULL);
    CHECK_INT(ask_and_wait(PEERS_ANY, TEXT("x"), 10000), PEERS_ANSWERED);
    finish();
}

TEST(a_client_recovers_from_a_web_server)
{
    recover_from_stranger((text){nonsense_http, sizeof(nonsense_http) - 1}, false);
}

TEST(a_client_recovers_from_another_mechanism)
{
    recover_from_stranger((text){other_mechanism, sizeof(other_mechanism)}, false);
}

TEST(a_client_recovers_from_a_silent_server)
{
    recover_from_stranger((text){0}, false);
}

TEST(a_client_recovers_from_a_server_that_hangs_up)
{
    recover_from_stranger((text){0}, true);
}

TEST(nobody_there)
{
    saw.bus = secure_bus();
    const char *endpoint = listen_strangely();
    close(stranger.listener);
    saw.peers = peer_with(static_spec(endpoint, NULL), &plain);
    CHECK_INT(ask_and_wait(PEERS_ANY, TEXT("x"), 200), PEERS_UNREACHABLE);
    CHECK_INT(ask_and_wait(0, TEXT("x"), 60000), PEERS_UNREACHABLE); /* at once */
    CHECK_INT(ask_and_wait(7, TEXT("x"), 60000), PEERS_UNREACHABLE);
    ask(PEERS_ANY, TEXT("waits"), 10000);
    wait_for(never, 300);
    saw.server = serve(endpoint, echo, NULL);
    CHECK(wait_for(all_ended, 10000));
    CHECK_STRING(saw.answer, "4:waits");
    finish();
}

TEST(a_dead_address_disturbs_nobody)
{
    saw.bus = secure_bus();
    saw.server = serve("tcp://127.0.0.1:*", echo, NULL);
    const char *dead = listen_strangely();
    close(stranger.listener);
    saw.peers = peer_with(static_spec(dead, bus_server_endpoint(saw.server)), &plain);
    CHECK_INT(peers_n(saw.peers), 2);
    for (int i = 0; i < 20; i++)
        CHECK_INT(ask_and_wait(PEERS_ANY, TEXT("x"), 3000), PEERS_ANSWERED);
    CHECK(!peers_ready(saw.peers, 0));
    CHECK(peers_ready(saw.peers, 1));
    CHECK_INT(ask_and_wait(0, TEXT("x"), 3000), PEERS_UNREACHABLE);
    finish();
}

static size_t heard_by[2];

static void count(void *ctx, struct bus_request *request, text frame)
{
    ++*(size_t *)ctx;
    bus_reply(request, frame);
}

TEST(asks_are_spread_and_move_to_who_is_left)
{
    saw.bus = secure_bus();
    saw.server = serve("tcp://127.0.0.1:*", count, &heard_by[0]);
    struct bus_server *other = serve("tcp://127.0.0.1:*", count, &heard_by[1]);
    saw.peers =
        peer_with(static_spec(bus_server_endpoint(saw.server), bus_server_endpoint(other)), &plain);
    CHECK(wait_for(all_ready, 3000));
    for (int i = 0; i < 20; i++)
        CHECK_INT(ask_and_wait(PEERS_ANY, TEXT("x"), 3000), PEERS_ANSWERED);
    CHECK_INT(heard_by[0], 10);
    CHECK_INT(heard_by[1], 10);
    bus_server_close(saw.server);
    saw.server = other;
    CHECK(wait_for(none_ready, 3000));
    for (int i = 0; i < 20; i++)
        CHECK_INT(ask_and_wait(PEERS_ANY, TEXT("x"), 3000), PEERS_ANSWERED);
    CHECK_INT(heard_by[1], 30);
    finish();
}

TEST(specs)
{
    static const struct row {
        const char *spec, *want;
    } rows[] = {
        {"", "neither tcp://"},
        {"routing:7102", "neither tcp://"},
        {"tcp://routing", "is not host:port"},
        {"tcp://:7102", "is not host:port"},
        {"tcp://routing:0", "no port"},
        {"tcp://routing:65536", "no port"},
        {"tcp://a/b:7102", "is not host:port"},
        {"static:", "no address"},
        {"static:127.0.0.1", "is not host:port"},
        {"static:localhost:7102", "is not an IPv4 number"},
        {"static:127.0.0.1:7102,x", "is not host:port"},
    };
    saw.bus = secure_bus();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err err = {0};
        test_row(rows[i].spec);
        CHECK(peers_create(saw.bus, "test", rows[i].spec, &plain, &err) == NULL);
        CHECK_HAS(text_of(err.message), rows[i].want);
    }
    test_row(NULL);
    finish();
}

/* Hello */

TEST(a_peer_is_ready_after_hello)
{
    saw.bus = secure_bus();
    saw.server = serve("tcp://127.0.0.1:*", echo, NULL);
    saw.peers = peer_with(static_spec(bus_server_endpoint(saw.server), NULL), &polite);
    saw.welcome = "who are you";
    CHECK_INT(ask_and_wait(PEERS_ANY, TEXT("x"), 3000), PEERS_ANSWERED);
    CHECK_INT(saw.heard, 2);
    finish();
}

TEST(a_stranger_is_not_asked)
{
    saw.bus = secure_bus();
    saw.server = serve("tcp://127.0.0.1:*", echo, NULL);
    saw.peers = peer_with(static_spec(bus_server_endpoint(saw.server), NULL), &polite);
    saw.welcome = "somebody else";
    CHECK_INT(ask_and_wait(PEERS_ANY, TEXT("x"), 500), PEERS_UNREACHABLE);
    CHECK(!peers_ready(saw.peers, 0));
    CHECK_INT(saw.heard, 1);
    saw.welcome = "who are you";
    CHECK_INT(ask_and_wait(PEERS_ANY, TEXT("x"), 9000), PEERS_ANSWERED);
    finish();
}

/* Ends */

TEST(open_asks_end_with_the_peers)
{
    start(keep, NULL);
    CHECK(wait_for(all_ready, 3000));
    for (int i = 0; i < 400; i++) ask(PEERS_ANY, TEXT("x"), 60000);
    peers_destroy(saw.peers);
    saw.peers = NULL;
    CHECK_INT(saw.by_status[PEERS_CLOSED], 400);
    CHECK_INT(saw.ended, 400);
    wait_for(never, 50);
    while (saw.kept_n > 0) free(saw.kept_frames[--saw.kept_n]), bus_drop(saw.kept[saw.kept_n]);
    finish();
}

static void destroy_all(void *ctx, enum peers_status status, text frame)
{
    on_answer(ctx, status, frame);
    peers_destroy(saw.peers);
    bus_server_close(saw.server);
    bus_destroy(saw.bus);
    saw.peers = NULL;
    saw.server = NULL;
    saw.bus = NULL;
}

TEST(everything_may_end_inside_an_answer)
{
    start(echo, NULL);
    asked = want_ended = 2;
    peers_ask(saw.peers, PEERS_ANY, TEXT("1:x"), TEXT("1"), 3000, destroy_all, (void *)1);
    peers_ask(saw.peers, PEERS_ANY, TEXT("2:x"), TEXT("2"), 3000, on_answer, (void *)2);
    CHECK(wait_for(all_ended, 3000));
    CHECK_INT(saw.by_status[PEERS_ANSWERED], 1);
    CHECK_INT(saw.by_status[PEERS_CLOSED], 1);
    finish();
}

/* Publishing */

static struct bus_publisher *publisher;
static char heard_topics[200];
static size_t published;

static void publish_last(void *ctx)
{
    (void)ctx;
    saw.heard++;
    CHECK(bus_publish_last_begin(publisher));
    bus_publish_last(publisher, TEXT("queue/a"), TEXT("last"));
    bus_publish_last(publisher, TEXT("other"), TEXT("unwanted"));
    bus_publish_last_end(publisher, true);
    CHECK(!bus_publish_last_begin(publisher));
}

static void on_published(void *ctx, text topic, text frame)
{
    (void)ctx;
    size_t len = strlen(heard_topics);
    snprintf(heard_topics + len, sizeof(heard_topics) - len, "%.*s=%.*s ", TEXT_ARG(topic),
             TEXT_ARG(frame));
    published++;
}

static bool published_all(void)
{
    return published >= want_ended;
}

TEST(subscribers_hear_last_values_and_news)
{
    struct err err = {0};
    saw.bus = secure_bus();
    publisher = bus_publish_open(saw.bus, "tcp://127.0.0.1:*", publish_last, NULL, &err);
    CHECK_STRING(err.message, "");
    bus_publish(publisher, TEXT("queue/a"), TEXT("to nobody"));
    struct bus_subscription *first = bus_subscribe(saw.bus, bus_publish_endpoint(publisher), "test",
                                                   TEXT("queue/"), on_published, NULL, &err);
    want_ended = 1;
    CHECK(wait_for(published_all, 3000));
    bus_publish(publisher, TEXT("other"), TEXT("unwanted"));
    bus_publish(publisher, TEXT("queue/b"), TEXT("news"));
    want_ended = 2;
    CHECK(wait_for(published_all, 3000));
    CHECK_STRING(heard_topics, "queue/a=last queue/b=news ");
    /* An equal subscription of another client is seen as well, and the last values are for it
       alone. */
    struct bus_subscription *second = bus_subscribe(
        saw.bus, bus_publish_endpoint(publisher), "test", TEXT("queue/"), on_published, NULL, &err);
    want_ended = 3;
    CHECK(wait_for(published_all, 3000));
    wait_for(never, 100);
    CHECK_INT(published, 3);
    CHECK_INT(saw.heard, 2);
    bus_unsubscribe(first);
    bus_unsubscribe(second);
    bus_publish_close(publisher);
    want_ended = 0;
    finish();
}

TEST(a_subscriber_survives_its_publisher)
{
    struct err err = {0};
    char endpoint[100];
    saw.bus = secure_bus();
    publisher = bus_publish_open(saw.bus, "tcp://127.0.0.1:*", publish_last, NULL, &err);
    snprintf(endpoint, sizeof(endpoint), "%s", bus_publish_endpoint(publisher));
    struct bus_subscription *subscription =
        bus_subscribe(saw.bus, endpoint, "test", TEXT("queue/"), on_published, NULL, &err);
    want_ended = 1;
    CHECK(wait_for(published_all, 3000));
    bus_publish_close(publisher);
    wait_for(never, 200);
    publisher = NULL;
    for (int i = 0; i < 200 && publisher == NULL; i++) {
        publisher = bus_publish_open(saw.bus, endpoint, publish_last, NULL, &err);
        if (publisher == NULL) wait_for(never, 20);
    }
    want_ended = 2;
    CHECK(wait_for(published_all, 8000));
    bus_unsubscribe(subscription);
    bus_publish_close(publisher);
    want_ended = 0;
    finish();
}
