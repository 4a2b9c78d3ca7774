#include "day.h"

#include "time/date.h"
#include "cli/import/yaml_file.h"

#include <stdlib.h>
#include <string.h>

enum { NEST_MAX = 3 };

struct reading {
    struct yaml_reader reader;
    struct arena *arena;
    struct day *day;
};

static const struct yaml *read_file(struct reading *r, const char *file)
{
    const struct yaml *top = yaml_file_read(file, r->arena, r->reader.err);
    if (top == NULL) r->reader.failed = true;
    return top;
}

/* A file named in another: relative to it. */
static const char *beside(struct reading *r, const char *file, text name)
{
    const char *slash = strrchr(file, '/');
    return arena_printf(r->arena, "%.*s%.*s", slash ? (int)(slash - file) + 1 : 0, file,
                        TEXT_ARG(name))
        .at;
}

static text kind_of(struct reading *r, const struct yaml *node)
{
    if (yaml_get(node, "channel") != NULL && yaml_get(node, "items") != NULL)
        return TEXT("contact");
    if (yaml_get(node, "do") != NULL) return TEXT("act");
    return yaml_text(&r->reader, node, "what");
}

static void add_entry(struct reading *r, const struct yaml *node, text contact)
{
    struct day *day = r->day;
    if (day->n == day->room) {
        day->room = day->room * 2 + 256;
        day->entries = mem_resize(day->entries, day->room * sizeof(*day->entries));
    }
    struct day_entry *entry = &day->entries[day->n];
    const char *slash = strrchr(node->file, '/');
    *entry = (struct day_entry){.node = node, .order = day->n, .what = kind_of(r, node)};
    entry->contact = yaml_text_or(&r->reader, node, "contact", contact.at);
    entry->item = yaml_int_or(&r->reader, node, "item", 1, 20, 1);
    entry->step = arena_printf(r->arena, "play/%s/%s/%d.%zu", day->source.at,
                               slash ? slash + 1 : node->file, node->line, day->n);
    if (!wall_read_day(day->zone, day->day, yaml_text(&r->reader, node, "at"), &entry->at))
        yaml_fail(&r->reader, yaml_get(node, "at"), "must be \"HH:MM\" or \"+1 HH:MM\"");
    contact = entry->contact; /* the entry moves when there are more */
    day->n++;
    YAML_EACH(after, yaml_get(node, "then"))
    add_entry(r, after, contact);
}

static void add_file(struct reading *r, const char *file, const struct yaml *top, int depth)
{
    YAML_EACH(node, yaml_get(top, "entries"))
    if (!r->reader.failed) add_entry(r, node, (text){0});
    if (depth == NEST_MAX) return;
    YAML_EACH(name, yaml_get(top, "include"))
    {
        const char *path = beside(r, file, yaml_value(&r->reader, name));
        const struct yaml *included = r->reader.failed ? NULL : read_file(r, path);
        if (included != NULL) add_file(r, path, included, depth + 1);
    }
}

static void read_head(struct reading *r, const char *file, const struct yaml *top)
{
    struct day *day = r->day;
    struct err err = {0};
    day->source = yaml_text(&r->reader, top, "source");
    day->org_unit = yaml_text(&r->reader, top, "org_unit");
    day->zone = zone_load(yaml_text(&r->reader, top, "zone"), &err);
    if (day->zone == NULL) yaml_fail(&r->reader, yaml_get(top, "zone"), "%s", err.message);
    if (!date_read(yaml_text(&r->reader, top, "day"), &day->day))
        yaml_fail(&r->reader, yaml_get(top, "day"), "must be a date");
    text staff = yaml_text(&r->reader, top, "staff"),
         customers = yaml_text(&r->reader, top, "customers");
    if (r->reader.failed) return;
    if (!wall_read_day(day->zone, day->day, yaml_text(&r->reader, top, "until"), &day->until))
        yaml_fail(&r->reader, yaml_get(top, "until"), "must be \"HH:MM\" or \"+1 HH:MM\"");
    day->people = people_read(beside(r, file, staff), r->arena, r->reader.err);
    if (day->people == NULL)
        r->reader.failed = true;
    else
        day->customers = read_file(r, beside(r, file, customers));
}

static int by_time(const void *a, const void *b)
{
    const struct day_entry *x = a, *y = b;
    if (x->at != y->at) return x->at < y->at ? -1 : 1;
    return x->order < y->order ? -1 : x->order > y->order;
}

struct day *day_read(const char *file, struct arena *arena, struct err *err)
{
    struct day *day = ARENA_NEW(arena, struct day);
    struct reading r = {.reader = {.err = err}, .arena = arena, .day = day};
    const struct yaml *top = read_file(&r, file);
    if (top != NULL) read_head(&r, file, top);
    if (!r.reader.failed) add_file(&r, file, top, 0);
    if (day->n > 0) qsort(day->entries, day->n, sizeof(*day->entries), by_time);
    if (!r.reader.failed) return day;
    day_finish(day);
    return NULL;
}

void day_finish(struct day *day)
{
    if (day == NULL) return;
    people_finish(day->people);
    zone_destroy(day->zone);
    free(day->entries);
}
