#include "commands.h"

#include "base/file.h"
#include "data/json.h"
#include "cli/world/run_file.h"
#include "cli/client/console.h"
#include "cli/client/fields.h"

#include <string.h>

static enum exit_status send(const struct words *words);
static enum exit_status ask(const struct words *words);

static struct {
    const char *as, *id, *body, *service;
} given;

static const struct option send_options[] = {
    {"as", OPTION_TEXT, &given.as, "STAFF", "on whose behalf"},
    {"id", OPTION_TEXT, &given.id, "ID",
     "the command's own id; the same id again gets the same answer"},
    {"body", OPTION_TEXT, &given.body, "JSON",
     "the whole body instead of words; - reads standard input"},
    {"service", OPTION_TEXT, &given.service, "NAME",
     "whom to ask, for what every service can be asked"},
};

const struct command command_send = {
    .name = "send",
    .args = "TYPE [FIELD=VALUE…]",
    .least = 1,
    .most = -1,
    .usage =
        "Send a command and print its answer. It is sent again until it is answered or --timeout is"
        " over.",
    .examples = "  kefu send duty.set staff=sp01 on=true\n"
                "  kefu send contact.record source=crm source_id=17 channel=call"
                " 'items=[{\"kind\":\"inquiry\"}]'\n"
                "  kefu send contact.record --id crm-17 --body - <contact.json",
    .options = send_options,
    .options_n = COUNT(send_options),
    .exec = send};

const struct command command_ask = {.name = "ask",
                                    .args = "TYPE [FIELD=VALUE…]",
                                    .least = 1,
                                    .most = -1,
                                    .usage = "Ask a query and print the answer.",
                                    .examples =
                                        "  kefu ask ticket.get ticket=260318000000001\n"
                                        "  kefu ask ticket.list open=true limit=20\n"
                                        "  kefu ask runtime.status --service routing --json",
                                    .options = send_options,
                                    .options_n = COUNT(send_options),
                                    .exec = ask};

enum { BODY_BYTES_MAX = 1 * MIB };

static void *read_body(const struct shape *shape, const struct words *words, struct arena *arena,
                       struct err *err)
{
    if (given.body == NULL) return words_read(words->at + 1, words->n - 1, shape, arena, err);
    text json = text_of(given.body);
    if (strcmp(given.body, "-") == 0) json = file_given("-", BODY_BYTES_MAX, arena, err);
    void *body = json.at == NULL ? NULL : json_read(json, shape, arena, err);
    if (json.at != NULL && body == NULL) err_prefix(err, "--body");
    return body;
}

/* Whose .msg file the message stands in answers it; what stands in runtime.msg everybody
   answers. */
static const char *addressee(const struct shape *shape)
{
    return given.service != NULL                    ? given.service
           : strcmp(shape->service, "runtime") == 0 ? NULL
                                                    : shape->service;
}

static enum exit_status talk(const struct shape *shape, const struct words *words,
                             struct arena *arena)
{
    struct err err = {0};
    struct question question = {.shape = shape,
                                .replica = ANY_REPLICA,
                                .id = text_of(given.id),
                                .actor = text_of(given.as)};
    const char *service = addressee(shape);
    enum exit_status status = STATUS_OK;
    if (service == NULL)
        return misuse("%s can be asked of every service: add --service NAME", shape->name);
    if (given.body != NULL && words->n > 1)
        return misuse("--body is the whole body: '%s' has no place beside it", words->at[1]);
    question.body = read_body(shape, words, arena, &err);
    if (question.body == NULL) return complain(STATUS_USAGE, &err);
    struct client *client = talk_open();
    if (client == NULL) return STATUS_UNREACHABLE;
    question.service = talk_service(client, service);
    if (question.service < 0) status = given.service != NULL ? STATUS_USAGE : STATUS_UNREACHABLE;
    const void *answer = status == STATUS_OK ? talk_call(client, question, arena, &status) : NULL;
    if (answer != NULL) talk_print(shape->answer, answer);
    client_close(client);
    return status;
}

static enum exit_status talk_as(enum shape_kind kind, const struct words *words)
{
    const char *name = words->at[0];
    bool command = kind == SHAPE_COMMAND;
    const struct shape *shape = words_find(name, kind);
    if (shape == NULL && words_find(name, command ? SHAPE_QUERY : SHAPE_COMMAND) != NULL)
        return misuse("%s is a %s: kefu %s %s", name, command ? "query" : "command",
                      command ? "ask" : "send", name);
    if (shape == NULL)
        return misuse("there is no %s '%s' (kefu messages lists them)",
                      command ? "command" : "query", name);
    struct arena *arena = arena_create();
    enum exit_status status = talk(shape, words, arena);
    arena_destroy(arena);
    return status;
}

static enum exit_status send(const struct words *words)
{
    return talk_as(SHAPE_COMMAND, words);
}

static enum exit_status ask(const struct words *words)
{
    return talk_as(SHAPE_QUERY, words);
}
