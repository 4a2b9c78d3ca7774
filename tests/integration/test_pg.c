/* A connection to PostgreSQL that is lost at awkward moments. */
#include "db/pg.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/loop.h"
#include "test.h"

static struct {
    bool up, done;
    struct pg_trip trip;
} seen;

static void on_change(void *ctx, bool up)
{
    (void)ctx;
    seen.up = up;
    if (up) loop_stop();
}

static void on_done(void *ctx, const struct pg_trip *trip)
{
    (void)ctx;
    seen.trip = *trip;
    seen.done = true;
    if (!trip->lost) loop_stop();
}

static bool is_there(PGconn *other, int backend)
{
    char sql[100];
    snprintf(sql, sizeof(sql), "SELECT FROM pg_stat_activity WHERE pid = %d", backend);
    PGresult *result = PQexec(other, sql);
    bool there = PQntuples(result) > 0;
    PQclear(result);
    return there;
}

/* The server has ended the session; the loop has had no turn to notice it. */
static void end_session(int backend)
{
    PGconn *other = PQconnectdb(getenv("KEFU_TEST_DSN"));
    char sql[100];
    snprintf(sql, sizeof(sql), "SELECT pg_terminate_backend(%d)", backend);
    PQclear(PQexec(other, sql));
    while (is_there(other, backend)) usleep(1000);
    usleep(50000); /* the row goes first, the socket after it */
    PQfinish(other);
}

/* So large that libpq sends while the trip is put together: it finds out there, reads what the
   server said last, and closes its socket. */
static void ask(struct pg *pg)
{
    enum { LARGE = 200000 };
    char *sql = mem_alloc(LARGE + 20);
    snprintf(sql, LARGE + 20, "SELECT length('%0*d')", LARGE, 0);
    seen.done = false;
    pg_add_text(pg, sql);
    pg_add_text(pg, sql);
    free(sql);
    pg_run(pg, on_done, NULL);
    CHECK(!seen.done); /* never in the middle of a caller's callback */
}

TEST(a_trip_on_a_session_that_was_ended_is_lost)
{
    if (getenv("KEFU_TEST_DSN") == NULL) test_skip("PostgreSQL");
    struct pg *pg = pg_create(getenv("KEFU_TEST_DSN"), NULL, on_change, NULL);
    loop_run();
    CHECK(seen.up);
    for (int i = 0; i < 3; i++) {
        end_session(pg_backend(pg));
        ask(pg);
        loop_run(); /* until it is up again */
        CHECK(seen.done && seen.trip.lost);
        CHECK_INT(seen.trip.outcome, PG_TRANSIENT);
        CHECK(seen.up);
        ask(pg);
        loop_run();
        CHECK(seen.done && !seen.trip.lost);
        CHECK_INT(seen.trip.outcome, PG_OK);
    }
    pg_destroy(pg);
    loop_finish();
}
