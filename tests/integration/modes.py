#!/usr/bin/python3
"""A mode ends with the process that was told it, or says at every start that it goes on: test
clocks, a supervisor that was killed, a start that is broken off."""
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import kefu  # noqa: E402
from system import BIN, System, report  # noqa: E402

LATER = "2026-03-02T01:00:00Z"
ALONE = ("--services", "probe", "--policy", "none")


def run(system, *words):
    """(status, standard output, standard error) of a command."""
    done = subprocess.run([f"{BIN}/kefu", words[0], "--dir", system.dir, *words[1:]],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
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


SCHEMAS = (test_a_schema_on_a_test_clock_is_served_with_it_only,
           test_a_schema_used_in_real_time_gets_no_test_clock)
SYSTEMS = (
    ("modes_test", LATER, (
        test_a_new_system_says_that_it_stands_on_a_test_clock,
        test_status_says_it_before_all_numbers,
        test_without_the_option_it_goes_on_with_its_clock_and_says_so,
        test_another_time_for_the_clock_that_is_there_is_said)),
    ("modes_real", None, (
        test_a_system_in_real_time_gets_no_test_clock,)),
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
