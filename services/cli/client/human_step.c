#include "human_step.h"

#include "intake.msg.h"
#include "data/json.h"
#include "routing.msg.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { CODE_LONGEST = 40, DIGITS_LONGEST = 5 };

struct doing {
    struct client *client;
    struct arena *arena;
    struct deed deed;
    size_t left; /* notes without a reply */
    struct reply failed;
    bool bad;
    void (*fn)(void *ctx, const struct reply *reply);
    void *ctx;
};

struct noting {
    struct doing *doing;
    size_t field;
};

bool deed_add(struct deed *deed, text name, text value, bool words)
{
    if (deed->n == DEED_FIELDS) return false;
    deed->fields[deed->n++] = (struct deed_field){name, value, words};
    return true;
}

bool deed_is_code(text value)
{
    size_t digits = 0;
    int64_t number;
    time_us time;
    if (text_starts(value, "note:") || text_to_int(value, &number) || json_time(value, &time))
        return true;
    if (value.len == 0 || value.len > CODE_LONGEST || !isalpha((unsigned char)value.at[0]))
        return false;
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.at[i];
        if (c > 127 || (!isalnum(c) && strchr("_-./", c) == NULL)) return false;
        digits = isdigit(c) ? digits + 1 : 0;
        if (digits > DIGITS_LONGEST) return false;
    }
    return true;
}

static void finish(struct doing *doing, const struct reply *reply)
{
    doing->fn(doing->ctx, reply);
    arena_destroy(doing->arena);
    free(doing);
}

static void acted(void *ctx, const struct reply *reply)
{
    finish(ctx, reply);
}

static void act(struct doing *doing)
{
    const struct deed *deed = &doing->deed;
    struct form_value *values = ARENA_ARRAY(doing->arena, struct form_value, deed->n + 1);
    for (size_t i = 0; i < deed->n; i++)
        values[i] = (struct form_value){deed->fields[i].name, deed->fields[i].value};
    struct ticket_act body = {.ticket = deed->ticket,
                              .action = deed->action,
                              .fields = {values, deed->n},
                              .handler = deed->handler,
                              .department = deed->department,
                              .assignees = deed->assignees};
    client_ask(doing->client,
               &(struct question){.shape = &ticket_act_shape,
                                  .body = &body,
                                  .service = client_service(doing->client, "routing"),
                                  .replica = ANY_REPLICA,
                                  .id = deed->id,
                                  .step = deed->step,
                                  .actor = deed->actor,
                                  .at = deed->at,
                                  .patience_ms = deed->patience_ms},
               acted, doing);
}

static void noted(void *ctx, const struct reply *reply)
{
    struct noting *noting = ctx;
    struct doing *doing = noting->doing;
    struct deed_field *field = &doing->deed.fields[noting->field];
    if (reply->kind == REPLY_ANSWERED) {
        const struct note_recorded *recorded = reply->body;
        field->value = arena_printf(doing->arena, "note:%" PRId64, recorded->note);
    } else if (!doing->bad) {
        doing->bad = true;
        doing->failed = *reply;
    }
    free(noting);
    if (--doing->left > 0) return;
    if (doing->bad)
        finish(doing, &doing->failed);
    else
        act(doing);
}

static text name_of_note(struct arena *arena, text of, const struct deed_field *field)
{
    if (of.len == 0) return (text){0};
    return arena_printf(arena, "%.*s/%.*s", TEXT_ARG(of), TEXT_ARG(field->name));
}

void deed_note(struct client *client, const struct deed *deed, const struct deed_field *field,
               void (*fn)(void *ctx, const struct reply *reply), void *ctx)
{
    struct arena *arena = arena_create();
    struct note_record body = {.ticket = deed->ticket, .name = field->name, .words = field->value};
    client_ask(client,
               &(struct question){.shape = &note_record_shape,
                                  .body = &body,
                                  .service = client_service(client, "intake"),
                                  .replica = ANY_REPLICA,
                                  .id = name_of_note(arena, deed->id, field),
                                  .step = name_of_note(arena, deed->step, field),
                                  .actor = deed->actor,
                                  .at = deed->at,
                                  .patience_ms = deed->patience_ms},
               fn, ctx);
    arena_destroy(arena);
}

void deed_do(struct client *client, const struct deed *deed,
             void (*fn)(void *ctx, const struct reply *reply), void *ctx)
{
    struct doing *doing = mem_alloc(sizeof(*doing));
    *doing = (struct doing){
        .client = client, .arena = arena_create(), .deed = *deed, .fn = fn, .ctx = ctx};
    for (size_t i = 0; i < deed->n; i++) doing->left += deed->fields[i].words;
    if (doing->left == 0) {
        act(doing);
        return;
    }
    for (size_t i = 0; i < deed->n; i++) {
        if (!deed->fields[i].words) continue;
        struct noting *noting = mem_alloc(sizeof(*noting));
        *noting = (struct noting){doing, i};
        deed_note(client, &doing->deed, &deed->fields[i], noted, noting);
    }
}
