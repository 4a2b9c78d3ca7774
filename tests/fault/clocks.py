#!/usr/bin/python3
"""Time misbehaves: the clock of a host jumps; very many alarms are due at one instant and their owner dies among them."""
import glob
import os
import re
import subprocess
import sys
import tempfile
import time

import msgpack

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fault  # noqa: E402
import kefu  # noqa: E402
from _world import pick  # noqa: E402
from played import partition_of  # noqa: E402
from system import RELEASE  # noqa: E402
from worlds import Probes  # noqa: E402

HOUR, DAY = 3600, 86400
LIBRARY = (glob.glob("/usr/lib/*/faketime/libfaketime.so.1") or [None])[0]


class Clock:
    """The wall clock of a process that is started with this environment; its monotonic clock is left alone."""

    def __init__(self, folder):
        self.path = f"{folder}/clock"
        self.jump(0)
        self.environment = {"LD_PRELOAD": LIBRARY, "FAKETIME_TIMESTAMP_FILE": self.path, "FAKETIME_NO_CACHE": "1",
                            "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

    def jump(self, seconds):
        with open(f"{self.path}.new", "w", encoding="ascii") as file:
            file.write(f"{seconds:+d}\n")
        os.replace(f"{self.path}.new", self.path)


HELD_BY = """SELECT partition FROM (SELECT DISTINCT ON (partition) partition, owner FROM probe.position ORDER BY partition, n DESC) AS p
    WHERE owner LIKE '%:{}#%'"""


def key_of(world, replica, prefix):
    """A key in a partition that this replica holds."""
    held = {int(row[0]) for row in world.sql(HELD_BY.format(replica.process.port))}
    return next(key for key in (f"{prefix}{n}" for n in range(10000)) if partition_of(key) in held)


def alarm_rings(world, replica, prefix, ms):
    """Set an alarm on one of its keys: the seconds until it had its effect."""
    key, client = key_of(world, replica, prefix), replica.client()
    begun = time.monotonic()
    client.do("probe.say", key=key, n=ms, fail="alarm")
    kefu.wait_for("the alarm", lambda: world.sql(f"SELECT 1 FROM probe.effect WHERE key = '{key}' AND cause = 'alarm'"), ms / 1000 + 10)
    return time.monotonic() - begun


@fault.case("F14", "the clock of a service's host jumps an hour and a day, both ways")
def the_clock_jumps():
    jumps = [HOUR, -HOUR, DAY, -DAY] * pick(1, 4)
    rests = pick(0.1, 5)
    os.environ["KEFU_BIN"], asan = RELEASE, os.environ.get("KEFU_BIN", "")  # the sanitizers and libfaketime do not go together
    late = []
    try:
        with tempfile.TemporaryDirectory(dir="/tmp") as folder:
            clock = Clock(folder)
            with Probes(2, environments=({}, clock.environment)) as world:
                kefu.wait_for("a fair share each", lambda: sorted(world.shares().values()) == [16, 16], 20)
                before, load = world.shares(), world.load(rate=100)
                for n, jump in enumerate(jumps):
                    clock.jump(jump)
                    for replica in world.replicas:
                        took = alarm_rings(world, replica, f"after{n}/", 600)
                        assert took >= 0.599, f"I11: an alarm rang {0.6 - took:.3f} s early after a jump of {jump} s"
                        late.append(took - 0.6)
                    fault.equal(f"leases after a jump of {jump} s", world.shares(), before)
                    time.sleep(rests)
                check_that_it_jumped(world.processes[1], clock)
                history = load.end()
                settle_alarms(world, 2 * len(jumps))
                took = world.check(history)
    finally:
        os.environ["KEFU_BIN"] = asan
    assert max(late) <= 1 + fault.crowding(), f"I11: an alarm rang {max(late):.1f} s late"
    return f"{len(jumps)} jumps, {len(history)} commands, alarms at most {max(late):.2f} s late, quiet after {took:.1f} s"


def settle_alarms(world, wanted):
    """What this test said itself is not in the load's history."""
    fault.equal("alarms, each once", world.sql("SELECT count(*) FROM probe.effect WHERE key LIKE 'after%' AND cause = 'alarm'"),
                [[str(wanted)]])
    for table in ("effect", "counted"):
        world.sql(f"DELETE FROM probe.{table} WHERE key LIKE 'after%'")
    world.sql("DELETE FROM probe.journal WHERE key LIKE 'after%'")


def check_that_it_jumped(process, clock):
    """The process writes its log by the clock that jumps."""
    clock.jump(DAY)
    process.process.send_signal(15)
    process.process.wait(30)
    last = re.findall(r"^ts=(\d{4}-\d\d-\d\d)T", process.log(), re.M)[-1]
    tomorrow = time.strftime("%Y-%m-%d", time.gmtime(time.time() + DAY))
    fault.equal("the day by its log", last, tomorrow)


def storm_rows(n):
    for i in range(n):
        key = f"storm{i}"
        yield f"{partition_of(key)}\tprobe.wake\t{key}\t@due@\tcommand/storm\t\\\\x{msgpack.packb({'key': key, 'n': 1}).hex()}\n"


def plant_storm(world, n, seconds):
    """n alarms, all due at one instant so many seconds from now: when that is, by the monotonic clock here."""
    begun = time.monotonic()
    due = world.sql(f"SELECT clock_timestamp() + interval '{seconds} s'")[0][0]
    rows = "".join(storm_rows(n)).replace("@due@", due)
    subprocess.run(["psql", world.dsn, "-qX", "-v", "ON_ERROR_STOP=1", "-c",
                    "COPY probe.alarm (partition, name, key, due_at, cause, body) FROM STDIN"], input=rows, text=True, check=True)
    return begun + seconds


def rung(world):
    return int(world.sql("SELECT count(*) FROM probe.effect WHERE cause = 'alarm' AND key LIKE 'storm%'")[0][0])


@fault.case("F27", "very many alarms are due at one instant, and their owner is killed among them")
def an_alarm_storm():
    n, kills = pick(20000, 200000), pick(1, 4)
    with Probes(2) as world:
        kefu.wait_for("a fair share each", lambda: sorted(world.shares().values()) == [16, 16], 20)
        due = plant_storm(world, n, pick(4, 20))
        load = world.load(make=world.say(fails=("",)), rate=20)
        while time.monotonic() < due - 0.1:
            fault.equal("alarms that rang early", rung(world), 0)
            time.sleep(0.2)
        for kill in range(kills):
            kefu.wait_for("some to ring", lambda: rung(world) > n * (kill + 0.2) / (kills + 1), 120)
            victim = world.replicas[kill % 2]
            victim.kill()
            victim.process.process.wait()
            left = n - rung(world)
            assert left > 0, "all rang before the owner was killed: more alarms are needed"
            world.restart_dead()
        kefu.wait_for("all to ring", lambda: rung(world) >= n, 60 + n / 1000)
        took = time.monotonic() - due
        history = load.end()
        fault.equal("each once", world.sql("SELECT count(*), count(DISTINCT key), (SELECT count(*) FROM probe.dead_letter)"
                                           " FROM probe.effect WHERE cause = 'alarm'"), [[str(n), str(n), "0"]])
        slow = fault.percentile([sent.took for sent in history if sent.took], 0.99)
        world.sql("DELETE FROM probe.effect WHERE cause = 'alarm'")
        world.check(history)
    return f"{n} alarms, {kills} kills, all rung {took:.1f} s after, commands meanwhile p99 {slow * 1000:.0f} ms"


if __name__ == "__main__":
    cases = [an_alarm_storm]
    if LIBRARY:
        cases.insert(0, the_clock_jumps)
    else:
        print("skip F14_the_clock_jumps: libfaketime (package faketime)")
    fault.main(*cases)
