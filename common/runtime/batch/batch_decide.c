#include "runtime/batch/batch_decide.h"

#include "runtime/batch/batch_chain.h"
#include "runtime/batch/batch_letters.h"
#include "runtime/batch/batch_load.h"
#include "runtime/core/lateness.h"

#include <string.h>

/* --- deciding --- */

static void start_plan(struct batch *batch, struct work *m)
{
    m->inside = (struct plan_inside){.host = &batch->host, .partition = m->partition};
    m->inside.answer_shape = m->handler->hears->answer;
    m->plan = (struct plan){.now = batch_time_of(batch, m),
                            .header = &m->header,
                            .principal = m->principal,
                            .principal_role = m->role,
                            .principal_sources = m->sources,
                            .principal_rights = m->rights,
                            .from = m->handler->from,
                            .due = m->due,
                            .attempt = m->attempt,
                            .policy = batch->policy,
                            .policy_version = batch->policy_version,
                            .arena = batch->arena};
    plan_start(&m->plan, &m->inside);
}

static uint64_t row_hash(const struct plan_row *row)
{
    uint64_t hash = (uint64_t)(uintptr_t)row->statement;
    const struct shape *shape = row->statement->row;
    for (int i = 0; i < SHAPE_KEYS && shape->key[i] != NULL; i++) {
        const struct field *field = shape->key[i];
        struct sql_key key = {0};
        if (field->type == FIELD_TEXT || field->type == FIELD_BYTES)
            key.word = shape_text(field, row->row);
        else
            key.number = shape_int(field, row->row);
        hash = batch_key_hash((const void *)(uintptr_t)hash, &key);
    }
    return hash | 1;
}

static bool claim(struct batch *batch, uint64_t hash, bool add)
{
    size_t room = batch->claimed_room, at = hash % room, probes = 0;
    while (batch->claimed[at] != 0 && batch->claimed[at] != hash && probes++ < PROBES_MAX)
        at = (at + 1) % room;
    bool there = batch->claimed[at] != 0;
    if (add && !there) batch->claimed[at] = hash;
    return there;
}

/* Would this plan write a row that another plan of the round writes, unknown to it? If not,
   remember its rows. */
static bool collides(struct batch *batch, const struct work *m)
{
    for (const struct plan_row *row = m->inside.rows; row != NULL; row = row->next)
        if (row->statement->row->key[0] != NULL && claim(batch, row_hash(row), false) &&
            !batch_has_loaded(batch, m, row))
            return true;
    for (const struct plan_row *row = m->inside.rows; row != NULL; row = row->next)
        if (row->statement->row->key[0] != NULL) claim(batch, row_hash(row), true);
    return false;
}

static void settle(struct batch *batch, struct work *m)
{
    if (m->inside.verdict == PLAN_GOOD) {
        m->fate = FATE_DONE;
    } else if (m->origin == ORIGIN_COMMAND) {
        m->fate = m->inside.verdict == PLAN_REFUSED ? FATE_REFUSED : FATE_RETRY;
    } else if (m->origin == ORIGIN_OWN) {
        batch_say_after_all(batch, m);
    } else {
        m->why = m->inside.refusal;
        batch_set_aside(batch, m);
    }
}

static void decide(struct batch *batch, struct work *m)
{
    if (batch_parks(batch, m)) {
        batch_park(batch, m);
        return;
    }
    batch_fill_facts(batch, m);
    start_plan(batch, m);
    if (m->origin == ORIGIN_ALARM) lateness_count(batch->now - m->due);
    m->handler->decide(&m->plan, m->decoded, &m->facts);
    if (m->inside.verdict == PLAN_GOOD && collides(batch, m))
        return; /* stays open: again in a later round */
    settle(batch, m);
    if (m->fate == FATE_DONE) batch_note_written(batch, m);
}

static bool can_be_followed(const struct batch *batch)
{
    for (size_t i = 0; i < batch->loadings_n; i++)
        if (batch->loadings[i].known != NULL) return true;
    return false;
}

/* Those that waited only for what has just been decided, and need nothing but what is in memory. */
static void decide_followers(struct batch *batch)
{
    batch_forget_undecided(batch);
    for (size_t i = 0; i < batch->n; i++) {
        struct work *m = batch->all[i];
        if (m->fate != FATE_OPEN || m->handler == NULL || m->handler->kind == ON_JOB) continue;
        if (m->round > batch->round && batch_may_go_first(batch, m) && batch_knows(batch, m)) {
            m->round = batch->round;
            decide(batch, m);
        }
        if (m->fate == FATE_OPEN) batch_note_undecided(batch, m);
    }
    batch_assign_rounds(batch, batch->round);
}

/* Decide everything of the round. True if messages are left for later rounds. */
bool batch_decide_round(struct batch *batch)
{
    bool again = false, left = false;
    batch->claimed_room = batch_part(CLAIMED, batch->n);
    memset(batch->claimed, 0, sizeof(*batch->claimed) * batch->claimed_room);
    for (size_t i = 0; i < batch->n; i++) {
        struct work *m = batch->all[i];
        if (!batch_in_round(batch, m)) continue;
        decide(batch, m);
        again = again || m->fate == FATE_OPEN;
    }
    if (can_be_followed(batch))
        decide_followers(batch);
    else if (again)
        batch_assign_rounds(batch, batch->round);
    for (size_t i = 0; i < batch->n; i++) {
        const struct work *m = batch->all[i];
        left = left || (m->fate == FATE_OPEN && m->handler != NULL && m->handler->kind != ON_JOB);
    }
    return left;
}
