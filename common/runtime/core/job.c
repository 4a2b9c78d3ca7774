#include "runtime/core/job.h"

#include "base/failpoint.h"
#include "runtime/core/lane.h"

#include <stdlib.h>

struct job {
    struct lane *lane;
    struct work *alarm; /* the alarm that started it */
    struct arena *arena;
    const void *body;
    bool reported;
};

struct work *job_read(const struct alarm_row *row)
{
    struct header header = {
        .type = row->name, .key = row->key, .cause = row->cause, .version = 1, .time = row->due_at};
    struct work *m = work_create(ORIGIN_ALARM, &header, row->body);
    m->handler = runtime_handler(ON_ALARM, NULL, row->name, 0);
    if (m->handler == NULL) m->handler = runtime_handler(ON_JOB, NULL, row->name, 0);
    m->partition = (int)row->partition;
    m->due = row->due_at;
    m->attempt = row->attempt.is;
    return m;
}

text job_key(const struct job *job)
{
    return job->alarm->header.key;
}

text job_name(const struct job *job)
{
    return job->alarm->header.type;
}

const struct work *job_work(const struct job *job)
{
    return job->alarm;
}

int64_t job_attempt(const struct job *job)
{
    return job->alarm->attempt;
}

struct arena *job_arena(struct job *job)
{
    return job->arena;
}

void job_destroy(struct job *job)
{
    job->lane->jobs--;
    job->lane->slots[job->alarm->partition].jobs--;
    arena_destroy(job->arena);
    work_destroy(job->alarm);
    free(job);
}

void job_start(struct lane *lane, struct work *take_work)
{
    struct job *job = mem_alloc(sizeof(*job));
    struct err err;
    job->lane = lane;
    job->alarm = take_work;
    job->arena = arena_create();
    lane->jobs++;
    lane->slots[take_work->partition].jobs++;
    job->body = pack_read(take_work->body, take_work->handler->hears, job->arena, &err);
    assert(job->body != NULL); /* it was decoded when the row was claimed */
    take_work->handler->run(job, job->body);
}

void job_done(struct job *job, const struct shape *result, const void *body)
{
    struct buf bytes = {0};
    assert(!job->reported);
    fail_at("reported");
    job->reported = true;
    pack_write(&bytes, result, body);
    struct header header = {.type = text_of(result->name),
                            .key = job->alarm->header.key,
                            .version = 1,
                            .cause = job->alarm->header.cause,
                            .time = runtime_now()};
    struct work *m = work_create(ORIGIN_RESULT, &header, buf_text(&bytes));
    m->handler = runtime_handler(ON_RESULT, NULL, header.type, 0);
    assert(m->handler != NULL);
    m->partition = job->alarm->partition;
    m->attempt = job->alarm->attempt;
    m->job = job;
    buf_finish(&bytes);
    lane_result(job->lane, m);
}
