/* routing: the state of every ticket and who works on it. See README.md. */
#include "runtime/api/service.h"

#include "handlers.h"
#include "policy.h"
#include "store.h"

#include "intake.msg.h"
#include "notification.msg.h"
#include "routing.msg.h"
#include "workforce.msg.h"

#define COMPANY                                                                                    \
    {&person_read, NULL}, {&unit_read, NULL},                                                      \
    {                                                                                              \
        &queue_line_read, NULL                                                                     \
    }

static const struct handler handlers[] = {
    {ON_EVENT, "intake", &ticket_opened_shape, {COMPANY}, .decide = on_ticket_opened},
    {ON_EVENT, "intake", &note_added_shape, .decide = on_note_added},
    {ON_EVENT, "workforce", &staff_changed_shape, .decide = on_staff_changed},
    {ON_EVENT, "workforce", &duty_changed_shape, .decide = on_duty_changed},
    {ON_EVENT, "workforce", &unit_changed_shape, .decide = on_unit_changed},
    {ON_EVENT,
     "notification",
     &call_outcome_shape,
     {{&ticket_lock, "ticket"}},
     .decide = on_call_outcome},
    {ON_EVENT,
     "routing",
     &dispatch_due_shape,
     {{&waiting_read, NULL},
      {&waiting_unsaid, NULL},
      {&wanting_read, "tickets"},
      {&candidate_read, NULL}},
     .decide = on_dispatch_due,
     .merge = dispatch_due_merge,
     .coalesce = true,
     .at_once = true},
    {ON_EVENT,
     "routing",
     &assignment_made_shape,
     {{&ticket_lock, "ticket"}, {&person_read, NULL}},
     .decide = on_assignment_made,
     .at_once = true},
    {ON_COMMAND,
     NULL,
     &ticket_act_shape,
     {{&ticket_lock, "ticket"}, {&note_read, "ticket"}, COMPANY},
     .decide = on_ticket_act},
    {ON_COMMAND,
     NULL,
     &ticket_assign_shape,
     {{&ticket_lock, "ticket"}, COMPANY},
     .decide = on_ticket_assign},
    {ON_ALARM, NULL, &step_due_shape, {{&ticket_lock, "ticket"}, COMPANY}, .decide = on_step_due},
    {ON_QUERY,
     NULL,
     &ticket_get_shape,
     {{&ticket_read, "ticket"}, {&move_read, "ticket"}},
     .decide = on_ticket_get},
    {ON_QUERY, NULL, &ticket_list_shape, {{&ticket_page_read, NULL}}, .decide = on_ticket_list},
    {ON_QUERY, NULL, &staff_loads_shape, {{&candidate_page_read, NULL}}, .decide = on_staff_loads},
};

int main(int argc, char **argv)
{
    const struct service service = {
        .name = "routing",
        .handlers = handlers,
        .handlers_n = COUNT(handlers),
        .store = routing_store,
        .store_n = routing_store_n,
        .policy = &routing_policy_owner,
    };
    return service_main(argc, argv, &service);
}
