/*
 * reporting: the handlers that are not about facts, and the feed's socket.
 */
#ifndef KEFU_REPORTING_HANDLERS_H
#define KEFU_REPORTING_HANDLERS_H

#include "runtime/api/service.h"

/* on_event.c: facts of all journals. */
extern const struct handler report_hears[];
extern const size_t report_hears_n;

/* on_feed.c: what changed enters the feed. */
void on_feed_due(struct plan *plan, const void *message, const struct facts *facts);
void on_kpi_due(struct plan *plan, const void *message, const struct facts *facts);
/* Say that topics changed, by so much each; none: only that the KPIs may have. */
void publish_counts(struct plan *plan, const text *topics, const int64_t *by, size_t n);
/* Makes one of several feed.due. */
void feed_due_merge(struct arena *arena, void *last, const void *earlier);

/* on_query.c */
void on_report_summary(struct plan *plan, const void *message, const struct facts *facts);
void on_feed_read(struct plan *plan, const void *message, const struct facts *facts);
void on_report_tickets(struct plan *plan, const void *message, const struct facts *facts);

/* policy.c */
extern const struct policy_owner reporting_policy;

#endif
