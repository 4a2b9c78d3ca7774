#include "commands.h"

#include "cli/client/human_step.h"
#include "routing.msg.h"
#include "cli/client/console.h"

#include <string.h>

static enum exit_status act(const struct words *words);

static struct {
    const char *as, *id, *handler, *department;
    struct option_list set, notes, assignees;
} given;

static const struct option options[] = {
    {"as", OPTION_TEXT, &given.as, "STAFF", "who acts"},
    {"set", OPTION_LIST, &given.set, "NAME=VALUE",
     "a field of the step's form: a code, a time, a number, true"},
    {"note", OPTION_LIST, &given.notes, "NAME=WORDS",
     "a field in free words: kept by intake, encrypted"},
    {"handler", OPTION_TEXT, &given.handler, "STAFF", "who is to handle it"},
    {"department", OPTION_TEXT, &given.department, "UNIT", "the responsible department"},
    {"assignee", OPTION_LIST, &given.assignees, "STAFF", "another party of the step"},
    {"id", OPTION_TEXT, &given.id, "ID", "the command's own id"},
};

const struct command command_act = {
    .name = "act",
    .args = "TICKET ACTION",
    .least = 2,
    .most = 2,
    .usage =
        "Take a step of a ticket's flow on somebody's behalf. `kefu ask ticket.get ticket=N` tells"
        " which steps are possible.",
    .examples = "  kefu act 260318000000001 accept --as en01\n"
                "  kefu act 260318000000001 tell --as sp01 --set delivery=call_reached --note"
                " 'explanation=the pump was replaced'",
    .options = options,
    .options_n = COUNT(options),
    .exec = act};

static enum exit_status add_fields(struct deed *deed, const struct option_list *list, bool words)
{
    const char *option = words ? "note" : "set";
    for (size_t i = 0; i < list->n; i++) {
        text value = text_of(list->at[i]), name = text_take(&value, '=');
        if (name.len == 0 || value.len == 0)
            return misuse("--%s: '%s' is not NAME=%s", option, list->at[i],
                          words ? "WORDS" : "VALUE");
        if (!deed_add(deed, name, value, words))
            return misuse("--%s: more than %d fields", option, DEED_FIELDS);
    }
    return STATUS_OK;
}

struct acting {
    enum exit_status status;
    bool over;
};

static void acted(void *ctx, const struct reply *reply)
{
    struct acting *acting = ctx;
    acting->over = true;
    if (reply->kind == REPLY_ANSWERED)
        talk_print(&ticket_acted_shape, reply->body);
    else
        acting->status = talk_complain(reply);
}

static enum exit_status take_step(struct client *client, const struct deed *deed)
{
    struct acting acting = {.status = STATUS_OK};
    if (talk_service(client, "routing") < 0 || talk_service(client, "intake") < 0)
        return STATUS_UNREACHABLE;
    deed_do(client, deed, acted, &acting);
    while (!acting.over) client_wait(client, 0);
    return acting.status;
}

static enum exit_status act(const struct words *words)
{
    struct deed deed = {.action = text_of(words->at[1]),
                        .actor = text_of(given.as),
                        .id = text_of(given.id),
                        .handler = text_of(given.handler),
                        .department = text_of(given.department),
                        .patience_ms = common_options.timeout_ms};
    text assignees[OPTION_VALUES];
    if (!text_to_int(text_of(words->at[0]), &deed.ticket) || deed.ticket < 1)
        return misuse("'%s' is not the number of a ticket", words->at[0]);
    if (add_fields(&deed, &given.set, false) != STATUS_OK ||
        add_fields(&deed, &given.notes, true) != STATUS_OK)
        return STATUS_USAGE;
    for (size_t i = 0; i < given.assignees.n; i++) assignees[i] = text_of(given.assignees.at[i]);
    deed.assignees = (struct list){assignees, given.assignees.n};
    struct client *client = talk_open();
    if (client == NULL) return STATUS_UNREACHABLE;
    enum exit_status status = take_step(client, &deed);
    client_close(client);
    return status;
}
