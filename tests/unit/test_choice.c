/* choice: what goes into the next batch; nothing starves, and nothing overtakes what it must not.
   */
#include "runtime/lane/choice.h"
#include "test.h"

#include <stdio.h>
#include <string.h>

static struct lane lane;

static void begin(void)
{
    struct queue *const queues[] = {&lane.results, &lane.events, &lane.alarms};
    turns_empty(&lane.commands, &lane.results);
    for (size_t i = 0; i < COUNT(queues); i++) queue_clear(queues[i]);
    lane = (struct lane){.number = 0, .ready = true};
    runtime.lanes[0] = &lane;
    runtime.lanes_n = 1;
    runtime.sources_n = 2;
    runtime.isolating = false;
    lane.isolate_until_ms = loop_now_ms() + 1000000;
    for (int p = 0; p < PARTITIONS; p++) lane.slots[p].held = true;
    alarm_gate_find(&lane.gate, 1, loop_now_ms());
    alarm_gate_pass(&lane.gate, loop_now_ms());
}

/* Of partition 1 unless the key says otherwise ("3/x"). */
static struct work *create(enum origin origin, const char *key)
{
    struct header header = {.key = text_of(key), .id = text_of(key), .time = 10 * SECOND_US};
    struct work *m = work_create(origin, &header, (text){0});
    m->partition = key[1] == '/' ? key[0] - '0' : 1;
    m->source = origin == ORIGIN_EVENT ? 0 : -1;
    m->due = 20 * SECOND_US;
    return m;
}

static struct work *put(struct queue *queue, enum origin origin, const char *key)
{
    struct work *m = create(origin, key);
    queue_add(queue, m);
    return m;
}

static struct work *command_of(const char *principal, const char *key)
{
    struct work *m = create(ORIGIN_COMMAND, key);
    m->principal = text_of(principal);
    turns_add(&lane.commands, m);
    return m;
}

static void command(const char *key)
{
    command_of("crm", key);
}

static void commands_of(const char *principal, int n)
{
    char key[24];
    for (int i = 0; i < n; i++) {
        snprintf(key, sizeof(key), "%d/%s-%d", i % 8, principal, i);
        command_of(principal, key);
    }
}

static void put_many(struct queue *queue, enum origin origin, int n)
{
    char key[24];
    for (int i = 0; i < n; i++) {
        snprintf(key, sizeof(key), "%d/%d-%d", i % 8, origin, i);
        put(queue, origin, key);
    }
}

/* The keys of the next batch, or how many there are of each origin. */
static const char *next(void)
{
    static char keys[8000];
    struct queue chosen = {0};
    int len = 0;
    keys[0] = '\0';
    choice_make(&lane, &chosen);
    for (struct work *m; (m = queue_take(&chosen)) != NULL; work_destroy(m))
        len += snprintf(keys + len, sizeof(keys) - (size_t)len, "%s%s", len > 0 ? " " : "",
                        m->header.key.at);
    return keys;
}

static size_t next_of(enum origin origin, size_t *all)
{
    struct queue chosen = {0};
    size_t n = 0;
    choice_make(&lane, &chosen);
    if (all != NULL) *all = chosen.n;
    for (struct work *m; (m = queue_take(&chosen)) != NULL; work_destroy(m))
        n += m->origin == origin;
    return n;
}

/* How many of the next batch are a principal's. */
static int64_t of_principal(const char *principal)
{
    struct queue chosen = {0};
    int64_t n = 0;
    choice_make(&lane, &chosen);
    for (struct work *m; (m = queue_take(&chosen)) != NULL; work_destroy(m))
        n += text_is(m->principal, principal);
    return n;
}

static void hear_all(void)
{
    for (int s = 0; s < runtime.sources_n; s++) alarm_gate_hear(&lane.gate, s, 30 * SECOND_US);
}

TEST(every_class_has_a_quarter_of_a_full_batch)
{
    static const enum origin origins[] = {ORIGIN_RESULT, ORIGIN_COMMAND, ORIGIN_EVENT,
                                          ORIGIN_ALARM};
    for (size_t i = 0; i < COUNT(origins); i++) {
        size_t all;
        begin();
        hear_all();
        put_many(&lane.results, ORIGIN_RESULT, 700);
        commands_of("crm", 700);
        put_many(&lane.events, ORIGIN_EVENT, 700);
        put_many(&lane.alarms, ORIGIN_ALARM, 700);
        for (struct work *m = lane.alarms.first; m != NULL; m = m->next) m->due = SECOND_US;
        CHECK_INT((int64_t)next_of(origins[i], &all), BATCH_MAX / 4);
        CHECK_INT((int64_t)all, BATCH_MAX);
    }
}

TEST(an_alarm_waits_for_what_was_said_by_then_in_its_partition_and_for_nothing_else)
{
    begin();
    hear_all();
    put_many(&lane.events, ORIGIN_EVENT, 600);
    put(&lane.alarms, ORIGIN_ALARM, "7/late");
    put(&lane.alarms, ORIGIN_ALARM, "9/due");
    CHECK_INT((int64_t)next_of(ORIGIN_ALARM, NULL), 1); /* nothing of partition 9 waits */
    CHECK_INT((int64_t)next_of(ORIGIN_ALARM, NULL), 0);
    CHECK_INT((int64_t)next_of(ORIGIN_ALARM, NULL), 1); /* with the last events, behind them */
}

TEST(an_alarm_does_not_wait_for_what_was_said_later)
{
    begin();
    hear_all();
    put_many(&lane.events, ORIGIN_EVENT, 600);
    put(&lane.alarms, ORIGIN_ALARM, "7/due")->due = 9 * SECOND_US;
    CHECK_INT((int64_t)next_of(ORIGIN_ALARM, NULL), 1);
}

TEST(while_sources_are_not_heard_it_waits_and_others_use_its_room)
{
    size_t all;
    begin();
    put_many(&lane.events, ORIGIN_EVENT, 600);
    put_many(&lane.alarms, ORIGIN_ALARM, 600);
    CHECK_INT((int64_t)next_of(ORIGIN_ALARM, &all), 0);
    CHECK_INT((int64_t)all, BATCH_MAX);
}

TEST(one_by_one_every_class_has_its_turn)
{
    begin();
    hear_all();
    runtime.isolating = true;
    commands_of("crm", 50);
    put_many(&lane.events, ORIGIN_EVENT, 50);
    put(&lane.results, ORIGIN_RESULT, "1/r");
    put(&lane.alarms, ORIGIN_ALARM, "9/a");
    for (int i = 0; i < 4; i++) {
        size_t all;
        (void)next_of(ORIGIN_EVENT, &all);
        CHECK_INT((int64_t)all, 1);
    }
    CHECK_INT((int64_t)lane.results.n, 0);
    CHECK_INT((int64_t)lane.alarms.n, 0);
    CHECK_INT((int64_t)lane.commands.n, 49);
    CHECK_INT((int64_t)lane.events.n, 49);
}

TEST(what_is_run_alone_alternates_with_others_that_need_not_wait_for_it)
{
    begin();
    hear_all();
    put(&lane.single, ORIGIN_EVENT, "1/a");
    put(&lane.single, ORIGIN_COMMAND, "1/b");
    put(&lane.events, ORIGIN_EVENT, "1/c"); /* the same source and partition as a */
    put(&lane.events, ORIGIN_EVENT, "2/d");
    command("1/b");
    command("1/e");
    CHECK_STRING(next(), "1/a");
    CHECK(lane.apart);
    put(&lane.single, ORIGIN_EVENT, "1/a"); /* it has failed again */
    CHECK_STRING(next(), "1/e 2/d");
    CHECK(!lane.apart);
    CHECK_STRING(next(), "1/b");
    CHECK_STRING(next(), "1/b"); /* its turn, and the other b does not wait any more */
    CHECK_STRING(next(), "1/a");
    CHECK_STRING(next(), "1/c");
    CHECK_STRING(next(), "");
}

TEST(with_nothing_that_may_go_what_is_run_alone_goes_on)
{
    begin();
    put(&lane.single, ORIGIN_COMMAND, "1/a");
    put(&lane.single, ORIGIN_COMMAND, "1/b");
    command("1/a");
    command("1/b");
    CHECK_STRING(next(), "1/a");
    CHECK_STRING(next(), "1/a");
    CHECK_STRING(next(), "1/b");
    CHECK_STRING(next(), "1/b");
}

TEST(of_one_id_one_command_and_those_behind_it_keep_their_order)
{
    begin();
    command("1/a");
    command("1/a");
    command("1/b");
    CHECK_STRING(next(), "1/a 1/b");
    CHECK_STRING(next(), "1/a");
}

TEST(what_has_lost_a_race_goes_together)
{
    begin();
    lane.races = 1;
    put(&lane.single, ORIGIN_COMMAND, "1/a");
    put(&lane.single, ORIGIN_COMMAND, "2/b");
    CHECK_STRING(next(), "1/a 2/b");
    CHECK(!lane.apart);
}

TEST(what_is_not_held_any_more_does_not_go)
{
    begin();
    lane.slots[3].held = false;
    put(&lane.events, ORIGIN_EVENT, "3/a");
    put(&lane.events, ORIGIN_EVENT, "4/b");
    CHECK_STRING(next(), "4/b");
    CHECK_INT((int64_t)lane.events.n, 0);
}

TEST(a_newcomers_command_is_in_the_next_batch_whatever_others_have_waiting)
{
    begin();
    commands_of("flood", 1000);
    (void)next_of(ORIGIN_COMMAND, NULL);
    command_of("pbx", "1/new");
    CHECK(strstr(next(), "1/new") != NULL);
}

TEST(each_principal_has_its_part_of_a_full_batch)
{
    begin();
    commands_of("flood", 1000);
    commands_of("pbx", 300);
    CHECK_INT(of_principal("pbx"), BATCH_MAX / 2);
    CHECK_INT(of_principal("flood"), BATCH_MAX / 2);
    CHECK_INT(of_principal("pbx"), 300 - BATCH_MAX); /* and what it does not need is the other's */
    CHECK_INT(of_principal("flood"), BATCH_MAX);
}

TEST(a_key_that_stays_holds_back_its_commands_of_all_principals)
{
    begin();
    put(&lane.single, ORIGIN_COMMAND, "1/a");
    command_of("crm", "1/a");
    command_of("pbx", "1/a");
    command_of("pbx", "1/b");
    lane.lot = 2; /* the others have their turn */
    CHECK_STRING(next(), "1/b");
    CHECK_STRING(next(), "1/a"); /* alone */
    CHECK_STRING(next(), "1/a 1/a");
}
