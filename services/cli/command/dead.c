#include "commands.h"

#include "cli/client/each.h"
#include "runtime.msg.h"

#include <stdio.h>
#include <string.h>

static enum exit_status dead(const struct words *words);

static const char *given_service, *given_reason = "discarded by the operator";

static const struct option options[] = {
    {"service", OPTION_TEXT, &given_service, "NAME", "whose (of retry and discard: needed)"},
    {"reason", OPTION_TEXT, &given_reason, "WORDS", "why it is given up; goes into the log"},
};

const struct command command_dead = {
    .name = "dead",
    .args = "list | retry KEY | discard KEY",
    .least = 1,
    .most = 2,
    .usage = "Messages that could not be handled, and those of the same key that wait behind them.",
    .examples = "  kefu dead list\n  kefu dead retry 260318000000001 --service routing",
    .options = options,
    .options_n = COUNT(options),
    .exec = dead};

static enum exit_status settle(const char *verb, const char *key)
{
    struct dead_retry retry = {text_of(key)};
    struct dead_discard discard = {text_of(key), text_of(given_reason)};
    bool again = strcmp(verb, "retry") == 0;
    enum exit_status status = STATUS_OK;
    struct client *client = talk_open();
    if (client == NULL) return STATUS_UNREACHABLE;
    struct arena *arena = arena_create();
    struct question question = {.shape = again ? &dead_retry_shape : &dead_discard_shape,
                                .replica = ANY_REPLICA,
                                .body = again ? (const void *)&retry : &discard,
                                .actor = TEXT("operator"),
                                .service = talk_service(client, given_service)};
    if (question.service < 0) status = STATUS_UNREACHABLE;
    const void *answer = status == STATUS_OK ? talk_call(client, question, arena, &status) : NULL;
    if (answer != NULL) talk_print(&dead_done_shape, answer);
    arena_destroy(arena);
    client_close(client);
    return status;
}

static enum exit_status dead(const struct words *words)
{
    struct dead_list list = {0};
    const char *verb = words->at[0];
    if (strcmp(verb, "list") == 0)
        return each_list(&dead_list_shape, &list, given_service, "rows", NULL);
    if (strcmp(verb, "retry") != 0 && strcmp(verb, "discard") != 0)
        return misuse("'%s' is not list, retry or discard", verb);
    if (words->n < 2 || given_service == NULL)
        return misuse("%s needs a KEY and --service NAME", verb);
    return settle(verb, words->at[1]);
}
