#include "commands.h"

#include "data/json.h"
#include "runtime.msg.h"
#include "cli/client/console.h"
#include "cli/client/fields.h"

#include <stdio.h>
#include <string.h>

static enum exit_status status_command(const struct words *words);

const struct command command_status = {
    .name = "status",
    .most = 0,
    .usage = "What runs: replicas, lanes connected to the database, partitions, lag, alarms,"
             " dead letters, memory, the clock.\n"
             "deploy/runbook.md says how to read it.",
    .examples = "  kefu status\n  kefu status --json",
    .exec = status_command};

enum { PATIENCE_MS = 2000 };

struct sums {
    size_t up;
    int64_t partitions, waiting, messages, behind_ms;
    bool careful;
};

static struct sums add_up(const struct runtime_status_view *view)
{
    struct sums sums = {0};
    for (size_t i = 0; i < view->lanes.n; i++) {
        const struct lane_status *lane = &LIST(view->lanes, struct lane_status)[i];
        sums.up += lane->up;
        sums.partitions += lane->partitions;
        sums.waiting += lane->waiting;
        sums.messages += lane->messages;
        sums.careful = sums.careful || lane->careful;
    }
    for (size_t i = 0; i < view->sources.n; i++) {
        const struct source_status *source = &LIST(view->sources, struct source_status)[i];
        if (source->behind_ms > sums.behind_ms) sums.behind_ms = source->behind_ms;
    }
    return sums;
}

static void print_row(struct buf *out, const struct runtime_status_view *view)
{
    struct sums sums = add_up(view);
    buf_printf(
        out, "%-26s %3zu/%zu %10lld %8lld %9lld %6lldms %7lld %5lld %7lld %7lld %6lldMB  v%lld%s\n",
        view->instance.at, sums.up, view->lanes.n, (long long)sums.partitions,
        (long long)sums.waiting, (long long)sums.messages, (long long)sums.behind_ms,
        (long long)view->alarms, (long long)view->dead, (long long)view->parked,
        (long long)view->lateness_p99_ms, (long long)view->memory_kb / 1024,
        (long long)view->policy, sums.careful ? " careful" : "");
    for (size_t i = 0; i < view->lanes.n; i++) {
        const struct lane_status *lane = &LIST(view->lanes, struct lane_status)[i];
        if (lane->trouble.len > 0)
            buf_printf(out, "%-26s lane %lld failed %lld times in a row and tries again: %s\n",
                       view->instance.at, (long long)lane->lane, (long long)lane->failures,
                       lane->trouble.at);
    }
    for (size_t i = 0; i < view->sources.n; i++) {
        const struct source_status *source = &LIST(view->sources, struct source_status)[i];
        if (source->trouble.len > 0)
            buf_printf(out, "%-26s does not read %s: %s\n", view->instance.at, source->source.at,
                       source->trouble.at);
    }
}

static struct reply ask(struct client *client, size_t service, size_t replica,
                        const struct shape *shape, const void *body, struct arena *arena)
{
    struct question question = {.shape = shape,
                                .body = body,
                                .service = (int)service,
                                .replica = (int)replica,
                                .patience_ms = PATIENCE_MS};
    return client_call(client, &question, arena);
}

/* Nothing about its status: it is gone, or what it would have to ask its database about is, or this
   key may not know. */
static void print_silence(struct buf *out, struct client *client, size_t service, size_t replica,
                          const struct reply *hello, const struct reply *status)
{
    const char *name = client_service_name(client, service);
    const char *address = client_address(client, service, replica);
    bool up = hello->kind == REPLY_ANSWERED;
    if (common_options.json)
        buf_printf(out, "{\"service\":\"%s\",\"up\":%s}\n", name, up ? "true" : "false");
    else if (!up)
        buf_printf(out, "%-26s does not answer at %s\n", name, address);
    else if (status->kind == REPLY_REFUSED)
        buf_printf(out, "%-26s refuses: %s\n", name, status->err.message);
    else
        buf_printf(out, "%-26s answers at %s, but its database does not\n", name, address);
}

/* One replica; false if it does not tell. */
static bool show(struct client *client, size_t service, size_t replica, struct buf *out,
                 time_us *clock)
{
    struct runtime_hello hello = {text_of(client_service_name(client, service))};
    struct runtime_status status = {0};
    struct arena *arena = arena_create();
    struct reply greeting = ask(client, service, replica, &runtime_hello_shape, &hello, arena);
    struct reply reply = greeting;
    if (greeting.kind == REPLY_ANSWERED)
        reply = ask(client, service, replica, &runtime_status_shape, &status, arena);
    bool told = greeting.kind == REPLY_ANSWERED && reply.kind == REPLY_ANSWERED;
    const struct runtime_status_view *view = told ? reply.body : NULL;
    if (view == NULL) {
        print_silence(out, client, service, replica, &greeting, &reply);
    } else if (common_options.json) {
        json_write(out, &runtime_status_view_shape, view);
        buf_add_char(out, '\n');
    } else {
        print_row(out, view);
    }
    if (view != NULL && view->test_clock && view->now > *clock) *clock = view->now;
    arena_destroy(arena);
    return view != NULL;
}

static enum exit_status status_command(const struct words *words)
{
    struct buf out = {0}, table = {0};
    time_us clock = 0;
    bool all = true;
    (void)words;
    struct client *client = talk_open();
    if (client == NULL) return STATUS_UNREACHABLE;
    if (!common_options.json)
        buf_printf(&table, "%-26s %5s %10s %8s %9s %8s %7s %5s %7s %7s %8s  policy\n", "replica",
                   "lanes", "partitions", "waiting", "handled", "behind", "alarms", "dead",
                   "parked", "late ms", "memory");
    for (size_t s = 0; s < client_services(client); s++)
        for (size_t r = 0; r < client_replicas(client, s); r++)
            all = show(client, s, r, &table, &clock) && all;
    if (clock != 0 && !common_options.json) { /* while time stands still the numbers mean less */
        talk_add_test_clock(&out, clock);
        buf_add_text(&out, TEXT("\n\n"));
    }
    buf_add_text(&out, buf_text(&table));
    buf_finish(&table);
    (void)terminal_print(&out);
    client_close(client);
    return all ? STATUS_OK : STATUS_UNREACHABLE;
}
