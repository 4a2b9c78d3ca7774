/* batch_promises: rows in memory and rows loaded again, compared. */
#include "runtime/batch/batch_promises.h"
#include "notification_rows.msg.h"
#include "test.h"

#include <string.h>

static const struct statement ordered = {.kind = STATEMENT_READ,
                                         .row = &message_row_shape,
                                         .by = "ticket",
                                         .whole = &message_row_shape,
                                         .order = {"planned_at", "id"},
                                         .sql = "SELECT"};
static const struct statement in_any_order = {.kind = STATEMENT_READ,
                                              .row = &message_row_shape,
                                              .by = "ticket",
                                              .whole = &message_row_shape,
                                              .sql = "SELECT"};

#define ONE                                                                                        \
    {                                                                                              \
        .id = 1, .ticket = 7, .key = TEXT("k"), .planned_at = 100                                  \
    }
#define TWO                                                                                        \
    {                                                                                              \
        .id = 2, .ticket = 7, .planned_at = 200                                                    \
    }

static const struct message_row memory[] = {ONE, TWO};

static const struct {
    const char *what;
    const struct statement *statement;
    struct message_row loaded[2];
    size_t n;
    const char *want; /* part of what is said; NULL: they are the same */
} rows[] = {
    {"the same", &ordered, {ONE, TWO}, 2, NULL},
    {"absent and empty are one",
     &ordered,
     {ONE, {.id = 2, .ticket = 7, .planned_at = 200, .key = TEXT("")}},
     2,
     NULL},
    {"a row is gone", &ordered, {ONE}, 1, "memory has 2 rows, the database 1"},
    {"another row", &ordered, {ONE, {.id = 3, .ticket = 7}}, 2, "row 1 in memory is not"},
    {"a text",
     &ordered,
     {{.id = 1, .ticket = 7, .key = TEXT("l"), .planned_at = 100}, TWO},
     2,
     "field key of row 0"},
    {"a time",
     &ordered,
     {ONE, {.id = 2, .ticket = 7, .planned_at = 201}},
     2,
     "field planned_at of row 1"},
    {"the order", &ordered, {TWO, ONE}, 2, "row 0 has another place"},
    {"no order is promised", &in_any_order, {TWO, ONE}, 2, NULL},
};

/* They live as long as the process. */
static struct sql *compiled[2];

TEST(the_first_difference_is_named)
{
    compiled[0] = sql_compile(&ordered, NULL);
    compiled[1] = sql_compile(&in_any_order, NULL);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err err = {0};
        struct list loaded = {rows[i].loaded, rows[i].n};
        int differs = batch_compare_rows(compiled[rows[i].statement == &in_any_order],
                                         (struct list){memory, COUNT(memory)}, loaded, &err);
        bool good = rows[i].want == NULL ? differs == 0 : strstr(err.message, rows[i].want) != NULL;
        if (!good) printf("# %s: %s\n", rows[i].what, err.message);
        CHECK(good);
    }
}
