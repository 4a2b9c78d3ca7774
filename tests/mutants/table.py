"""The mutants. An edit is (file, regular expression over the whole file that must fit exactly once, what takes its place); a test is
"folder/program:name"; `because` must be found in what the failing test says; `programs` are built anew and no others."""
import collections

Mutant = collections.namedtuple("Mutant", "name edits tests because programs")

EDGES = "integration/commit_edges:test_"
STRANGER = "integration/strangers:test_a_stranger_is_turned_away_at_the_door"
VALUES = "integration/values:test_"
INTAKE = "integration/intake_service:test_two_replicas_"
NOTIFICATION = "integration/notification_service:"
PROBE = ["kefu-probe"]

MUTANTS = [
    Mutant("the position's key is not unique",
           [("common/runtime/migrations/001_runtime.sql", r"(CREATE TABLE position \([^;]*?),\s*PRIMARY KEY \(partition, n\)", r"\1")],
           [EDGES + "of_two_who_write_one_position_one_is_fenced"], "in spite of the other owner", PROBE),
    Mutant("only an equal position is a fence, not a later one",
           [("common/runtime/migrations/001_runtime.sql", r"RAISE EXCEPTION 'partition % has moved on from %'[^;]*;", "RETURN new_n;")],
           [EDGES + "who_slept_until_its_rows_were_cleaned_away_is_fenced"], "below the last one|was not fenced", PROBE),
    Mutant("numbers of events are drawn without the lock",
           [("common/runtime/core/tables.c", r"SELECT pg_advisory_xact_lock\((current_schema\(\)::regnamespace::oid::integer, partition::integer)\) FROM :rows",
             r"SELECT partition FROM :rows")],
           [EDGES + "an_event_drawn_first_and_committed_last_is_heard"], "effects|order", PROBE),
    Mutant("what is in memory counts as done",
           [("common/runtime/core/slot.c", r"return waits \? slot->handled\[source\] : (slot->received\[source\]);", r"(void)waits;\n    return \1;")],
           [EDGES + "an_event_received_while_a_commit_fails_is_not_passed_over"], "b's effect", PROBE),
    Mutant("a command is answered before COMMIT",
           [("common/runtime/batch/batch.c", r"(static void committed\(void \*ctx, const struct pg_trip \*trip\);)", r"\1\nstatic void answer(struct message *m);"),
            ("common/runtime/batch/batch.c", r"batch->committing = true;",
             "for (size_t i = 0; i < batch->n; i++)\n        if (batch->all[i]->origin == ORIGIN_COMMAND) answer(batch->all[i]);\n"
             "    batch->committing = true;"),
            ("common/runtime/batch/batch.c", r"if \(m->origin == ORIGIN_COMMAND\) answer\(m\);", "")],
           [EDGES + "no_answer_before_the_commit"], "before the commit", PROBE),
    Mutant("the ZAP handler is not started",
           [("common/net/wire.c", r"assert\(wire->zap != NULL \|\| !binds\(kind\)\);", ""),
            ("common/net/wire.c", r"wire->zap = zap_start\([^;]*;\s*return wire->zap == NULL \? -1 : 0;", "(void)wire, (void)err;\n    return 0;")],
           [STRANGER], "a stranger is let in", PROBE),
    Mutant("the ZAP handler does not listen (its own test at the start)",
           [("common/net/zap.c", r'return zmq_bind\(zap->door, "inproc://zeromq\.zap\.01"\);', "return 0;")],
           [STRANGER], "does not refuse unknown keys", PROBE),
    Mutant("an alarm is heard and its row stays",
           [("common/runtime/core/tables.c", r"gone AS \(DELETE FROM alarm AS a WHERE", "gone AS (UPDATE alarm AS a SET attempt = a.attempt WHERE")],
           [EDGES + "an_alarm_goes_in_the_transaction_that_hears_it"], "alarms heard and alarms there|no answer", PROBE),  # it rings for ever
    Mutant("lock and aggregate in one statement",
           [("services/probe/store.c", r"\"SELECT share, most FROM share WHERE share = ANY\(:keys\) ORDER BY share FOR UPDATE\"",
             '"SELECT share, most, (SELECT count(*) FROM taking AS t WHERE t.share = share.share) AS taken FROM share"\n'
             '           " WHERE share = ANY(:keys) ORDER BY share FOR UPDATE"'),
            ("services/probe/main.c", r"= facts_one\(facts, &probe_share_read\)", "= facts_one(facts, &probe_share_lock)")],
           [EDGES + "what_partitions_share_is_counted_under_its_lock"], "one more was taken", PROBE),
    Mutant("facts are read before the locks",
           [("common/runtime/batch/batch_load.c", r"for \(int kind = QUERY_LOCK; kind <= QUERY_READ; kind\+\+\)",
             "for (int kind = QUERY_READ; kind >= (int)QUERY_LOCK; kind--)")],
           [EDGES + "what_partitions_share_is_counted_under_its_lock"], "one more was taken", PROBE),
    Mutant("a breach does not wait for the readers",
           [("common/runtime/lane/scheduler.c", r"if \(lane->as_of\[s\] < lane->gate_at\) return false;", "(void)s;")],
           ["integration/escalation_gate:a_reply_in_time_is_heard_before_the_breach"], "clock.breached SLA-03", ["kefu-escalation"]),
    Mutant("a schema on a test clock is served in real time",
           [("common/db/migrate.c", r"else if \(has && !test_clock\)", "else if (false)")],
           ["integration/modes:test_a_schema_on_a_test_clock_is_served_with_it_only"], "TimeoutExpired", PROBE),
    Mutant("a schema used in real time gets a test clock",
           [("common/db/migrate.c", r"NULL\) != 0\)", "NULL) < 0)")],
           ["integration/modes:test_a_schema_used_in_real_time_gets_no_test_clock"], "TimeoutExpired", PROBE),
    Mutant("what is heard at once goes into the journal, too",
           [("common/runtime/batch/batch_loopback.c", r"\*at = next;", "(void)next, at = &event->next;")],
           ["integration/runtime:test_what_is_said_to_oneself_is_heard_in_the_same_transaction"], "not in the journal", PROBE),
    Mutant("the next message of a key does not see what the last one wrote",
           [("common/runtime/batch/batch_load.c", r"return known \? loading->known\[place\]->rows : (loaded_rows_of\(loading, key\));", r"(void)known;\n    return \1;")],
           ["integration/runtime:test_messages_of_one_key_are_decided_together"], "saw the one before", PROBE),
    Mutant("of several changes of one counter in a batch the last counts",
           [("services/reporting/on_feed.c", r"by\[at\] \+= LIST", "by[at] = LIST")],
           ["integration/reporting_service:test_any_order_of_sources"], "assert", ["kefu-reporting"]),
    Mutant("contacts: the same one of two replicas is two",
           [("services/intake/migrations/001_intake.sql", r"(tickets text NOT NULL),\s*UNIQUE \(source, source_id\)", r"\1")],
           [INTAKE + "one_contact_once"], "tickets", ["kefu-intake"]),
    Mutant("contacts: written in the order of their numbers",
           [("services/intake/rows.msg", r"row intake_contact key source source_id", "row intake_contact key id")],
           [INTAKE + "many_contacts_in_opposite_order"], "a deadlock", ["kefu-intake"]),
    Mutant("a refusal is cut inside a character",
           [("common/base/err.c", r"(int err_field[^}]*?)text_vformat\(", r"\1vsnprintf(")],
           [VALUES + "every_refusal_is_utf8"], "UnicodeDecodeError", PROBE),
    Mutant("what is asked may hold any character",
           [("common/data/fill.c", r"return walk->asked && field->type", "return false && walk->asked && field->type")],
           ["integration/intake_service:test_refusals_name_field_and_rule"], "was taken", ["kefu-intake"]),
    Mutant("a message that needs too long is tried for ever",
           [("common/db/sqlstate.c", r'\{"57014", NULL, PG_FAILED\}', '{"57014", NULL, PG_WORLD}')],
           ["integration/dead_letters:test_a_message_that_needs_too_long_is_set_aside_alone"], "waited", PROBE),
    Mutant("a webhook goes wherever its name leads",
           [("services/notification/transport.c", r"if \(!reach_allows\(", "if (false && !reach_allows(")],
           [NOTIFICATION + "webhooks_do_not_knock_at_what_is_inside"], "the end of", ["kefu-notification"]),
    Mutant("a webhook follows redirects",
           [("services/notification/transport.c", r"CURLOPT_FOLLOWLOCATION, 0L", "CURLOPT_FOLLOWLOCATION, 1L")],
           [NOTIFICATION + "webhooks_are_signed_and_tried_again"], "redirect", ["kefu-notification"]),
]
