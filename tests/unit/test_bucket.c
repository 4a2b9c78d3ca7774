/* Buckets: what is taken, what comes back, what is owed. */
#include "base/bucket.h"

#include "test.h"

TEST(a_burst_and_then_a_rate)
{
    static const struct {
        int64_t ms;
        bool want;
    } rows[] = {{1, true},    {1, true},    {1, true},    {1, false},   {400, false}, {501, true},
                {501, false}, {5000, true}, {5000, true}, {5000, true}, {5000, false}};
    struct bucket bucket = {0};
    for (size_t i = 0; i < COUNT(rows); i++)
        CHECK_INT(bucket_take(&bucket, 3, 2, rows[i].ms), rows[i].want);
}

TEST(what_is_owed_is_waited_for)
{
    struct bucket bucket = {0};
    CHECK_INT(bucket_owe(&bucket, 1, 10, 1000), 0);
    CHECK_INT(bucket_owe(&bucket, 1, 10, 1000), 101);
    CHECK_INT(bucket_owe(&bucket, 1, 10, 1000), 201);
    CHECK_INT(bucket_owe(&bucket, 1, 10, 1150), 151);
    CHECK_INT(bucket_owe(&bucket, 1, 10, 9000), 0);
}
