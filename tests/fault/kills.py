#!/usr/bin/python3
"""Replicas are killed at any moment."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fault  # noqa: E402
import kefu  # noqa: E402
from worlds import Probes, Six  # noqa: E402


@fault.case("F1", "kill -9 of one of two probes at random moments")
def a_probe_is_killed_again_and_again():
    throw, kills, longest = fault.dice("kills"), 60 if fault.LONG else 4, 0.0
    with Probes(2) as world:
        load = world.load(give_up=0.02)
        for _ in range(kills):
            time.sleep(throw.random() * 0.4)
            victim = throw.choice(world.replicas)
            longest = max(longest, takeover(world, victim))
            world.restart_dead()
            kefu.wait_for("both to hold a share", lambda: len(world.shares()) == 2, 15)
        history = load.end()
        took = world.check(history)
    return f"{kills} kills, {len(history)} commands, longest takeover {longest:.2f} s, quiet after {took:.1f} s"


def takeover(world, victim):
    """Kill it; the seconds until others hold everything."""
    port = str(victim.process.port)
    victim.kill()
    begun = time.monotonic()
    victim.process.process.wait()
    kefu.wait_for("takeover", lambda: sum(n for at, n in world.shares().items() if at != port) == 32, 15)
    return time.monotonic() - begun


@fault.case("F1", "kill -9 of any replica of the six services under load")
def any_replica_is_killed_under_load():
    throw, kills = fault.dice("six"), 200 if fault.LONG else 12
    world = Six("kills", scale={"intake": 2, "routing": 2, "escalation": 2})
    good = False
    try:
        world.up()
        replicas = world.replicas()
        sampler = fault.Sampler(replicas, fault.Session(world.run()["dsn"]))
        sampler.start()
        load = world.load(give_up=0.02)
        killed = 0
        while killed < kills:
            time.sleep(throw.random() * (0.8 if fault.LONG else 0.3))
            killed += throw.choice(replicas).kill() > 0
        history = load.end()
        took = world.check(history)
        good = True
        return f"{killed} kills of {len(replicas)} processes, {len(history)} commands, quiet after {took:.1f} s, {sampler.end()}"
    finally:
        if not good:
            world.log_tails()
        world.destroy(keep=not good)


if __name__ == "__main__":
    fault.main(a_probe_is_killed_again_and_again, any_replica_is_killed_under_load)
