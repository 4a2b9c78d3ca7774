#include "template.h"

#include "base/buf.h"

#include <string.h>

static const char *const names[VALUES] = {
    [VALUE_TICKET] = "ticket",
    [VALUE_KIND] = "kind",
    [VALUE_TOPIC] = "topic",
    [VALUE_STATE] = "state",
    [VALUE_CLASS] = "class",
    [VALUE_PROJECT] = "project",
    [VALUE_DEPARTMENT] = "department",
    [VALUE_LABEL] = "label",
    [VALUE_OWNER_NAME] = "owner_name",
    [VALUE_HANDLER_NAME] = "handler_name",
    [VALUE_ROUND] = "round",
    [VALUE_RECEIVED_AT] = "received_at",
    [VALUE_PROMISED_AT] = "promised_at",
    [VALUE_DUE_AT] = "due_at",
    [VALUE_REASON] = "reason",
    [VALUE_QUEUE] = "queue",
    [VALUE_CLOCK] = "clock",
    [VALUE_CLOCK_NAME] = "clock_name",
    [VALUE_LEVEL] = "level",
    [VALUE_SHARE] = "share",
    [VALUE_SEQ] = "seq",
    [VALUE_PURPOSE] = "purpose",
    [VALUE_WORDS] = "words",
    [VALUE_ANSWER] = "answer",
};

static const char mark = '\x01';

/* Cut what stands before the next placeholder off `rest`; true if there is one, then its name. A
   brace that is never closed makes a name that holds all the rest and its brace. */
static bool next_part(text *rest, text *before, text *name)
{
    const char *open = rest->len == 0 ? NULL : memchr(rest->at, '{', rest->len);
    *before = *rest;
    if (open == NULL) return false;
    before->len = (size_t)(open - rest->at);
    *rest = (text){open + 1, rest->len - before->len - 1};
    const char *close = memchr(rest->at, '}', rest->len);
    size_t len = close == NULL ? rest->len : (size_t)(close - rest->at);
    *name = close == NULL ? (text){open, len + 1} : (text){rest->at, len};
    *rest = close == NULL ? (text){rest->at + len, 0} : (text){close + 1, rest->len - len - 1};
    return true;
}

static int find_name(text name)
{
    for (int i = 0; i < VALUES; i++)
        if (text_is(name, names[i])) return i;
    return -1;
}

int template_check(text pattern, uint32_t allowed, struct err *err)
{
    text before, name;
    while (next_part(&pattern, &before, &name)) {
        int value = find_name(name);
        if (name.len > 0 && name.at[0] == '{') return err_set(err, "a brace is not closed");
        if (value < 0) return err_set(err, "nobody knows the placeholder {%.*s}", TEXT_ARG(name));
        if ((allowed & VALUE_BIT(value)) == 0)
            return err_set(err, "the placeholder {%.*s} has no value here", TEXT_ARG(name));
    }
    return 0;
}

static void add_field_value(struct buf *out, text value)
{
    if (value.len == 0) value = TEXT("–");
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.at[i];
        buf_add_char(out, c < 0x20 || c == 0x7f ? ' ' : (char)c);
    }
}

text template_render(text pattern, const struct values *values, struct arena *arena)
{
    struct buf out = {0};
    text before, name;
    bool more;
    do {
        more = next_part(&pattern, &before, &name);
        buf_add_text(&out, before);
        int value = more ? find_name(name) : -1;
        if (value == VALUE_WORDS || value == VALUE_ANSWER)
            buf_add_char(&out, mark);
        else if (value >= 0)
            add_field_value(&out, values->at[value]);
    } while (more);
    text rendered = arena_text(arena, buf_text(&out));
    buf_finish(&out);
    return rendered;
}

text template_fill(text rendered, text words, struct arena *arena)
{
    struct buf out = {0};
    for (size_t i = 0; i < rendered.len; i++) {
        if (rendered.at[i] == mark)
            buf_add_text(&out, words);
        else
            buf_add_char(&out, rendered.at[i]);
    }
    text filled = arena_text(arena, buf_text(&out));
    buf_finish(&out);
    return filled;
}

bool template_has_mark(text rendered)
{
    return rendered.len > 0 && memchr(rendered.at, mark, rendered.len) != NULL;
}
