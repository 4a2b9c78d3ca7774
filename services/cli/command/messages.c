#include "commands.h"

#include "base/buf.h"
#include "data/json.h"
#include "data/limits.h"
#include "data/shape.h"
#include "cli/client/console.h"

#include <stdio.h>
#include <string.h>

static enum exit_status messages(const struct words *words);

const struct command command_messages = {
    .name = "messages",
    .args = "[NAME]",
    .most = 1,
    .usage =
        "The messages that services say and can be asked, with their fields; NAME or the beginning"
        " of one.",
    .examples = "  kefu messages\n  kefu messages contact.record\n  kefu messages ticket. --json",
    .exec = messages};

#define MAX_EXACT (INT64_C(1) << 53)

static const char *const kinds[] = {"struct", "event", "command", "query", "answer", "row"};
static const char *const types[] = {"bool", "int", "real", "text", "bytes", "time", "id", "struct"};

static void add_type(struct buf *out, const struct field *field)
{
    const char *type = field->type == FIELD_STRUCT ? field->of->name : types[field->type];
    bool list = field->flags & FIELD_LIST;
    buf_printf(out, "%s%s%s%s", list ? "[" : "", type, list ? "]" : "",
               field->flags & FIELD_OPTIONAL ? "?" : "");
}

/* Limits of a field from outside (limits.h); of numbers only those narrower than usual. */
static void add_limits(struct buf *out, const struct field *field)
{
    bool number = field->type == FIELD_INT || field->type == FIELD_ID;
    if ((field->flags & FIELD_WORDS) != 0) buf_printf(out, " form=words");
    if (number && field->min != 1 && field->min > -MAX_EXACT)
        buf_printf(out, " min=%lld", (long long)field->min);
    if (field->max > 0 && !(number && field->max == MAX_EXACT))
        buf_printf(out, " max=%lld", (long long)field->max);
    if (field->items > 0) buf_printf(out, " items=%zu", field->items);
}

static void add_fields(struct buf *out, const struct shape *shape, bool limited)
{
    for (size_t i = 0; i < shape->n; i++) {
        struct buf type = {0};
        add_type(&type, &shape->fields[i]);
        if (limited) add_limits(&type, &shape->fields[i]);
        buf_printf(out, "    %-14s %-18s %s\n", shape->fields[i].name, type.at,
                   shape->fields[i].doc ? shape->fields[i].doc : "");
        buf_finish(&type);
    }
}

static void add_message(struct buf *out, const struct shape *shape, bool whole)
{
    buf_printf(out, "%-8s %s %d (%s)%s%s\n", kinds[shape->kind], shape->name, shape->version,
               shape->service, shape->answer ? " -> " : "",
               shape->answer ? shape->answer->name : "");
    if (shape->doc != NULL && shape->doc[0] != '\0') buf_printf(out, "    %s\n", shape->doc);
    bool limited = limits_hold(shape);
    if (whole) add_fields(out, shape, limited);
    for (size_t i = 0; whole && i < shape->n; i++) {
        if (shape->fields[i].type != FIELD_STRUCT) continue;
        buf_printf(out, "  each of %s:\n", shape->fields[i].name);
        add_fields(out, shape->fields[i].of, limited);
    }
}

static void add_json_limits(struct buf *out, bool limited, const struct field *field)
{
    bool number = field->type == FIELD_INT || field->type == FIELD_ID;
    if (limited && (field->flags & FIELD_WORDS) != 0) buf_printf(out, ",\"form\":\"words\"");
    if (limited && number) buf_printf(out, ",\"min\":%lld", (long long)field->min);
    if (limited && field->max > 0) buf_printf(out, ",\"max\":%lld", (long long)field->max);
    if (limited && field->items > 0) buf_printf(out, ",\"items\":%zu", field->items);
}

static void add_json(struct buf *out, const struct shape *shape)
{
    buf_printf(out,
               "{\"name\":\"%s\",\"kind\":\"%s\",\"version\":%d,\"service\":\"%s\",\"fields\":[",
               shape->name, kinds[shape->kind], shape->version, shape->service);
    bool limited = limits_hold(shape);
    for (size_t i = 0; i < shape->n; i++) {
        struct buf type = {0};
        add_type(&type, &shape->fields[i]);
        buf_printf(out, "%s{\"name\":\"%s\",\"type\":\"%s\",\"doc\":", i > 0 ? "," : "",
                   shape->fields[i].name, type.at);
        json_quote(out, text_of(shape->fields[i].doc ? shape->fields[i].doc : ""));
        add_json_limits(out, limited, &shape->fields[i]);
        buf_add_char(out, '}');
        buf_finish(&type);
    }
    buf_printf(out, "]}\n");
}

static bool is_message(const struct shape *shape)
{
    return shape->kind == SHAPE_EVENT || shape->kind == SHAPE_COMMAND ||
           shape->kind == SHAPE_QUERY || shape->kind == SHAPE_ANSWER;
}

static enum exit_status messages(const struct words *words)
{
    struct buf out = {0};
    size_t n = 0;
    for (size_t i = 0; i < shape_all_n; i++) {
        const struct shape *shape = shape_all[i];
        if (!is_message(shape) ||
            (words->n > 0 && strncmp(shape->name, words->at[0], strlen(words->at[0])) != 0))
            continue;
        if (common_options.json)
            add_json(&out, shape);
        else
            add_message(&out, shape, words->n > 0);
        n++;
    }
    (void)terminal_print(&out);
    return n > 0 ? STATUS_OK : misuse("there is no message %s", words->at[0]);
}
