/*
 * summary: report.summary as a table that a person understands: tickets, who holds what, clocks,
 * messages, key figures.
 */
#ifndef KEFU_CLI_SUMMARY_H
#define KEFU_CLI_SUMMARY_H

#include "base/buf.h"
#include "reporting.msg.h"

/* Pure. Topics are named as reporting names them; a topic of another kind is left out. */
void summary_write(struct buf *out, const struct report_summary_view *view);

#endif
