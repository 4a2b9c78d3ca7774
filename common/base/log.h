/*
 * log: one logfmt line per fact that an operator would act on, to standard error. Never customer
 * text, names or phones.
 *   log_info("lease_taken", "partition=%d n=%" PRId64, p, n);
 *
 */
#ifndef KEFU_LOG_H
#define KEFU_LOG_H

#include "base/base.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };

/* The service's name and instance go on every line. Set once at start. */
void log_start(const char *service, const char *instance, enum log_level least);
/* One line: ts=… level=… service=… event=… then the formatted fields. `fields` must be logfmt:
   name=value pairs. Of one event there are LOG_BURST lines at once and LOG_RATE a second in the
   long run, so that nobody can fill the disk from outside; the next line says how many were
   left_out. What must be complete is a metric. */
enum { LOG_BURST = 100, LOG_RATE = 2 };
void log_line(enum log_level level, const char *event, const char *fields, ...) PRINTF(3, 4);
/* True if lines of this level are written (to skip costly arguments). */
bool log_wants(enum log_level level);
/* A value quoted as logfmt needs it. Points into one of four static buffers used in turn; use it
   at once. */
const char *log_quoted(const char *value);
const char *log_text(text value);

#define log_debug(event, ...) log_line(LOG_DEBUG, event, __VA_ARGS__)
#define log_info(event, ...) log_line(LOG_INFO, event, __VA_ARGS__)
#define log_warn(event, ...) log_line(LOG_WARN, event, __VA_ARGS__)
#define log_error(event, ...) log_line(LOG_ERROR, event, __VA_ARGS__)

#endif
