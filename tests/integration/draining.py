"""A process that is told to stop commits what its jobs report, and begins nothing new: no job's work is done twice because a replica went,
or came."""
import contextlib
import signal
import socket
import subprocess
import threading
import time

from faultproxy import PostgresProxy
from kefu import Database, Process, run, wait_for, wait_quiet
from played import partition_of


@contextlib.contextmanager
def probes(n, *args):
    database = Database()
    all_of_them = [Process("probe", database.dsn, args=args).start().wait_ready() for _ in range(n)]
    try:
        yield database, *all_of_them
    finally:
        for probe in all_of_them:
            if probe.process.poll() is None:
                probe.kill()
        database.drop()
        for probe in all_of_them:
            if "AddressSanitizer" in probe.log() or "runtime error" in probe.log():
                raise AssertionError("a sanitizer complained:\n" + probe.log()[-4000:])


def check(what, got, want):
    if got != want:
        raise AssertionError(f"{what}: got {got!r}, want {want!r}")


def held(database, probe):
    rows = database("SELECT DISTINCT ON (partition) partition, owner FROM probe.position ORDER BY partition, n DESC")
    return {int(partition) for partition, owner in rows if f":{probe.port}#" in owner}


def mail_in(partitions):
    """A key whose job takes its time, in one of these."""
    return next(key for key in (f"mail{n}" for n in range(1000)) if partition_of(key) in partitions)


def begin_job(database, probe, key, seconds):
    probe.client().do("probe.say", key=key, n=seconds, fail="job")
    wait_for("a job under way", lambda: "provider_called" in probe.log())
    check("its row", database("SELECT running FROM probe.alarm"), [["t"]])


def tell_to_stop(probe):
    probe.process.send_signal(signal.SIGTERM)
    wait_for("it drains", lambda: "event=draining" in probe.log())


def check_done_once(database, *probes_then):
    """Recorded by the process that did it, and done by nobody else."""
    check("effects", database("SELECT cause FROM probe.effect WHERE cause LIKE 'job%'"), [["job 1"]])
    check("jobs left", database("SELECT key, running FROM probe.alarm"), [])
    check("times done", sum(probe.log().count("provider_called") for probe in probes_then), 1)


def test_a_job_under_way_is_recorded_before_the_process_ends():
    with probes(1) as (database, probe):
        begin_job(database, probe, "mail", 1)
        begun = time.monotonic()
        check("exit status", probe.stop(), 0)
        assert time.monotonic() - begun < 4, "it waited longer than the job took"
        check_done_once(database, probe)
        probe.start().wait_ready()
        wait_quiet({"probe": [probe.client()]})
        check_done_once(database, probe)


def test_leases_outlast_a_job_that_takes_longer():
    with probes(2, "--lease=1s") as (database, one, two):
        wait_for("16 and 16", lambda: len(held(database, one)) == 16 and len(held(database, two)) == 16)
        begin_job(database, one, mail_in(held(database, one)), 3)
        check("exit status", one.stop(), 0)
        wait_for("all at the other one", lambda: len(held(database, two)) == 32)
        wait_quiet({"probe": [two.client()]})
        check_done_once(database, one, two)


def end_session_of_lane(database, probe):
    life = probe.log().split("event=ready")[-1].split("life=")[1].split()[0]
    ended = database(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'kefu-probe {life}/0'")
    check("sessions ended", ended, [["t"]])


def test_a_connection_lost_meanwhile_costs_no_report():
    with probes(1) as (database, probe):
        begin_job(database, probe, "mail", 2)
        tell_to_stop(probe)
        end_session_of_lane(database, probe)
        check("exit status", probe.process.wait(20), 0)
        check_done_once(database, probe)


def test_a_command_whose_transaction_fails_meanwhile_is_sent_away():
    """It waits for a row; its session is ended. Its sender is told to ask again, though the process ends at once."""
    with probes(1) as (database, probe):
        client = probe.client()
        client.do("probe.say", key="row", n=1)
        wait_quiet({"probe": [client]})
        with subprocess.Popen(["psql", database.dsn, "-qAtX"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            other.stdin.write("BEGIN;\nSELECT count FROM probe.counted WHERE key = 'row' FOR UPDATE;\n")
            other.stdin.flush()
            check("the row", other.stdout.readline().strip(), "1")
            id = client.send("command", "probe.say", {"key": "row", "n": 2}, "two")
            wait_for("it waits", lambda: database("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"))
            tell_to_stop(probe)
            end_session_of_lane(database, probe)
            frame = client.receive(id, 5)
            other.stdin.close()
        check("the answer", frame and frame[1], "retry")
        check("exit status", probe.process.wait(20), 0)


@contextlib.contextmanager
def joined_by_another(seconds):
    """A job is under way in each partition when another replica comes."""
    with probes(1) as (database, one):
        client = one.client()
        for partition in range(32):
            client.send("command", "probe.say", {"key": mail_in([partition]), "n": seconds, "fail": "job"})
        wait_for("jobs under way", lambda: one.log().count("provider_called") == 32)
        two = Process("probe", database.dsn).start().wait_ready()
        try:
            yield database, one, two
        finally:
            two.kill()


def test_partitions_are_given_away_when_their_jobs_are_done():
    with joined_by_another(3) as (database, one, two):
        wait_for("16 and 16", lambda: len(held(database, one)) == 16 and len(held(database, two)) == 16)
        wait_quiet({"probe": [one.client(), two.client()]})
        check("effects", database("SELECT cause, count(*) FROM probe.effect WHERE cause LIKE 'job%' GROUP BY cause"), [["job 1", "32"]])
        check("times done", one.log().count("provider_called") + two.log().count("provider_called"), 32)


def test_a_job_that_does_not_end_holds_no_partition_up():
    with joined_by_another(60) as (database, one, two):
        wait_for("16 and 16", lambda: len(held(database, one)) == 16 and len(held(database, two)) == 16, 10)
        one.kill()


def test_a_look_that_is_under_way_at_the_end_leaves_nothing_behind():
    """It takes longer than the process may drain; what it keeps in memory goes all the same (LeakSanitizer looks at the end)."""
    with probes(1) as (database, probe):
        database("CREATE FUNCTION probe.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(20); RETURN NEW; END $$;"
                 "CREATE TRIGGER slow BEFORE UPDATE ON probe.member FOR EACH ROW EXECUTE FUNCTION probe.slow()")
        wait_for("a slow look", lambda: database("SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"))
        check("exit status", probe.stop(), 0)


class Asker:
    """Instead of PostgreSQL: asks whoever comes for a password (SCRAM), reads the answer, and hangs up."""

    def __init__(self, folder):
        self.path, self.answers = f"{folder}/asker", 0
        self.door = socket.socket(socket.AF_UNIX)
        self.door.bind(self.path)
        self.door.listen(64)
        threading.Thread(target=self.ask_all, daemon=True).start()

    def ask_all(self):
        with contextlib.suppress(OSError):
            while True:
                guest, _ = self.door.accept()
                with guest, contextlib.suppress(OSError):
                    guest.recv(4096)
                    guest.sendall(b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0")
                    self.answers += len(guest.recv(4096)) > 0


def test_a_connection_that_is_being_made_at_the_end_does_no_harm():
    """The process is gone as far as it can be; a thread of it still shows its password to PostgreSQL."""
    database = Database()
    way = PostgresProxy(database.dsn)
    asker = Asker(way.folder.name)
    probe = Process("probe", way.dsn, environment={"PGPASSWORD": "fictional"}).start().wait_ready()
    try:
        way(f"target {asker.path}")
        way("close")
        wait_for("a password shown", lambda: asker.answers > 0)
        way("stop")
        wait_for("connections under way", lambda: way.connections() >= 2)
        probe.process.send_signal(signal.SIGTERM)
        wait_for("the end of all else", lambda: "event=stopped" in probe.log())
        time.sleep(0.3)
        way("go")
        check("exit status", probe.process.wait(30), 0)
    finally:
        if probe.process.poll() is None:
            probe.kill()
        asker.door.close()
        way.end()
        database.drop()


run(*[test for name, test in list(globals().items()) if name.startswith("test_")])
