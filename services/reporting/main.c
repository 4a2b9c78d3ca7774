/* reporting: every number. See README.md. */
#include "handlers.h"

#include "feed_socket.h"
#include "reporting.msg.h"
#include "reporting_rows.msg.h"
#include "store.h"

#include <string.h>

static const struct handler others[] = {
    {ON_EVENT,
     "reporting",
     &feed_due_shape,
     {{&feed_now, "feed"}, {&topics_last, "topics"}},
     .decide = on_feed_due,
     .merge = feed_due_merge,
     .at_once = true},
    {ON_ALARM,
     NULL,
     &kpi_due_shape,
     {{&feed_now, "feed"}, {&kpi_topics, NULL}, {&figures_now, NULL}},
     .decide = on_kpi_due,
     .coalesce = true},
    {ON_QUERY,
     NULL,
     &report_summary_shape,
     {{&topics_all, NULL}, {&feed_head, NULL}, {&figures_between, NULL}},
     .decide = on_report_summary},
    {ON_QUERY,
     NULL,
     &feed_read_shape,
     {{&feed_resumes, NULL}, {&feed_entries, NULL}, {&feed_snapshot, NULL}, {&feed_head, NULL}},
     .decide = on_feed_read},
    {ON_QUERY,
     NULL,
     &report_tickets_shape,
     {{&drill_state, NULL},
      {&drill_open, NULL},
      {&drill_department, NULL},
      {&drill_held, NULL},
      {&drill_waiting, NULL},
      {&drill_exit, NULL},
      {&drill_clock, NULL},
      {&drill_message, NULL}},
     .decide = on_report_tickets},
};

enum { HANDLERS_MAX = 32 };

int main(int argc, char **argv)
{
    static struct handler handlers[HANDLERS_MAX];
    assert(report_hears_n + COUNT(others) <= HANDLERS_MAX);
    memcpy(handlers, report_hears, sizeof(*handlers) * report_hears_n);
    memcpy(handlers + report_hears_n, others, sizeof(others));
    const struct service service = {.name = "reporting",
                                    .handlers = handlers,
                                    .handlers_n = report_hears_n + COUNT(others),
                                    .store = store_all,
                                    .store_n = STORE_STATEMENTS,
                                    .policy = &reporting_policy,
                                    .settings = feed_settings,
                                    .settings_n = feed_settings_n,
                                    .start = feed_start,
                                    .committed = feed_committed,
                                    .stop = feed_stop};
    return service_main(argc, argv, &service);
}
