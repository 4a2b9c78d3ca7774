#!/usr/bin/python3
"""What a store promises of whole rows (common/db/statement.h): a service whose statements or plans
break a promise ends at once in test builds, and says which rows."""
import os

from kefu import Database, Process, run, wait_for

BROKEN = "a promise of whole rows is broken: "
COUNTED = BROKEN + "probe_count by key = a: "


def until_it_ends(promise):
    """The log of a probe that breaks this promise. Its last words are no finding of a sanitizer."""
    database = Database()
    options = "abort_on_error=0:log_path=stderr"
    probe = Process("probe", database.dsn, environment={"ASAN_OPTIONS": options}).start().wait_ready()
    try:
        client = probe.client()
        client.do("probe.say", key="a", n=1)
        if probe.process.poll() is not None:
            raise AssertionError("a kept promise ended it")
        client.send("command", "probe.say", {"key": "a", "n": 2, "fail": promise})
        wait_for("its end", lambda: probe.process.poll() is not None, 15)
        return probe.log()
    finally:
        if probe.process.poll() is None:
            probe.kill()
        os.unlink(probe.log_path)
        database.drop()


def breaks(promise, words):
    log = until_it_ends(promise)
    if words not in log:
        raise AssertionError(f"it did not say {words!r}: {log[-1500:]}")


def test_a_plan_fills_in_all_fields():
    breaks("part", COUNTED + "field count of row 0 differs")


def test_what_an_update_leaves_out_never_changes():
    breaks("column", COUNTED + "field count of row 0 differs")


def test_the_column_by_never_changes():
    breaks("by", COUNTED + "memory has 1 rows, the database 0")


def test_no_statement_deletes():
    breaks("delete", COUNTED + "memory has 1 rows, the database 0")


def test_what_changes_is_written_by_whole_rows():
    breaks("mark", COUNTED + "field last of row 0 differs")


def test_rows_come_in_the_order_named():
    breaks("order", BROKEN + "probe_effect by journal_key = a: row 0 has another place")


if __name__ == "__main__":
    run(test_a_plan_fills_in_all_fields, test_what_an_update_leaves_out_never_changes,
        test_the_column_by_never_changes, test_no_statement_deletes,
        test_what_changes_is_written_by_whole_rows, test_rows_come_in_the_order_named)
