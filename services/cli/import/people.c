#include "people.h"

#include "cli/import/yaml_file.h"

#include <string.h>

enum { NO_LIMIT = 1000000, SHIFTS_MAX = 7 };

static const char *const weekdays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun", NULL};

struct reading {
    struct yaml_reader reader;
    struct arena *arena;
    const struct yaml *top, *defaults;
};

static text default_or(struct reading *r, const struct yaml *node, const char *key)
{
    text own = yaml_text_or(&r->reader, node, key, NULL);
    return own.len > 0 ? own : yaml_text_or(&r->reader, r->defaults, key, NULL);
}

static struct list texts_or(struct reading *r, const struct yaml *node, const char *key)
{
    struct yaml_texts texts =
        yaml_texts(&r->reader, yaml_get(node, key) != NULL ? node : r->defaults, key, r->arena);
    return (struct list){texts.at, texts.n};
}

static void read_units(struct reading *r, struct people *out)
{
    const struct yaml *units = yaml_get(r->top, "units");
    struct unit_set *at = ARENA_ARRAY(r->arena, struct unit_set, yaml_count(units) + 1);
    YAML_EACH(node, units)
    at[out->units_n++] = (struct unit_set){.unit = yaml_text(&r->reader, node, "unit"),
                                           .parent = yaml_text_or(&r->reader, node, "parent", NULL),
                                           .type = yaml_text(&r->reader, node, "type"),
                                           .name_zh = yaml_text(&r->reader, node, "name_zh"),
                                           .name_en = yaml_text(&r->reader, node, "name_en")};
    out->units = at;
}

/* "{staff}@staff.example.com" of the person. */
static text address_of(struct reading *r, text staff)
{
    text pattern = yaml_text_or(&r->reader, r->top, "email", NULL);
    const char *hole = pattern.len > 0 ? strstr(pattern.at, "{staff}") : NULL;
    if (hole == NULL) return pattern;
    return arena_printf(r->arena, "%.*s%.*s%s", (int)(hole - pattern.at), pattern.at,
                        TEXT_ARG(staff), hole + strlen("{staff}"));
}

static void read_shifts(struct reading *r, text name, struct person *person)
{
    const struct yaml *all = yaml_map(&r->reader, r->top, "shifts");
    const struct yaml *week = yaml_map(&r->reader, all, name.at);
    struct shift *at = ARENA_ARRAY(r->arena, struct shift, SHIFTS_MAX);
    YAML_EACH(day, week)
    {
        text hours = yaml_value(&r->reader, day), from = text_take(&hours, '-');
        struct shift shift = {.weekday = -1};
        for (int i = 0; weekdays[i] != NULL; i++)
            if (text_is(day->key, weekdays[i])) shift.weekday = i;
        bool good = wall_read_hours(from, &shift.from) && wall_read_hours(hours, &shift.until) &&
                    shift.from < shift.until;
        if (!good || shift.weekday < 0 || person->shifts_n == SHIFTS_MAX)
            yaml_fail(&r->reader, day, "must be a weekday with hours such as \"07:00-19:00\"");
        else
            at[person->shifts_n++] = shift;
    }
    person->shifts = at;
}

static void read_person(struct reading *r, const struct yaml *node, struct person *person)
{
    text limit = default_or(r, node, "limit"), locale = default_or(r, node, "locale");
    person->set = (struct staff_set){
        .staff = yaml_text(&r->reader, node, "staff"),
        .name = yaml_text(&r->reader, node, "name"),
        .unit = default_or(r, node, "unit"),
        .roles = texts_or(r, node, "roles"),
        .skills = texts_or(r, node, "skills"),
        .superior = yaml_text_or(&r->reader, node, "superior", NULL),
        .deputy = yaml_text_or(&r->reader, node, "deputy", NULL),
        .locale = locale.len > 0 ? locale : yaml_text_or(&r->reader, r->top, "locale", NULL),
        .most_open = {NO_LIMIT, text_is(limit, "none")},
        .active = given_bool(true)};
    person->set.email = address_of(r, person->set.staff);
    if (yaml_get(node, "shifts") != NULL)
        read_shifts(r, yaml_text(&r->reader, node, "shifts"), person);
}

static void read_staff(struct reading *r, struct people *out)
{
    const struct yaml *staff = yaml_list(&r->reader, r->top, "staff");
    struct person *at = ARENA_ARRAY(r->arena, struct person, yaml_count(staff) + 1);
    YAML_EACH(node, staff)
    read_person(r, node, &at[out->n++]);
    out->at = at;
}

static void read_zone(struct reading *r, struct people *out)
{
    const struct yaml *zone = yaml_get(r->top, "zone");
    struct err err = {0};
    if (zone == NULL) return;
    out->zone = zone_load(yaml_value(&r->reader, zone), &err);
    if (out->zone == NULL) yaml_fail(&r->reader, zone, "%s", err.message);
}

const struct people *people_read(const char *file, struct arena *arena, struct err *err)
{
    struct reading r = {.reader = {.err = err}, .arena = arena};
    struct people *out = ARENA_NEW(arena, struct people);
    r.top = yaml_file_read(file, arena, err);
    if (r.top == NULL) return NULL;
    r.defaults = yaml_get(r.top, "defaults");
    read_zone(&r, out);
    read_units(&r, out);
    read_staff(&r, out);
    if (!r.reader.failed) return out;
    people_finish(out);
    return NULL;
}

void people_finish(const struct people *people)
{
    if (people != NULL) zone_destroy(people->zone);
}

/* Under a new id each time: workforce changes nothing that is so already. */
static int send_one(struct client *client, const struct shape *shape, const void *body, text code,
                    int64_t patience_ms, struct err *err)
{
    struct arena *arena = arena_create();
    struct question question = {.shape = shape,
                                .body = body,
                                .service = client_service(client, "workforce"),
                                .replica = ANY_REPLICA,
                                .patience_ms = patience_ms};
    struct reply reply = {.kind = REPLY_UNREACHABLE};
    if (question.service < 0)
        err_set(&reply.err, "workforce does not run here");
    else
        reply = client_call(client, &question, arena);
    arena_destroy(arena);
    if (reply.kind == REPLY_ANSWERED) return 0;
    *err = reply.err;
    return err_prefix(err, "%s %.*s", shape->name, TEXT_ARG(code));
}

int people_send(const struct people *people, struct client *client, int64_t patience_ms,
                struct err *err)
{
    int bad = 0;
    for (size_t i = 0; i < people->units_n && bad == 0; i++)
        bad = send_one(client, &unit_set_shape, &people->units[i], people->units[i].unit,
                       patience_ms, err);
    for (size_t i = 0; i < people->n && bad == 0; i++)
        bad = send_one(client, &staff_set_shape, &people->at[i].set, people->at[i].set.staff,
                       patience_ms, err);
    return bad;
}
