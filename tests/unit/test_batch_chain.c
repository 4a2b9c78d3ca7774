/* batch_follow: what the next message of a key finds, and what is left to be written. */
#include "runtime/batch/batch_chain.h"
#include "runtime/batch/batch_load.h"
#include "notification_rows.msg.h"
#include "test.h"

static const struct statement messages = {.kind = STATEMENT_READ,
                                          .row = &message_row_shape,
                                          .by = "ticket",
                                          .whole = &message_row_shape,
                                          .order = {"planned_at", "id"},
                                          .sql = "SELECT"};
static const struct statement told = {.kind = STATEMENT_READ,
                                      .row = &message_key_row_shape,
                                      .by = "ticket",
                                      .whole = &message_row_shape,
                                      .sql = "SELECT"};
static const struct statement insert = {
    .kind = STATEMENT_WRITE, .row = &message_row_shape, .sql = "INSERT"};
static const struct statement update = {
    .kind = STATEMENT_WRITE, .row = &message_row_shape, .sql = "UPDATE"};

enum { TICKET = 7, OTHER = 8 };

static struct batch batch;
static struct loading loadings[2];
static struct sql_key keys[] = {{.number = TICKET}};

static void load(struct loading *loading, const struct statement *statement, struct list rows)
{
    *loading = (struct loading){.sql = sql_compile(statement, NULL), .keys = keys, .n = 1};
    loading->rows = rows;
    loading->known = ARENA_ARRAY(batch.arena, struct known *, 1);
}

static void begin(struct list message_rows, struct list keys_told)
{
    batch = (struct batch){.arena = arena_create(), .loadings = loadings, .loadings_n = 2};
    load(&loadings[0], &messages, message_rows);
    load(&loadings[1], &told, keys_told);
}

static struct work *plan_of(const struct statement *statement, const void *row)
{
    struct work *m = ARENA_NEW(batch.arena, struct work);
    struct plan_row *planned = ARENA_NEW(batch.arena, struct plan_row);
    *planned =
        (struct plan_row){NULL, statement, arena_copy(batch.arena, row, statement->row->size)};
    m->inside.rows = planned;
    batch_note_written(&batch, m);
    return m;
}

static struct work *plan(const struct statement *statement, int64_t id, int64_t ticket,
                         time_us started, const char *state)
{
    return plan_of(statement,
                   &(struct message_row){
                       .id = id, .ticket = ticket, .planned_at = started, .state = text_of(state)});
}

static const struct message_row *see(size_t i)
{
    struct list rows = batch_rows_of(&loadings[0], &keys[0]);
    return i < rows.n ? &LIST(rows, struct message_row)[i] : NULL;
}

TEST(what_is_inserted_and_changed_is_inserted_once_as_it_is_last)
{
    begin((struct list){0}, (struct list){0});
    struct work *first = plan(&insert, 1, TICKET, 100, "running");
    CHECK_TEXT(see(0)->state, "running");
    struct work *second = plan(&update, 1, TICKET, 100, "paused");
    struct work *third = plan(&update, 1, TICKET, 100, "ended");
    CHECK_TEXT(see(0)->state, "ended");
    CHECK(see(1) == NULL);
    CHECK(first->inside.rows->statement == &insert);
    CHECK_TEXT(((const struct message_row *)first->inside.rows->row)->state, "ended");
    CHECK(second->inside.rows == NULL && third->inside.rows == NULL);
    arena_destroy(batch.arena);
}

TEST(rows_of_a_key_stand_in_the_order_of_the_statement)
{
    const struct message_row loaded[] = {
        {.id = 4, .ticket = TICKET, .planned_at = 100, .state = TEXT("running")},
        {.id = 5, .ticket = TICKET, .planned_at = 300, .state = TEXT("running")}};
    begin((struct list){loaded, COUNT(loaded)}, (struct list){0});
    plan(&insert, 9, TICKET, 200, "new");
    plan(&insert, 3, TICKET, 300, "new");
    plan(&update, 4, TICKET, 100, "ended");
    for (int64_t id = 20; id < 40; id++) plan(&insert, id, TICKET, 400, "more");
    static const int64_t want[] = {4, 9, 3, 5, 20};
    for (size_t i = 0; i < COUNT(want); i++) CHECK(see(i)->id == want[i]);
    CHECK_TEXT(see(0)->state, "ended");
    CHECK(see(23)->id == 39 && see(24) == NULL);
    CHECK_TEXT(loaded[0].state, "running");
    arena_destroy(batch.arena);
}

TEST(a_row_is_seen_as_the_load_gives_it)
{
    struct list seen;
    begin((struct list){0}, (struct list){0});
    struct work *m =
        plan_of(&insert, &(struct message_row){.id = 1, .ticket = TICKET, .key = TEXT("k")});
    plan_of(&insert, &(struct message_row){.id = 2, .ticket = TICKET}); /* suppressed: no key */
    seen = batch_rows_of(&loadings[1], &keys[0]);
    CHECK(seen.n == 1 && LIST(seen, struct message_key_row)[0].id == 1);
    CHECK_TEXT(LIST(seen, struct message_key_row)[0].key, "k");
    CHECK(m->inside.rows != NULL);
    arena_destroy(batch.arena);
}

TEST(what_nobody_has_loaded_is_written_and_not_seen)
{
    begin((struct list){0}, (struct list){0});
    struct work *one = plan(&update, 1, OTHER, 100, "running");
    struct work *two = plan(&update, 1, OTHER, 100, "ended");
    CHECK(one->inside.rows != NULL && two->inside.rows != NULL && see(0) == NULL);
    arena_destroy(batch.arena);
}
