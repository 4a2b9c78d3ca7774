#include "choose.h"

#include "codes.h"

#include <string.h>

/* The people who could take tickets of one line, and why nobody can if there are none. */
struct line {
    struct line *next;
    text queue, name;
    struct person_row **at;
    size_t n;
    const char *reason;
};

struct pool {
    const struct routing_policy *policy;
    struct arena *arena;
    time_us now;
    struct person_row *people;
    bool *given;
    size_t n;
    struct line *lines;
};

int64_t person_open(const struct person_row *person)
{
    return person->taken + person->net;
}

struct maybe_int person_most(const struct routing_policy *policy, const struct person_row *person)
{
    return person->most_open.given ? person->most_open : policy->most_open;
}

time_us person_idle_since(const struct person_row *person)
{
    time_us latest = person->since;
    if (person->last_at > latest) latest = person->last_at;
    if (person->freed_at > latest) latest = person->freed_at;
    return latest;
}

text wanted_write(const struct wanted *wanted, struct arena *arena)
{
    return arena_printf(arena, "%.*s/%.*s/%.*s/%s", TEXT_ARG(wanted->role), TEXT_ARG(wanted->skill),
                        TEXT_ARG(wanted->department), wanted->emergency ? "emergency" : "");
}

static text part(text *rest)
{
    const char *slash = rest->len == 0 ? NULL : memchr(rest->at, '/', rest->len);
    text head = {rest->at, slash == NULL ? rest->len : (size_t)(slash - rest->at)};
    size_t used = slash == NULL ? rest->len : head.len + 1;
    *rest = (text){rest->at + used, rest->len - used};
    return head;
}

struct wanted wanted_read(text line)
{
    struct wanted wanted = {0};
    wanted.role = part(&line);
    wanted.skill = part(&line);
    wanted.department = part(&line);
    wanted.emergency = text_is(part(&line), "emergency");
    return wanted;
}

struct pool *pool_create(const struct routing_policy *policy, struct list people, time_us now,
                         struct arena *arena)
{
    struct pool *pool = ARENA_NEW(arena, struct pool);
    *pool = (struct pool){.policy = policy, .arena = arena, .now = now, .n = people.n};
    pool->people = ARENA_ARRAY(arena, struct person_row, people.n);
    pool->given = ARENA_ARRAY(arena, bool, people.n);
    if (people.n > 0) memcpy(pool->people, people.at, people.n * sizeof(struct person_row));
    return pool;
}

static bool is_trained(const struct pool *pool, const struct person_row *person,
                       const struct wanted *wanted)
{
    bool in_department = wanted->department.len == 0 ||
                         text_equal(person->department, wanted->department) ||
                         text_equal(person->unit, wanted->department);
    bool emergency = wanted->emergency && text_is(person->roster, "emergency");
    return person->active && in_department &&
           routing_counts(pool->policy, person->roles, wanted->role) &&
           (wanted->skill.len == 0 || emergency || names_have(person->skills, wanted->skill));
}

/* The 24 h roster is there for emergencies alone. */
static bool is_there(const struct person_row *person, const struct wanted *wanted)
{
    return person->on_duty && (wanted->emergency || !text_is(person->roster, "emergency"));
}

static struct line *make_line(struct pool *pool, text queue, text name)
{
    struct wanted wanted = wanted_read(name);
    const struct queue_rule *rule = routing_queue_named(pool->policy, queue);
    struct line *line = ARENA_NEW(pool->arena, struct line);
    *line = (struct line){
        .next = pool->lines, .queue = queue, .name = name, .reason = "nobody_skilled"};
    pool->lines = line;
    if (rule != NULL && rule->manual) {
        line->reason = "manual_queue";
        return line;
    }
    line->at = ARENA_ARRAY(pool->arena, struct person_row *, pool->n);
    for (size_t i = 0; i < pool->n; i++) {
        if (!is_trained(pool, &pool->people[i], &wanted)) continue;
        if (is_there(&pool->people[i], &wanted))
            line->at[line->n++] = &pool->people[i];
        else
            line->reason = "nobody_on_duty";
    }
    return line;
}

static struct line *find_line(struct pool *pool, text queue, text name)
{
    for (struct line *line = pool->lines; line != NULL; line = line->next)
        if (text_equal(line->name, name) && text_equal(line->queue, queue)) return line;
    return make_line(pool, queue, name);
}

static bool is_full(const struct pool *pool, const struct person_row *person)
{
    struct maybe_int most = person_most(pool->policy, person);
    return most.given && person_open(person) >= most.is;
}

static bool is_better(const struct person_row *a, const struct person_row *b)
{
    if (person_open(a) != person_open(b)) return person_open(a) < person_open(b);
    if (person_idle_since(a) != person_idle_since(b))
        return person_idle_since(a) < person_idle_since(b);
    return text_compare(a->staff, b->staff) < 0;
}

static struct person_row *find_best(struct pool *pool, text queue, text name, text barred,
                                    const char **reason)
{
    struct line *line = find_line(pool, queue, name);
    struct person_row *best = NULL;
    *reason = line->reason;
    for (size_t i = 0; i < line->n; i++) {
        struct person_row *person = line->at[i];
        if (names_have(barred, person->staff)) continue;
        if (is_full(pool, person))
            *reason = "all_at_limit";
        else if (best == NULL || is_better(person, best))
            best = person;
    }
    return best;
}

bool pool_has_room(struct pool *pool, text queue, text name, const char **reason)
{
    return find_best(pool, queue, name, (text){NULL, 0}, reason) != NULL;
}

const struct person_row *pool_give(struct pool *pool, text queue, text name, text barred,
                                   const char **reason)
{
    struct person_row *best = find_best(pool, queue, name, barred, reason);
    if (best == NULL) return NULL;
    best->taken++;
    best->last_at = pool->now;
    pool->given[best - pool->people] = true;
    return best;
}

size_t pool_given(const struct pool *pool, const struct person_row **out, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < pool->n; i++)
        if (pool->given[i] && n < room) out[n++] = &pool->people[i];
    return n;
}
