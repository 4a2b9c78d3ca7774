#include "published.h"

#include "language.h"

#include <stdio.h>
#include <string.h>

static const char *type_of(const struct member *m, char *to, size_t size)
{
    snprintf(to, size, "%s%s%s%s", m->list ? "[" : "", m->of != NULL ? m->of->name : m->type->word,
             m->list ? "]" : "", m->optional ? "?" : "");
    return to;
}

/* The type and those limits that are not the usual ones. */
static const char *limited_type_of(const struct member *m, char *to, size_t size)
{
    const struct member usual = language_usual(m);
    size_t len = strlen(type_of(m, to, size));
    if (m->min != usual.min) len += (size_t)snprintf(to + len, size - len, " min=%lld", m->min);
    if (m->max != usual.max) len += (size_t)snprintf(to + len, size - len, " max=%lld", m->max);
    if (m->items != usual.items) snprintf(to + len, size - len, " items=%lld", m->items);
    return to;
}

static const char *head_of(const struct block *b, char *to, size_t size)
{
    int len = snprintf(to, size, "%s %s", b->kind->word, b->name);
    if (b->version > 0) len += snprintf(to + len, size - (size_t)len, " %d", b->version);
    for (int k = 0; k < b->n_keys; k++)
        len += snprintf(to + len, size - (size_t)len, "%s %s", k == 0 ? " key" : "", b->keys[k]);
    if (b->answer_name != NULL) snprintf(to + len, size - (size_t)len, " -> %s", b->answer_name);
    return to;
}

static void check_member(const struct block *old, const struct member *was, const struct block *now)
{
    char before[100], after[100];
    const struct member *m = language_member(now, was->name);
    if (m == NULL)
        language_fail(now->file, now->line, "%s was published with field %s: make a new version",
                      old->name, was->name);
    type_of(was, before, sizeof(before));
    if (strcmp(before, type_of(m, after, sizeof(after))) != 0)
        language_fail(now->file, m->line,
                      "%s of %s was published as %s, now it is %s: make a new version", m->name,
                      now->name, before, after);
    if (m->min > was->min || m->max < was->max || m->items < was->items)
        language_fail(now->file, m->line,
                      "%s of %s was published with wider limits: make a new version", m->name,
                      now->name);
}

static void check_block(const struct block *old, int first)
{
    char before[400], after[400];
    const struct block *now = language_find(first, old->kind, old->name, old->version);
    head_of(old, before, sizeof(before));
    if (now == NULL) language_fail(old->file, old->line, "'%s' was published and is gone", before);
    if (strcmp(before, head_of(now, after, sizeof(after))) != 0)
        language_fail(now->file, now->line, "was published as '%s': make a new version", before);
    for (int i = 0; i < old->n; i++) check_member(old, &old->members[i], now);
    for (int i = 0; i < now->n; i++) {
        const struct member *m = &now->members[i];
        if (!m->optional && language_member(old, m->name) == NULL)
            language_fail(now->file, m->line, "%s is new in a published message: make it optional",
                          m->name);
    }
}

/* Are all fields recorded, with the limits that they have now? */
static bool same_members(const struct block *old, const struct block *now)
{
    char before[100], after[100];
    for (int i = 0; i < now->n; i++) {
        const struct member *was = language_member(old, now->members[i].name);
        if (was == NULL) return false;
        limited_type_of(was, before, sizeof(before));
        if (strcmp(before, limited_type_of(&now->members[i], after, sizeof(after))) != 0)
            return false;
    }
    return old->n == now->n;
}

static bool is_published(const struct block *now, int first)
{
    for (int i = 0; i < first; i++)
        if (blocks[i]->kind == now->kind && blocks[i]->version == now->version &&
            strcmp(blocks[i]->name, now->name) == 0)
            return same_members(blocks[i], now);
    return false;
}

void published_check(int first, bool recorded)
{
    for (int i = 0; i < first; i++) check_block(blocks[i], first);
    for (int i = first; recorded && i < n_blocks; i++) {
        const struct block *b = blocks[i];
        if (strcmp(b->kind->word, "row") != 0 && !is_published(b, first))
            language_fail(b->file, b->line, "%s is not recorded as it is now: protogen --publish",
                          b->name);
    }
}

void published_write(const char *file, int first)
{
    char text[400];
    FILE *out = fopen(file, "w");
    if (out == NULL) language_fail(file, 0, "cannot be written");
    fprintf(out,
            "# What was published, without documentation. Written by protogen --publish: do not"
            " edit.\n");
    for (int i = first; i < n_blocks; i++) {
        const struct block *b = blocks[i];
        if (strcmp(b->kind->word, "row") == 0) continue;
        fprintf(out, "\n%s\n", head_of(b, text, sizeof(text)));
        for (int k = 0; k < b->n; k++)
            fprintf(out, "  %s %s\n", b->members[k].name,
                    limited_type_of(&b->members[k], text, sizeof(text)));
    }
    if (fclose(out) != 0) language_fail(file, 0, "cannot be written");
}
