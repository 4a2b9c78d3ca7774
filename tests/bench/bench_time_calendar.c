/* Additions of business time per second: a week of work, from random instants of ten years,
   holidays and pauses included. */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/err.h"
#include "time/calendar.h"

enum { ROUND = 100000, SECONDS = 1 };

static const char *const hours =
    "mon 09:00-12:00,13:00-18:00;tue 09:00-12:00,13:00-18:00;wed 09:00-12:00,13:00-18:00;"
    "thu 09:00-12:00,13:00-18:00;fri 09:00-12:00,13:00-18:00";
static const time_us first = INT64_C(1577836800) * SECOND_US; /* 2020 */

static double clock_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static uint64_t run(struct calendar *calendar, bool paused, uint64_t *n)
{
    uint64_t random = *n + 1, sum = 0;
    for (int i = 0; i < ROUND; i++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        time_us start = first + (time_us)((random >> 20) % (uint64_t)(3650 * DAY_US));
        struct calendar_span pause = {start + DAY_US, start + 2 * DAY_US};
        struct calendar_spans pauses = {&pause, paused ? 1 : 0};
        sum += (uint64_t)calendar_add(calendar, start, 40 * HOUR_US, &pauses);
    }
    *n += ROUND;
    return sum;
}

static void measure(struct calendar *calendar, bool paused, const char *what)
{
    uint64_t n = 0, sum = run(calendar, paused, &n); /* compiles the years */
    double begin = clock_seconds(), spent = 0;
    for (n = 0; spent < SECONDS; spent = clock_seconds() - begin) sum += run(calendar, paused, &n);
    printf("%s: %.0f /s\n", what, (double)n / spent);
    if (sum == 0) printf("impossible\n"); /* keeps the sums */
}

int main(void)
{
    struct calendar_rules *rules = calendar_rules_create();
    struct calendar_text from = {
        TEXT("Europe/Berlin"), text_of(hours), TEXT("2024-12-25;2024-12-26;2025-01-01"), {0}};
    struct err err = {0};
    if (calendar_rules_read(rules, &from, &err) < 0) fatal(NULL, "%s: %s", err.field, err.message);
    struct calendar *calendar = calendar_compile(rules, &err);
    if (calendar == NULL) fatal("install the package tzdata", "%s", err.message);
    measure(calendar, false, "calendar additions");
    measure(calendar, true, "calendar additions with a pause");
    calendar_destroy(calendar);
    return 0;
}
