#include "runtime/core/overdue.h"

#include "base/loop.h"
#include "base/metrics.h"
#include "runtime/core/reply.h"
#include "runtime/core/runtime.h"

METRIC(overdue_n, .name = "kefu_requests_overdue_total", .type = METRIC_COUNTER,
       .help = "Requests that waited too long and were not carried out.", .labels = {"limit"});

static bool is_past(time_us deadline)
{
    return deadline != 0 && deadline <= runtime_system_now();
}

bool overdue(time_us deadline, int64_t since_ms)
{
    return is_past(deadline) || loop_now_ms() - since_ms >= runtime.settings.wait_ms;
}

void overdue_answer(struct bus_request *request, text id, time_us deadline, bool uncertain)
{
    struct err err;
    bool own = is_past(deadline);
    metric_add(&overdue_n, 1, uncertain ? "uncertain" : own ? "deadline" : "wait");
    if (uncertain) {
        err_set(&err, "its outcome is not known yet: send it again with the same id");
        reply_refuse(request, VERB_RETRY, id, &err);
    } else if (own) {
        err_field(&err, "deadline", NULL, "its deadline has passed before it could be begun");
        reply_refuse(request, VERB_REFUSED, id, &err);
    } else {
        err_set(&err, "it has waited for %lld ms and was not begun",
                (long long)runtime.settings.wait_ms);
        reply_refuse(request, VERB_RETRY, id, &err);
    }
}

void overdue_take(struct queue *queue)
{
    struct queue all = *queue;
    *queue = (struct queue){0};
    for (struct work *m; (m = queue_take(&all)) != NULL;) {
        if (m->origin != ORIGIN_COMMAND || !overdue(m->header.deadline, m->since_ms)) {
            queue_add(queue, m);
            continue;
        }
        overdue_answer(m->request, m->header.id, m->header.deadline, m->uncertain);
        work_destroy(m);
    }
}

void overdue_doubt(struct queue *queue)
{
    for (struct work *m = queue->first; m != NULL; m = m->next) m->uncertain = true;
}
