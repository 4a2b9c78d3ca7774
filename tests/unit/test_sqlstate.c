/* sqlstate: what is tried again for ever, and what is one message's own fault (design, section 2,
   Trouble). */
#include "db/sqlstate.h"
#include "test.h"

static const struct {
    const char *state, *table;
    enum pg_outcome want;
} states[] = {
    {"08006", NULL, PG_TRANSIENT}, /* connection_failure */
    {"25006", NULL, PG_TRANSIENT}, /* read_only_sql_transaction */
    {"25P03", NULL, PG_TRANSIENT}, /* idle_in_transaction_session_timeout */
    {"40001", NULL, PG_TRANSIENT}, /* serialization_failure */
    {"40P01", NULL, PG_TRANSIENT}, /* deadlock_detected */
    {"53100", NULL, PG_TRANSIENT}, /* disk_full */
    {"53200", NULL, PG_TRANSIENT}, /* out_of_memory */
    {"53300", NULL, PG_TRANSIENT}, /* too_many_connections */
    {"55P03", NULL, PG_TRANSIENT}, /* lock_not_available */
    {"57P01", NULL, PG_TRANSIENT}, /* admin_shutdown */
    {"57P02", NULL, PG_TRANSIENT}, /* crash_shutdown */
    {"57P03", NULL, PG_TRANSIENT}, /* cannot_connect_now */
    {"58030", NULL, PG_TRANSIENT}, /* io_error */
    {"57014", NULL,
     PG_FAILED}, /* query_canceled: a message that needs too long stops no lane for ever */
    {"53400", NULL, PG_FAILED}, /* configuration_limit_exceeded: the statement is too large */
    {"54000", NULL, PG_FAILED}, /* program_limit_exceeded: an index row too large */
    {"55006", NULL, PG_FAILED}, /* object_in_use */
    {"22021", NULL, PG_FAILED}, /* character_not_in_repertoire */
    {"23514", NULL, PG_FAILED}, /* check_violation */
    {"25P02", NULL, PG_FAILED}, /* in_failed_sql_transaction */
    {"42P01", NULL, PG_FAILED}, /* undefined_table */
    {"P0001", NULL, PG_FAILED}, /* raise_exception */
    {"XX000", NULL, PG_FAILED}, /* internal_error */
    {"", NULL, PG_FAILED},
    {"KF001", NULL, PG_FENCED},       /* fenced() */
    {"23505", "position", PG_FENCED}, /* unique_violation */
    {"23505", "ticket", PG_FAILED},
    {"23505", NULL, PG_FAILED},
    {"23514", "position", PG_FAILED},
};

TEST(a_state_is_the_worlds_a_fence_or_the_messages_own)
{
    for (size_t i = 0; i < COUNT(states); i++) {
        enum pg_outcome got = sqlstate_outcome(states[i].state, states[i].table);
        CHECK_ROW(got == states[i].want, "%s: %d", states[i].state, got);
    }
}
