#include "commands.h"

#include "cli/client/each.h"
#include "runtime.msg.h"

#include <string.h>

static enum exit_status dead(const struct words *words);

static const char *given_service, *given_reason = "discarded by the operator";
static int64_t given_number;

static const struct option options[] = {
    {"service", OPTION_TEXT, &given_service, "NAME", "whose (of retry and discard: needed)"},
    {"reason", OPTION_TEXT, &given_reason, "WORDS", "why it is given up; goes into the log"},
    {"number", OPTION_INT, &given_number, "N", "which is given up, as `list` shows it under dead"},
};

const struct command command_dead = {
    .name = "dead",
    .args = "list | retry KEY | discard KEY",
    .least = 1,
    .most = 2,
    .usage = "Messages that could not be handled, and those of the same key that wait behind them.",
    .examples = "  kefu dead list\n  kefu dead retry 260318000000001 --service routing\n"
                "  kefu dead discard 260318000000001 --service routing --number 12",
    .options = options,
    .options_n = COUNT(options),
    .exec = dead};

static enum exit_status ask_service(struct client *client, const char *verb, const char *key,
                                    int service)
{
    struct dead_retry retry = {text_of(key)};
    struct dead_discard discard = {
        text_of(key), text_of(given_reason), {given_number, given_number > 0}};
    bool again = strcmp(verb, "retry") == 0;
    enum exit_status status = STATUS_OK;
    struct err err;
    struct arena *arena = arena_create();
    const struct dead_done *done =
        talk_call(client,
                  (struct question){.shape = again ? &dead_retry_shape : &dead_discard_shape,
                                    .replica = ANY_REPLICA,
                                    .body = again ? (const void *)&retry : &discard,
                                    .actor = TEXT("operator"),
                                    .service = service},
                  arena, &status);
    if (done != NULL) talk_print(&dead_done_shape, done);
    if (done != NULL && again && done->messages == 0) {
        err_set(&err, "nothing is set aside under '%s' in %s (kefu dead list)", key, given_service);
        status = complain(STATUS_FAILED, &err);
    }
    arena_destroy(arena);
    return status;
}

static enum exit_status settle(const char *verb, const char *key)
{
    struct client *client = talk_open();
    if (client == NULL) return STATUS_UNREACHABLE;
    int service = talk_service(client, given_service);
    enum exit_status status = service < 0 ? STATUS_USAGE : ask_service(client, verb, key, service);
    client_close(client);
    return status;
}

static enum exit_status dead(const struct words *words)
{
    struct dead_list list = {0};
    const char *verb = words->at[0];
    bool lists = strcmp(verb, "list") == 0;
    if (!lists && strcmp(verb, "retry") != 0 && strcmp(verb, "discard") != 0)
        return misuse("'%s' is not list, retry or discard", verb);
    if (lists && words->n > 1) return misuse("'%s' is a word too many behind list", words->at[1]);
    if (lists) return each_list(&dead_list_shape, &list, given_service, "rows", NULL);
    if (words->n < 2 || given_service == NULL)
        return misuse("%s needs a KEY and --service NAME", verb);
    return settle(verb, words->at[1]);
}
