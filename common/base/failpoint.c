#include "base/failpoint.h"

#ifdef KEFU_FAILPOINTS

#include "base/err.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { POINTS = 16, SETTLE_MS = 20 };

struct point {
    char name[20];
    int64_t n, sleep_ms; /* which time; 0: abort */
    int64_t seen;
};

static struct point points[POINTS];
static size_t points_n;

static void read_point(text words)
{
    struct point *point = &points[points_n];
    text name = text_take(&words, ':'), n = text_take(&words, ':');
    bool good = points_n < POINTS && name.len < sizeof(point->name) && text_to_int(n, &point->n) &&
                point->n > 0;
    if (good && text_starts(words, "sleep=")) {
        (void)text_take(&words, '=');
        good = text_to_int(words, &point->sleep_ms) && point->sleep_ms > 0;
    }
    if (!good) fatal("such as drawn:3 or drawn:3:sleep=200", "FAIL_AT cannot be read");
    memcpy(point->name, name.at, name.len);
    points_n++;
}

static void read_points(void)
{
    static bool read;
    text words = text_of(getenv("FAIL_AT"));
    if (read) return;
    read = true;
    while (words.len > 0) read_point(text_take(&words, ','));
}

static struct point *due_point(const char *name)
{
    read_points();
    for (size_t i = 0; i < points_n; i++) {
        struct point *point = &points[i];
        if (strcmp(point->name, name) != 0) continue;
        point->seen++;
        if (point->sleep_ms > 0 ? point->seen % point->n == 0 : point->seen == point->n)
            return point;
    }
    return NULL;
}

static void act_at_point(const struct point *point)
{
    log_warn("fail_at", "point=%s n=%lld", point->name, (long long)point->seen);
    /* Bytes handed to the network or the database before this point shall get there. */
    usleep((useconds_t)(point->sleep_ms > 0 ? point->sleep_ms : SETTLE_MS) * 1000);
    if (point->sleep_ms == 0) abort();
}

void fail_at(const char *name)
{
    const struct point *point = due_point(name);
    if (point != NULL) act_at_point(point);
}

void fail_after(const char *name, void (*before)(void *ctx), void *ctx)
{
    const struct point *point = due_point(name);
    if (point == NULL) return;
    before(ctx);
    act_at_point(point);
}

#endif
