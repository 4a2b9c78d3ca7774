#include "base/pace.h"

int64_t pace_left(const struct pace *pace, int64_t now_ms, int64_t interval_ms)
{
    int64_t left = pace->until_ms - INTERVALS_SAVED * interval_ms - now_ms;
    return left < 0 ? 0 : left;
}

void pace_note(struct pace *pace, int64_t now_ms, int64_t interval_ms)
{
    int64_t most = now_ms + (INTERVALS_SAVED + 1) * interval_ms;
    pace->until_ms = (pace->until_ms > now_ms ? pace->until_ms : now_ms) + interval_ms;
    if (pace->until_ms > most) pace->until_ms = most;
}
