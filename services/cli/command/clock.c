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
    .usage =
        "Show or move the test clock of all services (kefu up --test-clock). `advance` lets everything that falls due on the way\n"
        "happen at its own time; `set` jumps. Clocks never go back.",
    .examples =
        "  kefu clock\n  kefu clock advance 2h\n  kefu clock advance --to 2026-03-18T09:00:00+08:00",
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
    talk_flush(&out);
}

/* Where the clock shall go; 0 and a complaint if that is not said well. */
static time_us target_of(const struct words *words, const struct clockwork *clockwork)
{
    int64_t span;
    time_us to = 0;
    const char *word = given_to != NULL ? given_to : words->n > 1 ? words->at[1] : "";
    bool advance = strcmp(words->at[0], "advance") == 0 && given_to == NULL;
    if (advance && settings_span(text_of(word), &span))
        return clockwork_now(clockwork) + span * 1000;
    if (!talk_time(word, &to)) misuse("'%s' is not a time such as 2026-03-18T09:00:00+08:00", word);
    return to;
}

static enum exit_status move(const struct words *words, struct clockwork *clockwork)
{
    struct err err;
    const char *verb = words->n > 0 ? words->at[0] : "get";
    int bad = 0;
    if (strcmp(verb, "get") == 0) {
        bad = clockwork_settle(clockwork, &err);
    } else {
        time_us to = target_of(words, clockwork);
        if (to == 0) return STATUS_USAGE;
        if (to < clockwork_now(clockwork)) {
            err_set(&err, "the clock does not go back");
            return complain(STATUS_FAILED, &err);
        }
        bad = strcmp(verb, "set") == 0 ? clockwork_set(clockwork, to, &err)
                                       : clockwork_advance(clockwork, to, &err);
    }
    if (bad < 0) return complain(STATUS_FAILED, &err);
    print(clockwork);
    return STATUS_OK;
}

static enum exit_status clock_command(const struct words *words)
{
    static const char *const verbs[] = {"get", "set", "advance", "run"};
    struct err err = {0};
    bool known = words->n == 0;
    for (size_t i = 0; i < COUNT(verbs); i++) known = known || strcmp(words->at[0], verbs[i]) == 0;
    if (!known) return misuse("'%s' is not get, set, advance or run", words->at[0]);
    struct client *client = talk_open();
    if (client == NULL) return STATUS_UNREACHABLE;
    struct clockwork *clockwork = clockwork_create(client, common_options.timeout_ms, &err);
    enum exit_status status =
        clockwork == NULL ? complain(STATUS_FAILED, &err) : move(words, clockwork);
    client_close(client);
    clockwork_destroy(clockwork);
    return status;
}
