/* Queries. */
#include "handlers.h"

#include "notification.msg.h"
#include "store.h"

void on_message_list(struct plan *plan, const void *message, const struct facts *facts)
{
    struct list rows = facts_all(facts, &message_page_read);
    struct message_line *lines = ARENA_ARRAY(plan->arena, struct message_line, rows.n + 1);
    (void)message;
    for (size_t i = 0; i < rows.n; i++) {
        const struct message_row *row = &LIST(rows, struct message_row)[i];
        lines[i] = (struct message_line){.message = row->id,
                                         .ticket = row->ticket,
                                         .cause = row->cause,
                                         .template = row->template,
                                         .template_version = row->version,
                                         .channel = row->channel,
                                         .audience = row->audience,
                                         .to = row->recipient,
                                         .state = row->state,
                                         .planned_at = row->planned_at,
                                         .send_at = row->send_at,
                                         .sent_at = row->sent_at,
                                         .attempts = row->attempts,
                                         .reason = row->reason};
    }
    plan_answer(plan, &(struct message_page){.rows = {lines, rows.n}});
}

void on_call_list(struct plan *plan, const void *message, const struct facts *facts)
{
    struct list rows = facts_all(facts, &call_page_read);
    struct call_line *lines = ARENA_ARRAY(plan->arena, struct call_line, rows.n + 1);
    (void)message;
    for (size_t i = 0; i < rows.n; i++) {
        const struct call_row *row = &LIST(rows, struct call_row)[i];
        lines[i] = (struct call_line){.call = row->id,
                                      .ticket = row->ticket,
                                      .caller = row->caller,
                                      .purpose = row->purpose,
                                      .state = row->state,
                                      .outcome = row->outcome,
                                      .attempts = row->attempts,
                                      .urgency = row->urgency,
                                      .planned_at = row->planned_at,
                                      .call_at = row->call_at,
                                      .done_at = row->done_at};
    }
    plan_answer(plan, &(struct call_page){.rows = {lines, rows.n}});
}
