"""What becomes of a message that cannot be handled, and of those of its key that come after it."""
import contextlib

import kefu
from kefu import Database, Process, run, wait_for, wait_quiet


@contextlib.contextmanager
def world(replicas=1, args=()):
    database = Database()
    some = [Process("probe", database.dsn, args=args).start().wait_ready() for _ in range(replicas)]
    try:
        yield (database, *some)
    finally:
        kefu.end(some)
        database.drop()


def check(what, got, want):
    if got != want:
        raise AssertionError(f"{what}: got {got!r}, want {want!r}")


def letters(database):
    return [tuple(row) for row in database("SELECT key, state, type FROM probe.dead_letter ORDER BY dead")]


def effects(database, key="bad"):
    """What was done under the key, in the order in which it was done."""
    return [int(n) for n, in database(f"SELECT n FROM probe.effect WHERE key = '{key}' ORDER BY xmin::text::bigint, n")]


def hinder(database, body, table="effect", when="BEFORE INSERT"):
    """A trigger for rows of the key `bad`: `body` is plpgsql."""
    database(f"""CREATE OR REPLACE FUNCTION probe.hinder() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.key = 'bad' THEN {body} END IF; RETURN NEW; END $$""")
    database(f"CREATE TRIGGER hinder {when} ON probe.{table} FOR EACH ROW EXECUTE FUNCTION probe.hinder()")


def fail(state):
    return f"RAISE EXCEPTION 'as if' USING ERRCODE = '{state}';"


# ---- what is tried again, and what is not ------------------------------------------------------------------------------------


def test_a_message_that_needs_too_long_is_set_aside_alone():
    with world() as (database, probe):
        client = probe.client()
        hinder(database, fail("57014"))  # what a statement that takes longer than statement_timeout ends with
        ids = [client.send("command", "probe.say", {"key": key, "n": 1}) for key in ("one", "bad", "two")]
        check("answers", [client.receive(id, 20)[1] for id in ids], ["answer"] * 3)
        wait_for("the letter", lambda: letters(database) == [("bad", "dead", "probe.heard")])
        check("others", (effects(database, "one"), effects(database, "two")), ([1], [1]))
        check("the lane goes on", client.do("probe.say", key="two", n=2)["n"], 2)


def test_what_is_tried_again_is_seen_in_status_and_metrics():
    with world() as (database, probe):
        client = probe.client()
        lane = lambda: client.ask("runtime.status")["lanes"][0]
        check("before", "trouble" in lane(), False)
        hinder(database, fail("40001"))
        client.do("probe.say", key="bad", n=1)
        wait_for("a second try", lambda: lane()["failures"] > 1)
        check("trouble", lane().get("trouble"), "40001 as if")
        if 'kefu_lane_failures{lane="0"} 0' in client.ask("runtime.metrics")["text"]:
            raise AssertionError("the metric says that it gets on")
        database("DROP TRIGGER hinder ON probe.effect")
        wait_quiet({"probe": [client]})
        check("afterwards", (effects(database), letters(database), lane()["failures"], "trouble" in lane()), ([1], [], 0, False))


if __name__ == "__main__":
    run(*[test for name, test in list(globals().items()) if name.startswith("test_")])
