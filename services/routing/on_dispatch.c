#include "handlers.h"

#include "choose.h"
#include "handover.h"
#include "store.h"

#include <stdlib.h>
#include <string.h>

enum { GIVEN_AT_ONCE = 500, LINES_MAX = 200 };

/* Somebody who waits: a row of `waiting`, or a wish that was just said. Who is given a handler at
   once never stands in the table. */
struct place {
    struct waiting_row row;
    bool stands;
};

struct line_seen {
    text queue, line;
    size_t n; /* of it that stand in the window, so far */
};

struct dispatch {
    struct plan *plan;
    struct pool *pool;
    struct place *places; /* by priority, then arrival */
    size_t places_n;
    struct line_seen lines[LINES_MAX];
    size_t lines_n;
    size_t given, cleared, said;
    size_t stood; /* wishes that somebody could take, but not now */
};

/* --- who waits --- */

static struct list joined(struct arena *arena, struct list a, struct list b, size_t size)
{
    char *both = arena_alloc(arena, (a.n + b.n) * size + 1);
    if (a.n > 0) memcpy(both, a.at, a.n * size);
    if (b.n > 0) memcpy(both + a.n * size, b.at, b.n * size);
    return (struct list){both, a.n + b.n};
}

void dispatch_due_merge(struct arena *arena, void *last, const void *earlier)
{
    struct dispatch_due *to = last;
    const struct dispatch_due *from = earlier;
    to->wishes = joined(arena, from->wishes, to->wishes, sizeof(struct handler_wish));
    to->tickets = joined(arena, from->tickets, to->tickets, sizeof(int64_t));
}

static struct place place_of_wish(const struct handler_wish *wish)
{
    return (struct place){.row = {.ticket = wish->ticket,
                                  .wish = wish->wish,
                                  .queue = wish->queue,
                                  .line = wish->line,
                                  .priority = wish->priority,
                                  .arrived = wish->arrived,
                                  .barred = wish->barred}};
}

static int by_order(const void *a, const void *b)
{
    const struct waiting_row *x = &((const struct place *)a)->row;
    const struct waiting_row *y = &((const struct place *)b)->row;
    if (x->priority != y->priority) return x->priority < y->priority ? -1 : 1;
    if (x->arrived != y->arrived) return x->arrived < y->arrived ? -1 : 1;
    if (x->ticket != y->ticket) return x->ticket < y->ticket ? -1 : 1;
    return (x->wish > y->wish) - (x->wish < y->wish);
}

/* The ticket may have gone on since it said so, in this batch or, if the wish came by the journal,
   in another. */
static bool is_wanted(struct list wanting, const struct handler_wish *wish)
{
    for (size_t i = 0; i < wanting.n; i++) {
        const struct wanting_row *now = &LIST(wanting, struct wanting_row)[i];
        if (now->id == wish->ticket) return now->queue.len > 0 && now->wish == wish->wish;
    }
    return false;
}

static void line_up(struct dispatch *dispatch, struct list window, struct list wishes,
                    struct list wanting)
{
    struct place *places =
        ARENA_ARRAY(dispatch->plan->arena, struct place, window.n + wishes.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < window.n; i++)
        places[n++] = (struct place){LIST(window, struct waiting_row)[i], true};
    for (size_t i = 0; i < wishes.n; i++) {
        const struct handler_wish *wish = &LIST(wishes, struct handler_wish)[i];
        if (is_wanted(wanting, wish)) places[n++] = place_of_wish(wish);
    }
    dispatch->places = places;
    dispatch->places_n = n;
    qsort(places, n, sizeof(*places), by_order);
}

static bool is_line(const struct line_seen *seen, const struct waiting_row *row)
{
    return text_equal(seen->line, row->line) && text_equal(seen->queue, row->queue);
}

/* Behind a whole window of its line others stand in the table that came before it. */
static bool is_behind(struct dispatch *dispatch, const struct place *place)
{
    size_t i = 0;
    while (i < dispatch->lines_n && !is_line(&dispatch->lines[i], &place->row)) i++;
    if (i == LINES_MAX) return !place->stands; /* so many lines: let it stand in its own first */
    struct line_seen *seen = &dispatch->lines[i];
    if (i == dispatch->lines_n) {
        dispatch->lines_n++;
        *seen = (struct line_seen){.queue = place->row.queue, .line = place->row.line};
    }
    seen->n += place->stands;
    return !place->stands && seen->n >= WAITING_WINDOW;
}

/* --- what becomes of them --- */

static void give_ticket(struct dispatch *dispatch, const struct place *place,
                        const struct person_row *person)
{
    const struct waiting_row *waiting = &place->row;
    if (place->stands) plan_write(dispatch->plan, &waiting_delete, waiting);
    plan_say(dispatch->plan, &assignment_made_shape,
             &(struct assignment_made){.ticket = waiting->ticket,
                                       .wish = waiting->wish,
                                       .staff = person->staff,
                                       .queue = waiting->queue});
    dispatch->given++;
}

/* Once for each reason. */
static void say_waits(struct dispatch *dispatch, const struct place *place, const char *reason)
{
    struct waiting_row said = place->row;
    if (text_is(said.reason, reason)) return;
    dispatch->said++;
    said.reason = text_of(reason);
    plan_write(dispatch->plan, place->stands ? &waiting_say : &waiting_insert, &said);
    plan_say(dispatch->plan, &ticket_queued_shape,
             &(struct ticket_queued){.ticket = said.ticket,
                                     .queue = said.queue,
                                     .priority = said.priority,
                                     .reason = said.reason});
}

/* It is not its turn. */
static void let_stand(struct dispatch *dispatch, const struct place *place)
{
    const char *reason;
    if (!pool_has_room(dispatch->pool, place->row.queue, place->row.line, &reason))
        say_waits(dispatch, place, reason);
    else if (!place->stands) {
        plan_write(dispatch->plan, &waiting_insert, &place->row);
        dispatch->stood++;
    }
}

static void look_at(struct dispatch *dispatch, const struct place *place)
{
    const struct waiting_row *waiting = &place->row;
    const char *reason;
    if (waiting->stale) {
        plan_write(dispatch->plan, &waiting_delete, waiting);
        dispatch->cleared++;
        return;
    }
    const struct person_row *person =
        pool_give(dispatch->pool, waiting->queue, waiting->line, waiting->barred, &reason);
    if (person != NULL)
        give_ticket(dispatch, place, person);
    else
        say_waits(dispatch, place, reason);
}

static bool was_seen(const struct dispatch *dispatch, const struct waiting_row *waiting)
{
    for (size_t i = 0; i < dispatch->places_n; i++) {
        const struct waiting_row *other = &dispatch->places[i].row;
        if (other->ticket == waiting->ticket && other->wish == waiting->wish) return true;
    }
    return false;
}

/* Those behind the window that nobody spoke of yet. They are told what the first of their line were
   told. */
static void look_behind(struct dispatch *dispatch, struct list unsaid)
{
    for (size_t i = 0; i < unsaid.n; i++) {
        struct place place = {LIST(unsaid, struct waiting_row)[i], true};
        if (!was_seen(dispatch, &place.row)) let_stand(dispatch, &place);
    }
}

static void keep_loads(const struct dispatch *dispatch, struct list people)
{
    const struct person_row **given =
        ARENA_ARRAY(dispatch->plan->arena, const struct person_row *, people.n);
    size_t n = pool_given(dispatch->pool, given, people.n);
    for (size_t i = 0; i < n; i++)
        plan_write(dispatch->plan, &staff_load_write,
                   &(struct staff_load_row){.staff = given[i]->staff,
                                            .taken = given[i]->taken,
                                            .before = people_find(people, given[i]->staff)->taken,
                                            .last_at = given[i]->last_at});
}

/* Whatever waits now is looked at, by priority, then arrival; what nobody can take goes on
   waiting. */
void on_dispatch_due(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct dispatch_due *m = message;
    struct list window = facts_all(facts, &waiting_read);
    struct list unsaid = facts_all(facts, &waiting_unsaid);
    struct list people = facts_all(facts, &candidate_read);
    struct dispatch dispatch = {.plan = plan,
                                .pool = pool_create(plan->policy, people, plan->now, plan->arena)};
    bool rest = false; /* somebody was left standing whose turn has not come */
    line_up(&dispatch, window, m->wishes, facts_all(facts, &wanting_read));
    for (size_t i = 0; i < dispatch.places_n; i++) {
        const struct place *place = &dispatch.places[i];
        bool behind = is_behind(&dispatch, place);
        if (!behind && dispatch.given < GIVEN_AT_ONCE) {
            look_at(&dispatch, place);
        } else {
            let_stand(&dispatch, place);
            rest = true;
        }
    }
    if (!rest) look_behind(&dispatch, unsaid);
    keep_loads(&dispatch, people);
    /* Behind what was given, cleared away or spoken of more may stand. */
    bool more =
        (dispatch.given > 0 || dispatch.cleared > 0) && (rest || window.n >= WAITING_WINDOW);
    if (more || dispatch.stood > 0 || (dispatch.said > 0 && unsaid.n >= UNSAID_WINDOW))
        dispatch_wake(plan);
}
