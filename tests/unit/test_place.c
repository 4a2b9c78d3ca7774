/* place: what creates something runs in a partition that is held here, the same one while that is held; all else where its key says. */
#include "place.h"
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
    struct message m = {.handler = handler, .header.key = {key, (size_t)len}};
    struct lane *lane = place_command(&m);
    CHECK(lane == &lanes[m.partition % 2]);
    return m.partition;
}

static bool is_own(int number)
{
    return place(&creating, number) == place(&other, number);
}

TEST(all_else_goes_where_its_key_says)
{
    int before[KEYS];
    hold(0, PARTITIONS);
    for (int i = 0; i < KEYS; i++) before[i] = place(&other, i);
    hold(3, 2);
    for (int i = 0; i < KEYS; i++) CHECK(place(&other, i) == before[i]);
}

TEST(with_all_or_nothing_held_it_stays_with_its_key)
{
    hold(0, PARTITIONS);
    for (int i = 0; i < KEYS; i++) CHECK(is_own(i));
    hold(0, 0);
    for (int i = 0; i < KEYS; i++) CHECK(is_own(i));
}

TEST(what_is_created_is_spread_over_what_is_held)
{
    int count[PARTITIONS] = {0};
    hold(8, 10);
    for (int i = 0; i < KEYS; i++) count[place(&creating, i)]++;
    for (int p = 0; p < PARTITIONS; p++) {
        bool held = p >= 8 && p < 18;
        CHECK(held ? count[p] > KEYS / 20 : count[p] == 0);
    }
}

TEST(when_one_is_lost_only_its_keys_move)
{
    int before[KEYS], moved = 0;
    hold(8, 10);
    for (int i = 0; i < KEYS; i++) before[i] = place(&creating, i);
    lanes[17 % 2].slots[17].held = false;
    for (int i = 0; i < KEYS; i++) {
        int now = place(&creating, i);
        CHECK(now != 17 && (now == before[i] || before[i] == 17));
        moved += now != before[i];
    }
    CHECK(moved > 0);
}

TEST(a_lane_that_is_not_ready_holds_nothing)
{
    hold(0, PARTITIONS);
    lanes[1].ready = false;
    for (int i = 0; i < KEYS; i++) CHECK(place(&creating, i) % 2 == 0);
    lanes[1].ready = true;
}
