/* place: what creates something runs in its lane's partition of the moment, among those held here;
   all else where its key says. */
#include "runtime/lane/place.h"
#include "test.h"

#include <stdio.h>

enum { KEYS = 2000 };

static struct lane lanes[2] = {{.number = 0, .ready = true}, {.number = 1, .ready = true}};
static const struct handler creating = {.kind = ON_COMMAND, .creates = true};
static const struct handler other = {.kind = ON_COMMAND};

static void hold(int first, int n)
{
    runtime.lanes[0] = &lanes[0];
    runtime.lanes[1] = &lanes[1];
    runtime.lanes_n = 2;
    for (int p = 0; p < PARTITIONS; p++) lanes[p % 2].slots[p].held = p >= first && p < first + n;
}

/* The partition; the lane must be that of it. */
static int place(const struct handler *handler, int number)
{
    char key[24];
    int len = snprintf(key, sizeof(key), "crm/%d", number);
    struct work m = {.handler = handler, .header.key = {key, (size_t)len}};
    struct lane *lane = place_command(&m);
    CHECK(lane == &lanes[m.partition % 2]);
    return m.partition;
}

TEST(all_else_goes_where_its_key_says)
{
    int before[KEYS];
    hold(0, PARTITIONS);
    for (int i = 0; i < KEYS; i++) before[i] = place(&other, i);
    hold(3, 2);
    for (int i = 0; i < KEYS; i++) CHECK(place(&other, i) == before[i]);
}

TEST(with_nothing_held_it_stays_with_its_key)
{
    hold(0, 0);
    for (int i = 0; i < KEYS; i++) CHECK(place(&creating, i) == place(&other, i));
}

TEST(what_is_new_goes_to_the_lane_of_its_key_in_stretches_of_one_partition)
{
    enum { STRETCH = 64 };
    int last[2] = {-1, -1}, n[2] = {0}, count[PARTITIONS] = {0};
    hold(0, PARTITIONS);
    place_turn(&lanes[0]);
    place_turn(&lanes[1]);
    for (int i = 0; i < KEYS; i++) {
        int p = place(&creating, i), lane = p % 2;
        CHECK(lane == place(&other, i) % 2);
        bool full = n[lane] == 0 || n[lane] == STRETCH;
        CHECK(full ? p != last[lane] : p == last[lane]);
        n[lane] = full ? 1 : n[lane] + 1;
        last[lane] = p;
        count[p]++;
    }
    for (int p = 0; p < PARTITIONS; p++) CHECK(count[p] > 0);
}

TEST(each_batch_has_the_next_partition_that_is_held)
{
    hold(8, 10);
    for (int turn = 0; turn < 40; turn++) {
        int before[2] = {-1, -1}, after[2] = {-1, -1};
        for (int i = 0; i < 20; i++) {
            int p = place(&creating, i);
            CHECK(p >= 8 && p < 18);
            before[p % 2] = p;
        }
        place_turn(&lanes[0]);
        place_turn(&lanes[1]);
        for (int i = 0; i < 20; i++) {
            int p = place(&creating, i);
            after[p % 2] = p;
        }
        for (int n = 0; n < 2; n++) {
            int next = before[n] + 2 < 18 ? before[n] + 2 : 8 + n;
            CHECK(after[n] == next);
        }
    }
}

TEST(when_its_partition_is_lost_the_lane_takes_another)
{
    hold(0, PARTITIONS);
    int before = place(&creating, 1);
    lanes[before % 2].slots[before].held = false;
    int after = place(&creating, 1);
    CHECK(after != before && after % 2 == before % 2);
}

TEST(a_lane_that_holds_nothing_leaves_it_to_the_other)
{
    hold(0, PARTITIONS);
    lanes[1].ready = false;
    for (int i = 0; i < KEYS; i++) CHECK(place(&creating, i) % 2 == 0);
    lanes[1].ready = true;
}

/* Careful mode counts the deaths of a command by it, in whatever partition its process died. */
TEST(the_name_of_a_command_does_not_depend_on_its_place)
{
    struct arena *arena = arena_create();
    struct work m = {.origin = ORIGIN_COMMAND,
                     .handler = &creating,
                     .principal = TEXT("pbx"),
                     .header = {.id = TEXT("1"), .type = TEXT("a.b"), .key = TEXT("k")}};
    hold(0, PARTITIONS);
    struct lane *lane = place_command(&m);
    int before = m.partition;
    text name = work_identity(&m, arena);
    place_turn(lane);
    place_command(&m);
    CHECK(m.partition != before && text_equal(work_identity(&m, arena), name));
    arena_destroy(arena);
}
