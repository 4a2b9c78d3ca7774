/*
 * bucket: how many of something are left, when so many come back each second. Zero-initialised is
 * full.
 */
#ifndef KEFU_BUCKET_H
#define KEFU_BUCKET_H

#include "base/base.h"

struct bucket {
    double left;
    int64_t filled_ms;
};

/* One is taken, if one is left. */
MUST_CHECK bool bucket_take(struct bucket *bucket, double burst, double rate, int64_t now_ms);
/* One is taken in any case. How many milliseconds it takes until none is owed. */
MUST_CHECK int64_t bucket_owe(struct bucket *bucket, double burst, double rate, int64_t now_ms);

#endif
