#include "handlers.h"

#include "escalation.msg.h"
#include "escalation_rows.msg.h"
#include "notification.msg.h"
#include "routing.msg.h"
#include "store.h"

/* Loads of every handler of a ticket: the lock on the ticket's copy covers its clocks, pauses and
   replies. */
#define TICKET_LOADS                                                                               \
    {                                                                                              \
        {&ticket_lock, "ticket"}, {&clocks_read, "ticket"}, {&pauses_read, "ticket"},              \
            {&replies_read, "ticket"},                                                             \
    }

static const struct handler handlers[] = {
    {.kind = ON_EVENT,
     .from = "routing",
     .hears = &ticket_started_shape,
     .loads = TICKET_LOADS,
     .decide = on_ticket_started},
    {.kind = ON_EVENT,
     .from = "routing",
     .hears = &ticket_moved_shape,
     .loads = TICKET_LOADS,
     .decide = on_ticket_moved},
    {.kind = ON_EVENT,
     .from = "routing",
     .hears = &ticket_assigned_shape,
     .loads = TICKET_LOADS,
     .decide = on_ticket_assigned},
    {.kind = ON_EVENT,
     .from = "notification",
     .hears = &reply_delivered_shape,
     .loads = TICKET_LOADS,
     .decide = on_reply_delivered},
    {.kind = ON_ALARM, .hears = &clock_due_shape, .loads = TICKET_LOADS, .decide = on_clock_due},
    {.kind = ON_QUERY,
     .hears = &clock_list_shape,
     .loads = {{&clocks_asked, "ticket"}},
     .decide = on_clock_list},
    {.kind = ON_QUERY,
     .hears = &clock_explain_shape,
     .loads = {{&ticket_asked, "ticket"}, {&clocks_asked, "ticket"}, {&pauses_asked, "ticket"}},
     .decide = on_clock_explain},
    {.kind = ON_QUERY,
     .hears = &clock_verdicts_shape,
     .loads = {{&verdicts_asked, NULL}},
     .decide = on_clock_verdicts},
};

static const struct service escalation = {
    .name = "escalation",
    .handlers = handlers,
    .handlers_n = COUNT(handlers),
    .store = store_all,
    .store_n = COUNT(store_all),
    .policy = &escalation_policy,
    .batch_interval = "40ms", /* its deadlines are minutes; alarms do not rest */
};

int main(int argc, char **argv)
{
    return service_main(argc, argv, &escalation);
}
