/*
 * metrics: numbers for operators, in the Prometheus text format 0.0.4. A metric is defined where it
 * is counted:
 *
 *   METRIC(batches, .name = "kefu_batches_total", .type = METRIC_COUNTER,
 *          .help = "Transactions.", .labels = {"result"});
 *   metric_add(&batches, 1, "committed");
 *
 * The values of labels must come from small sets (never ids or names of people): after
 * METRIC_SERIES different ones the rest is counted together as "other". To be used from the loop's
 * thread only.
 */
#ifndef KEFU_METRICS_H
#define KEFU_METRICS_H

#include "base/buf.h"

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

enum { METRIC_LABELS = 3, METRIC_SERIES = 100, METRIC_BUCKETS = 16, METRIC_LABEL_SIZE = 48 };

struct metric_series;

struct metric {
    const char *name; /* kefu_..., with the unit in it; counters end in _total */
    enum metric_type type;
    const char *help;
    const char *labels[METRIC_LABELS];
    double buckets[METRIC_BUCKETS]; /* upper bounds, rising; all zero: 0.5 ms to 10 s */
    struct metric_series *series;   /* the rest is the module's */
    size_t series_n;
    struct metric *next;
};

#define METRIC(variable, ...)                                                                      \
    static struct metric variable = {__VA_ARGS__};                                                 \
    __attribute__((constructor)) static void register_##variable(void)                             \
    {                                                                                              \
        metrics_register(&variable);                                                               \
    }                                                                                              \
    _Static_assert(sizeof(variable) == sizeof(struct metric), "a metric")

/* metric_add(&m, n, "label value", …): as many values as the metric has labels; a missing one is
   "". */
#define metric_add(metric, n, ...) metric_change((metric), (n), METRIC_VALUES(__VA_ARGS__))
#define metric_set(metric, value, ...) metric_replace((metric), (value), METRIC_VALUES(__VA_ARGS__))
#define metric_observe(metric, value, ...)                                                         \
    metric_record((metric), (value), METRIC_VALUES(__VA_ARGS__))
#define METRIC_VALUES(...) ((const char *const[METRIC_LABELS + 1]){NULL, ##__VA_ARGS__} + 1)

void metrics_register(struct metric *metric);
/* Of counters (n >= 0) and gauges. */
void metric_change(struct metric *metric, double n, const char *const *values);
void metric_replace(struct metric *metric, double value, const char *const *values);
/* Of histograms, in the unit of its name (seconds). */
void metric_record(struct metric *metric, double value, const char *const *values);
/* The count, the value set, or (histogram) the number of observations; 0 if never. For tests and
   status. */
double metric_value(const struct metric *metric, const char *const *values);
/* All registered metrics by name. A metric without labels is written even if it was never
   touched. */
void metrics_write(struct buf *out);

#endif
