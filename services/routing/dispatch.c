#include "handlers.h"

#include "choose.h"
#include "hand.h"
#include "store.h"

enum { GIVEN_AT_ONCE = 500 };

struct dispatch {
    struct plan *plan;
    struct pool *pool;
    size_t given, cleared, said;
};

static void give_ticket(struct dispatch *dispatch, const struct waiting_row *waiting,
                        const struct person_row *person)
{
    plan_write(dispatch->plan, &waiting_delete, waiting);
    plan_say(dispatch->plan, &assignment_made_shape,
             &(struct assignment_made){.ticket = waiting->ticket,
                                       .wish = waiting->wish,
                                       .staff = person->staff,
                                       .queue = waiting->queue});
    dispatch->given++;
}

/* Once for each reason. */
static void say_waits(struct dispatch *dispatch, const struct waiting_row *waiting,
                      const char *reason)
{
    struct waiting_row said = *waiting;
    if (text_is(waiting->reason, reason)) return;
    dispatch->said++;
    said.reason = text_of(reason);
    plan_write(dispatch->plan, &waiting_say, &said);
    plan_say(dispatch->plan, &ticket_queued_shape,
             &(struct ticket_queued){.ticket = waiting->ticket,
                                     .queue = waiting->queue,
                                     .priority = waiting->priority,
                                     .reason = said.reason});
}

static void look_at(struct dispatch *dispatch, const struct waiting_row *waiting)
{
    const char *reason;
    if (waiting->stale) {
        plan_write(dispatch->plan, &waiting_delete, waiting);
        dispatch->cleared++;
        return;
    }
    const struct person_row *person =
        pool_give(dispatch->pool, waiting->queue, waiting->line, waiting->barred, &reason);
    if (person != NULL)
        give_ticket(dispatch, waiting, person);
    else
        say_waits(dispatch, waiting, reason);
}

/* Those behind the window that nobody spoke of yet. They are told what the first of their line were told. */
static void look_behind(struct dispatch *dispatch, struct list unsaid, struct list window)
{
    for (size_t i = 0; i < unsaid.n; i++) {
        const struct waiting_row *waiting = &LIST(unsaid, struct waiting_row)[i];
        const char *reason;
        bool seen = false;
        for (size_t j = 0; j < window.n && !seen; j++) {
            const struct waiting_row *other = &LIST(window, struct waiting_row)[j];
            seen = other->ticket == waiting->ticket && other->wish == waiting->wish;
        }
        if (!seen && !pool_has_room(dispatch->pool, waiting->queue, waiting->line, &reason))
            say_waits(dispatch, waiting, reason);
    }
}

static void keep_loads(const struct dispatch *dispatch, size_t people)
{
    const struct person_row **given =
        ARENA_ARRAY(dispatch->plan->arena, const struct person_row *, people);
    size_t n = pool_given(dispatch->pool, given, people);
    for (size_t i = 0; i < n; i++)
        plan_write(dispatch->plan, &staff_load_write,
                   &(struct staff_load_row){.staff = given[i]->staff,
                                            .taken = given[i]->taken,
                                            .last_at = given[i]->last_at});
}

/* Whatever waits now is looked at, by priority, then arrival; what nobody can take goes on waiting. */
void on_dispatch_due(struct plan *plan, const void *message, const struct facts *facts)
{
    struct list window = facts_all(facts, &waiting_read);
    struct list people = facts_all(facts, &person_read);
    struct dispatch dispatch = {.plan = plan,
                                .pool = pool_create(plan->policy, people, plan->now, plan->arena)};
    (void)message;
    size_t i = 0;
    for (; i < window.n && dispatch.given < GIVEN_AT_ONCE; i++)
        look_at(&dispatch, &LIST(window, struct waiting_row)[i]);
    struct list unsaid = facts_all(facts, &waiting_unsaid);
    if (i == window.n) look_behind(&dispatch, unsaid, window);
    keep_loads(&dispatch, people.n);
    /* Behind what was given, cleared away or spoken of more may stand. */
    bool more = (dispatch.given > 0 || dispatch.cleared > 0) && window.n >= WAITING_WINDOW;
    if (more || (dispatch.said > 0 && unsaid.n >= UNSAID_WINDOW)) dispatch_wake(plan);
}
