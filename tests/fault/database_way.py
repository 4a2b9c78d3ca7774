#!/usr/bin/python3
"""The way to PostgreSQL breaks: in the middle of COMMIT, for everybody and for long, and when others have taken all connections."""
import contextlib
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fault  # noqa: E402
import kefu  # noqa: E402
from _world import THERE, Away, Network, Postgres, in_a_world_of_its_own, pick  # noqa: E402
from faultproxy import PostgresProxy, Proxy  # noqa: E402
from worlds import Probes  # noqa: E402


class ProbesBehindProxy(Probes):
    """Probes whose way to PostgreSQL leads through a proxy; the test itself looks directly."""

    def __init__(self, n=1, args=(), direct=None):
        self.database = None if direct else kefu.Database()
        direct = direct or self.database.dsn
        self.proxy = PostgresProxy(direct)
        try:
            super().__init__(n, args, dsn=self.proxy.dsn)
        except BaseException:
            self.proxy.end()
            raise
        self.session = fault.Session(direct)

    def __exit__(self, *error):
        super().__exit__(*error)
        self.proxy.end()
        if self.database:
            self.database.drop()

    def log(self):
        return "".join(process.log() for process in self.processes)


def cut(world):
    return world.log().count("event=database_lost")


@fault.case("F5", "the connection is cut when PostgreSQL has committed and nobody has heard it")
def connections_are_cut_in_commit():
    rounds, throw = pick(12, 400), fault.dice("cut")
    with ProbesBehindProxy(2) as world:
        load = world.load(window=64)
        lost = 0
        for _ in range(rounds):
            time.sleep(0.05 + throw.random() * 0.2)
            world.proxy("now cutat down COMMIT")
            kefu.wait_for("a connection to be cut", lambda: cut(world) > lost, 30)
            lost = cut(world)
        world.proxy("go")
        history = load.end()
        took = world.check(history)
        retried = sum(sent.tries > 1 for sent in history)
        assert retried, "no command was ever sent again"
    return f"{lost} connections cut, {len(history)} commands, {retried} sent again, quiet after {took:.1f} s"


@fault.case("F5", "the connection is cut while PostgreSQL waits for a row on behalf of it")
def nothing_goes_on_behind_a_lost_connection():
    """Without the lane's help the old transaction would hold its locks until lock_timeout, 5 s, beside the new one."""
    with ProbesBehindProxy(1) as world:
        client, holder = world.replicas[0].client(), fault.Session(world.database.dsn)
        client.do("probe.say", key="held", n=1)
        holder("BEGIN")
        holder("SELECT * FROM probe.counted WHERE key = 'held' FOR UPDATE")
        client.send("command", "probe.say", {"key": "held", "n": 2}, "two")
        waiting = "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'kefu-probe %' AND wait_event_type = 'Lock'"
        pid = kefu.wait_for("a transaction that waits", lambda: world.session(waiting))[0][0]
        world.proxy("now reset")
        begun = time.monotonic()
        kefu.wait_for("the lost one to be ended", lambda: not world.session(f"SELECT 1 FROM pg_stat_activity WHERE pid = {pid}"), 4)
        gone = time.monotonic() - begun
        holder("ROLLBACK")
        client.do("probe.say", id="two", key="held", n=2, timeout=20)
        fault.equal("said", world.session("SELECT count FROM probe.counted WHERE key = 'held'"), [["2"]])
        holder.close()
    return f"ended after {gone:.1f} s"


def descriptors(world):
    return [len(os.listdir(f"/proc/{replica.pid}/fd")) for replica in world.replicas]


@fault.case("F6", "PostgreSQL is a black hole, then comes back")
def nobody_answers_behind_the_connection():
    outage = pick(4, 60)
    with ProbesBehindProxy(2) as world:
        load = world.load(rate=100)
        kefu.wait_for("commands answered", lambda: load.answered() > 50)
        before, pids = descriptors(world), [replica.pid for replica in world.replicas]
        world.proxy("hole")
        time.sleep(outage)
        during = descriptors(world)
        answered = load.answered()
        world.proxy("go")
        begun = time.monotonic()
        kefu.wait_for("answers again", lambda: load.answered() > answered + 20, 30)
        back = time.monotonic() - begun
        history = load.end()
        took = world.check(history)
        fault.equal("the same processes", [replica.pid for replica in world.replicas], pids)
        assert all(now <= then + 8 for then, now in zip(before, during)), f"I6: descriptors {before}, during the outage {during}"
        assert back < 10 * fault.crowding(), f"I7: first answers {back:.1f} s after the way was open again"
    return f"{outage} s, {len(history)} commands, answers {back:.1f} s after, quiet after {took:.1f} s, descriptors {before} then {during}"


@fault.case("F6", "every packet to and from PostgreSQL is dropped, then none")
def packets_are_dropped():
    outage, database = pick(15, 60), kefu.Database()
    words = dict(word.split("=", 1) for word in database.dsn.split())
    away, network = Away(), Network()
    way = Proxy(f"{words['host']}/.s.PGSQL.{words['port']}", f"{THERE}:5432", away.enter())
    dsn = f"host={THERE} port=5432 user={words['user']} dbname={words['dbname']} sslmode=disable gssencmode=disable"
    try:
        with Probes(2, dsn=dsn) as world:
            world.session = fault.Session(database.dsn)
            load = world.load(rate=100)
            kefu.wait_for("commands answered", lambda: load.answered() > 50)
            before, pids = descriptors(world), [replica.pid for replica in world.replicas]
            network.cut("INPUT", "OUTPUT")
            time.sleep(outage)
            during, answered = descriptors(world), load.answered()
            noticed = sum(process.log().count("event=database_lost") for process in world.processes)
            network.heal()
            begun = time.monotonic()
            kefu.wait_for("answers again", lambda: load.answered() > answered + 20, 40)
            back = time.monotonic() - begun
            history = load.end()
            took = world.check(history)
            fault.equal("the same processes", [replica.pid for replica in world.replicas], pids)
            assert noticed, "nobody noticed that PostgreSQL was out of reach"
            assert all(now <= then + 8 for then, now in zip(before, during)), f"I6: descriptors {before} then {during}"
            assert back < 15 * fault.crowding(), f"I7: first answers {back:.1f} s after packets passed again"
    finally:
        network.heal()
        way.end()
        away.end()
        database.drop()
    return f"{outage} s, {noticed} connections given up meanwhile, answers {back:.1f} s after, {len(history)} commands, quiet after {took:.1f} s"


@fault.case("F6", "one replica's way to PostgreSQL stands still: the other takes over")
def one_replica_waits_for_ever():
    with ProbesBehindProxy(1) as world:
        stuck = world.replicas[0]
        direct = kefu.Process("probe", world.session.dsn).start().wait_ready()
        world.processes.append(direct)
        world.replicas.append(fault.Replica("probe", direct.address, lambda: direct.process.pid, "direct"))
        kefu.wait_for("a fair share each", lambda: sorted(world.shares().values()) == [16, 16], 20)
        load = world.load(rate=60)
        kefu.wait_for("commands answered", lambda: load.answered() > 20)
        world.proxy("stop")
        kefu.wait_for("takeover", lambda: world.shares() == {str(direct.port): 32}, 15)
        before = load.answered()
        kefu.wait_for("commands answered by the other", lambda: load.answered() > before + 20, 20)
        world.proxy("go")
        kefu.wait_for("a share again", lambda: sorted(world.shares().values()) == [16, 16], 30)
        history = load.end()
        took = world.check(history)
        assert stuck.pid, "the replica that stood still has died"
    return f"{len(history)} commands, quiet after {took:.1f} s"


@fault.case("F25", "others take all connections of PostgreSQL")
def connections_are_exhausted():
    postgres = Postgres(max_connections=30)
    others = []
    try:
        with Probes(2, dsn=postgres.dsn) as world:
            load = world.load(rate=80)
            kefu.wait_for("commands answered", lambda: load.answered() > 30)
            before = descriptors(world)
            world.sql("SELECT 1")  # the test's own connection stays
            while take_connection(postgres, others):
                pass
            world.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'kefu-probe %'")
            while take_connection(postgres, others):
                pass
            client = world.replicas[0].client()
            kefu.wait_for("a metric that says so", lambda: refused_connections(client) > 0, 20)
            time.sleep(pick(2, 30))
            during = descriptors(world)
            for other in others:
                other.kill()
                other.wait()
            answered = load.answered()
            kefu.wait_for("answers again", lambda: load.answered() > answered + 20, 30)
            refused, history = refused_connections(client), load.end()
            took = world.check(history)
            assert all(now <= then + 8 for then, now in zip(before, during)), f"I6: descriptors {before} then {during}"
    finally:
        for other in others:
            other.kill()
            other.wait()
        postgres.end()
    return f"{len(others)} connections taken, {refused} refused to one replica, {len(history)} commands, quiet after {took:.1f} s"


@fault.case("F25", "a replica starts where there is too little room for its connections, or never enough")
def too_little_room():
    """Of 13 connections three are kept for superusers; a probe needs five: two lanes, control, queries, journal."""
    postgres, processes = Postgres(max_connections=13), []
    try:
        def start(*args):
            processes.append(kefu.Process("probe", postgres.dsn, args=("--lanes=2", *args)).start())
            return processes[-1]

        def complaint(process):
            return re.search(r"event=connections_short needed=(\d+) left=(\d+) most=(\d+) hint=.*max_connections", process.log())

        one = start().wait_ready()
        kefu.wait_for("its connections", lambda: postgres.sql(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'kefu-probe %'") == [["5"]])
        assert not complaint(one), f"there was room: {complaint(one)}"
        with contextlib.closing(fault.Session(postgres.dsn)) as other:
            other("SELECT 1")
            two = start().wait_ready()
        found = complaint(two)
        assert found, "nothing was said"
        fault.equal("needed, left, most", [int(word) for word in found.groups()], [5, 4, 10])
        two.client().ask("runtime.status")
        never = start("--lanes=8")
        fault.equal("exit status of what can never work", never.process.wait(30), 1)
        assert "11 database connections are needed, and the server allows 10" in never.log() and "HINT" in never.log(), never.log()[-500:]
        fault.equal("exit status of those that run", [one.stop(), two.stop()], [0, 0])
    finally:
        try:
            kefu.end(processes)
        finally:
            postgres.end()
    return "told at the start; what cannot work does not start"


def take_connection(postgres, others):
    """One more that does nothing. False if there is none left."""
    other = subprocess.Popen(["psql", postgres.dsn, "-qAtX"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True, bufsize=1)
    others.append(other)
    other.stdin.write("SELECT 1;\n")
    return other.stdout.readline() == "1\n"


def refused_connections(client):
    text = client.ask("runtime.metrics")["text"]
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith("kefu_database_failures_total"))


if __name__ == "__main__":
    cases = [connections_are_cut_in_commit, nothing_goes_on_behind_a_lost_connection, nobody_answers_behind_the_connection,
             one_replica_waits_for_ever, connections_are_exhausted, too_little_room]
    if fault.LONG:
        if not in_a_world_of_its_own():
            print(f"skip F6_{packets_are_dropped.__name__}: root and namespaces (unshare)")
        else:
            cases.append(packets_are_dropped)
    fault.main(*cases)
