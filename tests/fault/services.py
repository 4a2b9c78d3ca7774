#!/usr/bin/python3
"""The six services, some with two replicas, one fault after the other: each under load, each with the end check. The short form has one world
for all of them; in the long form each fault has its own, so that no check looks again through what came before."""
import contextlib
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fault  # noqa: E402
import kefu  # noqa: E402
import system  # noqa: E402
from _six import PAIRS, Phase, close, six  # noqa: E402


def restarts(world):
    return {child["instance"]: child["restarts"] for child in world.children()}


def shares(world, service):
    return fault.shares(world.session, service)


def wait_takeover(world, service, without):
    """Until others than this instance hold everything; the seconds it took."""
    begun = time.monotonic()
    kefu.wait_for(f"{service} to be taken over", lambda: sum(n for at, n in shares(world, service).items() if at != without) == 32, 20)
    return time.monotonic() - begun


@fault.case("replicas", "replicas join and leave under load: leases shared, handed over")
def replicas_join_and_leave():
    with (phase := Phase("replicas")) as (world, load):
        slowest = 0.0
        for service in ("routing", "intake") if not fault.LONG else system.SERVICES:
            begun, before = time.monotonic(), len(world.replicas(service))
            added = [world.add(service) for _ in range(fault.ROOM - before)]
            load.addresses = world.addresses()
            kefu.wait_for(f"{fault.ROOM} fair shares of {service}",
                          lambda: sorted(shares(world, service).values()) == [10, 11, 11], 15 * fault.crowding())
            slowest = max(slowest, time.monotonic() - begun)
            time.sleep(0.5)
            begun = time.monotonic()
            for replica in added:
                fault.equal("exit status of a replica that leaves", world.remove(replica), 0)
            load.addresses = world.addresses()
            kefu.wait_for(f"{service} to be held by those left",
                          lambda: sorted(shares(world, service).values()) == [32 // before] * before, 15 * fault.crowding())
            slowest = max(slowest, time.monotonic() - begun)
    return f"1 or 2 to {fault.ROOM} and back, shares fair after {slowest:.1f} s at most, {phase.said}"


@fault.case("F1", "kill -9 of any replica of any service")
def any_replica_is_killed():
    throw, killed, wanted = fault.dice("kills"), 0, 200 if fault.LONG else 10
    with (phase := Phase("f1")) as (world, load):
        replicas = world.replicas()
        while killed < wanted:
            time.sleep(throw.random() * (1.2 if fault.LONG else 0.3))
            killed += throw.choice(replicas).kill() > 0
    return f"{killed} kills of {len(replicas)} processes, {phase.said}"


@contextlib.contextmanager
def nobody_restarts(world):
    """The supervisor sleeps."""
    supervisor = world.run()["supervisor"]
    os.kill(supervisor, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(supervisor, signal.SIGCONT)


@fault.case("F2", "kill -9 of all replicas of one service, started later")
def a_whole_service_is_killed():
    services = system.SERVICES if fault.LONG else [fault.dice("f2").choice(system.SERVICES)]
    away = 10 if fault.LONG else 2
    with (phase := Phase("f2")) as (world, load):
        for service in services:
            with nobody_restarts(world):
                for replica in world.replicas(service):
                    replica.kill()
                time.sleep(away)
            time.sleep(1)
    return f"{', '.join(services)} away for {away} s, {phase.said}"


@fault.case("F8", "SIGSTOP of a replica for longer than its lease, then SIGCONT")
def a_replica_is_frozen():
    slowest = 0.0
    with (phase := Phase("f8")) as (world, load):
        for service in PAIRS if fault.LONG else PAIRS[1:]:
            victim = world.replicas(service)[0]
            victim.freeze()
            try:
                slowest = max(slowest, wait_takeover(world, service, victim.instance))
                time.sleep(30 if fault.LONG else 0.5)
            finally:
                victim.thaw()
            kefu.wait_for(f"a fair share for {victim.instance} again", lambda: shares(world, service).get(victim.instance) == 16, 20)
    assert slowest < (fault.LEASE + 1) * fault.crowding(), f"takeover took {slowest:.1f} s"
    return f"taken over after {slowest:.2f} s at most, {phase.said}"


@fault.case("F29", "SIGTERM at full load, again and again")
def replicas_are_told_to_stop():
    throw, wanted = fault.dice("f29"), 100 if fault.LONG else 6
    with (phase := Phase("f29", give_up=0.0, window=64)) as (world, load):
        log_before, slowest, refused = len(world.read("up.log")), 0.0, 0
        replicas = world.replicas()
        for _ in range(wanted):
            victim = throw.choice(replicas)
            pid = kefu.wait_for(f"{victim.instance} to be up", lambda: victim.answers() and victim.pid)
            victim.terminate()
            begun = time.monotonic()
            kefu.wait_for(f"{victim.instance} to end", lambda: fault.is_gone(pid), 30)
            slowest = max(slowest, time.monotonic() - begun)
    ended = [line for line in world.read("up.log")[log_before:].splitlines() if " msg=ended " in line or "ended instance" in line]
    bad = [line for line in ended if "status=0 signal=0" not in line]
    assert len(ended) >= wanted and not bad, f"{len(ended)} of {wanted} ended; not with status 0: {bad[:2]}"
    return f"{wanted} times, gone after {slowest:.1f} s at most, all with status 0, {phase.said}"


@fault.case("F12", "the same ids ten times at once through three replicas of intake")
def duplicates_come_through_three_replicas():
    world, each = six(), 400 if fault.LONG else 30
    added = world.add("intake")
    begun, make = time.monotonic(), world.mixed(contacts=1, notes=0, duties=0)

    def same(load, n):
        """All publishers draw the same sequence: the same ids, the same bodies."""
        if n == each:
            return None
        load.name = "f12"
        sent = make(load, n)
        sent.id = f"f12/{fault.SEED}/{n}"
        return sent

    loads = []
    for _ in range(10):
        load = world.load(same, name="f12", window=8)
        loads.append(load)
    kefu.wait_for("all to be sent", lambda: all(load.made == each for load in loads), 120)
    histories = [load.end() for load in loads]
    for first, *others in zip(*(sorted(history, key=lambda sent: sent.id) for history in histories)):
        for other in others:
            fault.equal(f"I3: answers to {first.id}", (other.verb, other.answer), ("answer", first.answer))
    took = time.monotonic() - begun
    # The same contacts from a publisher that has forgotten its ids: the same tickets.
    def forgotten(load, n):
        sent = same(load, n)
        if sent:
            sent.id = f"again/{sent.id}"
        return sent

    again = world.load(forgotten, name="f12", window=8)
    kefu.wait_for("all to be sent again", lambda: again.made == each, 120)
    by_origin = {sent.body["source_id"]: sent.answer for sent in histories[0]}
    for sent in again.end():
        fault.equal(f"I8: {sent.id}, {sent.answer}", sent.verb, "answer")
        fault.equal(f"tickets of {sent.body['source_id']}", sent.answer["tickets"], by_origin[sent.body["source_id"]]["tickets"])
        assert sent.answer["repeated"], sent.answer
    world.check(histories[0])
    fault.equal("exit status", world.remove(added), 0)
    return f"{each} ids × 10 in {took:.1f} s, then each contact under a new id"


@fault.case("F12", "a publisher with one connection, to one of three replicas of intake, is never sent to another")
def one_connection_is_enough():
    world, each = six(), 400 if fault.LONG else 40
    added = world.add("intake")
    kefu.wait_for("three fair shares", lambda: sorted(shares(world, "intake").values()) == [10, 11, 11], 15 * fault.crowding())
    make, history = world.mixed(contacts=1, notes=0, duties=0), []
    for replica in world.replicas("intake"):
        load = fault.Load({"intake": [replica.address]}, lambda load, n: make(load, n) if n < each else None, window=8,
                          name=f"only-{replica.instance}")
        load.start()
        kefu.wait_for(f"all to be sent to {replica.instance}", lambda load=load: load.made == each or load.error, 60)
        heard = load.end()
        fault.equal(f"answers of {replica.instance} to {each}", [sent.verb for sent in heard].count("answer"), each)
        fault.equal(f"told to try again by {replica.instance}", [sent.retries for sent in heard if sent.retries], [])
        history += heard
    world.check(history)
    fault.equal("exit status", world.remove(added), 0)
    return f"{each} contacts through each of 3 replicas"


@fault.case("F4", "PostgreSQL stopped at once and started again; backends terminated, five a second")
def postgres_goes_away():
    throw = fault.dice("f4")
    stops, seconds = (5, 60) if fault.LONG else (1, 3)
    with (phase := Phase("f4")) as (world, load):
        before, terminated = restarts(world), 0
        for _ in range(stops):
            world.postgres("restart", "immediate")
            time.sleep(1 + throw.random())
        killer = fault.Session(world.run()["dsn"])
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(ConnectionError):
                terminated += len(killer("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'kefu-%'"
                                         " ORDER BY random() LIMIT 1"))
            time.sleep(0.2)
        killer.close()
    fault.equal("processes that ended", {name: n for name, n in restarts(world).items() if n != before[name]}, {})
    return f"{stops} stops, {terminated} backends terminated, no process ended, {phase.said}"


if __name__ == "__main__":
    try:
        fault.main(replicas_join_and_leave, any_replica_is_killed, a_whole_service_is_killed, a_replica_is_frozen,
                   replicas_are_told_to_stop, duplicates_come_through_three_replicas, one_connection_is_enough,
                   postgres_goes_away)
    finally:
        close()
