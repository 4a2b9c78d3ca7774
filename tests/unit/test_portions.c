/* portions: no class of messages can keep another one out of the batch. */
#include "base/base.h"
#include "runtime/lane/portions.h"
#include "test.h"

enum { CLASSES = 4 };

static const struct {
    const char *what;
    size_t waiting[CLASSES], room, first, want[CLASSES];
} rows[] = {
    {"nothing waits", {0, 0, 0, 0}, 256, 0, {0, 0, 0, 0}},
    {"all have room", {1, 2, 3, 4}, 256, 0, {1, 2, 3, 4}},
    {"one alone takes all", {0, 0, 5000, 0}, 256, 0, {0, 0, 256, 0}},
    {"two share", {0, 5000, 5000, 0}, 256, 0, {0, 128, 128, 0}},
    {"four share", {5000, 5000, 5000, 5000}, 256, 0, {64, 64, 64, 64}},
    {"a few alarms beside many events", {0, 0, 5000, 3}, 256, 0, {0, 0, 253, 3}},
    {"what one leaves the others divide", {10, 5000, 5000, 5000}, 256, 1, {10, 82, 82, 82}},
    {"of one the first in turn", {5, 5, 5, 5}, 1, 2, {0, 0, 1, 0}},
    {"of one the next that has any", {5, 0, 0, 0}, 1, 2, {1, 0, 0, 0}},
};

TEST(equal_parts_and_what_is_left_goes_to_the_others)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t got[CLASSES];
        test_row(rows[i].what);
        portions_divide(rows[i].waiting, CLASSES, rows[i].room, rows[i].first, got);
        for (int k = 0; k < CLASSES; k++) CHECK_INT((int64_t)got[k], (int64_t)rows[i].want[k]);
    }
    test_row(NULL);
}

TEST(all_room_is_given_and_each_gets_its_part)
{
    uint64_t dice = 88172645463325252U;
    for (int i = 0; i < 20000; i++) {
        size_t waiting[CLASSES], got[CLASSES], sum = 0, all = 0, room;
        for (int k = 0; k < CLASSES; k++) {
            dice = dice * 6364136223846793005U + 1442695040888963407U;
            all += waiting[k] = (dice >> 33) % ((dice >> 60) < 4 ? 3 : 700);
        }
        room = i % 3 == 0 ? 1 + (dice >> 40) % 5 : 256;
        portions_divide(waiting, CLASSES, room, (size_t)i % CLASSES, got);
        for (int k = 0; k < CLASSES; k++) {
            size_t part = room / CLASSES < waiting[k] ? room / CLASSES : waiting[k];
            CHECK(got[k] <= waiting[k] && got[k] >= part);
            sum += got[k];
        }
        CHECK(sum == (all < room ? all : room));
    }
}

TEST(with_room_for_one_every_class_has_its_turn)
{
    const size_t waiting[CLASSES] = {9, 9, 0, 9};
    size_t got[CLASSES], sum[CLASSES] = {0};
    for (size_t turn = 0; turn < CLASSES; turn++) {
        portions_divide(waiting, CLASSES, 1, turn, got);
        for (int k = 0; k < CLASSES; k++) sum[k] += got[k];
    }
    CHECK(sum[0] > 0 && sum[1] > 0 && sum[2] == 0 && sum[3] > 0);
}
