#include "runtime/core/reply.h"

#include "base/failpoint.h"
#include "runtime/core/runtime.h"

#include <stdarg.h>
#include <string.h>

void reply_answer(struct bus_request *request, text id, const struct shape *shape, const void *body)
{
    struct buf frame = {0}, bytes = {0};
    struct header header = {.id = id, .type = text_of(shape->name), .version = shape->version};
    pack_write(&bytes, shape, body);
    pack_envelope(&frame, VERB_ANSWER, &header, buf_text(&bytes));
    bus_reply(request, buf_text(&frame));
    buf_finish(&frame);
    buf_finish(&bytes);
}

/* No message has a field of the name "deadline" that could be refused for itself: the header's. */
text reply_reason(enum verb verb, const struct err *err)
{
    if (verb == VERB_RETRY) return TEXT("unavailable");
    return strcmp(err->field, "deadline") == 0 ? TEXT("deadline_exceeded") : (text){0};
}

void reply_refuse(struct bus_request *request, enum verb verb, text id, const struct err *err)
{
    struct buf frame = {0}, bytes = {0};
    struct header header = {
        .id = id.len > 0 ? id : TEXT("?"), .type = TEXT("refusal"), .version = 1};
    struct refusal refusal = {.message = text_of(err->message)};
    if (err->field[0] != '\0') refusal.field = text_of(err->field);
    if (err->rule[0] != '\0') refusal.rule = text_of(err->rule);
    refusal.reason = reply_reason(verb, err);
    pack_write(&bytes, &refusal_shape, &refusal);
    pack_envelope(&frame, verb, &header, buf_text(&bytes));
    bus_reply(request, buf_text(&frame));
    buf_finish(&frame);
    buf_finish(&bytes);
}

void reply_refuse_work(struct work *take_work, enum verb verb, const char *field,
                       const char *format, ...)
{
    struct err err;
    char text[300];
    va_list args;
    va_start(args, format);
    text_vformat(text, sizeof(text), format, args);
    va_end(args);
    err_field(&err, field, NULL, "%s", text);
    reply_refuse(take_work->request, verb, take_work->header.id, &err);
    work_destroy(take_work);
}

static void flush_answers(void *ctx)
{
    (void)ctx;
    bus_flush(runtime.bus);
}

void reply_fail_at(const char *point)
{
    fail_after(point, flush_answers, NULL);
}
