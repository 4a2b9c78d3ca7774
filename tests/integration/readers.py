"""Readers of journals: how often a service asks for what follows."""
import contextlib
import time

from kefu import Database, Process, end, policy_files, psql, run, wait_for
from played import Played


def check(what, got, want):
    if got != want:
        raise AssertionError(f"{what}: got {got!r}, want {want!r}")


@contextlib.contextmanager
def routing():
    """Its sources are played; they answer a question after a second when they have nothing."""
    database, others = Database(), [Played(name) for name in ("intake", "workforce", "notification")]
    for other in others:
        other.patience = 1
    process = Process("routing", database.dsn, peers={other.name: other.port for other in others}).start().wait_ready()
    try:
        yield database, process, others
    finally:
        end([process])
        for other in others:
            other.end()
        database.drop()


def questions_in(seconds, source):
    before = source.pages
    time.sleep(seconds)
    return source.pages - before


def partitions(process):
    return sum(lane["partitions"] for lane in process.client().ask("runtime.status")["lanes"])


def test_a_lane_that_begins_anew_asks_no_more_than_before():
    """The connections of its lanes are lost time and again, each time with a question under way."""
    with routing() as (database, process, (intake, *_)):
        process.client().do("policy.publish", files=policy_files())
        wait_for("all partitions", lambda: partitions(process) == 32)
        before = questions_in(4, intake)
        for _ in range(6):
            lost = process.log().count("event=database_lost")
            psql(database.server, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database.name}'"
                 " AND application_name LIKE 'kefu-routing %/_'")
            wait_for("connections lost", lambda: process.log().count("event=database_lost") > lost)
            wait_for("all partitions again", lambda: partitions(process) == 32)
        after = questions_in(4, intake)
        print(f"# {before} questions in four seconds before, {after} after")
        assert after < before * 1.5, f"{after} questions instead of {before}"


if __name__ == "__main__":
    run(*[test for name, test in list(globals().items()) if name.startswith("test_")])
