/* Facts come from sources between which there is no order: every interleaving gives the same row
   and the same counters. */
#include "test.h"

#include "reporting/facts.h"

#include <string.h>

static const time_us nine = INT64_C(1772413200) * SECOND_US; /* 2026-03-02 09:00 Shanghai */
static const struct fact_steps steps = {TEXT("CMP-T08"), TEXT("CMP-T12")};
static struct arena *arena;

enum { TOPICS = 64 };

struct counters {
    text topics[TOPICS];
    int64_t n[TOPICS];
    size_t len;
};

static void count(struct counters *counters, text topic, int64_t n)
{
    size_t i = 0;
    while (i < counters->len && !text_equal(counters->topics[i], topic)) i++;
    assert(i < TOPICS);
    if (i == counters->len) counters->topics[counters->len++] = topic;
    counters->n[i] += n;
}

static int64_t counted(const struct counters *counters, const char *topic)
{
    for (size_t i = 0; i < counters->len; i++)
        if (text_is(counters->topics[i], topic)) return counters->n[i];
    return 0;
}

/* --- one complaint, told by three sources --- */

static void opened(struct ticket_fact_row *fact)
{
    fact_ticket_opened(fact, &(struct ticket_opened){.ticket = 7,
                                                     .contact = 3,
                                                     .kind = TEXT("complaint"),
                                                     .topic = TEXT("leak"),
                                                     .channel = TEXT("call"),
                                                     .org_unit = TEXT("hq"),
                                                     .received_at = nine,
                                                     .recorder = TEXT("sp01")});
}

static void followed(struct ticket_fact_row *fact)
{
    (void)fact; /* a second word of intake that changes nothing here */
}

static void started(struct ticket_fact_row *fact)
{
    fact_ticket_started(fact, &(struct ticket_started){.ticket = 7,
                                                       .contact = 3,
                                                       .kind = TEXT("complaint"),
                                                       .topic = TEXT("leak"),
                                                       .state = TEXT("RECEIVED"),
                                                       .priority = 2,
                                                       .channel = TEXT("call"),
                                                       .org_unit = TEXT("hq"),
                                                       .owner = TEXT("sp01"),
                                                       .received_at = nine});
}

static void queued(struct ticket_fact_row *fact)
{
    fact_ticket_queued(fact, &(struct ticket_queued){.ticket = 7, .queue = TEXT("specialists")});
}

static void assigned(struct ticket_fact_row *fact)
{
    fact_ticket_assigned(
        fact,
        &(struct ticket_assigned){
            .ticket = 7, .handler = TEXT("sp02"), .how = TEXT("queue"), .priority = 2},
        nine + HOUR_US);
}

static void moved(struct ticket_fact_row *fact, const char *step, const char *to,
                  const char *handler, int64_t hours)
{
    fact_ticket_moved(fact,
                      &(struct ticket_moved){.ticket = 7,
                                             .kind = TEXT("complaint"),
                                             .step = text_of(step),
                                             .to = text_of(to),
                                             .handler = text_of(handler),
                                             .owner = TEXT("sp01"),
                                             .department = TEXT("engineering"),
                                             .round = 1,
                                             .priority = 2,
                                             .org_unit = TEXT("hq"),
                                             .received_at = nine},
                      &steps, nine + hours * HOUR_US);
}

static void submitted(struct ticket_fact_row *fact)
{
    moved(fact, "CMP-T08", "IN_REVIEW", "su01", 30);
}

static void satisfied(struct ticket_fact_row *fact)
{
    moved(fact, "CMP-T12", "SATISFIED", "su01", 50);
}

static void withdrawn(struct ticket_fact_row *fact)
{
    fact_ticket_moved(fact,
                      &(struct ticket_moved){.ticket = 7,
                                             .kind = TEXT("complaint"),
                                             .step = TEXT("ALL-T01"),
                                             .to = TEXT("WITHDRAWN"),
                                             .round = 1,
                                             .priority = 2,
                                             .org_unit = TEXT("hq"),
                                             .department = TEXT("engineering"),
                                             .received_at = nine,
                                             .terminal = true,
                                             .exit = TEXT("withdrawn"),
                                             .reason = TEXT("sold_or_moved")},
                      &steps, nine + 60 * HOUR_US);
}

static void replied(struct ticket_fact_row *fact)
{
    fact_replied(fact, nine + 20 * HOUR_US);
}

static void replied_again(struct ticket_fact_row *fact)
{
    fact_replied(fact, nine + 40 * HOUR_US);
}

typedef void (*word)(struct ticket_fact_row *fact);
enum { SOURCES = 3 };
static const struct {
    word words[8];
    size_t n;
} sources[SOURCES] = {{{opened, followed}, 2},
                      {{started, queued, assigned, submitted, satisfied, withdrawn}, 6},
                      {{replied, replied_again}, 2}};

static void hear(struct ticket_fact_row *fact, struct counters *counters, word said)
{
    struct fact_topics before = {0}, after = {0};
    fact_ticket_topics(&before, fact, arena);
    said(fact);
    fact_ticket_topics(&after, fact, arena);
    for (size_t i = 0; i < before.n; i++) count(counters, before.at[i], -1);
    for (size_t i = 0; i < after.n; i++) count(counters, after.at[i], 1);
}

static void check_end(const struct ticket_fact_row *fact, const struct counters *counters)
{
    CHECK_TEXT(fact->state, "WITHDRAWN");
    CHECK_TEXT(fact->kind, "complaint");
    CHECK_TEXT(fact->topic, "leak");
    CHECK_TEXT(fact->owner, "sp01");
    CHECK_INT(fact->contact, 3);
    CHECK_INT(fact->received_at, nine);
    CHECK_INT(fact->assigned_at, nine + HOUR_US);
    CHECK_INT(fact->replied_at, nine + 20 * HOUR_US);
    CHECK_INT(fact->result_at, nine + 30 * HOUR_US);
    CHECK_INT(fact->satisfied_at, nine + 50 * HOUR_US);
    CHECK_INT(fact->closed_at, nine + 60 * HOUR_US);
    CHECK_INT(counted(counters, "tickets/complaint/WITHDRAWN"), 1);
    CHECK_INT(counted(counters, "exits/withdrawn/sold_or_moved"), 1);
    int64_t sum = 0;
    for (size_t i = 0; i < counters->len; i++) {
        CHECK_ROW(counters->n[i] >= 0, "%.*s is %d", TEXT_ARG(counters->topics[i]),
                  (int)counters->n[i]);
        sum += counters->n[i];
    }
    CHECK_INT(sum, 2); /* it stands in nothing else any more */
}

static int interleavings;

static void permute(const size_t *at, const struct ticket_fact_row *fact,
                    const struct counters *counters)
{
    bool ended = true;
    for (int s = 0; s < SOURCES; s++) {
        if (at[s] == sources[s].n) continue;
        size_t next[SOURCES];
        struct ticket_fact_row then = *fact;
        struct counters more = *counters;
        ended = false;
        memcpy(next, at, sizeof(next));
        hear(&then, &more, sources[s].words[next[s]++]);
        permute(next, &then, &more);
    }
    if (!ended) return;
    interleavings++;
    check_end(fact, counters);
}

TEST(facts_permuted)
{
    struct ticket_fact_row fact = {.ticket = 7};
    struct counters none = {0};
    arena = arena_create();
    permute((const size_t[SOURCES]){0}, &fact, &none);
    CHECK_INT(interleavings, 1260); /* 10! / (2! 6! 2!) */
    arena_destroy(arena);
}

/* --- single steps --- */

TEST(facts_step_by_step)
{
    static const struct {
        word said;
        const char *topics; /* joined by spaces, in order */
    } table[] = {
        {replied, ""},
        {opened, "tickets/complaint/NEW tickets/open tickets/department/none/open"},
        {started, "tickets/complaint/RECEIVED tickets/open tickets/department/none/open"},
        {queued, "tickets/complaint/RECEIVED tickets/open tickets/department/none/open"
                 " waiting/specialists"},
        {assigned,
         "tickets/complaint/RECEIVED tickets/open tickets/department/none/open held/sp02"},
        {submitted,
         "tickets/complaint/IN_REVIEW tickets/open tickets/department/engineering/open held/su01"},
        {withdrawn, "tickets/complaint/WITHDRAWN exits/withdrawn/sold_or_moved"},
    };
    struct ticket_fact_row fact = {.ticket = 7};
    arena = arena_create();
    for (size_t i = 0; i < COUNT(table); i++) {
        struct fact_topics topics = {0};
        text joined = TEXT("");
        table[i].said(&fact);
        fact_ticket_topics(&topics, &fact, arena);
        for (size_t k = 0; k < topics.n; k++)
            joined = arena_printf(arena, "%.*s%s%.*s", TEXT_ARG(joined), k == 0 ? "" : " ",
                                  TEXT_ARG(topics.at[k]));
        CHECK_TEXT(joined, table[i].topics);
    }
    arena_destroy(arena);
}

TEST(facts_solved_by_recorder_waits_for_nobody)
{
    struct ticket_fact_row fact = {.ticket = 7};
    fact_ticket_opened(&fact, &(struct ticket_opened){
                                  .kind = TEXT("inquiry"), .received_at = nine, .answered = true});
    fact_ticket_assigned(
        &fact, &(struct ticket_assigned){.handler = TEXT("sp01"), .how = TEXT("recorder")}, nine);
    CHECK_INT(fact.assigned_at, 0);
    CHECK_INT(fact.replied_at, nine);
}

TEST(facts_result_of_round_two_is_no_first_result)
{
    struct ticket_fact_row fact = {.ticket = 7};
    fact_ticket_moved(&fact, &(struct ticket_moved){.step = steps.result, .round = 2}, &steps,
                      nine);
    CHECK_INT(fact.result_at, 0);
    submitted(&fact);
    submitted(&fact);
    CHECK_INT(fact.result_at, nine + 30 * HOUR_US);
}
