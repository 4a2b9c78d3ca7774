#include "commands.h"

#include "cli/world/world_clock.h"
#include "data/json.h"
#include "base/settings.h"
#include "cli/client/console.h"

#include <stdio.h>
#include <string.h>

static enum exit_status clock_command(const struct words *words);

static const char *given_to;

static const struct option options[] = {
    {"to", OPTION_TEXT, &given_to, "TIME", "where `advance` and `run` end"},
};

const struct command command_clock = {
    .name = "clock",
    .args = "[get] | set TIME | advance SPAN | advance --to TIME | run --to TIME",
    .least = 0,
    .most = 2,
    .usage = "Show or move the test clock of all services (kefu up --test-clock). `advance` lets"
             " everything that falls due on the way\n"
             "happen at its own time; `set` jumps. Clocks never go back.",
    .examples = "  kefu clock\n  kefu clock advance 2h\n  kefu clock advance --to"
                " 2026-03-18T09:00:00+08:00",
    .options = options,
    .options_n = COUNT(options),
    .exec = clock_command};

static void print(const struct clockwork *clockwork)
{
    struct buf out = {0};
    time_us next = clockwork_next(clockwork);
    buf_printf(&out, common_options.json ? "{\"now\":\"" : "now: ");
    json_add_time(&out, clockwork_now(clockwork));
    if (next != 0) {
        buf_printf(&out, common_options.json ? "\",\"next_alarm\":\"" : "\nnext alarm: ");
        json_add_time(&out, next);
    }
    struct clockwork_work work = clockwork_work(clockwork);
    if (common_options.json)
        buf_printf(&out, "\",\"steps\":%lld,\"looks\":%lld}", (long long)work.steps,
                   (long long)work.looks);
    else if (work.steps > 0)
        buf_printf(&out, "\nsteps: %lld", (long long)work.steps);
    buf_add_char(&out, '\n');
    (void)terminal_print(&out);
}

/* The change asked of the clock. */
struct wish {
    enum { CLOCK_GET, CLOCK_SET, CLOCK_ADVANCE, CLOCK_RUN } verb;
    time_us to;      /* there, */
    int64_t span_ms; /* or so far, if `to` is 0 */
};

static enum exit_status read_target(const char *word, struct wish *wish)
{
    bool by_span = wish->verb == CLOCK_ADVANCE;
    if (by_span && settings_span(text_of(word), &wish->span_ms) && wish->span_ms <= TIME_END / 1000)
        return STATUS_OK;
    if (talk_time(word, &wish->to)) return STATUS_OK;
    return misuse("'%s' is no %sTIME such as 2026-03-18T09:00:00+08:00", word,
                  by_span ? "SPAN such as 2h, and no " : "");
}

static enum exit_status read_wish(const struct words *words, struct wish *wish)
{
    static const char *const verbs[] = {"get", "set", "advance", "run"};
    const char *verb = words->n > 0 ? words->at[0] : "get";
    const char *word = words->n > 1 ? words->at[1] : given_to;
    *wish = (struct wish){0};
    for (size_t i = 0; i < COUNT(verbs); i++)
        if (strcmp(verb, verbs[i]) == 0) wish->verb = i;
    if (strcmp(verb, verbs[wish->verb]) != 0)
        return misuse("'%s' is not get, set, advance or run", verb);
    if (wish->verb == CLOCK_GET && word != NULL) return misuse("get takes no '%s'", word);
    if (wish->verb == CLOCK_GET) return STATUS_OK;
    if (word == NULL || (words->n > 1 && given_to != NULL))
        return misuse("%s takes one TIME%s", verb, wish->verb == CLOCK_ADVANCE ? " or SPAN" : "");
    return read_target(word, wish);
}

static enum exit_status move(const struct wish *wish, struct clockwork *clockwork)
{
    struct err err;
    int bad = 0;
    time_us to =
        wish->to != 0 ? wish->to : time_add(clockwork_now(clockwork), wish->span_ms * 1000);
    if (wish->verb != CLOCK_GET && to < clockwork_now(clockwork)) {
        err_set(&err, "the clock does not go back");
        return complain(STATUS_FAILED, &err);
    }
    if (wish->verb == CLOCK_GET)
        bad = clockwork_settle(clockwork, &err);
    else if (wish->verb == CLOCK_SET)
        bad = clockwork_set(clockwork, to, &err);
    else
        bad = clockwork_advance(clockwork, to, &err);
    if (bad < 0) return complain(STATUS_FAILED, &err);
    print(clockwork);
    return STATUS_OK;
}

static enum exit_status clock_command(const struct words *words)
{
    struct err err = {0};
    struct wish wish;
    enum exit_status status = read_wish(words, &wish);
    if (status != STATUS_OK) return status;
    struct client *client = talk_open();
    if (client == NULL) return STATUS_UNREACHABLE;
    struct clockwork *clockwork = clockwork_create(client, common_options.timeout_ms, &err);
    status = clockwork == NULL ? complain(STATUS_FAILED, &err) : move(&wish, clockwork);
    client_close(client);
    clockwork_destroy(clockwork);
    return status;
}
