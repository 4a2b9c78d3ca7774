#!/usr/bin/python3
"""Replicas come and go under load."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fault  # noqa: E402
import kefu  # noqa: E402
from _world import pick  # noqa: E402
from worlds import Probes, Six  # noqa: E402

STEPS = (3, 2, 5, 1)
PATIENCE = 15


def fair(shares, n):
    """Is every partition held, and every share that of the others or one more or less?"""
    return len(shares) == n and sum(shares.values()) == 32 and max(shares.values()) - min(shares.values()) <= 1


def scale_to(world, load, n):
    """Start or drain probes until there are n; the seconds until the shares were fair."""
    begun = time.monotonic()
    while len(world.replicas) < n:
        world.add(wait=False)
    while len(world.replicas) > n:
        replica = world.replicas.pop(0)  # the oldest goes, so that in the end all have changed
        load.addresses["probe"] = world.addresses()["probe"]
        fault.equal("I12: exit status of a drained replica", replica.process.stop(), 0)
    load.addresses["probe"] = world.addresses()["probe"]
    kefu.wait_for(f"fair shares of {n}", lambda: fair(world.shares(), n), PATIENCE * fault.crowding())
    return time.monotonic() - begun


@fault.case("F22", "the probe goes from 1 replica to 3, 2, 5 and 1 under load")
def probes_come_and_go():
    took = []
    with Probes(1) as world:
        load = world.load(rate=pick(100, 200))
        kefu.wait_for("commands answered", lambda: load.answered() > 20)
        for n in STEPS * pick(1, 2):
            took.append(scale_to(world, load, n))
            time.sleep(pick(0.2, 8))
        history = load.end()
        quiet = world.check(history)
    return f"fair after {', '.join(f'{s:.1f}' for s in took)} s, {len(history)} commands, quiet after {quiet:.1f} s"


@fault.case("F22", "intake and routing go from 1 replica to 3, 2 and 1 under load")
def services_come_and_go():
    world, good = Six("scale"), False
    try:
        world.up()
        load, took = world.load(rate=60), []
        for n in (3, 2, 3, 1) * 2:
            begun = time.monotonic()
            for service in ("intake", "routing"):
                while len(world.replicas(service)) < n:
                    world.add(service)
                while len(world.replicas(service)) > n:
                    last = world.replicas(service)[-1]
                    load.addresses[service] = [a for a in world.addresses()[service] if a != last.address]
                    fault.equal("I12: exit status of a drained replica", world.remove(last), 0)
                load.addresses[service] = world.addresses()[service]
                kefu.wait_for(f"fair shares of {n} {service}", lambda: fair(fault.shares(world.session, service), n), PATIENCE * fault.crowding())
            took.append(time.monotonic() - begun)
            time.sleep(5)
        history = load.end()
        quiet, good = world.check(history), True
        return f"longest until fair {max(took):.1f} s, {len(history)} commands, quiet after {quiet:.1f} s"
    finally:
        if not good:
            world.log_tails()
        world.destroy(keep=not good)


if __name__ == "__main__":
    fault.main(probes_come_and_go, *([services_come_and_go] if fault.LONG else []))
