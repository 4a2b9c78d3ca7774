/*
 * The clocks of a ticket, told as small stories on the company's own policy (deploy/policy),
 * Shanghai time of 2026: 2 March is a Monday; service and business hours are 9 to 18. `tick` is an
 * alarm that fires at that instant.
 */
#include "escalation/book.h"
#include "time/date.h"
#include "escalation/handlers.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIVES = 64, STEPS = 24, REPLIES = 8 };

struct world {
    struct arena *arena;
    struct book book;
    struct clock_life lives[LIVES];
    struct customer_reply_row replies[REPLIES];
    int64_t last_id;
};

static const char *const policy_names[] = {"clocks.yaml", "calendars/business.yaml",
                                           "calendars/natural.yaml", "calendars/service.yaml"};

static text read_file(struct arena *arena, const char *name)
{
    char path[200];
    snprintf(path, sizeof(path), "deploy/policy/%s", name);
    FILE *file = fopen(path, "r");
    if (file == NULL) return (text){0};
    char *at = arena_alloc(arena, 1 << 20);
    size_t len = fread(at, 1, (1 << 20) - 1, file);
    fclose(file);
    return (text){at, len};
}

static struct clock_rules *load_rules(struct arena *arena)
{
    struct policy_file *files = ARENA_ARRAY(arena, struct policy_file, COUNT(policy_names));
    for (size_t i = 0; i < COUNT(policy_names); i++) {
        files[i] =
            (struct policy_file){text_of(policy_names[i]), read_file(arena, policy_names[i])};
    }
    struct err err = {0};
    const void *rules =
        escalation_policy.compile(&(struct policy_files){files, COUNT(policy_names)}, arena, &err);
    CHECK_ROW(rules != NULL, "%s", err.message);
    return (struct clock_rules *)rules;
}

static void drop_rules(struct arena *arena)
{
    test_row(NULL);
    arena_destroy(arena);
}

static int64_t next_id(void *ctx)
{
    struct world *world = ctx;
    return ++world->last_id;
}

/* --- the script: "VERB MM-DD HH:MM[:SS] WORD... [until MM-DD HH:MM]" --- */

static time_us parse_time(const char *day, const char *clock)
{
    int month = 0, date = 0, hour = 0, minute = 0, second = 0;
    sscanf(day, "%d-%d", &month, &date);
    sscanf(clock, "%d:%d:%d", &hour, &minute, &second);
    return date_days(2026, month, date) * DAY_US + (hour - 8) * HOUR_US + minute * MINUTE_US +
           second * SECOND_US;
}

static void print_time(char *to, size_t size, time_us at)
{
    time_us local = at + 8 * HOUR_US;
    int64_t days = date_day_of(local / SECOND_US);
    struct date date = date_of(days);
    int64_t second = local / SECOND_US - days * DATE_DAY_SECONDS;
    int n = snprintf(to, size, "%02d-%02d %02d:%02d", date.month, date.day, (int)(second / 3600),
                     (int)(second / 60 % 60));
    if (second % 60 != 0) snprintf(to + n, size - (size_t)n, ":%02d", (int)(second % 60));
}

struct words {
    char *at[12];
    size_t n;
};

static struct words split_words(char *line)
{
    struct words words = {0};
    char *rest = NULL;
    for (char *w = strtok_r(line, " ", &rest); w != NULL && words.n < COUNT(words.at);
         w = strtok_r(NULL, " ", &rest)) {
        words.at[words.n++] = w;
    }
    return words;
}

static time_us until_of(const struct words *words)
{
    for (size_t i = 3; i + 2 < words->n; i++) {
        if (strcmp(words->at[i], "until") == 0)
            return parse_time(words->at[i + 1], words->at[i + 2]);
    }
    return 0;
}

static bool has_word(const struct words *words, const char *word)
{
    for (size_t i = 3; i < words->n; i++) {
        if (strcmp(words->at[i], word) == 0) return true;
    }
    return false;
}

static void hear_reply(struct world *world, time_us at, time_us until)
{
    struct customer_reply_row reply = {
        .ticket = 1, .at = at, .person = TEXT("sp01"), .gives = TEXT("progress"), .next_at = until};
    size_t n = world->book.replies.n;
    world->replies[n] = reply;
    while (n > 0 && world->replies[n - 1].at > at) {
        world->replies[n] = world->replies[n - 1];
        world->replies[--n] = reply;
    }
    if (world->book.ticket.ticket != 0) {
        struct happening happening = book_reply(&reply);
        book_hear(&world->book, &happening);
    }
    world->book.replies.n++;
}

static void play_started(struct world *world, const struct words *words, time_us at, text kind)
{
    world->book.ticket =
        (struct ticket_copy_row){.ticket = 1,
                                 .kind = kind,
                                 .round = 1,
                                 .received_at = at,
                                 .org_unit = TEXT("centre"),
                                 .class = text_is(kind, "repair") ? TEXT("normal") : TEXT(""),
                                 .repeated = has_word(words, "repeat")};
    if (has_word(words, "emergency")) world->book.ticket.class = TEXT("emergency");
    bool answered = has_word(words, "answered");
    book_hear(&world->book, &(struct happening){.kind = TICKET_STARTED,
                                                .at = at,
                                                .by = TEXT("ticket.started"),
                                                .promised = until_of(words),
                                                .handled = answered,
                                                .replied = answered});
}

static void play_moved(struct world *world, const struct words *words, time_us at)
{
    struct happening h = {
        .kind = TICKET_MOVED, .at = at, .by = TEXT("ticket.moved"), .promised = until_of(words)};
    h.step = text_of(words->at[3]);
    h.state = text_of(words->n > 4 ? words->at[4] : "");
    h.replied = has_word(words, "replied");
    h.acknowledged = has_word(words, "acknowledged");
    h.exit = has_word(words, "exit");
    h.terminal = h.exit || has_word(words, "over");
    if (has_word(words, "round")) world->book.ticket.round++;
    if (has_word(words, "emergency")) {
        world->book.ticket.class = TEXT("emergency");
        h.class_changed = true;
    }
    if (h.terminal) world->book.ticket.ended_at = at;
    book_hear(&world->book, &h);
}

static void play(struct world *world, const char *step, text kind)
{
    char line[200];
    snprintf(line, sizeof(line), "%s", step);
    char *kept = (char *)arena_text(world->arena, text_of(line)).at;
    struct words words = split_words(kept);
    if (!CHECK_ROW(words.n >= 3, "step \"%s\" is too short", step)) return;
    time_us at = parse_time(words.at[1], words.at[2]);
    if (strcmp(words.at[0], "opened") == 0) play_started(world, &words, at, kind);
    if (strcmp(words.at[0], "moved") == 0) play_moved(world, &words, at);
    if (strcmp(words.at[0], "reply") == 0) hear_reply(world, at, until_of(&words));
    if (strcmp(words.at[0], "assigned") == 0) {
        book_hear(&world->book,
                  &(struct happening){.kind = TICKET_ASSIGNED, .at = at, .handled = true});
    }
    for (size_t i = 0; strcmp(words.at[0], "tick") == 0 && i < world->book.n; i++)
        clock_reach(&world->lives[i], at);
}

static void init_world(struct world *world, const struct clock_rules *rules, struct arena *arena)
{
    memset(world, 0, sizeof(*world));
    world->arena = arena;
    world->book = (struct book){.rules = rules,
                                .policy = 1,
                                .lives = world->lives,
                                .room = LIVES,
                                .replies = {world->replies, 0},
                                .new_id = next_id,
                                .ctx = world};
}

/* --- what came of it: "NAME state due [at end] [levels]", one clock a line, only those whose name
   is `only` --- */

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *tell_life(struct arena *arena, const struct clock_life *life)
{
    char due[40], end[40] = "", levels[200] = "";
    print_time(due, sizeof(due), life->row.due_at);
    if (life->row.stopped_at != 0) print_time(end, sizeof(end), life->row.stopped_at);
    for (size_t i = 0; i < life->rule->ladder->n; i++) {
        if ((life->row.levels >> i & 1) == 0) continue;
        snprintf(levels + strlen(levels), sizeof(levels) - strlen(levels), " %s",
                 life->rule->ladder->at[i].name.at);
    }
    text state = life->row.state;
    if (life->row.verdict.len > 0) state = life->row.verdict;
    return (char *)arena_printf(arena, "%s %s due %s%s%s%s%s", life->row.name.at, state.at, due,
                                end[0] == '\0' ? "" : " at ", end,
                                life->row.breached && end[0] == '\0' ? " breached" : "", levels)
        .at;
}

static text outcome(const struct world *world, const char *only)
{
    char *lines[LIVES];
    size_t n = 0;
    for (size_t i = 0; i < world->book.n; i++) {
        if (only == NULL || text_is(world->lives[i].row.name, only))
            lines[n++] = tell_life(world->arena, &world->lives[i]);
    }
    if (only == NULL) qsort(lines, n, sizeof(lines[0]), compare_lines);
    text all = TEXT("");
    for (size_t i = 0; i < n; i++)
        all = arena_printf(world->arena, "%s%s%s", all.at, i == 0 ? "" : "; ", lines[i]);
    return all;
}

/* --- stories --- */

struct story {
    const char *what;
    const char *kind;
    const char *only;
    const char *steps[STEPS];
    const char *want;
};

static void check_stories(const struct story *stories, size_t n)
{
    struct arena *arena = arena_create();
    struct clock_rules *rules = load_rules(arena);
    for (size_t i = 0; rules != NULL && i < n; i++) {
        struct world *world = ARENA_NEW(arena, struct world);
        init_world(world, rules, arena);
        test_row(stories[i].what);
        for (size_t s = 0; s < STEPS && stories[i].steps[s] != NULL; s++) {
            play(world, stories[i].steps[s], text_of(stories[i].kind));
        }
        CHECK_TEXT(outcome(world, stories[i].only), stories[i].want);
    }
    drop_rules(arena);
}

TEST(named_handler)
{
    static const struct story stories[] = {
        {"two service hours go on the next morning",
         "complaint",
         "SLA-02",
         {"opened 03-02 17:00"},
         "SLA-02 running due 03-03 10:00"},
        {"assigned exactly at the due time is met",
         "complaint",
         "SLA-02",
         {"opened 03-02 09:00", "assigned 03-02 11:00"},
         "SLA-02 met due 03-02 11:00 at 03-02 11:00 L1_50 L1_80"},
        {"an alarm at the due time itself breaches nothing",
         "complaint",
         "SLA-02",
         {"opened 03-02 09:00", "tick 03-02 11:00"},
         "SLA-02 running due 03-02 11:00 L1_50 L1_80"},
        {"a second later it is breached",
         "complaint",
         "SLA-02",
         {"opened 03-02 09:00", "tick 03-02 11:00:01"},
         "SLA-02 running due 03-02 11:00 breached L1_50 L1_80 L2"},
        {"late, heard before any alarm: breached, with the levels it had reached",
         "complaint",
         "SLA-02",
         {"opened 03-02 09:00", "assigned 03-02 12:00:01"},
         "SLA-02 breached due 03-02 11:00 at 03-02 12:00:01 L1_50 L1_80 L2 L2_150"},
        {"in time, heard after the breach: met",
         "complaint",
         "SLA-02",
         {"opened 03-02 09:00", "tick 03-02 11:00:01", "assigned 03-02 10:59"},
         "SLA-02 met due 03-02 11:00 at 03-02 10:59 L1_50 L1_80 L2"},
        {"a second assignment changes nothing",
         "complaint",
         "SLA-02",
         {"opened 03-02 09:00", "assigned 03-02 09:10", "assigned 03-02 12:00"},
         "SLA-02 met due 03-02 11:00 at 03-02 09:10"},
        {"solved in the contact by its recorder",
         "inquiry",
         "SLA-02",
         {"opened 03-02 09:00 answered"},
         "SLA-02 met due 03-02 11:00 at 03-02 09:00"},
        {"an emergency runs on natural time at night",
         "repair",
         NULL,
         {"opened 03-02 21:30 emergency", "assigned 03-02 21:38",
          "moved 03-02 23:30 REP-T04 IN_PROGRESS"},
         "REP-11-handler met due 03-02 21:40 at 03-02 21:38 L1_50; "
         "REP-11-site met due 03-02 23:30 at 03-02 23:30 L1_50 L1_80; SLA-02 met due 03-02 23:30 at"
         " 03-02 21:38"},
    };
    check_stories(stories, COUNT(stories));
}

TEST(ladder)
{
    static const struct story stories[] = {
        {"shares of two service hours, over the night",
         "complaint",
         "SLA-02",
         {"opened 03-02 17:00", "tick 03-02 18:00"},
         "SLA-02 running due 03-03 10:00"},
        {"half is used up at closing; the alarm comes after it",
         "complaint",
         "SLA-02",
         {"opened 03-02 17:00", "tick 03-02 18:00:01"},
         "SLA-02 running due 03-03 10:00 L1_50"},
        {"80 % at 9:36 of the next day",
         "complaint",
         "SLA-02",
         {"opened 03-02 17:00", "tick 03-03 09:36:01"},
         "SLA-02 running due 03-03 10:00 L1_50 L1_80"},
        {"down for a day: every level once",
         "complaint",
         "SLA-02",
         {"opened 03-02 09:00", "tick 03-03 09:00", "tick 03-03 09:00", "tick 03-04 09:00"},
         "SLA-02 running due 03-02 11:00 breached L1_50 L1_80 L2 L2_150 L3 L4"},
        {"a repeat complaint starts at level 3, and climbs on",
         "complaint",
         "CMP-02",
         {"opened 03-02 09:00 repeat", "tick 03-02 09:15:01"},
         "CMP-02 running due 03-02 09:15 breached L1_50 L1_80 L2 L3"},
    };
    check_stories(stories, COUNT(stories));
}

TEST(exits)
{
    static const struct story stories[] = {
        {"before the due time: no verdict",
         "repair",
         "SLA-25",
         {"opened 03-02 09:00 until 03-04 12:00", "moved 03-04 12:00 ALL-T01 WITHDRAWN exit"},
         "SLA-25 none due 03-04 12:00 at 03-04 12:00 L1_50 L1_80"},
        {"after it: the breach stays",
         "repair",
         "SLA-25",
         {"opened 03-02 09:00 until 03-04 12:00", "tick 03-04 12:00:01",
          "moved 03-04 12:30 ALL-T02 MERGED exit"},
         "SLA-25 breached due 03-04 12:00 at 03-04 12:30 L1_50 L1_80 L2"},
        {"after it, heard before the alarm: breached all the same",
         "repair",
         "SLA-25",
         {"opened 03-02 09:00 until 03-04 12:00", "moved 03-04 12:30 ALL-T03 RETYPED exit"},
         "SLA-25 breached due 03-04 12:00 at 03-04 12:30 L1_50 L1_80 L2"},
        {"an exit that carries a stop's step is still an exit",
         "complaint",
         "CMP-02",
         {"opened 03-02 09:00", "moved 03-02 09:05 ALL-T04 RECORDED_IN_ERROR exit acknowledged"},
         "CMP-02 none due 03-02 09:15 at 03-02 09:05"},
        {"a reply before the exit, heard after it, is a reply",
         "complaint",
         "SLA-03",
         {"opened 03-02 09:00", "moved 03-02 15:00 ALL-T01 WITHDRAWN exit", "reply 03-02 14:00"},
         "SLA-03 met due 03-03 09:00 at 03-02 14:00"},
        {"closing ends what was never stopped",
         "complaint",
         "CMP-02",
         {"opened 03-02 09:00", "moved 03-02 09:14 CMP-T19 CLOSED over"},
         "CMP-02 none due 03-02 09:15 at 03-02 09:14 L1_50 L1_80"},
    };
    check_stories(stories, COUNT(stories));
}

TEST(promises)
{
    static const struct story stories[] = {
        {"done exactly at the promised time",
         "repair",
         "SLA-25",
         {"opened 03-02 09:00 until 03-04 12:00", "moved 03-04 12:00 REP-T09 DONE"},
         "SLA-25 met due 03-04 12:00 at 03-04 12:00 L1_50 L1_80"},
        {"a promise takes the place of the class limit",
         "repair",
         NULL,
         {"opened 03-02 09:00 until 03-06 12:00", "assigned 03-02 09:01"},
         "SLA-02 met due 03-02 11:00 at 03-02 09:01; SLA-25 running due 03-06 12:00"},
        {"none promised: the class limit",
         "repair",
         "REP-11",
         {"opened 03-02 09:00"},
         "REP-11 running due 03-03 09:00"},
        {"promised later: the class limit ends",
         "repair",
         NULL,
         {"opened 03-02 09:00", "assigned 03-02 09:00",
          "moved 03-02 10:00 REP-T02 DISPATCHED until 03-05 09:00"},
         "REP-11 none due 03-03 09:00 at 03-02 10:00; SLA-02 met due 03-02 11:00 at 03-02 09:00; "
         "SLA-25 running due 03-05 09:00"},
        {"an interim reply keeps the promise and arms the next",
         "inquiry",
         "SLA-25",
         {"opened 03-02 09:00", "moved 03-02 09:05 INQ-T02 DEFERRED until 03-03 17:00",
          "reply 03-03 16:00 until 03-05 17:00", "moved 03-05 16:00 INQ-T05 REPLIED replied"},
         "SLA-25 met due 03-03 17:00 at 03-03 16:00 L1_50 L1_80; SLA-25 met due 03-05 17:00 at"
         " 03-05 16:00 L1_50 L1_80"},
        {"the same time told again is no new promise",
         "inquiry",
         "SLA-25",
         {"opened 03-02 09:00 until 03-03 17:00",
          "moved 03-02 09:05 INQ-T02 DEFERRED until 03-03 17:00"},
         "SLA-25 running due 03-03 17:00"},
        {"a promise that had passed when the ticket was taken in",
         "repair",
         "SLA-25",
         {"opened 03-02 09:00 until 03-02 08:00", "moved 03-02 09:30 REP-T09 DONE"},
         "SLA-25 breached due 03-02 08:00 at 03-02 09:30 L1_50 L1_80 L2 L2_150 L3 L4"},
    };
    check_stories(stories, COUNT(stories));
}

TEST(a_limit_that_no_calendar_reaches_is_due_at_the_end_of_time)
{
    struct arena *arena = arena_create();
    const struct clock_rules *rules = load_rules(arena);
    for (size_t i = 0; i < rules->n; i++) {
        struct clock_life life;
        struct clock_start start = {.id = 1,
                                    .ticket = 1,
                                    .kind = TEXT("complaint"),
                                    .unit = TEXT("service"),
                                    .at = TIME_END - SECOND_US,
                                    .promised = TIME_END - 1};
        if (rules->at[i].kind == LIMIT_STEP) continue;
        clock_begin(&life, rules, &rules->at[i], &start);
        clock_reach(&life, TIME_END - 1);
        CHECK_ROW(life.row.due_at == TIME_END - 1 && !life.row.breached, "%.*s: due %lld",
                  TEXT_ARG(rules->at[i].name), (long long)life.row.due_at);
    }
    drop_rules(arena);
}

TEST(rounds_and_working_days)
{
    static const struct story stories[] = {
        {"the department has three working days of nine hours",
         "complaint",
         "CMP-04",
         {"opened 03-05 09:00", "moved 03-05 15:00 CMP-T04 ASSIGNED"},
         "CMP-04 running due 03-10 15:00"},
        {"a rejected result gets half the time",
         "complaint",
         "CMP-T10",
         {"opened 03-02 09:00", "moved 03-03 09:00 CMP-T10 INVESTIGATING"},
         "CMP-T10 running due 03-04 13:30"},
        {"a new round starts the reply and the department anew",
         "complaint",
         NULL,
         {"opened 03-02 09:00", "assigned 03-02 09:00",
          "moved 03-02 09:10 CMP-T02 SUPERVISOR_NOTIFIED acknowledged",
          "moved 03-02 10:00 CMP-T04 ASSIGNED", "moved 03-02 11:00 CMP-T08 IN_REVIEW",
          "moved 03-02 12:00 CMP-T11 COMMUNICATED replied",
          "moved 03-02 13:00 CMP-T13 REPROCESSING round"},
         "CMP-02 met due 03-02 09:15 at 03-02 09:10 L1_50; CMP-04 met due 03-05 10:00 at 03-02"
         " 11:00; "
         "CMP-04 running due 03-05 13:00; SLA-02 met due 03-02 11:00 at 03-02 09:00; "
         "SLA-03 met due 03-03 09:00 at 03-02 12:00; SLA-03 running due 03-03 13:00"},
        {"acknowledging late: breached, and it had climbed",
         "complaint",
         "CMP-02",
         {"opened 03-02 09:00", "tick 03-02 09:30:01",
          "moved 03-02 09:31 CMP-T02 SUPERVISOR_NOTIFIED acknowledged"},
         "CMP-02 breached due 03-02 09:15 at 03-02 09:31 L1_50 L1_80 L2 L2_150 L3"},
        {"registering alone acknowledges nothing",
         "complaint",
         "CMP-02",
         {"opened 03-02 09:00", "moved 03-02 09:02 CMP-T01 REGISTERED"},
         "CMP-02 running due 03-02 09:15"},
        {"a work order given again starts anew",
         "complaint",
         "CMP-04",
         {"opened 03-02 09:00", "moved 03-02 10:00 CMP-T04 ASSIGNED",
          "moved 03-02 11:00 CMP-T06 ASSESSING", "moved 03-02 12:00 CMP-T04 ASSIGNED"},
         "CMP-04 met due 03-05 10:00 at 03-02 11:00; CMP-04 running due 03-05 12:00"},
        {"the suggestion's department has five working days",
         "suggestion",
         "SUG-03",
         {"opened 03-02 09:00", "moved 03-02 09:00 SUG-T02 SENT_TO_DEPT"},
         "SUG-03 running due 03-06 18:00"},
        {"a class raised to emergency",
         "repair",
         NULL,
         {"opened 03-02 09:00", "assigned 03-02 09:05",
          "moved 03-02 09:20 REP-T01 ENTERED emergency"},
         "REP-11 none due 03-03 09:00 at 03-02 09:20; REP-11-handler met due 03-02 09:10 at 03-02"
         " 09:05; "
         "REP-11-site running due 03-02 11:00; SLA-02 met due 03-02 11:00 at 03-02 09:05"},
    };
    check_stories(stories, COUNT(stories));
}

TEST(pauses)
{
    static const struct story stories[] = {
        {"two hours of waiting move the due time by two hours",
         "inquiry",
         "INQ-02",
         {"opened 03-02 09:00", "moved 03-02 09:00 INQ-T02 DEFERRED until 03-04 12:00",
          "moved 03-02 10:00 X CONFIRMING", "moved 03-02 12:00 X FORWARDED"},
         "INQ-02 running due 03-03 11:00"},
        {"nothing breaches while it waits",
         "inquiry",
         "INQ-02",
         {"opened 03-02 09:00", "moved 03-02 09:00 INQ-T02 DEFERRED until 03-04 12:00",
          "moved 03-02 10:00 X CONFIRMING", "tick 03-04 18:00"},
         "INQ-02 paused due 03-02 18:00"},
        {"waiting is capped at five working days",
         "inquiry",
         "INQ-02",
         {"opened 03-02 09:00", "moved 03-02 09:00 INQ-T02 DEFERRED until 03-04 12:00",
          "moved 03-02 10:00 X CONFIRMING", "tick 03-20 18:00"},
         "INQ-02 running due 03-09 18:00 breached L1_50 L1_80 L2 L2_150 L3 L4"},
        {"the 24 h clock never waits",
         "inquiry",
         "SLA-03",
         {"opened 03-02 09:00", "moved 03-02 10:00 X CONFIRMING"},
         "SLA-03 running due 03-03 09:00"},
        {"a pause heard after the breach that it forestalls",
         "inquiry",
         "INQ-02",
         {"opened 03-02 09:00", "moved 03-02 09:00 INQ-T02 DEFERRED until 03-04 12:00",
          "tick 03-02 18:00:01", "moved 03-02 17:00 X CONFIRMING"},
         "INQ-02 paused due 03-02 18:00 L1_50 L1_80 L2"},
        {"a stop while it waits",
         "inquiry",
         "INQ-02",
         {"opened 03-02 09:00", "moved 03-02 09:00 INQ-T02 DEFERRED until 03-04 12:00",
          "moved 03-02 10:00 X CONFIRMING", "moved 03-03 12:00 INQ-T05 REPLIED"},
         "INQ-02 met due 03-04 11:00 at 03-03 12:00"},
    };
    check_stories(stories, COUNT(stories));
}

/* --- two sources in any order --- */

struct two_sources {
    const char *what;
    const char *kind;
    const char *routing[8];
    const char *notification[4];
};

static size_t count_steps(const char *const *steps, size_t room)
{
    size_t n = 0;
    while (n < room && steps[n] != NULL) n++;
    return n;
}

/* Bit i of `order`: the i-th message heard is notification's. */
static text play_order(struct arena *arena, const struct clock_rules *rules,
                       const struct two_sources *row, unsigned order)
{
    struct world *world = ARENA_NEW(arena, struct world);
    init_world(world, rules, arena);
    size_t a = 0, b = 0, n = count_steps(row->routing, 8) + count_steps(row->notification, 4);
    for (size_t i = 0; i < n; i++) {
        bool second = (order >> i & 1) != 0;
        play(world, second ? row->notification[b++] : row->routing[a++], text_of(row->kind));
    }
    for (size_t i = 0; i < world->book.n; i++)
        world->lives[i].row.levels = 0; /* told early is told */
    return outcome(world, NULL);
}

TEST(any_order_of_two_sources)
{
    static const struct two_sources rows[] = {
        {"replies, promises and a second round",
         "inquiry",
         {"opened 03-02 09:00", "assigned 03-02 09:05",
          "moved 03-02 09:10 INQ-T02 DEFERRED until 03-03 17:00",
          "moved 03-04 10:00 INQ-T05 REPLIED replied", "moved 03-04 12:00 INQ-T08 FORWARDED round"},
         {"reply 03-03 16:00 until 03-04 17:00", "reply 03-04 15:00 until 03-06 12:00"}},
        {"late replies and an exit",
         "complaint",
         {"opened 03-02 09:00", "moved 03-02 10:00 CMP-T04 ASSIGNED",
          "moved 03-05 10:00 ALL-T01 WITHDRAWN exit"},
         {"reply 03-03 09:30 until 03-04 09:00", "reply 03-04 10:00 until 03-08 10:00",
          "reply 03-06 10:00"}},
        {"a repair with progress told by mail",
         "repair",
         {"opened 03-02 09:00", "assigned 03-02 09:00", "moved 03-03 10:00 REP-T04 IN_PROGRESS",
          "moved 03-05 10:00 REP-T09 DONE"},
         {"reply 03-02 11:00 until 03-04 09:00", "reply 03-04 08:00 until 03-05 12:00"}},
    };
    struct arena *arena = arena_create();
    struct clock_rules *rules = load_rules(arena);
    test_limit(60);
    for (size_t i = 0; rules != NULL && i < COUNT(rows); i++) {
        size_t b = count_steps(rows[i].notification, 4), n = count_steps(rows[i].routing, 8) + b;
        text first = TEXT("");
        for (unsigned order = 0; order < 1u << n; order++) {
            if ((size_t)__builtin_popcount(order) != b) continue;
            text got = play_order(arena, rules, &rows[i], order);
            if (first.len == 0) first = got;
            test_row(rows[i].what);
            if (!CHECK_ROW(text_equal(got, first), "order %x: %s\n  instead of %s", order, got.at,
                           first.at))
                break;
        }
        CHECK(first.len > 0);
    }
    drop_rules(arena);
}
