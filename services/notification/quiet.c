#include "quiet.h"

#include "time/date.h"

/* The wall clock at an instant. */
struct wall {
    int64_t day;    /* number of the date */
    int32_t second; /* of the day */
    struct zone_era era;
};

static int64_t whole_seconds(time_us at)
{
    return at >= 0 ? at / SECOND_US : -((-at + SECOND_US - 1) / SECOND_US);
}

static struct wall wall_of(const struct zone *zone, int64_t seconds)
{
    struct zone_era era = zone_era(zone, seconds);
    int64_t local = seconds + era.offset;
    int64_t day = date_day_of(local);
    return (struct wall){
        .day = day, .second = (int32_t)(local - day * DATE_DAY_SECONDS), .era = era};
}

static int32_t window_length(const struct quiet_window *window)
{
    return window->until - window->from + (window->until > window->from ? 0 : DATE_DAY_SECONDS);
}

/* Seconds of the wall clock since the window began; -1: not in it. */
static int32_t window_into(const struct quiet_window *window, int32_t second)
{
    int32_t into = second - window->from + (second >= window->from ? 0 : DATE_DAY_SECONDS);
    return into < window_length(window) ? into : -1;
}

static const struct quiet_window *window_at(const struct quiet *quiet, int32_t second)
{
    for (size_t i = 0; i < quiet->n; i++)
        if (window_into(&quiet->windows[i], second) >= 0) return &quiet->windows[i];
    return NULL;
}

bool quiet_parse(text clock, int32_t *second)
{
    int64_t value[3] = {0};
    size_t n = 0;
    for (text rest = clock; rest.len > 0; n++) {
        text part = text_take(&rest, ':');
        if (n == 3 || part.len != 2 || !text_to_int(part, &value[n]) || value[n] < 0) return false;
    }
    if (n < 2 || value[0] > 24 || value[1] > 59 || value[2] > 59) return false;
    if (value[0] == 24 && value[1] + value[2] > 0) return false;
    *second = (int32_t)((value[0] * 3600 + value[1] * 60 + value[2]) % DATE_DAY_SECONDS);
    return true;
}

bool quiet_is(const struct quiet *quiet, const struct zone *zone, time_us at)
{
    return window_at(quiet, wall_of(zone, whole_seconds(at)).second) != NULL;
}

/* The instant at which the wall clock shows the window's end. The offset may change on the way; a
   time that the wall clock skips is the moment of the change. */
static int64_t window_end(const struct zone *zone, const struct quiet_window *window,
                          int64_t seconds)
{
    struct wall wall = wall_of(zone, seconds);
    int64_t left = window_length(window) - window_into(window, wall.second);
    int64_t end = seconds + left;
    if (end < wall.era.until) return end;
    int64_t change = wall.era.until;
    end += wall.era.offset - zone_era(zone, change).offset;
    return end > change ? end : change;
}

time_us quiet_end(const struct quiet *quiet, const struct zone *zone, time_us at)
{
    const int64_t begin = whole_seconds(at);
    const struct quiet_window *window;
    int64_t seconds = begin;
    while ((window = window_at(quiet, wall_of(zone, seconds).second)) != NULL) {
        seconds = window_end(zone, window, seconds);
        if (seconds > begin + DATE_WEEK_SECONDS) return -1;
    }
    return seconds == begin ? at : seconds * SECOND_US;
}

time_us quiet_release(const struct quiet *quiet, const struct zone *zone, time_us at)
{
    time_us end = quiet_end(quiet, zone, at);
    if (end <= at) return end < 0 ? at : end;
    int32_t second = wall_of(zone, whole_seconds(at)).second;
    const struct quiet_window *window = window_at(quiet, second);
    time_us into = window_into(window, second) * SECOND_US + (at - whole_seconds(at) * SECOND_US);
    time_us later = end + (time_us)((double)quiet->spread *
                                    ((double)into / ((double)window_length(window) * SECOND_US)));
    return quiet_is(quiet, zone, later) ? end : later;
}

time_us quiet_plan_call(const struct quiet *quiet, const struct zone *zone, time_us now,
                        time_us wish, time_us deadline)
{
    time_us at = quiet_release(quiet, zone, wish > now ? wish : now);
    bool too_late = deadline != 0 && at > deadline;
    return too_late && !quiet_is(quiet, zone, now) ? now : at;
}
