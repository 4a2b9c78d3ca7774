#include "runtime/batch/batch_letters.h"

#include "base/log.h"
#include "base/metrics.h"

/*
 * Dead letters in a transaction. Which keys have some is read inside it, and what it sets aside is
 * known to this batch alone until it has committed: if it fails nothing is left behind in memory.
 */

METRIC(set_aside, .name = "kefu_set_aside_total", .type = METRIC_COUNTER,
       .help = "Messages set aside because they could not be handled.");

/* --- who waits --- */

/* Later messages wait behind it, unless its handler (NULL: unknown) coalesces: then the next one
   is heard all the same. */
static bool parks(const struct work *m)
{
    return m->handler == NULL || !m->handler->coalesce;
}

/* An earlier message of the batch is set aside under its key. */
static bool is_behind(const struct batch *batch, const struct work *m)
{
    for (size_t i = 0; i < batch->n && batch->all[i] != m && batch->set_aside > 0; i++) {
        const struct work *before = batch->all[i];
        if (before->fate == FATE_DEAD && parks(before) &&
            text_equal(before->header.key, m->header.key))
            return true;
    }
    return false;
}

static bool has_letters(const struct batch *batch, const struct work *m)
{
    for (size_t i = 0; i < batch->lettered.n; i++) {
        const struct dead_row *row = &LIST(batch->lettered, struct dead_row)[i];
        if (row->partition == m->partition && text_equal(row->key, m->header.key)) return true;
    }
    return false;
}

/* A creating message has no key yet. Alarms fire all the same. */
static bool waits(const struct work *m)
{
    return m->origin == ORIGIN_EVENT || m->origin == ORIGIN_OWN ||
           (m->origin == ORIGIN_COMMAND && !m->handler->creates);
}

bool batch_parks(const struct batch *batch, const struct work *m)
{
    return waits(m) && (has_letters(batch, m) || is_behind(batch, m));
}

void batch_park(struct batch *batch, struct work *m)
{
    if (m->origin == ORIGIN_OWN) {
        batch_say_after_all(batch, m);
    } else if (m->origin == ORIGIN_EVENT) {
        m->fate = FATE_PARKED;
    } else {
        err_set(&m->inside.refusal, "parked: an earlier message of %.*s is set aside",
                TEXT_ARG(m->header.key));
        m->fate = FATE_RETRY;
    }
}

bool batch_may_hear_now(const struct batch *batch, text key)
{
    const struct work own = {.origin = ORIGIN_OWN, .header = {.key = key}};
    return !letter_keys_may_have(&batch->lane->letter_keys, key) && !is_behind(batch, &own);
}

/* --- what is read of them --- */

static bool may_have_letters(const struct batch *batch, const struct work *m)
{
    return waits(m) && letter_keys_may_have(&batch->lane->letter_keys, m->header.key);
}

bool batch_asks_for_letters(const struct batch *batch)
{
    for (size_t i = 0; i < batch->n; i++)
        if (batch->all[i]->origin == ORIGIN_DEAD || may_have_letters(batch, batch->all[i]))
            return true;
    return false;
}

static int ask(struct batch *batch, const struct statement *statement, struct rows *rows)
{
    return rows->n == 0
               ? -1
               : sql_add_rows(batch->lane->pg, runtime_own_sql(statement), rows->at, rows->n);
}

void batch_add_letters(struct batch *batch)
{
    struct rows keys = {0}, firsts = {0};
    for (size_t i = 0; i < batch->n; i++) {
        const struct work *m = batch->all[i];
        bool run = m->origin == ORIGIN_DEAD;
        if (!run && !may_have_letters(batch, m)) continue;
        struct dead_row *row = ARENA_NEW(batch->arena, struct dead_row);
        *row = (struct dead_row){.partition = m->partition, .key = m->header.key};
        batch_collect(batch, run ? &firsts : &keys, row);
    }
    batch->letters = ask(batch, &sql_dead_behind, &keys);
    batch->first_letters = ask(batch, &sql_dead_first, &firsts);
}

static struct list read_rows(struct batch *batch, int result, const struct statement *statement)
{
    struct list rows = {0};
    struct err err;
    if (result < 0) return rows;
    int bad = sql_read(runtime_own_sql(statement), pg_result(batch->lane->pg, result), batch->arena,
                       &rows, &err);
    assert(bad == 0);
    return rows;
}

static const struct handler *handler_of(const struct dead_row *row, int source)
{
    static const enum handler_kind later[] = {ON_ALARM, ON_JOB, ON_RESULT};
    const struct handler *handler = NULL;
    if (source >= 0)
        return runtime_handler(ON_EVENT, runtime.sources[source].name, row->type, row->version.is);
    for (size_t i = 0; i < COUNT(later) && handler == NULL && text_is(row->source, "alarm"); i++)
        handler = runtime_handler(later[i], NULL, row->type, 0);
    return handler;
}

/* The message that the letter holds, in the place of the one that wants it to be run. */
static struct work *revive(const struct dead_row *row, struct work *take_wanted)
{
    struct header header = {.type = row->type,
                            .version = row->version.is,
                            .key = row->key,
                            .time = row->at,
                            .trace = row->trace,
                            .cause = row->cause};
    struct work *m = work_create(ORIGIN_DEAD, &header, row->body);
    m->source = runtime_source(row->source);
    m->handler = handler_of(row, m->source);
    m->partition = (int)row->partition;
    m->dead = row->dead.is;
    m->seq = row->seq.is;
    m->due = text_is(row->source, "alarm") ? row->at : 0;
    m->attempt = row->attempt.is;
    m->suspected = take_wanted->suspected;
    m->fate = take_wanted->fate;
    m->why = take_wanted->why;
    if (take_wanted->dead == m->dead) m->failures = take_wanted->failures;
    work_destroy(take_wanted);
    return m;
}

static bool holds_job(const struct work *m)
{
    return m->handler != NULL && m->handler->kind == ON_JOB;
}

/* Only a letter that no other one of its key stands before, and that nobody has to mend first. */
static void take_letter(struct batch *batch, size_t i, struct list firsts)
{
    struct work *wanted = batch->all[i];
    for (size_t k = 0; k < firsts.n; k++) {
        const struct dead_row *row = &LIST(firsts, struct dead_row)[k];
        if (row->partition != wanted->partition || !text_equal(row->key, wanted->header.key))
            continue;
        if (!text_is(row->state, "parked")) break;
        batch->all[i] = revive(row, wanted);
        batch_decode(batch, batch->all[i]);
        if (holds_job(batch->all[i]) && batch->all[i]->fate == FATE_OPEN)
            batch->all[i]->fate = FATE_DONE; /* its row is planted again */
        return;
    }
    wanted->fate = FATE_GONE;
}

void batch_read_letters(struct batch *batch)
{
    batch->lettered = read_rows(batch, batch->letters, &sql_dead_behind);
    struct list firsts = read_rows(batch, batch->first_letters, &sql_dead_first);
    for (size_t i = 0; i < batch->n; i++) {
        struct work *m = batch->all[i];
        if (m->origin == ORIGIN_DEAD)
            take_letter(batch, i, firsts);
        else if (m->fate == FATE_OPEN && batch_parks(batch, m))
            batch_park(batch, m);
    }
}

/* --- what is written of them --- */

static struct dead_row *letter_of(struct batch *batch, const struct work *m)
{
    struct dead_row *row = ARENA_NEW(batch->arena, struct dead_row);
    bool parked = m->fate == FATE_PARKED;
    *row = (struct dead_row){.dead = given_int(m->dead),
                             .partition = m->partition,
                             .key = m->header.key,
                             .seq = given_int(m->seq),
                             .state = parked ? TEXT("parked") : TEXT("dead"),
                             .source = m->source >= 0 ? text_of(runtime.sources[m->source].name)
                                                      : TEXT("alarm"),
                             .type = m->header.type,
                             .version = given_int(m->header.version),
                             .at = m->header.time,
                             .cause = m->header.cause,
                             .trace = m->header.trace,
                             .body = m->body,
                             .reason = parked ? TEXT("behind an earlier message of this key")
                                              : arena_text(batch->arena, text_of(m->why.message)),
                             .attempt = given_int(m->attempt),
                             .parks = given_bool(parked || parks(m))};
    return row;
}

static struct alarm_row *job_of(struct batch *batch, const struct work *m)
{
    struct alarm_row *row = ARENA_NEW(batch->arena, struct alarm_row);
    *row = (struct alarm_row){.partition = m->partition,
                              .name = m->header.type,
                              .key = m->header.key,
                              .due_at = batch->now,
                              .attempt = given_int(m->attempt),
                              .running = given_bool(false),
                              .cause = m->header.cause,
                              .body = m->body};
    return row;
}

/* From here on, whether the transaction commits or not: it costs no more than a question. */
static void mark_key(struct lane *lane, const struct dead_row *row)
{
    if (row->parks.is) letter_keys_add(&lane->letter_keys, row->key);
}

void batch_add_dead(struct batch *batch)
{
    struct rows new = {0}, failed = {0}, done = {0}, jobs = {0};
    for (size_t i = 0; i < batch->n; i++) {
        const struct work *m = batch->all[i];
        bool tried = m->origin == ORIGIN_DEAD;
        if (tried && m->fate == FATE_DONE && holds_job(m))
            batch_collect(batch, &jobs, job_of(batch, m));
        if (m->fate == FATE_DEAD || m->fate == FATE_PARKED || (tried && m->fate == FATE_DONE)) {
            struct dead_row *row = letter_of(batch, m);
            batch_collect(batch, !tried ? &new : m->fate == FATE_DONE ? &done : &failed, row);
            mark_key(batch->lane, row);
        }
    }
    ask(batch, &sql_dead_put, &new);
    ask(batch, &sql_dead_fail, &failed);
    ask(batch, &sql_dead_drop, &done);
    for (size_t i = 0; i < jobs.n; i++) batch_expect_alarm(batch->lane, jobs.at[i]);
    ask(batch, &sql_alarm_plant, &jobs);
}

/* --- once it has committed --- */

void batch_letters_committed(struct batch *batch)
{
    for (size_t i = 0; i < batch->n; i++) {
        const struct work *m = batch->all[i];
        if (m->fate == FATE_DEAD) {
            metric_add(&set_aside, 1);
            log_warn("set_aside", "type=%s key=%s reason=%s", log_text(m->header.type),
                     log_text(m->header.key), log_quoted(m->why.message));
        }
        if (m->origin == ORIGIN_DEAD && m->fate != FATE_GONE)
            lane_run_letters(batch->lane, m->partition, m->header.key); /* the next one */
    }
}
