#include "console.h"

#include "data/json.h"
#include "data/pack.h"
#include "fields.h"

#include <string.h>

struct client *talk_open(void)
{
    struct err err = {0};
    struct client *client = client_open(common_options.dir, &err);
    if (client == NULL) complain(STATUS_UNREACHABLE, &err);
    return client;
}

int talk_service(struct client *client, const char *name)
{
    struct err err;
    struct buf all = {0};
    int service = client_service(client, name);
    if (service >= 0) return service;
    for (size_t i = 0; i < client_services(client); i++)
        buf_printf(&all, "%s%s", i > 0 ? ", " : "", client_service_name(client, i));
    err_set(&err, "there is no service '%s' here: %s", name, buf_text(&all).at);
    complain(STATUS_UNREACHABLE, &err);
    buf_finish(&all);
    return -1;
}

void talk_add_test_clock(struct buf *out, time_us now)
{
    buf_printf(out, "TEST CLOCK: it is ");
    json_add_time(out, now);
    buf_printf(out, " until `kefu clock` moves it; nothing happens by itself");
}

void talk_print(const struct shape *shape, const void *body)
{
    struct buf out = {0};
    if (common_options.json) {
        json_write(&out, shape, body);
        buf_add_char(&out, '\n');
    } else {
        words_write(&out, shape, body);
    }
    (void)terminal_print(&out);
}

enum exit_status talk_complain(const struct reply *reply)
{
    bool refused = reply->kind == REPLY_REFUSED;
    if (common_options.json) {
        struct refusal refusal = {.message = text_of(reply->err.message)};
        if (reply->err.field[0] != '\0') refusal.field = text_of(reply->err.field);
        if (reply->err.rule[0] != '\0') refusal.rule = text_of(reply->err.rule);
        talk_print(&refusal_shape, &refusal);
    }
    return complain(refused ? STATUS_FAILED : STATUS_UNREACHABLE, &reply->err);
}

const void *talk_call(struct client *client, struct question question, struct arena *arena,
                      enum exit_status *status)
{
    question.patience_ms = common_options.timeout_ms;
    struct reply reply = client_call(client, &question, arena);
    if (reply.kind == REPLY_ANSWERED) return reply.body;
    *status = talk_complain(&reply);
    return NULL;
}

bool talk_time(const char *word, time_us *out)
{
    return json_time(text_of(word), out) && time_is_good(*out);
}
