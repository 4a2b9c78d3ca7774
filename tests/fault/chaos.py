#!/usr/bin/python3
"""Everything at once: the six services under load, while the dice kill, freeze, stop and add replicas, end database sessions, restart
PostgreSQL, and one COMMIT in fifty fails. Then the end check counts what was acknowledged against its effects: nothing lost, nothing twice,
nothing out of order. The long form does so for half an hour, in several worlds."""
import contextlib
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fault  # noqa: E402
import system  # noqa: E402
from _six import Phase, close  # noqa: E402

WORLDS, SECONDS = (6, 300) if fault.LONG else (1, 15)
RESTARTS_A_WORLD = 3 if fault.LONG else 1
ONE_IN = 50

# The last thing that a transaction does: the deferred trigger runs when COMMIT was sent. Every transaction of a lane writes a position.
FAILING_COMMITS = """CREATE FUNCTION {0}.fail_some() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF (hashint8(txid_current()) & 2147483647) % {1} = 0 THEN
        RAISE EXCEPTION 'one COMMIT in {1} fails' USING ERRCODE = '40001'; END IF; RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER fail_some AFTER INSERT ON {0}.position DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION {0}.fail_some()"""


def commits_fail(world, fails):
    for service in system.SERVICES:
        world.session(f"DROP TRIGGER IF EXISTS fail_some ON {service}.position; DROP FUNCTION IF EXISTS {service}.fail_some()")
        if fails:
            world.session(FAILING_COMMITS.format(service, ONE_IN))


class Chaos:
    """What the dice may do to a world; each returns whether it was done."""

    def __init__(self, world, load, dice):
        self.world, self.load, self.dice = world, load, dice
        self.killer = fault.Session(world.run()["dsn"])
        self.restarts_left, self.bursts, self.done = RESTARTS_A_WORLD, [], {}

    def victim(self):
        return self.dice.choice(self.world.replicas())

    def kill(self):
        return self.victim().kill() > 0

    def freeze(self):
        """Longer than a lease: others take over, and the frozen one wakes up fenced."""
        victim = self.victim()
        pid = victim.freeze()
        time.sleep(fault.LEASE * (1 + self.dice.random()))
        if pid:  # not whoever was started in its place
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        return pid > 0

    def terminate(self):
        return self.victim().terminate() > 0

    def add(self):
        service = self.dice.choice(system.SERVICES)
        if len(self.world.replicas(service)) >= fault.ROOM:
            return False
        self.world.add(service)
        self.load.addresses = self.world.addresses()
        return True

    def remove(self):
        if not self.world.extra:
            return False
        replica = self.dice.choice(self.world.extra)
        end = self.dice.choice((replica.process.kill, replica.process.stop))
        end()
        self.world.extra.remove(replica)
        self.load.addresses = self.world.addresses()
        return True

    def end_sessions(self):
        with contextlib.suppress(ConnectionError):
            return len(self.killer("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'kefu-%'"
                                   " ORDER BY random() LIMIT 3")) > 0
        return False

    def restart_postgres(self):
        if self.restarts_left == 0:
            return False
        self.restarts_left -= 1
        self.world.postgres("restart", "immediate")
        return True

    def burst(self):
        """Lanes are full: several batches wait in each. Contacts only: one publisher alone says in which order the notes of a ticket are."""
        make = self.world.mixed(notes=0, duties=0)
        load = self.world.load(make, name=f"burst{len(self.bursts)}", window=512, give_up=0.02)
        time.sleep(2)
        load.stopping = True
        self.bursts.append(load)
        return True

    def go_on(self, seconds):
        deeds = [self.kill] * 5 + [self.freeze] * 2 + [self.terminate] * 2 + [self.add] * 3 + [self.remove] * 2 + \
                [self.end_sessions] * 3 + [self.restart_postgres, self.burst]
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            deed = self.dice.choice(deeds)
            if deed():
                self.done[deed.__name__] = self.done.get(deed.__name__, 0) + 1
            time.sleep(self.dice.random() * 0.8)

    def end(self):
        """All that was added leaves; histories of the bursts."""
        for replica in list(self.world.extra):
            replica.process.kill()
            self.world.extra.remove(replica)
        self.killer.close()
        return [sent for load in self.bursts for sent in load.end()]


def count_failed_commits(world):
    """Lines of the logs that say so: at least so many were."""
    return sum(world.read(f"log/{name}").count(f"one COMMIT in {ONE_IN} fails") for name in os.listdir(f"{world.dir}/log"))


def one_world(number):
    with (phase := Phase(f"chaos{number}", window=128)) as (world, load):
        commits_fail(world, True)
        chaos = Chaos(world, load, fault.dice(f"chaos {number}"))
        chaos.go_on(SECONDS)
        commits_fail(world, False)
        phase.more = chaos.end()
        chaos.done["failed_commits"] = count_failed_commits(world)
        assert chaos.done["failed_commits"] > 0, "no COMMIT failed"
    return chaos.done, phase.said


@fault.case("all", f"kills, freezes, stops, newcomers, lost sessions, PostgreSQL restarts and bursts, while one COMMIT in {ONE_IN} fails")
def everything_at_once():
    total, said = {}, ""
    for number in range(WORLDS):
        done, said = one_world(number)
        for deed, n in done.items():
            total[deed] = total.get(deed, 0) + n
        print(f"# world {number}: {done}, {said}", flush=True)
    deeds = ", ".join(f"{n} {deed}" for deed, n in sorted(total.items()))
    return f"{WORLDS} worlds of {SECONDS} s: {deeds}; {said}"


if __name__ == "__main__":
    try:
        fault.main(everything_at_once)
    finally:
        close()
