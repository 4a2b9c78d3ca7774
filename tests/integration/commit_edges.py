"""What must not happen between the statements of a transaction. Somebody else's transaction is played here by hand, or a process is
made to wait at a failpoint, so that each test meets its instant and none is left to chance. `make mutants` breaks the code behind each."""
import contextlib
import subprocess
import time
import uuid

from kefu import Client, Database, Process, Refused, run, wait_for, wait_quiet

MASK = (1 << 64) - 1


def partition_of(key):
    value = 0xCBF29CE484222325
    for byte in key.encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK
    value ^= value >> 33
    value = (value * 0xFF51AFD7ED558CCD) & MASK
    return (value ^ (value >> 33)) % 32


def key_in(partitions):
    return next(key for key in (f"k{n}" for n in range(10000)) if partition_of(key) in partitions)


class Session:
    """A transaction of our own, one statement after the other."""

    def __init__(self, dsn):
        self.psql = subprocess.Popen(["psql", dsn, "-qAtX"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, text=True)

    def __call__(self, sql):
        mark = uuid.uuid4().hex
        self.psql.stdin.write(f"{sql};\n\\echo {mark}\n")
        self.psql.stdin.flush()
        lines = []
        for line in self.psql.stdout:
            if line.strip() == mark:
                return lines
            lines.append(line.strip())
        raise RuntimeError(f"psql ended: {lines}")

    def close(self):
        self.psql.stdin.close()
        self.psql.stdout.close()
        self.psql.wait()


@contextlib.contextmanager
def probe_and_session(*args):
    database = Database()
    probe = Process("probe", database.dsn, args=args).start().wait_ready()
    session = Session(database.dsn)
    try:
        yield database, probe, session
    finally:
        session.close()
        probe.kill()
        database.drop()


def check(what, got, want):
    if got != want:
        raise AssertionError(f"{what}: got {got!r}, want {want!r}")


def held_up_or_answered(database, client, id, kind):
    """Waits until the service waits for a lock of that kind, or the command is answered all the same. The answer, or None."""
    frame = [None]

    def either():
        frame[0] = client.receive(id, 0.05)
        return frame[0] or database("SELECT count(*) FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid) WHERE NOT l.granted"
                                    f" AND l.locktype = '{kind}' AND a.application_name LIKE 'kefu-probe %'") != [["0"]]

    wait_for(f"a lock of kind {kind}, or an answer", either)
    return frame[0] or client.receive(id, 0.3)


def test_of_two_who_write_one_position_one_is_fenced():
    """Another owner has written the partition's next position and not committed yet."""
    with probe_and_session() as (database, probe, session):
        client, key = probe.client(), "a"
        partition = partition_of(key)
        client.do("probe.say", key=key, n=1)
        for _ in range(100):  # the probe renews its leases meanwhile
            session("BEGIN")
            if not session("INSERT INTO probe.position (partition, n, owner, seqs, expires_at) SELECT partition, n + 1, 'probe@other#1', seqs,"
                           f" clock_timestamp() + interval '1 s' FROM probe.position WHERE partition = {partition} ORDER BY n DESC LIMIT 1"):
                break
            session("ROLLBACK")
        id = client.send("command", "probe.say", {"key": key, "n": 2}, "two")
        early = held_up_or_answered(database, client, id, "transactionid")
        session("COMMIT")
        check("an answer in spite of the other owner", early, None)
        client.call("command", "probe.say", {"key": key, "n": 2}, "two")
        doubled = database("SELECT partition, n FROM probe.position GROUP BY partition, n HAVING count(*) > 1")
        check("positions written twice", doubled, [])
        check("commands run", database("SELECT sum(count) FROM probe.counted"), [["2"]])


def test_who_slept_until_its_rows_were_cleaned_away_is_fenced():
    """Others have moved the partition on, and nothing below their last position is left to collide with."""
    with probe_and_session() as (database, probe, session):
        client, key = probe.client(), "a"
        partition = partition_of(key)
        client.do("probe.say", key=key, n=1)
        session("BEGIN")
        session("INSERT INTO probe.position (partition, n, owner, seqs, expires_at) SELECT partition, n + 1000, 'probe@other#1', seqs,"
                f" clock_timestamp() + interval '1 s' FROM probe.position WHERE partition = {partition} ORDER BY n DESC LIMIT 1")
        session(f"DELETE FROM probe.position AS p WHERE partition = {partition}"
                f" AND n < (SELECT max(n) FROM probe.position WHERE partition = {partition})")
        last = session(f"SELECT max(n) FROM probe.position WHERE partition = {partition}")[0]
        session("COMMIT")
        client.do("probe.say", key=key, n=2)
        below = database(f"SELECT count(*) FROM probe.position WHERE partition = {partition} AND n < {last}")
        check("positions written below the last one", below, [["0"]])
        assert "has moved on" in probe.log(), "the probe was not fenced"


def test_no_answer_before_the_commit():
    """Everything is written and the transaction waits for a lock of the journal: the command has no answer yet."""
    with probe_and_session() as (database, probe, session):
        client, key = probe.client(), "a"
        client.do("probe.say", key=key, n=1)
        session("BEGIN")
        session(f"SELECT pg_advisory_xact_lock('probe'::regnamespace::oid::integer, {partition_of(key)})")
        id = client.send("command", "probe.say", {"key": key, "n": 2}, "two")
        early = held_up_or_answered(database, client, id, "advisory")
        session("ROLLBACK")
        check("an answer before the commit", early, None)
        check("the answer", client.call("command", "probe.say", {"key": key, "n": 2}, "two")["n"], 2)


def test_a_trip_sent_by_half_holds_up_nobody():
    """A replica stops (as if frozen) between two statements of one trip, with the journal's lock held. PostgreSQL waits for the rest without a
    limit; the one who takes over ends the session, runs the command, and the sleeper wakes up with nothing done."""
    database = Database()
    two = Process("probe", database.dsn).start().wait_ready()
    one = Process("probe", database.dsn, environment={"FAIL_AT": "drawn:1:sleep=9000"}).start().wait_ready()

    def held(who):
        rows = database("SELECT DISTINCT ON (partition) partition, owner FROM probe.position ORDER BY partition, n DESC")
        return [int(row[0]) for row in rows if f":{who.port}#" in row[1]]

    try:
        wait_for("a fair share", lambda: len(held(one)) == 16 and len(held(two)) == 16)
        key = key_in(held(one))
        first = one.client()
        first.send("command", "probe.say", {"key": key, "n": 1}, "half")
        wait_for("the half", lambda: database("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'kefu-probe %' AND state = 'active'"
                                              " AND wait_event = 'ClientRead' AND datname = current_database()"))
        wait_for("takeover", lambda: len(held(two)) == 32, 8)
        begun = time.monotonic()
        two.client().do("probe.say", id="half", key=key, n=1, timeout=6)
        assert time.monotonic() - begun < 4, "it waited for the sleeper"
        wait_for("a share again", lambda: len(held(one)) == 16, 30)
        wait_quiet({"probe": [one.client(), two.client()]})
        assert database(f"SELECT count FROM probe.counted WHERE key = '{key}'") == [["1"]]
    finally:
        for process in (one, two):
            process.kill()
        database.drop()


def test_the_transaction_of_a_life_that_is_over_holds_up_nobody():
    """A replica is killed while PostgreSQL still works at its transaction (here it waits for a row). The next life under the same name takes
    the partitions at once; the old transaction must be gone by then, or both would lock the same rows in different orders."""
    with probe_and_session() as (database, probe, session):
        client = probe.client()
        client.do("probe.say", key="held", n=1)
        session("BEGIN")
        session("SELECT * FROM probe.counted WHERE key = 'held' FOR UPDATE")
        client.send("command", "probe.say", {"key": "held", "n": 2}, "two")
        waiting = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'kefu-probe %' AND wait_event_type = 'Lock'"
        wait_for("a transaction that waits", lambda: database(waiting))
        there = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {database(waiting)[0][0]}"
        probe.kill()
        check("what PostgreSQL does for the dead", database(there), [["1"]])
        probe.start().wait_ready()
        check("the dead one's session", database(there), [["0"]])
        session("ROLLBACK")
        probe.client().do("probe.say", id="two", key="held", n=2)
        check("said", database("SELECT count FROM probe.counted WHERE key = 'held'"), [["2"]])


def test_an_event_drawn_first_and_committed_last_is_heard():
    """Two replicas write to one partition's journal. The first waits between drawing its number and the commit; the second one's event,
    with a higher number, must not be seen before."""
    database = Database()
    settings = ("--lease=6s",)
    two = Process("probe", database.dsn, args=settings).start().wait_ready()
    one = Process("probe", database.dsn, args=settings, environment={"FAIL_AT": "drawn:1:sleep=1500"})
    one.start().wait_ready()

    def held(who):
        rows = database("SELECT DISTINCT ON (partition) partition, owner FROM probe.position ORDER BY partition, n DESC")
        return [int(row[0]) for row in rows if f":{who.port}#" in row[1]]

    try:
        wait_for("a fair share", lambda: len(held(one)) == 16 and len(held(two)) == 16)
        heard = key_in(held(two))
        first, second = one.client(), two.client()
        drawn = lambda: database("SELECT last_value, is_called FROM probe.journal_seq")
        before = drawn()
        slow = first.send("command", "probe.say", {"key": key_in(held(one)), "n": 1, "to": heard})
        wait_for("the first number drawn", lambda: drawn() != before)
        second.do("probe.say", key=heard, n=2)
        check("the first one's answer", first.receive(slow, 20)[1], "answer")
        wait_quiet({"probe": [first, second]})
        check("effects", database(f"SELECT n FROM probe.effect WHERE key = '{heard}' ORDER BY n"), [["1"], ["2"]])
        check("heard in the journal's order", database("SELECT n FROM probe.effect ORDER BY ctid"), [["1"], ["2"]])
    finally:
        one.kill()
        two.kill()
        database.drop()


def test_an_alarm_goes_in_the_transaction_that_hears_it():
    """In each snapshot an alarm is either there, or heard."""
    with probe_and_session() as (database, probe, _):
        client = probe.client()
        for n in range(20):
            client.do("probe.say", key=f"k{n}", n=n * 20 + 1, fail="alarm")

        def all_heard():
            heard, there = database("SELECT (SELECT count(*) FROM probe.effect WHERE cause = 'alarm'), (SELECT count(*) FROM probe.alarm)")[0]
            check("alarms heard and alarms there", int(heard) + int(there), 20)
            return heard == "20"

        wait_for("20 alarms heard", all_heard)


def test_what_partitions_share_is_counted_under_its_lock():
    """Another lane holds the lock and takes the last one while a command waits for it."""
    with probe_and_session() as (database, probe, session):
        client = probe.client()
        database("INSERT INTO probe.share VALUES ('till', 2)")
        check("left", client.do("probe.take", key="a", share="till"), {"left": 1})
        session("BEGIN")
        session("SELECT FROM probe.share WHERE share = 'till' FOR UPDATE")
        session("INSERT INTO probe.taking VALUES ('till', 'other')")
        id = client.send("command", "probe.take", {"key": "b", "share": "till"})
        early = held_up_or_answered(database, client, id, "transactionid")
        session("COMMIT")
        check("an answer before the lock was free", early, None)
        try:
            client.call("command", "probe.take", {"key": "b", "share": "till"}, id)
            raise AssertionError("one more was taken than there are")
        except Refused as refused:
            check("rule", refused.rule, "PRB-02")


def waits_for(database, lock):
    return database(f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = {lock} AND NOT granted") == [["1"]]


def test_an_event_received_while_a_commit_fails_is_not_passed_over():
    """The COMMIT of a's effect waits, and fails. Meanwhile an event of b, in the same partition, comes into memory. When a's effect is in
    at last, b's is not: if the position says that it is, whoever takes over never hears it."""
    with probe_and_session() as (database, probe, session):
        client, (a, b) = probe.client(), [key for key in (f"k{n}" for n in range(200)) if partition_of(key) == 1][:2]
        client.do("probe.say", key=b, n=1)
        wait_quiet({"probe": [client]})
        database("CREATE SEQUENCE probe.once;"
                 "CREATE FUNCTION probe.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                 f" IF NEW.key = '{a}' AND nextval('probe.once') = 1 THEN PERFORM pg_advisory_xact_lock(77);"
                 " RAISE EXCEPTION 'as if a deadlock' USING ERRCODE = '40P01'; END IF; RETURN NULL; END $$;"
                 "CREATE CONSTRAINT TRIGGER fail AFTER INSERT ON probe.effect DEFERRABLE INITIALLY DEFERRED"
                 " FOR EACH ROW EXECUTE FUNCTION probe.fail();"
                 "CREATE FUNCTION probe.wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                 f" IF NEW.key = '{b}' THEN PERFORM pg_advisory_xact_lock(78); END IF; RETURN NEW; END $$;"
                 "CREATE TRIGGER wait BEFORE INSERT ON probe.effect FOR EACH ROW EXECUTE FUNCTION probe.wait()")
        session("SELECT pg_advisory_lock(77), pg_advisory_lock(78)")
        client.do("probe.say", key=a, n=1)
        wait_for("a COMMIT that waits", lambda: waits_for(database, 77))
        said = database("INSERT INTO probe.journal (partition, seq, at, type, version, key, cause, body) SELECT partition,"
                        " nextval('probe.journal_seq'), at, type, version, key, 'command/late', body FROM probe.journal"
                        f" WHERE key = '{b}' AND type = 'probe.heard' RETURNING seq")[0][0]
        wait_for("b's event in memory", lambda: client.ask("runtime.status")["lanes"][0]["waiting"] >= 2)
        session("SELECT pg_advisory_unlock(77)")
        wait_for("a's effect", lambda: database(f"SELECT 1 FROM probe.effect WHERE key = '{a}'"))
        position = database("SELECT seqs FROM probe.position WHERE partition = 1 ORDER BY n DESC LIMIT 1")[0][0]
        probe.kill()
        session("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name LIKE 'kefu-probe %'")
        session("SELECT pg_advisory_unlock(78)")
        probe.start().wait_ready()
        wait_quiet({"probe": [probe.client()]})
        check(f"b's effect (its event {said}; the position said {position})",
              database(f"SELECT count(*) FROM probe.effect WHERE key = '{b}' AND cause = 'command/late'"), [["1"]])


run(*[test for name, test in list(globals().items()) if name.startswith("test_")])
