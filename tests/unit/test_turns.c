/* turns: commands that wait, a line for each principal. */
#include "runtime/core/turns.h"
#include "test.h"

#include <stdio.h>

static struct turns turns;
static int numbers[4];

/* The next command of "a", "b", "c" or "d"; their ids are numbers. */
static struct work *add(const char *principal, size_t bytes)
{
    static char body[256 << 10];
    char id[12];
    snprintf(id, sizeof(id), "%s%d", principal, ++numbers[principal[0] - 'a']);
    struct header header = {.id = text_of(id)};
    struct work *m = work_create(ORIGIN_COMMAND, &header, (text){body, bytes});
    m->principal = text_of(principal);
    turns_add(&turns, m);
    return m;
}

static void add_many(const char *principal, int n)
{
    for (int i = 0; i < n; i++) add(principal, 100);
}

/* The ids of the next n. */
static const char *next(int n)
{
    static char ids[400];
    int len = 0;
    ids[0] = '\0';
    for (struct work *m; n-- > 0 && (m = turns_take(&turns)) != NULL; work_destroy(m))
        len += snprintf(ids + len, sizeof(ids) - (size_t)len, "%s%s", len > 0 ? " " : "",
                        m->header.id.at);
    return ids;
}

TEST(without_anything_it_is_empty)
{
    CHECK(turns_take(&turns) == NULL);
    CHECK_INT((int64_t)turns.n, 0);
}

TEST(each_principal_has_its_turn_and_keeps_its_order)
{
    add_many("a", 4);
    add_many("b", 2);
    add_many("c", 1);
    CHECK_INT((int64_t)turns.n, 7);
    CHECK_STRING(next(9), "a1 b1 c1 a2 b2 a3 a4");
    CHECK_INT((int64_t)turns.n, 0);
}

TEST(whoever_comes_next_waits_for_one_of_each_other_at_most)
{
    add_many("a", 1000);
    add_many("b", 1000);
    (void)next(101);
    add_many("c", 2);
    CHECK_STRING(next(6), "b51 a52 c1 b52 a53 c2");
    turns_filter(&turns, queue_clear);
}

TEST(the_turn_goes_on_where_it_was)
{
    add_many("a", 3);
    add_many("b", 3);
    CHECK_STRING(next(1), "a1");
    CHECK_STRING(next(2), "b1 a2");
    CHECK_STRING(next(3), "b2 a3 b3");
}

TEST(what_cannot_go_comes_back_in_its_order)
{
    struct work *left[3];
    add_many("a", 3);
    add_many("b", 1);
    for (int i = 0; i < 3; i++) left[i] = turns_take(&turns); /* a1 b1 a2 */
    for (int i = 3; i-- > 0;) turns_put_back(&turns, left[i]);
    CHECK_INT((int64_t)turns.n, 4);
    CHECK_STRING(next(4), "a1 b1 a2 a3");
}

TEST(large_commands_cost_as_many_turns_as_they_have_8_kib)
{
    int64_t large = 0;
    for (int i = 0; i < 20; i++) add("a", 199 << 10);
    add_many("b", 1000);
    for (int i = 0; i < 250; i++) {
        struct work *m = turns_take(&turns);
        large += text_is(m->principal, "a");
        work_destroy(m);
    }
    CHECK_INT(large, 250 / 25);
    turns_filter(&turns, queue_clear);
}

TEST(large_commands_alone_are_not_held_up)
{
    for (int i = 0; i < 3; i++) add("a", 200 << 10);
    CHECK_STRING(next(3), "a1 a2 a3");
}

static void take_first(struct queue *queue)
{
    work_destroy(queue_take(queue));
}

TEST(what_is_taken_out_of_the_lines_is_gone_and_the_rest_stays)
{
    add_many("a", 3);
    add_many("b", 1);
    add_many("c", 2);
    turns_filter(&turns, take_first);
    CHECK_INT((int64_t)turns.n, 3);
    CHECK_STRING(next(4), "a2 c2 a3");
    turns_filter(&turns, take_first);
    CHECK_INT((int64_t)turns.n, 0);
}

TEST(all_of_it_goes_behind_what_is_in_a_queue)
{
    struct queue queue = {0};
    add_many("a", 1);
    turns_empty(&turns, &queue);
    add_many("a", 2);
    add_many("b", 1);
    turns_empty(&turns, &queue);
    CHECK_INT((int64_t)queue.n, 4);
    CHECK_INT((int64_t)turns.n, 0);
    for (int i = 1; i <= 2; i++) {
        struct work *m = queue_take(&queue);
        CHECK_INT(m->header.id.at[1] - '0', i);
        work_destroy(m);
    }
    queue_clear(&queue);
}
