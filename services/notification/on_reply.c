/* A named person's written answer to the customer. */
#include "handlers.h"

#include "channels.h"
#include "notification.msg.h"
#include "compose.h"
#include "store.h"

#include <inttypes.h>

static bool check_reply(struct plan *plan, const struct reply_send *m,
                        const struct ticket_copy_row *ticket)
{
    if (ticket == NULL)
        plan_retry(plan, "unknown ticket %" PRId64 " (not received yet)", m->ticket);
    else if (plan->header->actor.len == 0)
        plan_refuse(plan, "actor", "SLA-30", "a reply must come from a named person");
    else if (!text_is(m->gives, "result") && !text_is(m->gives, "progress"))
        plan_refuse(plan, "gives", "SLA-30", "gives must be result or progress");
    else if (text_is(m->gives, "progress") && m->next_at <= plan->now)
        plan_refuse(plan, "next_at", "SLA-30",
                    "an interim reply names the next date, in the future");
    else if (!text_is(m->channel, "mail") && !text_is(m->channel, "file"))
        plan_refuse(plan, "channel", NULL, "channel must be mail or file");
    else if (text_is(m->channel, "mail") && !channels_have_mail())
        plan_refuse(plan, "channel", NULL, "no mail relay is set (smtp-url)");
    else if (!ticket->reachable)
        plan_refuse(plan, "ticket", "INT-14", "no contact method of the customer is on record");
    return !plan_refused(plan);
}

void on_reply_send(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct reply_send *m = message;
    const struct ticket_copy_row *ticket = facts_one(facts, &ticket_lock);
    if (!check_reply(plan, m, ticket)) return;
    struct notice notice = {.fact = FACT_COMMAND,
                            .ticket = *ticket,
                            .at = plan->now,
                            .notes = arena_printf(plan->arena, "%" PRId64, m->note)};
    notice.ticket.handler = plan->header->actor; /* who signs */
    struct post post = post_open(plan, &notice, facts);
    if (recipients_person(&post.company, plan->header->actor) == NULL) {
        plan_refuse(plan, "actor", "SLA-30", "unknown member of staff: %.*s",
                    TEXT_ARG(plan->header->actor));
        return;
    }
    const struct wish wish = {.template = TEXT("reply"),
                              .channel = m->channel,
                              .cause = arena_printf(plan->arena, "reply/%" PRId64, m->note),
                              .person = plan->header->actor,
                              .gives = m->gives,
                              .next_at = m->next_at};
    int64_t id = post_message(&post, &wish, NULL);
    if (id == 0)
        plan_refuse(plan, "note", "NTF-62", "these words were sent already");
    else
        plan_answer(plan, &(struct reply_accepted){.message = id});
}
