/* Calls to customers: tasks for named persons, outside quiet hours unless there is a reason of
   urgency (NTF-02, NTF-03, OUT-03). */
#include "handlers.h"

#include "channels.h"
#include "notification.msg.h"
#include "compose.h"
#include "store.h"

#include <inttypes.h>

static bool in_list(text word, const char *const *list)
{
    for (; *list != NULL; list++)
        if (text_is(word, *list)) return true;
    return false;
}

/* Does the reason open a quiet hour? One that holds for a while only counts from `since`. */
static bool is_urgent(const struct plan *plan, text reason, time_us since)
{
    const struct urgency *urgency = reason.len == 0 ? NULL : rules_urgency(plan->policy, reason);
    return urgency != NULL && (urgency->within == 0 || plan->now <= since + urgency->within);
}

static bool check_reason(struct plan *plan, text reason)
{
    if (reason.len > 0 && rules_urgency(plan->policy, reason) == NULL)
        plan_refuse(plan, "urgency", "NTF-02", "%.*s is no reason of urgency", TEXT_ARG(reason));
    return !plan_refused(plan);
}

/* --- call.plan --- */

static const char *const purposes[] = {"result", "progress", "check", "callback", "other", NULL};

void on_call_plan(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct call_plan *m = message;
    const struct ticket_copy_row *ticket = facts_one(facts, &ticket_lock);
    if (ticket == NULL) {
        plan_retry(plan, "unknown ticket %" PRId64 " (not received yet)", m->ticket);
        return;
    }
    struct notice notice = {
        .fact = FACT_COMMAND, .ticket = *ticket, .at = plan->now, .purpose = m->purpose};
    struct post post = post_open(plan, &notice, facts);
    const struct person_row *caller = recipients_person(&post.company, m->caller);
    if (caller == NULL)
        plan_refuse(plan, "caller", NULL, "unknown member of staff: %.*s", TEXT_ARG(m->caller));
    if (!in_list(m->purpose, purposes))
        plan_refuse(plan, "purpose", NULL,
                    "purpose must be result, progress, check, callback or other");
    if (!check_reason(plan, m->urgency)) return;
    const struct wish wish = {.template = TEXT("call_task"),
                              .to = caller,
                              .channel = TEXT("call"),
                              .urgency = m->urgency,
                              .cause = arena_printf(plan->arena, "call/%" PRId64 "/%" PRId64,
                                                    m->ticket, plan_new_id(plan)),
                              .not_before = m->not_before};
    struct call_row call = post_call(&post, &wish, m->purpose);
    plan_answer(plan, &(struct call_planned){.call = call.id, .at = call.call_at});
}

/* --- call.done --- */

static const char *const outcomes[] = {"reached",      "engaged",    "no_answer",
                                       "wrong_number", "ring_later", NULL};

static bool check_done(struct plan *plan, const struct call_done *m, const struct call_row *call,
                       const struct zone *zone)
{
    const struct notify_rules *rules = plan->policy;
    if (call == NULL || call->ticket != m->ticket)
        plan_refuse(plan, "call", NULL, "ticket %" PRId64 " has no call %" PRId64, m->ticket,
                    m->call);
    else if (!text_is(call->state, "planned"))
        plan_refuse(plan, "call", NULL, "call %" PRId64 " is %.*s already", m->call,
                    TEXT_ARG(call->state));
    else if (!in_list(m->outcome, outcomes))
        plan_refuse(plan, "outcome", "NTF-03",
                    "outcome must be reached, engaged, no_answer, wrong_number or ring_later");
    else if (m->gives.len > 0 && !text_is(m->outcome, "reached"))
        plan_refuse(plan, "gives", "SLA-30", "only a customer who was reached got a reply");
    else if (m->gives.len > 0 && !text_is(m->gives, "result") && !text_is(m->gives, "progress"))
        plan_refuse(plan, "gives", "SLA-30", "gives must be result or progress");
    else if (text_is(m->gives, "progress") && m->next_at <= plan->now)
        plan_refuse(plan, "next_at", "SLA-30",
                    "an interim reply names the next date, in the future");
    else if (text_is(m->outcome, "ring_later") && m->next_at != 0 && m->next_at <= plan->now)
        plan_refuse(plan, "next_at", NULL, "the time to ring again lies in the past");
    else if (check_reason(plan, m->urgency) && quiet_is(&rules->quiet, zone, plan->now) &&
             !is_urgent(plan, m->urgency, call->planned_at) &&
             !is_urgent(plan, call->urgency, call->planned_at))
        plan_refuse(plan, "urgency", "NTF-02", "a call in quiet hours needs a reason of urgency");
    return !plan_refused(plan);
}

/* The next attempt: at the time the customer named, or after the gap, outside quiet hours. A time
   that the customer asked for may be a quiet hour (AMB-15). */
static void plan_next(struct plan *plan, struct call_row *call, const struct call_done *m,
                      const struct facts *facts)
{
    const struct notify_rules *rules = plan->policy;
    bool asked = text_is(m->outcome, "ring_later") && m->next_at != 0;
    const struct ticket_copy_row *ticket = facts_one(facts, &ticket_lock);
    struct notice notice = {.fact = FACT_COMMAND,
                            .at = plan->now,
                            .purpose = call->purpose,
                            .ticket = {.ticket = call->ticket, .locale = text_of(rules_locale)}};
    if (ticket != NULL)
        notice.ticket = *ticket; /* planned for escalation, routing's word may be behind */
    struct post post = post_open(plan, &notice, facts);
    const struct person_row *caller = recipients_person(&post.company, call->caller);
    if (caller == NULL) caller = recipients_find(&post.company, &notice.ticket, TEXT("owner"));
    if (asked) call->urgency = TEXT("customer_asked");
    const struct wish wish = {.template = TEXT("call_task"),
                              .to = caller,
                              .channel = TEXT("call"),
                              .urgency = call->urgency,
                              .cause =
                                  arena_printf(plan->arena, "call/%" PRId64 "/%" PRId64 "/%" PRId64,
                                               call->ticket, call->id, plan->now),
                              .not_before = asked ? m->next_at : plan->now + rules->min_gap};
    if (caller == NULL) {
        call->state = TEXT("unreached");
        return;
    }
    call->caller = caller->staff;
    post_message(&post, &wish, &call->call_at);
}

static void say_outcome(struct plan *plan, const struct call_row *call, const struct call_done *m,
                        text person)
{
    bool urgent = call->urgency.len > 0 || m->urgency.len > 0;
    plan_say(plan, &call_outcome_shape,
             &(struct call_outcome){.ticket = call->ticket,
                                    .call = call->id,
                                    .caller = person,
                                    .outcome = m->outcome,
                                    .attempts = call->attempts,
                                    .urgent = urgent});
    if (m->gives.len > 0)
        plan_say(plan, &reply_delivered_shape,
                 &(struct reply_delivered){.ticket = call->ticket,
                                           .person = person,
                                           .channel = TEXT("call"),
                                           .gives = m->gives,
                                           .next_at = m->next_at});
}

void on_call_done(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct call_done *m = message;
    const struct notify_rules *rules = plan->policy;
    const struct call_row *known = facts_one(facts, &call_lock);
    const struct ticket_copy_row *ticket = facts_one(facts, &ticket_lock);
    const struct zone *zone =
        rules_zone(rules, ticket == NULL ? (text){NULL, 0} : ticket->org_unit);
    if (!check_done(plan, m, known, zone)) return;
    struct call_row call = *known;
    bool postponed = text_is(
        m->outcome, "ring_later"); /* the customer was reached, but not now: no attempt (OUT-T06) */
    call.outcome = m->outcome;
    call.attempts += postponed ? 0 : 1;
    call.done_at = plan->now;
    say_outcome(plan, &call, m, plan->header->actor.len > 0 ? plan->header->actor : call.caller);
    if (text_is(m->outcome, "reached"))
        call.state = TEXT("reached");
    else if (call.attempts >= rules->max_attempts)
        call.state = TEXT("unreached");
    else
        plan_next(plan, &call, m, facts);
    plan_write(plan, &call_write, &call);
    plan_answer(plan, &(struct call_stored){.call = call.id,
                                            .state = call.state,
                                            .next_call_at =
                                                text_is(call.state, "planned") ? call.call_at : 0});
}
