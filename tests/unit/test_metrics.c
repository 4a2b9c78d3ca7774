#include "base/metrics.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

METRIC(batches, .name = "kefu_batches_total", .type = METRIC_COUNTER, .help = "Transactions.",
       .labels = {"result", "lane"});
METRIC(clients, .name = "kefu_clients", .type = METRIC_GAUGE, .help = "Connected now.");
METRIC(wait, .name = "kefu_wait_seconds", .type = METRIC_HISTOGRAM, .help = "Time waited.",
       .labels = {"queue"}, .buckets = {0.1, 1, 5});
METRIC(commit, .name = "kefu_commit_seconds", .type = METRIC_HISTOGRAM, .help = "Commit time.");

static text write_all(struct buf *out)
{
    buf_clear(out);
    metrics_write(out);
    return buf_text(out);
}

TEST(counters_and_gauges)
{
    struct buf out = {0};
    CHECK_HAS(write_all(&out),
              "# HELP kefu_clients Connected now.\n# TYPE kefu_clients gauge\nkefu_clients 0\n");
    metric_add(&batches, 1, "committed", "1");
    metric_add(&batches, 2, "committed", "1");
    metric_add(&batches, 1, "failed", "1");
    metric_set(&clients, 7);
    metric_add(&clients, -1.5);
    write_all(&out);
    CHECK_HAS(buf_text(&out), "# TYPE kefu_batches_total counter\n");
    CHECK_HAS(buf_text(&out), "kefu_batches_total{result=\"committed\",lane=\"1\"} 3\n");
    CHECK_HAS(buf_text(&out), "kefu_batches_total{result=\"failed\",lane=\"1\"} 1\n");
    CHECK_HAS(buf_text(&out), "kefu_clients 5.5\n");
    CHECK_INT((int64_t)metric_value(&batches, METRIC_VALUES("committed", "1")), 3);
    CHECK_INT((int64_t)metric_value(&batches, METRIC_VALUES("unheard", "1")), 0);
    buf_finish(&out);
}

TEST(large_numbers_are_exact)
{
    struct buf out = {0};
    metric_set(&clients, 123456789012.0);
    CHECK_HAS(write_all(&out), "kefu_clients 123456789012\n");
    buf_finish(&out);
}

TEST(histograms_add_up)
{
    static const double waits[] = {0.05, 0.1, 0.5, 1.5, 100};
    struct buf out = {0};
    for (size_t i = 0; i < COUNT(waits); i++) metric_observe(&wait, waits[i], "night");
    CHECK_HAS(write_all(&out), "# TYPE kefu_wait_seconds histogram\n"
                               "kefu_wait_seconds_bucket{queue=\"night\",le=\"0.1\"} 2\n"
                               "kefu_wait_seconds_bucket{queue=\"night\",le=\"1\"} 3\n"
                               "kefu_wait_seconds_bucket{queue=\"night\",le=\"5\"} 4\n"
                               "kefu_wait_seconds_bucket{queue=\"night\",le=\"+Inf\"} 5\n"
                               "kefu_wait_seconds_sum{queue=\"night\"} 102.15\n"
                               "kefu_wait_seconds_count{queue=\"night\"} 5\n");
    CHECK_INT((int64_t)metric_value(&wait, METRIC_VALUES("night")), 5);
    metric_observe(&commit, 0.003);
    CHECK_HAS(write_all(&out), "kefu_commit_seconds_bucket{le=\"0.002\"} 0\n"
                               "kefu_commit_seconds_bucket{le=\"0.005\"} 1\n");
    CHECK_HAS(buf_text(&out), "kefu_commit_seconds_bucket{le=\"10\"} 1\n"
                              "kefu_commit_seconds_bucket{le=\"+Inf\"} 1\n");
    buf_finish(&out);
}

TEST(label_values_are_escaped)
{
    struct buf out = {0};
    metric_add(&batches, 1, "a\"b\\c\nd");
    CHECK_HAS(write_all(&out), "kefu_batches_total{result=\"a\\\"b\\\\c\\nd\",lane=\"\"} 1\n");
    buf_finish(&out);
}

TEST(labels_are_bounded)
{
    struct buf out = {0};
    char value[200];
    for (int i = 0; i < 1000; i++) {
        snprintf(value, sizeof(value), "%d", i);
        metric_add(&batches, 1, value, "1");
    }
    CHECK_INT((int64_t)metric_value(&batches, METRIC_VALUES("other", "other")),
              1000 - METRIC_SERIES);
    memset(value, 'x', sizeof(value) - 1);
    value[sizeof(value) - 1] = '\0';
    metric_observe(&wait, 1, value);
    metric_observe(&wait, 1, value);
    CHECK_INT((int64_t)metric_value(&wait, METRIC_VALUES(value)), 2);
    buf_finish(&out);
}
