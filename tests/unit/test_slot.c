/* slot: how far a source is done follows from what is in memory, whatever has failed before. */
#include "runtime/core/slot.h"
#include "test.h"

enum { P = 5, A = 0, B = 1 };

static struct slot slot;
static struct queue waiting;

static void begin(void)
{
    slot = (struct slot){0};
    waiting = (struct queue){0};
    slot_begin(&slot, 7, (int64_t[SOURCES_MAX]){10, 20});
}

static struct work *receive(int source, int64_t seq)
{
    struct work *m = work_create(ORIGIN_EVENT, &(struct header){0}, (text){0});
    m->partition = P;
    m->source = source;
    m->seq = slot.received[source] = seq;
    queue_add(&waiting, m);
    return m;
}

static int64_t done(int source)
{
    struct backlog backlog = {0};
    backlog_add(&backlog, &waiting);
    return slot_done(&slot, &backlog, P, source);
}

/* A transaction takes up the first event that waits. */
static struct slot_position try_first(void)
{
    struct backlog backlog = {0};
    struct work *m = queue_take(&waiting);
    backlog_add(&backlog, &waiting);
    struct slot_position position = slot_next(&slot, &backlog, P);
    slot_position_pass(&position, m->source, m->seq);
    work_destroy(m);
    return position;
}

TEST(what_is_not_heard_here_is_done_at_once)
{
    begin();
    slot.received[A] = 15;
    CHECK_INT(done(A), 15);
    CHECK_INT(done(B), 20);
}

TEST(an_event_that_waits_is_not_done_nor_what_came_after_it)
{
    begin();
    receive(A, 12);
    slot.received[A] = 15;
    CHECK_INT(done(A), 10);
    CHECK_INT(done(B), 20);
    slot_move(&slot, &(struct slot_position){8, {10, 20}}, 1);
    CHECK_INT(done(A), 10);
    struct slot_position position = try_first();
    CHECK_INT(position.n, 9);
    CHECK_INT(position.done[A], 15);
    slot_move(&slot, &position, 2);
    CHECK_INT(done(A), 15);
    CHECK_INT(slot.n, 9);
}

TEST(with_more_behind_it_the_position_stands_at_the_event)
{
    begin();
    receive(A, 12);
    receive(A, 13);
    receive(B, 21);
    struct slot_position position = try_first();
    CHECK_INT(position.done[A], 12);
    CHECK_INT(position.done[B], 20);
    queue_clear(&waiting);
}

/* What made the fault: the number of events in memory was put back to what it had been before. */
TEST(an_event_received_while_a_commit_fails_still_waits)
{
    begin();
    receive(A, 11);
    (void)try_first();
    receive(
        A,
        13); /* while the COMMIT is under way, which fails: 11 will be tried again, and commits */
    struct slot_position again = slot_next(&slot, &(struct backlog){.sources = {[P] = 1 << A}}, P);
    slot_position_pass(&again, A, 11);
    slot_move(&slot, &again, 1);
    CHECK_INT(done(A), 11);
    queue_clear(&waiting);
}

TEST(other_partitions_and_other_messages_do_not_hold_it_back)
{
    begin();
    receive(A, 12)->partition = P + 1;
    slot.received[A] = 15;
    struct work *letter = work_create(ORIGIN_DEAD, &(struct header){0}, (text){0});
    letter->partition = P;
    letter->source = A;
    queue_add(&waiting, letter);
    CHECK_INT(done(A), 15);
    queue_clear(&waiting);
}
