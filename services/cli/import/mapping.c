#include "mapping.h"

#include "cli/import/yaml_file.h"
#include "data/encoding.h"

#include <string.h>

const char *const column_names[COLUMNS + 1] = {"source_id", "channel", "created",   "promised",
                                               "closed",    "status",  "status_at", "department",
                                               "topic",     "words",   "address",   NULL};

static const char time_format[] = "MM/DD/YYYY hh:mm:ss AM|PM";

text pairs_get(struct pairs pairs, text key)
{
    for (size_t i = 0; i < pairs.n; i++)
        if (text_equal(pairs.at[i].key, key)) return pairs.at[i].value;
    return (text){0};
}

const struct status *mapping_status(const struct mapping *mapping, text name)
{
    for (size_t i = 0; i < mapping->statuses_n; i++)
        if (text_equal(mapping->statuses[i].name, name)) return &mapping->statuses[i];
    return NULL;
}

const struct form *mapping_form(const struct mapping *mapping, text action)
{
    for (size_t i = 0; i < mapping->forms_n; i++)
        if (text_equal(mapping->forms[i].action, action)) return &mapping->forms[i];
    return NULL;
}

text mapping_topic(const struct mapping *mapping, text topic)
{
    text best = mapping->topic_default;
    size_t longest = 0;
    for (size_t i = 0; i < mapping->topics.n; i++) {
        const struct pair *pair = &mapping->topics.at[i];
        if (pair->key.len <= longest || !text_starts(topic, pair->key.at)) continue;
        longest = pair->key.len;
        best = pair->value;
    }
    return best;
}

/* --- reading --- */

struct reading {
    struct yaml_reader reader;
    struct arena *arena;
    struct mapping *out;
};

static struct pairs read_pairs(struct reading *r, const struct yaml *map)
{
    struct pair *at = ARENA_ARRAY(r->arena, struct pair, yaml_count(map) + 1);
    size_t n = 0;
    YAML_EACH(entry, map)
    at[n++] = (struct pair){entry->key, yaml_value(&r->reader, entry)};
    return (struct pairs){at, n};
}

static void read_format(struct reading *r, const struct yaml *top)
{
    static const char *const types[] = {"csv", NULL}, *const headers[] = {"true", NULL};
    static const char *const separators[] = {"auto", ",", ";", "tab", "|", NULL};
    const struct yaml *format = yaml_get(top, "format");
    r->out->encoding = "auto";
    if (format == NULL) return;
    yaml_only(&r->reader, format,
              (const char *[]){"type", "header", "encoding", "separator", NULL});
    (void)yaml_choice_or(&r->reader, format, "type", types, 0);
    (void)yaml_choice_or(&r->reader, format, "header", headers, 0);
    r->out->encoding =
        encoding_names[yaml_choice_or(&r->reader, format, "encoding", encoding_names, 0)];
    r->out->separator = "\0,;\t|"[yaml_choice_or(&r->reader, format, "separator", separators, 0)];
}

static void read_columns(struct reading *r, const struct yaml *top)
{
    const struct yaml *columns = yaml_map(&r->reader, top, "columns");
    yaml_only(&r->reader, columns, column_names);
    for (int i = 0; i < COLUMNS; i++)
        r->out->columns[i] = yaml_text(&r->reader, columns, column_names[i]);
}

static void read_fixed(struct reading *r, const struct yaml *top)
{
    const struct yaml *fixed = yaml_map(&r->reader, top, "fixed");
    yaml_only(&r->reader, fixed, (const char *[]){"class", "locale", "org_unit", "recorder", NULL});
    r->out->class = yaml_text_or(&r->reader, fixed, "class", NULL);
    r->out->locale = yaml_text(&r->reader, fixed, "locale");
    r->out->org_unit = yaml_text(&r->reader, fixed, "org_unit");
    r->out->recorder = yaml_text(&r->reader, fixed, "recorder");
}

static void read_codes(struct reading *r, const struct yaml *top)
{
    const struct yaml *topics = yaml_map(&r->reader, top, "topics");
    r->out->channels = read_pairs(r, yaml_map(&r->reader, top, "channels"));
    r->out->departments = read_pairs(r, yaml_map(&r->reader, top, "departments"));
    r->out->topic_default = yaml_text(&r->reader, topics, "default");
    r->out->topics = read_pairs(r, yaml_map(&r->reader, topics, "prefix"));
}

static void read_paths(struct reading *r, const struct yaml *top)
{
    const struct yaml *paths = yaml_map(&r->reader, top, "paths");
    struct path *at = ARENA_ARRAY(r->arena, struct path, yaml_count(paths) + 1);
    YAML_EACH(node, paths)
    {
        struct path *path = &at[r->out->paths_n++];
        yaml_only(&r->reader, node, (const char *[]){"steps", "exit", NULL});
        path->name = node->key;
        path->steps = yaml_texts(&r->reader, node, "steps", r->arena);
        path->exit = yaml_text_or(&r->reader, node, "exit", NULL);
    }
    r->out->paths = at;
}

static void read_statuses(struct reading *r, const struct yaml *top)
{
    static const char *const moments[] = {"never", "status", "closed", NULL};
    const struct yaml *statuses = yaml_map(&r->reader, top, "statuses");
    struct status *at = ARENA_ARRAY(r->arena, struct status, yaml_count(statuses) + 1);
    YAML_EACH(node, statuses)
    {
        struct status *status = &at[r->out->statuses_n++];
        text path = yaml_text(&r->reader, node, "path");
        status->name = node->key;
        status->at = (enum moment_of)yaml_choice_or(&r->reader, node, "at", moments, AT_NEVER);
        for (size_t i = 0; i < r->out->paths_n; i++)
            if (text_equal(r->out->paths[i].name, path)) status->path = &r->out->paths[i];
        if (status->path == NULL)
            yaml_fail(&r->reader, node, "there is no path %.*s", TEXT_ARG(path));
    }
    r->out->statuses = at;
}

static void read_forms(struct reading *r, const struct yaml *top)
{
    const struct yaml *fields = yaml_map(&r->reader, top, "fields");
    struct form *at = ARENA_ARRAY(r->arena, struct form, yaml_count(fields) + 1);
    YAML_EACH(node, fields)
    at[r->out->forms_n++] = (struct form){node->key, read_pairs(r, node)};
    r->out->forms = at;
}

static void read_stand_in(struct reading *r, const struct yaml *top)
{
    const struct yaml *stand_in = yaml_get(top, "stand_in");
    if (stand_in == NULL) return;
    r->out->stand_in = yaml_text(&r->reader, stand_in, "source_id");
    r->out->stand_in_words = yaml_text(&r->reader, stand_in, "words");
    r->out->stand_in_topic = yaml_text(&r->reader, stand_in, "topic");
    r->out->stand_in_channel = yaml_text(&r->reader, stand_in, "channel");
}

static void read_times(struct reading *r, const struct yaml *top)
{
    const struct yaml *time = yaml_map(&r->reader, top, "time");
    struct err err = {0};
    if (!text_is(yaml_text(&r->reader, time, "format"), time_format))
        yaml_fail(&r->reader, yaml_get(time, "format"), "must be \"%s\"", time_format);
    r->out->zone = zone_load(yaml_text(&r->reader, time, "zone"), &err);
    if (r->out->zone == NULL) yaml_fail(&r->reader, yaml_get(time, "zone"), "%s", err.message);
    text until = yaml_text(&r->reader, top, "until");
    if (r->out->zone != NULL && !wall_read_american(r->out->zone, until, &r->out->until))
        yaml_fail(&r->reader, yaml_get(top, "until"),
                  "must be a time such as 03/01/2019 12:00:00 AM");
}

const struct mapping *mapping_read(const char *file, struct arena *arena, struct err *err)
{
    struct reading r = {
        .reader = {.err = err}, .arena = arena, .out = ARENA_NEW(arena, struct mapping)};
    const struct yaml *top = yaml_file_read(file, arena, err);
    if (top == NULL) return NULL;
    r.out->name = yaml_text(&r.reader, top, "import");
    r.out->source = yaml_text(&r.reader, top, "source");
    r.out->kind = yaml_text(&r.reader, top, "kind");
    r.out->acting = yaml_text(&r.reader, top, "acting");
    read_format(&r, top);
    read_columns(&r, top);
    read_fixed(&r, top);
    read_codes(&r, top);
    read_paths(&r, top);
    read_statuses(&r, top);
    read_forms(&r, top);
    read_stand_in(&r, top);
    read_times(&r, top);
    if (!r.reader.failed) return r.out;
    mapping_finish(r.out);
    return NULL;
}

void mapping_finish(const struct mapping *mapping)
{
    if (mapping != NULL) zone_destroy(mapping->zone);
}
