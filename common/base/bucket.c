#include "base/bucket.h"

static void fill_bucket(struct bucket *bucket, double burst, double rate, int64_t now_ms)
{
    if (bucket->filled_ms == 0) bucket->left = burst;
    bucket->left += (double)(now_ms - bucket->filled_ms) * rate / 1000;
    if (bucket->left > burst) bucket->left = burst;
    bucket->filled_ms = now_ms;
}

bool bucket_take(struct bucket *bucket, double burst, double rate, int64_t now_ms)
{
    fill_bucket(bucket, burst, rate, now_ms);
    if (bucket->left < 1) return false;
    bucket->left--;
    return true;
}

int64_t bucket_owe(struct bucket *bucket, double burst, double rate, int64_t now_ms)
{
    fill_bucket(bucket, burst, rate, now_ms);
    bucket->left--;
    return bucket->left >= 0 ? 0 : (int64_t)(-bucket->left * 1000 / rate) + 1;
}
