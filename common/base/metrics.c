#include "base/metrics.h"

#include "base/arena.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct metric_series {
    char values[METRIC_LABELS][METRIC_LABEL_SIZE];
    double value; /* of a histogram: the sum */
    uint64_t count;
    uint64_t buckets[METRIC_BUCKETS];
    struct metric_series *next;
};

static struct metric *all;

static const double seconds_buckets[METRIC_BUCKETS] = {
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10};

void metrics_register(struct metric *metric)
{
    struct metric **at = &all;
    while (*at != NULL && strcmp((*at)->name, metric->name) < 0) at = &(*at)->next;
    assert(*at == NULL || strcmp((*at)->name, metric->name) != 0);
    metric->next = *at;
    *at = metric;
}

static const double *bounds(const struct metric *metric)
{
    return metric->buckets[0] == 0 && metric->buckets[1] == 0 ? seconds_buckets : metric->buckets;
}

/* Bounds used: they rise, so the first that does not is beyond the end. */
static size_t bounds_n(const struct metric *metric)
{
    const double *list = bounds(metric);
    size_t n = 1;
    while (n < METRIC_BUCKETS && list[n] > list[n - 1]) n++;
    return n;
}

static const char *value_of(const struct metric *metric, const char *const *values, size_t i)
{
    return metric->labels[i] == NULL || values[i] == NULL ? "" : values[i];
}

/* As a series keeps it. */
static text label_of(const struct metric *metric, const char *const *values, size_t i)
{
    return text_cut(text_of(value_of(metric, values, i)), METRIC_LABEL_SIZE - 1);
}

static struct metric_series *find_series(const struct metric *metric, const char *const *values)
{
    for (struct metric_series *series = metric->series; series != NULL; series = series->next) {
        size_t same = 0;
        while (same < METRIC_LABELS &&
               text_is(label_of(metric, values, same), series->values[same]))
            same++;
        if (same == METRIC_LABELS) return series;
    }
    return NULL;
}

static struct metric_series *get_series(struct metric *metric, const char *const *values)
{
    static const char *const other[METRIC_LABELS] = {"other", "other", "other"};
    struct metric_series *series = find_series(metric, values);
    if (series == NULL && metric->series_n >= METRIC_SERIES) {
        values = other;
        series = find_series(metric, values);
    }
    if (series != NULL) return series;
    series = mem_alloc(sizeof(*series));
    for (size_t i = 0; i < METRIC_LABELS; i++)
        text_fit(series->values[i], METRIC_LABEL_SIZE, label_of(metric, values, i));
    series->next = metric->series;
    metric->series = series;
    metric->series_n++;
    return series;
}

void metric_change(struct metric *metric, double n, const char *const *values)
{
    assert(metric->type == METRIC_GAUGE || (metric->type == METRIC_COUNTER && n >= 0));
    get_series(metric, values)->value += n;
}

void metric_replace(struct metric *metric, double value, const char *const *values)
{
    assert(metric->type == METRIC_GAUGE);
    get_series(metric, values)->value = value;
}

void metric_record(struct metric *metric, double value, const char *const *values)
{
    assert(metric->type == METRIC_HISTOGRAM);
    struct metric_series *series = get_series(metric, values);
    const double *list = bounds(metric);
    size_t n = bounds_n(metric), i = 0;
    while (i < n && value > list[i]) i++;
    if (i < n) series->buckets[i]++;
    series->count++;
    series->value += value;
}

double metric_value(const struct metric *metric, const char *const *values)
{
    const struct metric_series *series = find_series(metric, values);
    if (series == NULL) return 0;
    return metric->type == METRIC_HISTOGRAM ? (double)series->count : series->value;
}

static void add_escaped(struct buf *out, const char *value)
{
    for (; *value != '\0'; value++) {
        if (*value == '\\' || *value == '"') buf_add_char(out, '\\');
        if (*value == '\n') {
            buf_printf(out, "\\n");
        } else {
            buf_add_char(out, *value);
        }
    }
}

static void add_number(struct buf *out, double value)
{
    bool whole = fabs(value) < 1e15 && value == floor(value);
    if (whole) {
        buf_printf(out, "%.0f", value);
    } else {
        buf_printf(out, "%.9g", value);
    }
}

/* `name_suffix{label="value",le="bound"} `; `le` may be NULL. */
static void add_name(struct buf *out, const struct metric *metric, const char *suffix,
                     const struct metric_series *series, const double *le)
{
    const char *before = "{";
    buf_printf(out, "%s%s", metric->name, suffix);
    for (size_t i = 0; i < METRIC_LABELS && metric->labels[i] != NULL; i++) {
        buf_printf(out, "%s%s=\"", before, metric->labels[i]);
        add_escaped(out, series->values[i]);
        buf_add_char(out, '"');
        before = ",";
    }
    if (le != NULL && isinf(*le)) buf_printf(out, "%sle=\"+Inf\"", before);
    if (le != NULL && !isinf(*le)) buf_printf(out, "%sle=\"%g\"", before, *le);
    if (le != NULL || before[0] == ',') buf_add_char(out, '}');
    buf_add_char(out, ' ');
}

static void add_series(struct buf *out, const struct metric *metric,
                       const struct metric_series *series)
{
    add_name(out, metric, "", series, NULL);
    add_number(out, series->value);
    buf_add_char(out, '\n');
}

static void add_histogram(struct buf *out, const struct metric *metric,
                          const struct metric_series *series)
{
    const double *list = bounds(metric), infinite = INFINITY;
    uint64_t below = 0;
    for (size_t i = 0; i < bounds_n(metric); i++) {
        below += series->buckets[i];
        add_name(out, metric, "_bucket", series, &list[i]);
        buf_printf(out, "%" PRIu64 "\n", below);
    }
    add_name(out, metric, "_bucket", series, &infinite);
    buf_printf(out, "%" PRIu64 "\n", series->count);
    add_name(out, metric, "_sum", series, NULL);
    add_number(out, series->value);
    buf_add_char(out, '\n');
    add_name(out, metric, "_count", series, NULL);
    buf_printf(out, "%" PRIu64 "\n", series->count);
}

void metrics_write(struct buf *out)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};
    static const struct metric_series untouched;
    for (const struct metric *metric = all; metric != NULL; metric = metric->next) {
        buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name,
                   types[metric->type]);
        const struct metric_series *series = metric->series;
        if (series == NULL && metric->labels[0] == NULL) series = &untouched;
        for (; series != NULL; series = series->next) {
            if (metric->type == METRIC_HISTOGRAM) {
                add_histogram(out, metric, series);
            } else {
                add_series(out, metric, series);
            }
        }
    }
}
