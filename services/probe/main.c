/*
 * probe: a service that exists for the runtime's own tests. It writes one row for each event it
 * hears and says it again.
 *
 *   probe.say {fail}: refuse · constraint · alarm · job · abort-command ·
 *       abort (kills the process when the event is heard)
 *   probe.say {fail}, of a key that was heard before: part · column · by · delete · mark · order
 *       break a promise of whole rows (store.c)
 *   probe.say {murmur, fail}: dead (the event is refused) · later (its statement fails)
 *   An alarm or a job of the key `killer` kills the process, too. A job of a key that begins with
 *   `mail` calls somebody who answers after n seconds.
 */
#include "base/log.h"
#include "base/loop.h"
#include "probe.msg.h"
#include "runtime/api/service.h"
#include "store.h"

#include <stdlib.h>

static void count_up(struct plan *plan, const struct facts *facts, text key, int64_t n, int64_t by)
{
    const struct probe_count_row *old = facts_one(facts, &probe_count_lock);
    struct probe_count_row row = {
        .key = key, .count = by + (old == NULL ? 0 : old->count), .last = n};
    plan_write(plan, &probe_count_put, &row);
}

static bool breaks_promise(text fail)
{
    static const char *const promises[] = {"part", "column", "by", "delete", "mark", "order"};
    for (size_t i = 0; i < COUNT(promises); i++)
        if (text_is(fail, promises[i])) return true;
    return false;
}

/* Write the key's row so that one promise of whole rows does not hold. */
static void break_promise(struct plan *plan, text which, struct probe_count_row row)
{
    if (text_is(which, "part")) row.count = 0;
    if (text_is(which, "part") || text_is(which, "column"))
        plan_write(plan, &probe_count_part, &row);
    if (text_is(which, "by")) plan_write(plan, &probe_count_move, &row);
    if (text_is(which, "delete")) plan_write(plan, &probe_count_delete, &row);
    if (text_is(which, "mark"))
        plan_write(plan, &probe_count_mark, &(struct probe_effect_row){row.key, row.last, row.key});
    if (text_is(which, "order"))
        plan_wake(plan, &probe_recall_shape, plan->now, &(struct probe_recall){row.key});
}

static void on_say(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct probe_say *m = message;
    struct probe_heard heard = {.key = m->to.len > 0 ? m->to : m->key,
                                .n = m->n,
                                .note = m->fail.len > 0 ? m->fail : m->note};
    const struct probe_count_row *old = facts_one(facts, &probe_count_lock);
    if (text_is(m->fail, "abort-command")) abort();
    if (text_is(m->fail, "refuse")) plan_refuse(plan, "fail", "PRB-01", "refused as asked");
    if (old != NULL && breaks_promise(m->fail))
        break_promise(plan, m->fail, (struct probe_count_row){m->key, old->count + 1, m->n});
    else
        count_up(plan, facts, m->key, m->n, text_is(m->fail, "constraint") ? 1000000 : 1);
    if (m->nudge.is)
        plan_say(plan, &probe_nudge_shape, &(struct probe_nudge){heard.key, heard.n});
    else if (m->murmur.is)
        plan_say(plan, &probe_murmur_shape, &(struct probe_murmur){heard.key, heard.n, heard.note});
    else
        plan_say(plan, &probe_heard_shape, &heard);
    if (text_is(m->fail, "alarm"))
        plan_wake(plan, &probe_wake_shape, plan->now + m->n * 1000,
                  &(struct probe_wake){m->key, m->n});
    if (text_is(m->fail, "job"))
        plan_job(plan, &probe_work_shape, plan->now, &(struct probe_work){m->key, m->n});
    plan_answer(
        plan, &(struct probe_said){.key = m->key, .n = m->n, .seen = old == NULL ? 0 : old->count});
}

static void on_take(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct probe_take *m = message;
    const struct probe_share_row *share = facts_one(facts, &probe_share_read);
    if (share == NULL || share->taken.is >= share->most)
        plan_refuse(plan, "share", "PRB-02", "nothing is left of it");
    else
        plan_answer(plan, &(struct probe_took){share->most - share->taken.is - 1});
    plan_write(plan, &probe_taking_put, &(struct probe_taking_row){m->share, m->key});
}

static void on_heard(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct probe_heard *m = message;
    struct probe_effect_row row = {m->key, m->n, plan->header->cause};
    (void)facts;
    if (text_is(m->note, "abort")) abort();
    if (text_is(m->note, "dead")) plan_refuse(plan, "note", NULL, "this event cannot be handled");
    plan_write(plan, &probe_effect_put, &row);
    plan_say(plan, &probe_poked_shape, &(struct probe_poked){m->key, m->n});
}

static void on_murmur(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct probe_murmur *m = message;
    struct probe_effect_row row = {m->key, m->n, plan->header->cause};
    if (text_is(m->note, "dead")) plan_refuse(plan, "note", NULL, "this event cannot be handled");
    if (text_is(m->note, "later")) count_up(plan, facts, m->key, m->n, 1000000);
    plan_write(plan, &probe_effect_put, &row);
}

static void on_nudge(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct probe_nudge *m = message;
    (void)facts;
    plan_write(plan, &probe_effect_put,
               &(struct probe_effect_row){m->key, m->n, plan->header->cause});
}

static void on_wake(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct probe_wake *m = message;
    (void)facts;
    if (text_is(m->key, "killer")) abort();
    plan_write(plan, &probe_effect_put, &(struct probe_effect_row){m->key, m->n, TEXT("alarm")});
}

/* Two rows of one key, by a load whose order is not what it says. */
static void on_recall(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct probe_recall *m = message;
    (void)facts;
    for (int64_t n = 11; n <= 12; n++)
        plan_write(plan, &probe_effect_put, &(struct probe_effect_row){m->key, n, TEXT("recall")});
}

struct call {
    struct job *job;
    const struct probe_work *work;
    struct loop_timer timer;
};

static void on_answer(void *ctx)
{
    const struct call *call = ctx;
    job_done(call->job, &probe_worked_shape,
             &(struct probe_worked){call->work->key, call->work->n});
}

static void do_work(struct job *job, const void *message)
{
    const struct probe_work *m = message;
    if (text_is(m->key, "killer")) abort();
    if (text_starts(m->key, "mail")) {
        struct call *call = ARENA_NEW(job_arena(job), struct call);
        log_info("provider_called", "key=%.*s", TEXT_ARG(m->key));
        call->job = job;
        call->work = m;
        loop_timer_start(&call->timer, m->n * 1000, 0, on_answer, call);
        return;
    }
    job_done(job, &probe_worked_shape, &(struct probe_worked){m->key, m->n});
}

static void on_worked(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct probe_worked *m = message;
    (void)facts;
    plan_write(plan, &probe_effect_put,
               &(struct probe_effect_row){m->key, m->n,
                                          arena_printf(plan->arena, "job %d", (int)plan->attempt)});
}

static void on_get(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct probe_get *m = message;
    const struct probe_count_row *row = facts_one(facts, &probe_count_read);
    plan_answer(plan, &(struct probe_state){.key = m->key,
                                            .count = row == NULL ? 0 : row->count,
                                            .last = row == NULL ? 0 : row->last});
}

static const struct handler handlers[] = {
    {.kind = ON_COMMAND,
     .hears = &probe_say_shape,
     .loads = {{&probe_count_lock, "key"}},
     .decide = on_say},
    {.kind = ON_COMMAND,
     .hears = &probe_take_shape,
     .loads = {{&probe_share_lock, "share"}, {&probe_share_read, "share"}},
     .decide = on_take},
    {.kind = ON_EVENT, .from = "probe", .hears = &probe_heard_shape, .decide = on_heard},
    {.kind = ON_EVENT,
     .from = "probe",
     .hears = &probe_murmur_shape,
     .loads = {{&probe_count_lock, "key"}},
     .decide = on_murmur,
     .at_once = true},
    {.kind = ON_EVENT,
     .from = "probe",
     .hears = &probe_nudge_shape,
     .decide = on_nudge,
     .coalesce = true},
    {.kind = ON_ALARM, .hears = &probe_wake_shape, .decide = on_wake},
    {.kind = ON_ALARM,
     .hears = &probe_recall_shape,
     .loads = {{&probe_count_lock, "key"}, {&probe_effects_read, "key"}},
     .decide = on_recall},
    {.kind = ON_JOB, .hears = &probe_work_shape, .run = do_work},
    {.kind = ON_RESULT, .hears = &probe_worked_shape, .decide = on_worked},
    {.kind = ON_QUERY,
     .hears = &probe_get_shape,
     .loads = {{&probe_count_read, "key"}},
     .decide = on_get},
};

int main(int argc, char **argv)
{
    const struct service service = {.name = "probe",
                                    .handlers = handlers,
                                    .handlers_n = COUNT(handlers),
                                    .store = probe_store,
                                    .store_n = probe_store_n};
    return service_main(argc, argv, &service);
}
