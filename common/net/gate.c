#include "net/gate.h"

#include "base/arena.h"
#include "base/bucket.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/metrics.h"

#include <signal.h>
#include <string.h>
#include <stdlib.h>

enum { LOOK_MS = 500, BUCKETS = 64, BUSY_SAID_MS = 1000 };
enum { REFUSALS_RATE = 1000, REFUSALS_BURST = 5000 }; /* of one client; a second, at once */

#define POWERS (ROLE_OPERATOR | ROLE_GATEWAY) /* may ask everything, in anybody's name */
#define UNLIMITED (POWERS | ROLE_SERVICE)     /* known to behave */
#define RULE "ORG-69"                         /* the permission matrix */

METRIC(refused, .name = "kefu_requests_refused_total", .type = METRIC_COUNTER,
       .help = "Requests that their sender may not make.", .labels = {"why"});
METRIC(limited, .name = "kefu_requests_limited_total", .type = METRIC_COUNTER,
       .help = "Requests beyond a limit of their sender.", .labels = {"limit", "client"});
METRIC(open_now, .name = "kefu_requests_open", .type = METRIC_GAUGE,
       .help = "Requests not yet answered, whatever they wait for.");
METRIC(open_bytes_now, .name = "kefu_requests_open_bytes", .type = METRIC_GAUGE,
       .help = "Bytes of the requests not yet answered.");
METRIC(reloads, .name = "kefu_keys_reloads_total", .type = METRIC_COUNTER,
       .help = "Times that the list of keys was read.", .labels = {"result"});

struct room {
    int64_t n, bytes; /* of requests that were admitted and are not answered */
};

/* One for each name that ever asked: there are no more names than the lists had. */
struct client {
    struct client *next;
    char *name;
    const char *role;
    unsigned roles, rights;
    text sources;
    int64_t in_flight;
    struct room open;
    struct bucket requests, refusals;
    int64_t said_ms;
};

struct word {
    struct word *next;
    char *word;
};

static struct {
    struct bus *bus;
    struct keys *keys;
    const struct gate_limits *limits;
    struct loop_timer timer;
    struct client *buckets[BUCKETS];
    struct word *words; /* the sources of clients */
    struct room open;
} gate;

/* A request that has entered. */
struct visit {
    struct client *client;
    struct room open; /* what it takes up, once admitted */
};

static const char *highest_of(unsigned roles)
{
    if (roles & ROLE_OPERATOR) return "operator";
    if (roles & ROLE_GATEWAY) return "gateway";
    if (roles & ROLE_SERVICE) return "service";
    return roles & ROLE_PUBLISHER ? "publisher" : "subscriber";
}

/* The words of old lists stay: messages that are under way point to them. */
static text keep_word(const char *word)
{
    struct word **at = &gate.words;
    while (*at != NULL && strcmp((*at)->word, word) != 0) at = &(*at)->next;
    if (*at == NULL) {
        *at = mem_alloc(sizeof(**at));
        **at = (struct word){NULL, mem_string(text_of(word))};
    }
    return text_of((*at)->word);
}

static struct client *client_of(const struct keys_client *known)
{
    text name = text_of(known->name);
    struct client **bucket = &gate.buckets[text_hash(name) % BUCKETS], *client = *bucket;
    while (client != NULL && !text_is(name, client->name)) client = client->next;
    if (client == NULL) {
        client = mem_alloc(sizeof(*client));
        *client = (struct client){.next = *bucket, .name = mem_string(name)};
        *bucket = client;
    }
    client->roles = known->roles;
    client->role = highest_of(known->roles);
    client->rights = known->roles & UNLIMITED ? RIGHTS_ALL : known->rights;
    if (!text_is(client->sources, known->sources)) client->sources = keep_word(known->sources);
    return client;
}

/* --- coming in --- */

static void take_room(struct room *room, int64_t n, int64_t bytes)
{
    room->n += n;
    room->bytes += bytes;
}

static void count_open(struct client *client, int64_t n, int64_t bytes)
{
    take_room(&client->open, n, bytes);
    take_room(&gate.open, n, bytes);
    metric_set(&open_now, (double)gate.open.n);
    metric_set(&open_bytes_now, (double)gate.open.bytes);
}

static void leave(void *tag)
{
    struct visit *visit = tag;
    visit->client->in_flight--;
    count_open(visit->client, -visit->open.n, -visit->open.bytes);
    free(visit);
}

static struct client *visitor(const struct bus_request *request)
{
    return ((struct visit *)bus_request_tagged(request))->client;
}

/* A line for each refusal, without what was asked. */
static int refuse(const char *name, const struct header *header, const char *why,
                  const struct err *err)
{
    metric_add(&refused, 1, why);
    log_warn("refused", "client=%s type=%s why=%s rule=%s id=%s", log_quoted(name),
             log_text(header->type), why, err->rule, log_text(header->id));
    return -1;
}

static void note_limit(struct client *client, const char *which)
{
    metric_add(&limited, 1, which, client->name);
    if (loop_now_ms() - client->said_ms < BUSY_SAID_MS) return;
    client->said_ms = loop_now_ms();
    log_warn("limited", "client=%s limit=%s", log_quoted(client->name), log_quoted(which));
}

static enum gate_verdict limit(struct client *client, size_t bytes, struct err *err)
{
    const struct gate_limits *limits = gate.limits;
    const char *which = NULL;
    enum gate_verdict verdict = GATE_BUSY;
    if ((int64_t)bytes > limits->bytes) {
        verdict = GATE_REFUSED;
        which = "size";
        err_set(err, "a message of %s has at most %lld bytes", client->name,
                (long long)limits->bytes);
    } else if (client->in_flight >= limits->in_flight) {
        which = "in flight";
        err_set(err, "%s has %lld messages in flight: wait for answers", client->name,
                (long long)client->in_flight);
    } else if (!bucket_take(&client->requests, (double)limits->rate, (double)limits->rate,
                            loop_now_ms())) {
        which = "rate";
        err_set(err, "%s sends more than %lld messages a second", client->name,
                (long long)limits->rate);
    }
    if (which == NULL) return GATE_OPEN;
    note_limit(client, which);
    return verdict;
}

int64_t gate_open_requests(void)
{
    return gate.open.n;
}

/* Would `more` on top of what a client has open still be within what is left? */
static bool has_room(int64_t max, int64_t all, int64_t own, int64_t more)
{
    return own + more <= max - all;
}

int gate_admit(struct bus_request *request, size_t bytes, struct err *err)
{
    struct visit *visit = bus_request_tagged(request);
    struct client *client = visit->client;
    const struct gate_limits *limits = gate.limits;
    if (!has_room(limits->open, gate.open.n, client->open.n, 1) ||
        !has_room(limits->open_bytes, gate.open.bytes, client->open.bytes, (int64_t)bytes)) {
        note_limit(client, "open");
        return err_set(err,
                       "too much waits here already: %lld requests, %lld bytes; of %s %lld, %lld",
                       (long long)gate.open.n, (long long)gate.open.bytes, client->name,
                       (long long)client->open.n, (long long)client->open.bytes);
    }
    visit->open = (struct room){1, (int64_t)bytes};
    count_open(client, 1, (int64_t)bytes);
    return 0;
}

enum gate_verdict gate_enter(struct bus_request *request, const struct header *header, size_t bytes,
                             struct err *err)
{
    const struct keys_client *known = keys_find(gate.keys, bus_request_user(request));
    if (known == NULL) {
        err_field(err, NULL, RULE, "this key is not known any more");
        refuse("", header, "key", err);
        return GATE_REFUSED;
    }
    struct client *client = client_of(known);
    enum gate_verdict verdict = client->roles & UNLIMITED ? GATE_OPEN : limit(client, bytes, err);
    if (verdict != GATE_OPEN) return verdict;
    client->in_flight++;
    struct visit *visit = mem_alloc(sizeof(*visit));
    visit->client = client;
    bus_request_tag(request, visit, leave);
    return GATE_OPEN;
}

void gate_note_refusal(struct bus_request *request)
{
    const struct keys_client *known = keys_find(gate.keys, bus_request_user(request));
    if (known == NULL) return; /* its connection ends with the next look at the list */
    struct client *client = client_of(known);
    int64_t owed = bucket_owe(&client->refusals, REFUSALS_BURST, REFUSALS_RATE, loop_now_ms());
    if (owed == 0) return;
    metric_add(&limited, 1, "refusals", client->name);
    bus_request_defer(request, owed);
}

/* --- asking --- */

int gate_allow(const struct bus_request *request, const struct header *header,
               const struct shape *shape, struct err *err)
{
    const struct client *client = visitor(request);
    if (client->roles & POWERS) return 0;
    if (!(client->roles & shape->roles)) {
        err_field(err, "type", RULE, "a key of role %s may not ask %s", client->role, shape->name);
        return refuse(client->name, header, "role", err);
    }
    if (header->actor.len > 0) {
        err_field(err, "actor", RULE, "a key of role %s acts for nobody else", client->role);
        return refuse(client->name, header, "actor", err);
    }
    return 0;
}

int gate_allow_body(const struct bus_request *request, const struct header *header,
                    const struct shape *shape, const void *body, struct err *err)
{
    const struct client *client = visitor(request);
    const struct field *field = shape_field(shape, TEXT("source"));
    if ((client->roles & POWERS) || !(client->roles & ROLE_PUBLISHER) || field == NULL) return 0;
    const struct keys_client *known = keys_find(gate.keys, bus_request_user(request));
    text source = shape_text(field, body);
    if (known != NULL && keys_has_source(known, source)) return 0;
    err_field(err, "source", RULE, "%s does not speak for this source", client->name);
    return refuse(client->name, header, "source", err);
}

text gate_name(const struct bus_request *request)
{
    return text_of(visitor(request)->name);
}

text gate_role(const struct bus_request *request)
{
    return text_of(visitor(request)->role);
}

unsigned gate_rights(const struct bus_request *request)
{
    return visitor(request)->rights;
}

text gate_sources(const struct bus_request *request)
{
    return visitor(request)->sources;
}

/* --- the list --- */

static void look(bool always)
{
    enum keys_news news;
    struct err err;
    if (keys_reload(gate.keys, always, &news, &err) < 0) {
        metric_add(&reloads, 1, "broken");
        log_error("keys_broken", "reason=%s kept=old", log_quoted(err.message));
        return;
    }
    if (news == KEYS_SAME) return;
    metric_add(&reloads, 1, "read");
    log_info("keys_read", "revoked=%d", news == KEYS_REVOKED);
    if (news == KEYS_REVOKED) bus_recheck(gate.bus);
}

static void look_on(void *ctx)
{
    (void)ctx;
    look(false);
}

static void on_hangup(void *ctx)
{
    (void)ctx;
    look(true);
}

void gate_start(struct bus *bus, struct keys *keys, const struct gate_limits *limits)
{
    gate.bus = bus;
    gate.keys = keys;
    gate.limits = limits;
    loop_on_signal(SIGHUP, on_hangup, NULL);
    loop_timer_start(&gate.timer, LOOK_MS, LOOK_MS, look_on, NULL);
}

/* Clients stay: requests may still end. */
void gate_stop(void)
{
    loop_timer_stop(&gate.timer);
}
