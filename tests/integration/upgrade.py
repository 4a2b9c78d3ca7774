#!/usr/bin/python3
"""Migrations over a schema that has data: what a later file finds is what an earlier version wrote."""
import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import kefu  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


MORE = {"intake": ["--key-file=unread"]}


def migrate(service, database, home):
    program = os.path.join(os.environ.get("KEFU_BIN", "build/bin"), f"kefu-{service}")
    done = subprocess.run([program, "--migrate-only", f"--database={database.dsn}", f"--home={home}", *MORE.get(service, ())], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    return done.stdout


@contextlib.contextmanager
def before(service, *later):
    """A database as it was before these files."""
    home, database = tempfile.mkdtemp(prefix="kefu-home-"), kefu.Database()
    try:
        for folder in ("common/runtime/migrations", f"services/{service}/migrations"):
            shutil.copytree(os.path.join(ROOT, folder), os.path.join(home, folder))
        for path in later:
            os.remove(os.path.join(home, path))
        migrate(service, database, home)
        yield database
    finally:
        database.drop()
        shutil.rmtree(home)


def test_counters_become_the_last_entries_of_the_feed():
    """Of three topics one has its last entry in the feed, one had it cut away, one has several."""
    with before("reporting", "services/reporting/migrations/005_feed_appended.sql") as database:
        database("INSERT INTO reporting.feed (seq, topic, count, of, at) SELECT n, 'tickets/open', n, 7, now() FROM generate_series(1001, 1005) AS n")
        database("INSERT INTO reporting.feed (seq, topic, count, at) VALUES (1006, 'kpi/KPI-03', 5, now())")
        database("INSERT INTO reporting.topic (topic, seq, count, of, at) VALUES ('tickets/open', 1005, 1005, 7, now()),"
                 " ('kpi/KPI-03', 1006, 5, NULL, now()), ('staff/active', 17, 4, NULL, now())")
        database("UPDATE reporting.feed_state SET head = 1006")
        want = database("SELECT topic, seq, count, of FROM reporting.topic ORDER BY topic")
        assert "005_feed_appended" in migrate("reporting", database, ROOT)
        got = database("SELECT topic, seq, count, of FROM reporting.topic ORDER BY topic")
        assert got == want and len(got) == 3, f"{got}, {want} before"
        assert database("SELECT max(seq) FROM reporting.feed") == [["1006"]]
        assert migrate("reporting", database, ROOT).count("file=") == 0, "nothing is applied twice"


def test_loads_and_alarms_stay():
    with before("routing", "common/runtime/migrations/003_alarm_index.sql", "services/routing/migrations/002_load.sql") as database:
        database("INSERT INTO routing.staff_load (staff, taken, last_at) VALUES ('sp01', 12, now()), ('sp02', 0, NULL)")
        database("INSERT INTO routing.alarm (partition, name, key, due_at, running, cause, body)"
                 " VALUES (1, 'step.due', '1', now(), false, 'command/1', ''), (1, 'step.due', '2', now(), true, 'command/2', '')")
        tables = ("SELECT * FROM routing.staff_load ORDER BY staff", "SELECT * FROM routing.alarm ORDER BY key")
        want = [database(sql) for sql in tables]
        migrate("routing", database, ROOT)
        assert [database(sql) for sql in tables] == want
        assert database("SELECT count(*) FROM pg_indexes WHERE schemaname = 'routing' AND indexdef LIKE '%(partition, due_at) WHERE%'") == [["2"]]


def test_follow_ups_taken_in_before_are_found_again():
    with before("intake", "services/intake/migrations/003_follow_ups.sql") as database:
        database("INSERT INTO intake.ticket (id, contact, kind) VALUES (7, 1, 'complaint'), (8, 1, 'repair')")
        database("INSERT INTO intake.note (ticket, id, name, words, at, source, source_id) VALUES (7, 1, 'follow_up', '', now(), 'pbx', E'a\\\\b 还'),"
                 " (7, 2, 'measures', '', now(), NULL, NULL)")
        migrate("intake", database, ROOT)
        origin = int.from_bytes(hashlib.sha256("7/pbx/a\\b 还".encode()).digest()[:8], "big", signed=True)
        assert database("SELECT id, origin FROM intake.note ORDER BY id") == [["1", str(origin)], ["2", ""]]
        assert database("SELECT id, notes FROM intake.ticket ORDER BY id") == [["7", "2"], ["8", "0"]]


def test_tickets_taken_in_before_are_of_the_publisher_of_their_contact():
    """Also one that goes on from another; whose contact is not there is nobody's."""
    with before("intake", "services/intake/migrations/004_publishers.sql") as database:
        database("INSERT INTO intake.contact (id, source, source_id, channel, received_at, recorded_at, org_unit, locale, important, tickets)"
                 " VALUES (1, 'pbx', 'a', 'call', now(), now(), 'service', 'zh-CN', false, '7,8'),"
                 " (2, 'web', 'a', 'app', now(), now(), 'service', 'zh-CN', false, '9')")
        database("INSERT INTO intake.ticket (id, contact, kind, notes) VALUES (7, 1, 'complaint', 3), (8, 1, 'repair', 0), (9, 2, 'inquiry', 0),"
                 " (10, 2, 'repair', 0), (11, 3, 'repair', 0)")
        assert "004_publishers" in migrate("intake", database, ROOT)
        assert database("SELECT id, source, notes FROM intake.ticket ORDER BY id") == [
            ["7", "pbx", "3"], ["8", "pbx", "0"], ["9", "web", "0"], ["10", "web", "0"], ["11", "", "0"]]


kefu.run(test_counters_become_the_last_entries_of_the_feed, test_loads_and_alarms_stay,
         test_follow_ups_taken_in_before_are_found_again,
         test_tickets_taken_in_before_are_of_the_publisher_of_their_contact)
