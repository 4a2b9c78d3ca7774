#!/usr/bin/python3
"""Death at every edge of a commit (common/base/failpoint.h), exhaustively: on the probe at every point, and in each of the six services."""
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fault  # noqa: E402
import kefu  # noqa: E402
from worlds import Probes, Six  # noqa: E402

POINTS = ("claimed", "inserted", "drawn", "effect", "written", "committing", "committed", "answered", "page", "reported", "leased")
AT_THE_END = ("draining", "released")
TIMES = (1, 2, 7, 40) if fault.LONG else (2,)


def wait_for_death(replica, timeout=30):
    status = kefu.wait_for(f"{replica.instance} to die", lambda: replica.process.process.poll(), timeout)
    fault.equal("signal", -status, signal.SIGABRT)


def reader_of(replica):
    """Somebody who reads its journal, so that pages are answered."""
    client = kefu.Client(replica.address)

    def read():
        client.send("query", "journal.read", {"reader": "fault", "partitions": list(range(32)), "after": [0] * 32, "most": 100,
                                              "wait_ms": 100, "fresh": False})
        return replica.process.process.poll() is not None
    return read


@fault.case("F3", "abort() at each edge of a commit: one of two probes, others go on")
def a_probe_dies_at_every_edge():
    deaths = 0
    with Probes(1) as world:
        history = []
        for point in POINTS + AT_THE_END:
            for n in TIMES if point not in AT_THE_END + ("leased",) else (1,):
                victim = world.add({"FAIL_AT": f"{point}:{n}"}, wait=False)
                load = world.load(name=f"{point}{n}", give_up=0.02)
                if point in AT_THE_END:
                    kefu.wait_for("a share", lambda: world.shares().get(str(victim.process.port), 0) > 0)
                    victim.terminate()
                elif point == "page":
                    kefu.wait_for("a page", lambda: load.answered() > 20)
                    kefu.wait_for("death", reader_of(victim), 30)
                wait_for_death(victim)
                deaths += 1
                kefu.wait_for("takeover", lambda: world.shares().get(str(world.replicas[0].process.port), 0) == 32, 15)
                history += load.end()
                world.replicas.remove(victim)
        took = world.check(history)
    return f"{deaths} deaths at {len(POINTS + AT_THE_END)} points, {len(history)} commands, quiet after {took:.1f} s"


@fault.case("F3", "abort() at each edge of a commit in each service")
def each_service_dies_at_every_edge():
    services = kefu.services("deployed")
    points = [p for p in POINTS if p not in ("page", "leased")]
    throw, deaths = fault.dice("six"), 0
    world, good = Six("failpoints"), False
    try:
        world.up()
        history = []
        for service in services if fault.LONG else [throw.choice(services[:4])]:
            for point in points if fault.LONG else throw.sample(points[:-1], 2):
                if point == "reported" and service != "notification":
                    continue  # who has no jobs reports none
                victim = world.add(service, {"FAIL_AT": f"{point}:3"})
                load = world.load(name=f"{service}-{point}", give_up=0.02)
                wait_for_death(victim, 40)
                world.extra.remove(victim)
                deaths += 1
                history += load.end()
        took = world.check(history)
        good = True
    finally:
        if not good:
            world.log_tails(5)
        world.destroy(keep=not good)
    return f"{deaths} deaths, {len(history)} commands, quiet after {took:.1f} s"


if __name__ == "__main__":
    fault.main(a_probe_dies_at_every_edge, each_service_dies_at_every_edge)
