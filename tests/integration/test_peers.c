/* Replicas come and go behind a name. The name server is this file: getaddrinfo() below answers
   what a test sets. */
#include "net/peers.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/loop.h"
#include "secure.h"
#include "test.h"

enum { REPLICAS = 3 };

/* Asked from libuv's threads, set from the loop's. */
static struct {
    _Atomic int failure; /* EAI_… */
    _Atomic bool named[REPLICAS];
    _Atomic int lookups;
} names;

static const char *const hosts[REPLICAS] = {"127.0.0.2", "127.0.0.3", "127.0.0.4"};

static struct addrinfo *new_info(const char *host)
{
    struct {
        struct addrinfo info;
        struct sockaddr_in address;
    } *both = mem_alloc(sizeof(*both));
    both->address.sin_family = AF_INET;
    inet_pton(AF_INET, host, &both->address.sin_addr);
    both->info = (struct addrinfo){.ai_family = AF_INET,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_addr = (struct sockaddr *)&both->address,
                                   .ai_addrlen = sizeof(both->address)};
    return &both->info;
}

int getaddrinfo(const char *host, const char *port, const struct addrinfo *hints,
                struct addrinfo **out)
{
    (void)port;
    (void)hints;
    *out = NULL;
    struct in_addr number;
    if (inet_pton(AF_INET, host, &number) == 1)
        return *out = new_info(host), 0; /* libzmq asks too */
    if (strcmp(host, "replicas.test") != 0) return EAI_NONAME;
    names.lookups++;
    if (names.failure != 0) return names.failure;
    for (int i = 0; i < REPLICAS; i++) {
        if (!names.named[i]) continue;
        struct addrinfo *info = new_info(hosts[i]);
        info->ai_next = *out;
        *out = info;
    }
    return *out == NULL ? EAI_NONAME : 0;
}

void freeaddrinfo(struct addrinfo *info)
{
    while (info != NULL) {
        struct addrinfo *next = info->ai_next;
        free(info);
        info = next;
    }
}

static struct bus *bus;
static struct bus_server *servers[REPLICAS];
static size_t heard[REPLICAS];
static struct peers *peers;
static size_t asked, answered, ended, changes;
static char port[8] = "*";

static void count(void *ctx, struct bus_request *request, text frame)
{
    ++*(size_t *)ctx;
    bus_reply(request, frame);
}

static void start_replica(int i)
{
    char endpoint[64];
    struct err err = {0};
    snprintf(endpoint, sizeof(endpoint), "tcp://%s:%s", hosts[i], port);
    servers[i] = bus_serve(bus, endpoint, count, &heard[i], &err);
    CHECK_STRING(err.message, "");
    assert(servers[i] != NULL);
    snprintf(port, sizeof(port), "%s", strrchr(bus_server_endpoint(servers[i]), ':') + 1);
}

static text whole_frame(void *ctx, text frame)
{
    (void)ctx;
    return frame;
}

static void on_change(void *ctx)
{
    (void)ctx;
    changes++;
}

static void on_answer(void *ctx, enum peers_status status, text frame)
{
    (void)ctx;
    (void)frame;
    ended++;
    answered += status == PEERS_ANSWERED;
}

static void ask(int64_t timeout_ms)
{
    char id[32];
    snprintf(id, sizeof(id), "%zu", ++asked);
    peers_ask(peers, PEERS_ANY, text_of(id), text_of(id), timeout_ms, on_answer, NULL);
}

static bool (*awaited)(void);
static int64_t give_up_at;
static size_t want;

static void on_tick(void *ctx)
{
    (void)ctx;
    if (awaited() || loop_now_ms() > give_up_at) loop_stop();
}

static bool wait_for(bool (*so)(void), int64_t ms)
{
    struct loop_timer timer = {0};
    awaited = so;
    give_up_at = loop_now_ms() + ms;
    loop_timer_start(&timer, 0, 1, on_tick, NULL);
    loop_run();
    loop_timer_stop(&timer);
    return so();
}

static bool all_ended(void)
{
    return ended == asked;
}

static bool as_many_ready(void)
{
    size_t ready = 0;
    for (size_t i = 0; i < peers_n(peers); i++) ready += peers_ready(peers, i);
    return ready == want;
}

static bool as_many_known(void)
{
    return peers_n(peers) == want;
}

static bool as_many_lookups(void)
{
    return (size_t)names.lookups >= want;
}

static void start(void)
{
    static const struct peers_hooks hooks = {.id_of = whole_frame, .on_change = on_change};
    char spec[64];
    struct err err = {0};
    bus = secure_bus();
    start_replica(0);
    start_replica(1);
    names.named[0] = names.named[1] = true;
    snprintf(spec, sizeof(spec), "tcp://replicas.test:%s", port);
    peers = peers_create(bus, "test", spec, &hooks, &err);
    CHECK_STRING(err.message, "");
}

static void finish(void)
{
    peers_destroy(peers);
    for (int i = 0; i < REPLICAS; i++) bus_server_close(servers[i]);
    bus_destroy(bus);
    loop_finish();
}

TEST(all_replicas_of_a_name_are_used)
{
    start();
    CHECK_INT(peers_n(peers), 0);
    ask(5000); /* waits for the look-up */
    CHECK(wait_for(all_ended, 5000));
    want = 2;
    CHECK(wait_for(as_many_ready, 5000));
    for (int i = 0; i < 20; i++) ask(5000);
    CHECK(wait_for(all_ended, 5000));
    CHECK_INT(answered, 21);
    CHECK(heard[0] >= 10 && heard[1] >= 10);
    finish();
}

static bool both_heard(void)
{
    return heard[0] > 0 && heard[1] > 0;
}

TEST(all_replicas_are_told)
{
    start();
    want = 2;
    CHECK(wait_for(as_many_ready, 5000));
    peers_tell(peers, TEXT("look"));
    CHECK(wait_for(both_heard, 3000));
    CHECK_INT(heard[0] + heard[1], 2); /* and what they answer all the same is dropped */
    finish();
}

TEST(a_new_replica_is_found_and_a_dead_one_dropped)
{
    start();
    want = 2;
    CHECK(wait_for(as_many_ready, 5000));
    start_replica(2);
    names.named[2] = true;
    want = 3;
    CHECK(wait_for(as_many_ready, 5000));
    bus_server_close(servers[0]);
    servers[0] = NULL;
    names.named[0] = false;
    want = 2;
    CHECK(wait_for(as_many_ready, 2000));
    CHECK_INT(peers_n(peers), 3); /* one look-up without it proves nothing */
    CHECK(wait_for(as_many_known, 12000));
    for (int i = 0; i < 20; i++) ask(5000);
    CHECK(wait_for(all_ended, 5000));
    CHECK_INT(answered, 20);
    CHECK(heard[2] == 10);
    CHECK(changes >= 6);
    finish();
}

TEST(a_broken_name_server_drops_nobody)
{
    start();
    want = 2;
    CHECK(wait_for(as_many_ready, 5000));
    names.failure = EAI_AGAIN;
    want = (size_t)names.lookups + 4;
    CHECK(wait_for(as_many_lookups, 12000));
    CHECK_INT(peers_n(peers), 2);
    ask(5000);
    CHECK(wait_for(all_ended, 5000));
    CHECK_INT(answered, 1);
    finish();
}

TEST(a_name_server_that_forgets_drops_nobody_who_answers)
{
    start();
    want = 2;
    CHECK(wait_for(as_many_ready, 5000));
    names.failure = EAI_NONAME;
    want = (size_t)names.lookups + 5;
    CHECK(wait_for(as_many_lookups, 15000));
    CHECK_INT(peers_n(peers), 2);
    want = 2;
    CHECK(as_many_ready());
    finish();
}

TEST(a_name_may_be_nobodys_at_first)
{
    names.failure = EAI_NONAME;
    start();
    ask(10000);
    want = 1;
    CHECK(wait_for(as_many_lookups, 5000));
    names.failure = 0;
    CHECK(wait_for(all_ended, 10000));
    CHECK_INT(answered, 1);
    finish();
}
