#include "runtime/api/plan.h"

#include "runtime/api/plan_state.h"

#include <stdarg.h>
#include <string.h>

int partition_of(text key)
{
    return (int)(text_hash(key) % PARTITIONS);
}

void plan_start(struct plan *plan, struct plan_inside *inside)
{
    plan->inside = inside;
    inside->rows_end = &inside->rows;
    inside->adds_end = &inside->adds;
    inside->events_end = &inside->events;
    inside->alarms_end = &inside->alarms;
}

const void *plan_policy(struct plan *plan, int64_t version)
{
    const struct plan_host *host = plan->inside->host;
    return version == plan->policy_version ? plan->policy : host->policy_of(host->ctx, version);
}

int64_t plan_new_id(struct plan *plan)
{
    const struct plan_host *host = plan->inside->host;
    int64_t id = host->new_id(host->ctx, plan->inside->partition, plan->now);
    if (id == 0) plan->inside->out_of_ids = true;
    return id;
}

static struct plan_row *new_row(struct plan *plan, const struct statement *statement,
                                const void *row)
{
    struct plan_row *new = ARENA_NEW(plan->arena, struct plan_row);
    new->statement = statement;
    new->row = arena_copy(plan->arena, row, statement->row->size);
    return new;
}

void plan_write(struct plan *plan, const struct statement *statement, const void *row)
{
    assert(statement->kind == STATEMENT_WRITE);
    struct plan_row *new = new_row(plan, statement, row);
    *plan->inside->rows_end = new;
    plan->inside->rows_end = &new->next;
}

void plan_add(struct plan *plan, const struct statement *statement, const void *row)
{
    assert(statement->kind == STATEMENT_ADD);
    struct plan_row *new = new_row(plan, statement, row);
    *plan->inside->adds_end = new;
    plan->inside->adds_end = &new->next;
}

static text pack_body(struct plan *plan, const struct shape *shape, const void *body)
{
    static struct buf out; /* deciders run on the loop alone */
    buf_clear(&out);
    pack_write(&out, shape, body);
    return arena_text(plan->arena, buf_text(&out));
}

void plan_say(struct plan *plan, const struct shape *event, const void *body)
{
    struct plan_event *new = ARENA_NEW(plan->arena, struct plan_event);
    new->shape = event;
    new->key = shape_key(event, body, plan->arena);
    assert(new->key.len > 0);
    new->partition = partition_of(new->key);
    new->body = pack_body(plan, event, body);
    *plan->inside->events_end = new;
    plan->inside->events_end = &new->next;
}

static struct plan_alarm *new_alarm(struct plan *plan, const struct shape *alarm, text key)
{
    struct plan_alarm *new = ARENA_NEW(plan->arena, struct plan_alarm);
    new->name = alarm->name;
    new->key = key;
    new->partition = partition_of(key);
    *plan->inside->alarms_end = new;
    plan->inside->alarms_end = &new->next;
    return new;
}

void plan_wake(struct plan *plan, const struct shape *alarm, time_us due, const void *body)
{
    struct plan_alarm *new = new_alarm(plan, alarm, shape_key(alarm, body, plan->arena));
    new->due = due;
    new->body = pack_body(plan, alarm, body);
}

void plan_job(struct plan *plan, const struct shape *job, time_us due, const void *body)
{
    struct plan_alarm *new = new_alarm(plan, job, shape_key(job, body, plan->arena));
    new->due = due;
    new->body = pack_body(plan, job, body);
    new->attempt = plan->attempt;
    new->job = true;
}

void plan_cancel(struct plan *plan, const struct shape *alarm, text key)
{
    new_alarm(plan, alarm, arena_text(plan->arena, key))->cancel = true;
}

void plan_cancel_id(struct plan *plan, const struct shape *alarm, int64_t key)
{
    new_alarm(plan, alarm, arena_int(plan->arena, key))->cancel = true;
}

void plan_answer(struct plan *plan, const void *body)
{
    assert(plan->inside->answer_shape != NULL);
    plan->inside->answer = pack_body(plan, plan->inside->answer_shape, body);
    plan->inside->answered = true;
}

void plan_refuse(struct plan *plan, const char *field, const char *rule, const char *format, ...)
{
    char message[sizeof(((struct err *)0)->message)];
    va_list args;
    if (plan_refused(plan)) return; /* the first reason counts */
    va_start(args, format);
    text_vformat(message, sizeof(message), format, args);
    va_end(args);
    err_field(&plan->inside->refusal, field, rule, "%s", message);
    plan->inside->verdict = PLAN_REFUSED;
}

void plan_retry(struct plan *plan, const char *format, ...)
{
    char message[sizeof(((struct err *)0)->message)];
    va_list args;
    if (plan_refused(plan)) return;
    va_start(args, format);
    text_vformat(message, sizeof(message), format, args);
    va_end(args);
    err_set(&plan->inside->refusal, "%s", message);
    plan->inside->verdict = PLAN_RETRY;
}

bool plan_refused(const struct plan *plan)
{
    return plan->inside->verdict != PLAN_GOOD;
}

struct list facts_all(const struct facts *facts, const struct statement *statement)
{
    for (size_t i = 0; i < facts->n; i++)
        if (facts->slices[i].statement == statement) return facts->slices[i].rows;
    assert(!"the statement stands in the handler's loads");
    return (struct list){0};
}

const void *facts_one(const struct facts *facts, const struct statement *statement)
{
    struct list rows = facts_all(facts, statement);
    return rows.n == 0 ? NULL : rows.at;
}
