#include "base/pace.h"

int64_t rest_left(const struct rest *rest, int64_t now_ms, int64_t rest_ms)
{
    int64_t left = rest->until_ms - RESTS_SAVED * rest_ms - now_ms;
    return left < 0 ? 0 : left;
}

void rest_note(struct rest *rest, int64_t now_ms, int64_t rest_ms)
{
    int64_t most = now_ms + (RESTS_SAVED + 1) * rest_ms;
    rest->until_ms = (rest->until_ms > now_ms ? rest->until_ms : now_ms) + rest_ms;
    if (rest->until_ms > most) rest->until_ms = most;
}
