#!/usr/bin/python3
"""A mode ends with the process that was told it, or says at every start that it goes on: test
clocks, a supervisor that was killed, a start that is broken off."""
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import kefu  # noqa: E402
from system import BIN, ROOT, SERVICES, System, report  # noqa: E402

LATER = "2026-03-02T01:00:00Z"
ALONE = ("--services", "probe", "--policy", "none")


def run(system, *words):
    """(status, standard output, standard error) of a command."""
    done = subprocess.run([f"{BIN}/kefu", words[0], "--dir", system.dir, *words[1:]],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


# ---- the clock that a schema stands on -----------------------------------------------------------


def refused(database, *args):
    """What a probe says that does not start."""
    probe = kefu.Process("probe", database.dsn, args=args).start()
    assert probe.process.wait(30) == 1, probe.log()
    return probe.log()


def lives(database, *args, tell=False):
    probe = kefu.Process("probe", database.dsn, args=args).start().wait_ready()
    if tell:
        probe.client().do("probe.say", key="k", n=1)
    view = probe.client().ask("runtime.status")
    assert probe.stop() == 0, probe.log()
    return view


def test_a_schema_on_a_test_clock_is_served_with_it_only(database):
    assert lives(database, "--test-clock", f"--test-clock-start={LATER}")["test_clock"]
    said = refused(database)
    assert "stands on a test clock" in said and "go on with --test-clock" in said, said
    assert lives(database, "--test-clock")["now"] == 1772413200000000


def test_a_schema_used_in_real_time_gets_no_test_clock(database):
    assert not lives(database, tell=True)["test_clock"]
    said = refused(database, "--test-clock")
    assert "has been used on the real clock" in said and "a new database" in said, said
    assert not lives(database)["test_clock"]


def with_database(test):
    database = kefu.Database()
    try:
        test(database)
    finally:
        database.drop()


# ---- kefu up on a system that is there -----------------------------------------------------------


def test_a_new_system_says_that_it_stands_on_a_test_clock(system):
    system.up(*ALONE)
    assert f"TEST CLOCK: it is {LATER}" in system.read("up.log"), system.read("up.log")


def test_status_says_it_before_all_numbers(system):
    status, out, _ = run(system, "status")
    assert status == 0 and out.startswith(f"TEST CLOCK: it is {LATER}"), out


def test_without_the_option_it_goes_on_with_its_clock_and_says_so(system):
    run(system, "clock", "advance", "2h")
    assert system.down() == 0
    system.start = None
    os.truncate(f"{system.dir}/up.log", 0)
    system.up(*ALONE)
    said = system.read("up.log")
    assert "made on a test clock and goes on with it" in said, said
    assert "TEST CLOCK: it is 2026-03-02T03:00:00Z" in said, said
    assert json.loads(system.read("run.json"))["test_clock"]
    status, out, _ = run(system, "clock", "advance", "1h")
    assert status == 0 and "now: 2026-03-02T04:00:00Z" in out, out
    assert json.loads(run(system, "status", "--json")[1])["test_clock"]


def test_another_time_for_the_clock_that_is_there_is_said(system):
    assert system.down() == 0
    system.start = "2026-05-01T00:00:00Z"
    os.truncate(f"{system.dir}/up.log", 0)
    system.up(*ALONE)
    said = system.read("up.log")
    assert "the clock that is there stays" in said, said
    assert "TEST CLOCK: it is 2026-03-02T04:00:00Z" in said, said
    assert system.down() == 0


def test_a_system_in_real_time_gets_no_test_clock(system):
    system.up(*ALONE)
    system.do("probe", "probe.say", key="k", n=1)
    status, out, _ = run(system, "status")
    assert status == 0 and "TEST CLOCK" not in out, out
    status, _, complaint = run(system, "clock", "advance", "1h")
    assert status == 1 and "probe runs on the real clock" in complaint, complaint
    assert system.down() == 0
    status, _, complaint = run(system, "up", "--base-port", str(system.base), *ALONE,
                               "--test-clock", "--detach")
    assert status == 1 and "runs on the real clock; a test clock needs" in complaint, complaint


# ---- keys that nobody asked for ------------------------------------------------------------------


def listed(system, *words):
    """Who may connect."""
    status, out, complaint = run(system, "key", "list", "--json", *words)
    assert status == 0, complaint
    return sorted(json.loads(line)["name"] for line in out.splitlines())


def test_in_real_time_only_services_and_the_operator_have_keys(system):
    """A service for tests may read every journal: it has a key only where it is wished."""
    system.up("--services", "intake", "--policy", "none")
    assert listed(system) == sorted([*SERVICES, "operator"]), listed(system)
    assert system.down() == 0
    assert run(system, "key", "init", "--keys", f"{system.dir}/keys")[0] == 0
    assert listed(system, "--keys", f"{system.dir}/keys") == sorted([*SERVICES, "operator"])


def test_on_a_test_clock_there_is_a_publisher_and_a_dashboard_to_try(system):
    wished = sorted([*SERVICES, "probe", "operator", "publisher", "dashboard"])
    assert listed(system) == wished, listed(system)


# ---- starts and ends ------------------------------------------------------------------------------


def start(system, *more):
    """kefu up, not waited for."""
    words = [f"{BIN}/kefu", "up", "--dir", system.dir, "--base-port", str(system.base), *ALONE, *more]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def until(process, word):
    """Its lines up to one with the word."""
    for line in process.stdout:
        yield line
        if word in line:
            return


def postgres_runs(system):
    done = subprocess.run([f"{ROOT}/deploy/postgres.sh", "status", f"{system.dir}/pg"],
                          capture_output=True, text=True)
    return done.stdout.strip() == "running"


def is_held(system):
    """Does a supervisor live there? Only looks: a lock that is tried is in the way of others."""
    layout, get_lock = "hhxxxxqqixxxx", 36  # struct flock, F_OFD_GETLK
    if not os.path.exists(f"{system.dir}/lock"):
        return False
    with open(f"{system.dir}/lock", "rb") as lock:
        wish = struct.pack(layout, fcntl.F_WRLCK, 0, 0, 0, 0)
        return struct.unpack(layout, fcntl.fcntl(lock, get_lock, wish))[0] != fcntl.F_UNLCK


def test_a_taken_port_is_named_with_who_has_it(system):
    """Of a replica, of PostgreSQL: before anything is started."""
    for offset, meant in ((6, "probe-1"), (199, "PostgreSQL")):
        with socket.socket() as taken:
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            taken.bind(("127.0.0.1", system.base + offset))
            taken.listen()
            status, _, complaint = run(system, "up", "--base-port", str(system.base), *ALONE)
        want = f"port {system.base + offset}, meant for {meant}, is taken by python3 (process"
        assert status == 1 and f"{want} {os.getpid()})" in complaint, complaint


def test_a_service_that_cannot_start_says_why(system):
    begun = time.monotonic()
    status, _, complaint = run(system, "up", "--base-port", str(system.base), *ALONE,
                               "--timeout", "100s", "--set", "lanes=99")
    assert status == 1 and "lanes: 99 is outside" in complaint, complaint
    with open(f"{system.dir}/secrets/probe.secret", "w", encoding="utf-8") as secret:
        secret.write("broken\n")
    status, _, complaint = run(system, "up", "--base-port", str(system.base), *ALONE,
                               "--timeout", "100s")
    os.unlink(f"{system.dir}/secrets/probe.secret")
    run(system, "key", "revoke", "probe")
    assert status == 1 and "probe-1 does not start" in complaint, complaint
    assert "probe.secret" in complaint, complaint
    assert time.monotonic() - begun < 60, "it waited for its time to be over"


def test_a_lost_key_of_personal_data_is_not_replaced(system):
    """It was made before the database: without it, nobody could read what is in there."""
    key = f"{system.dir}/secrets/intake.key"
    refuse = ("up", "--base-port", str(system.base), *ALONE, "--timeout", "100s", "--set", "lanes=99")
    assert run(system, *refuse)[0] == 1 and os.path.exists(f"{system.dir}/pg/data")
    os.rename(key, f"{key}.copy")
    status, _, complaint = run(system, *refuse)
    assert status == 1 and f"{key}: is gone" in complaint, complaint
    assert not os.path.exists(key)
    os.rename(f"{key}.copy", key)
    status, _, complaint = run(system, *refuse)
    assert status == 1 and "lanes: 99 is outside" in complaint, complaint


def test_down_while_it_starts_stops_it(system):
    """At once, while it prepares, and while it waits for the services."""
    for moment in (lambda: is_held(system), lambda: os.path.exists(f"{system.dir}/run.json")):
        up = start(system)
        kefu.wait_for("the start", moment)
        status, _, complaint = run(system, "down")
        assert status == 0, complaint
        said = up.communicate(timeout=20)[0]
        assert up.returncode == 1 and "stopped while it was starting" in said or \
            "supervisor ended" in said, (up.returncode, said)
        assert not is_held(system), "the lock is held: " + said
        assert not postgres_runs(system), "PostgreSQL runs: " + said
        assert not os.path.exists(f"{system.dir}/run.json"), said


def test_what_was_started_in_the_foreground_ends_with_it(system):
    up = start(system)
    assert any(line.startswith("up:") for line in until(up, "up:")), "it is not up"
    up.kill()
    kefu.wait_for("the end", lambda: not is_held(system))
    assert not postgres_runs(system) and not os.path.exists(f"{system.dir}/run.json")


def test_a_killed_supervisor_leaves_nothing_that_looks_alive(system):
    assert run(system, "up", "--base-port", str(system.base), *ALONE, "--detach")[0] == 0
    supervisor = json.loads(system.read("run.json"))["supervisor"]
    os.kill(supervisor, signal.SIGKILL)
    kefu.wait_for("the lock", lambda: not is_held(system))
    status, _, complaint = run(system, "status")
    assert status == 3 and "its supervisor was killed" in complaint, complaint
    status, _, complaint = run(system, "down")
    assert status == 0 and not postgres_runs(system), complaint
    assert run(system, "down")[0] == 3


def test_down_ends_no_process_that_has_the_number_of_a_supervisor_by_now(system):
    with subprocess.Popen(["sleep", "60"]) as innocent:
        assert run(system, "up", "--base-port", str(system.base), *ALONE, "--detach")[0] == 0
        with open(f"{system.dir}/run.json", encoding="utf-8") as file:
            told = json.load(file)
        supervisor = told["supervisor"]
        os.kill(supervisor, signal.SIGKILL)
        kefu.wait_for("the lock", lambda: not is_held(system))
        told["supervisor"] = innocent.pid
        with open(f"{system.dir}/run.json", "w", encoding="utf-8") as file:
            json.dump(told, file)
        assert run(system, "down")[0] == 0
        alive = innocent.poll() is None
        innocent.kill()
    assert alive, "the innocent process was ended"


def test_no_log_grows_beyond_its_bound(system):
    """Of the supervisor, of a service, of the database, wherever that is."""
    assert run(system, "up", "--base-port", str(system.base), *ALONE, "--detach")[0] == 0
    server = system.postgres("where").strip()
    assert not server.startswith(system.dir), "its socket's path is not too long for the server"
    logs = (f"{system.dir}/supervisor.log", f"{system.dir}/log/probe.log", f"{server}/log", f"{server}/initdb.log")
    assert all(os.path.exists(log) for log in logs), logs
    for log in logs:
        os.truncate(log, (16 << 20) + 1)
    for log in logs:
        kefu.wait_for(f"{log} to be short", lambda log=log: os.path.getsize(log) < 16 << 20, 10)
    assert run(system, "down")[0] == 0


SCHEMAS = (test_a_schema_on_a_test_clock_is_served_with_it_only,
           test_a_schema_used_in_real_time_gets_no_test_clock)
SYSTEMS = (
    ("modes_test", LATER, (
        test_a_new_system_says_that_it_stands_on_a_test_clock,
        test_on_a_test_clock_there_is_a_publisher_and_a_dashboard_to_try,
        test_status_says_it_before_all_numbers,
        test_without_the_option_it_goes_on_with_its_clock_and_says_so,
        test_another_time_for_the_clock_that_is_there_is_said)),
    ("modes_keys", None, (
        test_in_real_time_only_services_and_the_operator_have_keys,)),
    ("modes_real", None, (
        test_a_system_in_real_time_gets_no_test_clock,)),
    ("modes_start", None, (
        test_a_taken_port_is_named_with_who_has_it,
        test_a_service_that_cannot_start_says_why,
        test_a_lost_key_of_personal_data_is_not_replaced,
        test_down_while_it_starts_stops_it,
        test_what_was_started_in_the_foreground_ends_with_it,
        test_a_killed_supervisor_leaves_nothing_that_looks_alive,
        test_down_ends_no_process_that_has_the_number_of_a_supervisor_by_now)),
    ("modes_logs_of_a_system_with_a_name_that_is_too_long_for_the_path_of_a_socket", None, (
        test_no_log_grows_beyond_its_bound,)),
)


def main():
    passed = all([report(test.__name__, with_database, test) for test in SCHEMAS])
    for name, start, tests in SYSTEMS:
        system = System(name, start)
        good = all(report(test.__name__, test, system) for test in tests)
        if not good:
            system.log_tails()
        passed = system.destroy(keep=not good) in (0, None) and good and passed
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
