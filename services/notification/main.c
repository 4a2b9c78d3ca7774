/* notification: every message to a person. See README.md. */
#include "handlers.h"

#include "channels.h"
#include "compose.h"
#include "transport.h"
#include "store.h"

#include "escalation.msg.h"
#include "notification.msg.h"
#include "routing.msg.h"
#include "workforce.msg.h"

static const struct handler handlers[] = {
    {ON_EVENT, "routing", &ticket_started_shape, {POST_LOADS}, .decide = on_ticket_started},
    {ON_EVENT, "routing", &ticket_moved_shape, {POST_LOADS}, .decide = on_ticket_moved},
    {ON_EVENT, "routing", &ticket_assigned_shape, {POST_LOADS}, .decide = on_ticket_assigned},
    {ON_EVENT, "routing", &ticket_queued_shape, {POST_LOADS}, .decide = on_ticket_queued},
    {ON_EVENT, "escalation", &clock_level_shape, {POST_LOADS}, .decide = on_clock_level},
    {ON_EVENT, "escalation", &breach_withdrawn_shape, {POST_LOADS}, .decide = on_breach_withdrawn},
    {ON_EVENT, "workforce", &staff_changed_shape, .decide = on_staff_changed},
    {ON_EVENT, "workforce", &duty_changed_shape, .decide = on_duty_changed},
    {ON_EVENT, "workforce", &unit_changed_shape, .decide = on_unit_changed},
    {ON_COMMAND, NULL, &reply_send_shape, {POST_LOADS}, .decide = on_reply_send},
    {ON_COMMAND, NULL, &call_plan_shape, {POST_LOADS}, .decide = on_call_plan},
    {ON_COMMAND,
     NULL,
     &call_done_shape,
     {{&call_lock, "call"}, POST_LOADS},
     .decide = on_call_done},
    {ON_QUERY, NULL, &message_list_shape, {{&message_page_read, NULL}}, .decide = on_message_list},
    {ON_QUERY, NULL, &call_list_shape, {{&call_page_read, NULL}}, .decide = on_call_list},
    {ON_JOB, NULL, &message_due_shape, .run = run_message_due},
    {ON_RESULT,
     NULL,
     &delivery_done_shape,
     {{&message_lock, "message"}},
     .decide = on_delivery_done},
};

int main(int argc, char **argv)
{
    const struct service service = {
        .name = "notification",
        .handlers = handlers,
        .handlers_n = COUNT(handlers),
        .store = notification_store,
        .store_n = notification_store_n,
        .policy = &notification_policy,
        .batch_interval = "50ms", /* nobody waits so shortly for a message */
        .settings = channel_settings_rows,
        .settings_n = channel_settings_n,
        .start = channels_start,
        .stop = send_stop,
    };
    return service_main(argc, argv, &service);
}
