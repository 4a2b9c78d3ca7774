/*
 * job: an alarm's work, done outside any transaction. Its row is marked as running; what it reports
 * with job_done() comes back as a message that deletes the row. The half that services use stands
 * in runtime/api/service.h.
 */
#ifndef KEFU_JOB_H
#define KEFU_JOB_H

#include "runtime.msg.h"
#include "runtime/core/runtime.h"

/* The message that an alarm's row holds, or a job's. */
struct work *job_read(const struct alarm_row *row);
/* Begin a job whose row stands as running. */
void job_start(struct lane *lane, struct work *take_work);
text job_name(const struct job *job);
const struct work *job_work(const struct job *job); /* the alarm that started it */
void job_destroy(struct job *job);

#endif
