/*
 * runtime_sql: the statements over the runtime's own tables (common/runtime/migrations).
 */
#ifndef KEFU_TABLES_H
#define KEFU_TABLES_H

#include "db/pg.h"
#include "db/statement.h"

struct sql;
struct sql *runtime_own_sql(const struct statement *statement); /* compiled once */

extern const struct pg_statement statement_begin, statement_commit;
extern const struct pg_statement statement_opening; /* now, policy version */
extern const struct pg_statement statement_id_block;
extern const struct pg_statement statement_counts; /* alarms (about), dead, parked, next alarm */

extern const struct pg_statement statement_clock_set, statement_alarms, statement_dead;
extern const struct pg_statement statement_policy_lock, statement_member_clean;
extern const char statement_policy_offered[], statement_policy_version[], statement_policy_files[];

extern const struct statement sql_journal_lock, sql_journal_heads, sql_journal_put,
    sql_journal_tail, sql_journal_gone;
extern const struct statement sql_position_last, sql_position_put, sql_position_clean;
extern const struct statement sql_alarm_claim, sql_alarm_set, sql_alarm_drop, sql_alarm_look,
    sql_alarm_lost, sql_alarm_orphans;
extern const struct statement sql_reply_find, sql_reply_put;
extern const struct statement sql_alarm_plant;
extern const struct statement sql_dead_put, sql_dead_drop,
    sql_dead_fail; /* by the owner of the partition */
extern const struct statement sql_dead_first, sql_dead_behind, sql_dead_keys, sql_dead_ready;
extern const struct statement sql_dead_retry, sql_dead_discard, sql_dead_count; /* by an operator */
extern const struct statement sql_suspect_put, sql_suspect_drop;
extern const struct statement sql_policy_files, sql_policy_offer;

#endif
