"""A policy version that a replica does not know yet: published at another one a moment ago, or none at all."""
import contextlib
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import kefu  # noqa: E402
from kefu import Database, Process, policy_files, psql, run, wait_for  # noqa: E402
from played import Played  # noqa: E402


def check(what, got, want):
    if got != want:
        raise AssertionError(f"{what}: got {got!r}, want {want!r}")


@contextlib.contextmanager
def routing(replicas):
    """Replicas that know of one person; the other services are played. No policy is published."""
    database, workforce = Database(), Played("workforce")
    others = [workforce, Played("intake"), Played("notification")]
    workforce.say("staff.changed", "sp01", {"staff": "sp01", "name": "sp01", "unit": "service", "department": "service",
                                            "roles": ["specialist"], "locale": "en", "active": True})
    workforce.say("duty.changed", "sp01", {"staff": "sp01", "on": True, "roster": "day"})
    some = [Process("routing", database.dsn, peers={other.name: other.port for other in others}).start().wait_ready() for _ in range(replicas)]
    try:
        yield (database, workforce, *some)
    finally:
        kefu.end(some)
        for other in others:
            other.end()
        database.drop()


def publish(replica, comment=""):
    """A comment makes it another version."""
    files = [{**file, "body": f"{file['body']}\n# {comment}\n"} for file in policy_files()]
    return replica.client().do("policy.publish", files=files)["version"]


def knows(replica):
    return replica.client().ask("runtime.status")["policy"]


@contextlib.contextmanager
def table_locked(database, table):
    """As if the database took its time with this table."""
    session = subprocess.Popen(["psql", database.dsn, "-qAtX"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    session.stdin.write(f"BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; SELECT 'locked';\n")
    session.stdin.flush()
    check("the lock", session.stdout.readline().strip(), "locked")
    try:
        yield
    finally:
        session.stdin.close()
        session.wait()


def test_a_query_under_a_version_published_elsewhere_is_answered():
    with routing(2) as (_, _, one, two):
        publish(one)
        wait_for("the first version", lambda: (knows(one), knows(two)) == (1, 1))
        wait_for("the person", lambda: two.client().ask("staff.loads").get("rows"))
        check("the second version", publish(one, "two"), 2)
        check("answer", [row["staff"] for row in two.client().ask("staff.loads")["rows"]], ["sp01"])
        check("the replica lives", two.process.poll(), None)


def test_a_query_without_any_policy_is_to_be_asked_again():
    with routing(1) as (_, _, one):
        frame = one.client().once("query", "staff.loads", {})
        check("answer", (frame[1], frame[3]["message"]), ("retry", "no policy is published yet"))
        publish(one)
        wait_for("the person", lambda: one.client().ask("staff.loads").get("rows"))


def sessions(database, busy="true"):
    return psql(database.server, f"SELECT pid FROM pg_stat_activity WHERE datname = '{database.name}' AND application_name LIKE 'kefu-%' AND {busy}")


def test_a_transaction_that_is_gone_is_not_continued():
    """While the version is read that a batch needs, its connection is lost and cannot be made again."""
    with routing(2) as (database, workforce, one, two):
        publish(one)
        wait_for("the first version", lambda: (knows(one), knows(two)) == (1, 1))
        wait_for("shared leases", lambda: sum(lane["partitions"] for lane in two.client().ask("runtime.status")["lanes"]) == 16)
        one_lives = one.log().split("event=ready")[1].split("life=")[1].split()[0]
        check("the second version", publish(one, "two"), 2)
        wait_for("nobody knows more", lambda: knows(two) == 1 or knows(two) == 2)
        with table_locked(database, "routing.policy_file"):
            for n in range(64):  # some of them are for the other replica
                workforce.say("staff.changed", f"p{n}", {"staff": f"p{n}", "name": "x", "unit": "service", "department": "service",
                                                         "roles": ["specialist"], "locale": "en", "active": True})
            waiting = wait_for("the second replica reads the policy", lambda: sessions(database, "wait_event_type = 'Lock'"))
            psql(database.server, f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS false")
            for pid, in sessions(database, f"application_name NOT LIKE '% {one_lives}%'"):
                if [pid] not in waiting:
                    psql(database.server, f"SELECT pg_terminate_backend({pid})")
            time.sleep(0.2)
        time.sleep(0.5)
        check("the replica lives", two.process.poll(), None)
        psql(database.server, f"ALTER DATABASE {database.name} ALLOW_CONNECTIONS true")
        wait_for("all are heard", lambda: database("SELECT count(*) FROM routing.staff WHERE staff LIKE 'p%'") == [["64"]], 60)
        check("the replica lives", two.process.poll(), None)
        check("it knows the version", knows(two), 2)


def test_a_publication_that_fails_costs_nobody_else_anything():
    """Another publication takes longer than this one waits for it. What comes next on the same connection finds no transaction open."""
    with routing(1) as (database, _, one):
        publish(one)
        client = one.client()
        with subprocess.Popen(["psql", database.dsn, "-qAtX"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
            other.stdin.write("SELECT 'locked' FROM pg_advisory_lock('routing'::regnamespace::oid::integer, -1);\n")
            other.stdin.flush()
            check("the lock", other.stdout.readline().strip(), "locked")
            check("the publication", client.once("command", "policy.publish", {"files": policy_files()[:0]}, timeout=10)[1], "refused")
            files = [{**file, "body": file["body"] + "\n# two\n"} for file in policy_files()]
            check("the publication", client.once("command", "policy.publish", {"files": files}, timeout=10)[1], "retry")
            frame = client.once("query", "runtime.status", {})
            check("what comes next", (frame[1], frame[3].get("message")), ("answer", None))
            other.stdin.close()
        check("the second version", publish(one, "two"), 2)


if __name__ == "__main__":
    run(*[test for name, test in list(globals().items()) if name.startswith("test_")])
