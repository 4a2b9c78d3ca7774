#include "runtime/core/lateness.h"

#include "base/metrics.h"
#include "runtime/core/runtime.h"

METRIC(lateness, .name = "kefu_alarm_lateness_seconds", .type = METRIC_HISTOGRAM,
       .help = "From when an alarm was due to when it was decided.");

enum { POWERS = 40 };
static int64_t late_by_power[POWERS]; /* alarms less than 2^i milliseconds late */
static int64_t heard;

void lateness_count(time_us late)
{
    int power = 0;
    if (runtime.settings.test_clock) return; /* it jumps */
    while (power < POWERS - 1 && late >= (INT64_C(1000) << power)) power++;
    late_by_power[power]++;
    heard++;
    metric_observe(&lateness, (double)late / SECOND_US);
}

int64_t lateness_p99(void)
{
    int64_t seen = 0;
    for (int power = 0; power < POWERS && heard > 0; power++) {
        seen += late_by_power[power];
        if (seen * 100 >= heard * 99) return INT64_C(1) << power;
    }
    return 0;
}
