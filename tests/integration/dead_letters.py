"""What becomes of a message that cannot be handled, and of those of its key that come after it."""
import contextlib

import msgpack

import kefu
from kefu import Database, Process, run, wait_for, wait_quiet
from played import partition_of


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


# ---- what waits, and what is run again ---------------------------------------------------------------------------------------


def say(client, n, **more):
    """An event for the key `bad`, whatever happens to commands on it."""
    return client.do("probe.say", key="x", to="bad", n=n, **more)


def parked(client):
    frame = client.once("command", "probe.say", {"key": "bad", "n": 99})
    return frame[1] == "retry" and "parked" in frame[3]["message"]


def set_aside(database, client, *numbers):
    """Letters for these events: the first one fails, the others wait behind it. Mended by unhinder()."""
    hinder(database, f"IF NEW.n = {numbers[0]} THEN {fail('23514')} END IF;")
    for n in numbers:
        say(client, n)
    wait_for("the letters", lambda: len(letters(database)) == len(numbers))
    check("letters", [state for _, state, _ in letters(database)], ["dead"] + ["parked"] * (len(numbers) - 1))


def unhinder(database, table="effect"):
    database(f"DROP TRIGGER hinder ON probe.{table}")


def test_what_a_transaction_set_aside_that_failed_parks_nobody():
    with world() as (database, probe):
        client = probe.client()
        database("CREATE SEQUENCE probe.times")
        hinder(database, f"IF nextval('probe.times') = 1 THEN {fail('40P01')} END IF;", "dead_letter", "AFTER INSERT")
        say(client, 1, fail="dead")
        wait_for("the letter", lambda: letters(database))
        wait_quiet({"probe": [client]})
        check("it is dead, not behind itself", letters(database), [("bad", "dead", "probe.heard")])
        client.do("dead.discard", key="bad", reason="test")
        check("the key is free", client.do("probe.say", key="bad", n=2)["n"], 2)


def test_followers_wait_while_the_first_fails_again_and_run_in_order_once_it_succeeds():
    with world() as (database, probe):
        client = probe.client()
        set_aside(database, client, 1, 2, 3)
        check("letters to run", client.do("dead.retry", key="bad"), {"messages": 3})
        wait_quiet({"probe": [client]})
        check("the first failed again", (effects(database), [state for _, state, _ in letters(database)]), ([], ["dead", "parked", "parked"]))
        check("the key waits", parked(client), True)
        unhinder(database)
        client.do("dead.retry", key="bad")
        wait_quiet({"probe": [client]})
        check("in order", (effects(database), letters(database)), ([1, 2, 3], []))
        check("the key is free", client.do("probe.say", key="bad", n=4)["n"], 4)


def test_a_follower_that_fails_is_the_one_to_mend():
    with world() as (database, probe):
        client = probe.client()
        set_aside(database, client, 1, 2, 3)
        unhinder(database)
        hinder(database, f"IF NEW.n = 2 THEN {fail('23514')} END IF;")
        client.do("dead.retry", key="bad")
        wait_quiet({"probe": [client]})
        check("up to the second", (effects(database), [state for _, state, _ in letters(database)]), ([1], ["dead", "parked"]))
        check("its reason", database("SELECT reason FROM probe.dead_letter WHERE state = 'dead'"), [["as if"]])
        check("it is given up", client.do("dead.discard", key="bad", reason="test")["messages"], 1)
        wait_quiet({"probe": [client]})
        check("what followed", (effects(database), letters(database)), ([1, 3], []))


def test_letters_that_are_retried_twice_at_once_run_once():
    with world() as (database, probe):
        client = probe.client()
        set_aside(database, client, 1, 2)
        unhinder(database)
        database("ALTER TABLE probe.effect DROP CONSTRAINT effect_pkey")
        hinder(database, "PERFORM pg_sleep(0.3);")
        ids = [client.send("command", "dead.retry", {"key": "bad"}) for _ in range(4)]
        check("answers", [client.receive(id, 20)[1] for id in ids], ["answer"] * 4)
        wait_quiet({"probe": [client]})
        check("each once", (effects(database), letters(database)), ([1, 2], []))


def test_a_key_is_parked_until_its_last_letter_is_gone():
    with world() as (database, probe):
        client = probe.client()
        set_aside(database, client, *range(1, 11))
        unhinder(database)
        hinder(database, "PERFORM pg_sleep(0.3);")
        client.do("dead.retry", key="bad")
        wait_for("the first to be done", lambda: effects(database) == [1])
        say(client, 11)  # it comes while the letters before it run
        check("a command has to wait", parked(client), True)
        wait_quiet({"probe": [client]})
        check("in order", (effects(database), letters(database)), (list(range(1, 12)), []))


def test_the_letter_named_is_given_up():
    with world() as (database, probe):
        client = probe.client()
        set_aside(database, client, 1, 2, 3)
        second = int(database("SELECT dead FROM probe.dead_letter ORDER BY dead OFFSET 1 LIMIT 1")[0][0])
        for _ in range(2):  # the same again, as if the answer had been lost, gives up no other
            check("letters left", client.do("dead.discard", key="bad", reason="test", dead=second)["messages"], 2)
        unhinder(database)
        client.do("dead.retry", key="bad")
        wait_quiet({"probe": [client]})
        check("the others", (effects(database), letters(database)), ([1, 3], []))


def test_a_letter_of_a_kind_that_coalesces_holds_up_nobody():
    with world() as (database, probe):
        client = probe.client()
        hinder(database, f"IF NEW.n < 3 THEN {fail('23514')} END IF;")
        for n in (1, 2):
            say(client, n, nudge=True)
            wait_for("the letter", lambda: len(letters(database)) == n)
        check("each failed by itself", letters(database), [("bad", "dead", "probe.nudge")] * 2)
        check("a command is taken", parked(client), False)
        unhinder(database)
        say(client, 3, nudge=True)
        wait_quiet({"probe": [client]})
        check("the next one is heard", [n for n in effects(database) if n != 99], [3])
        client.do("dead.retry", key="bad")
        wait_quiet({"probe": [client]})
        check("the others, too", ([n for n in effects(database) if n != 99], letters(database)), ([3, 1, 2], []))


def keys_of_partition_31():
    """Of the partition that is given away first."""
    return [key for key in (f"k{i}" for i in range(999)) if partition_of(key) == 31]


def test_what_another_replica_did_to_letters_counts_when_their_partition_comes_back():
    with world() as (database, one):
        client, (key, other, *_) = one.client(), keys_of_partition_31()
        owner = lambda: database("SELECT owner FROM probe.position WHERE partition = 31 ORDER BY n DESC LIMIT 1")[0][0]
        client.do("probe.say", key="x", to=key, n=1, fail="dead")
        wait_for("the letter", lambda: letters(database))
        two = Process("probe", database.dsn).start().wait_ready()
        try:
            wait_for("the partition moves", lambda: f":{two.port}#" in owner())
            check("it still waits there", two.client().once("command", "probe.say", {"key": key, "n": 2})[1], "retry")
            two.client().do("dead.discard", key=key, reason="test")
            two.client().do("probe.say", key="x" if partition_of("x") >= 16 else key, to=other, n=4, fail="dead")
            wait_for("the other letter", lambda: [letter[0] for letter in letters(database)] == [other])
            two.kill()
            wait_for("it comes back", lambda: f":{one.port}#" in owner())
            check("the one is free", client.do("probe.say", key=key, n=3)["n"], 3)
            check("the other waits", client.once("command", "probe.say", {"key": other, "n": 5})[1], "retry")
            wait_quiet({"probe": [client]})
            check("effects", (effects(database, key), effects(database, other), len(letters(database))), ([3], [], 1))
        finally:
            kefu.end([two])


def test_letters_under_way_are_run_on_by_whoever_comes_after():
    with world(args=("--isolate-after-crash=0s",)) as (database, probe):
        set_aside(database, probe.client(), *range(1, 7))
        unhinder(database)
        hinder(database, "PERFORM pg_sleep(0.2);")
        probe.client().do("dead.retry", key="bad")
        wait_for("some to be done", lambda: len(effects(database)) >= 2)
        probe.kill()
        check("not all are", len(effects(database)) < 6, True)
        client = probe.start().wait_ready().client()
        wait_for("all to be done", lambda: len(effects(database)) == 6)
        wait_quiet({"probe": [client]})
        check("in order", (effects(database), letters(database)), ([1, 2, 3, 4, 5, 6], []))


def test_innocents_go_on_while_letters_run():
    with world() as (database, probe):
        client = probe.client()
        set_aside(database, client, *range(1, 11))
        unhinder(database)
        hinder(database, "PERFORM pg_sleep(0.2);")
        client.do("dead.retry", key="bad")
        client.do("probe.say", key="good", n=1)
        check("an innocent is served before the last letter", len(letters(database)) > 0, True)
        wait_quiet({"probe": [client]})
        check("in order", (effects(database), letters(database)), (list(range(1, 11)), []))


def test_a_letter_that_kills_the_process_is_set_aside_again():
    with world(args=("--isolate-after-crash=60s",)) as (database, probe):

        def keep_alive():
            if probe.process.poll() is not None:
                probe.start()
            return True

        def found():
            return keep_alive() and database("SELECT state FROM probe.dead_letter WHERE reason LIKE '%died%'")

        probe.client().do("probe.say", key="bad", n=1, fail="abort")
        wait_for("it is found", lambda: found() == [["dead"]], 60)
        client = probe.wait_ready().client()
        wait_for("leases", lambda: client.ask("runtime.status")["lanes"][0]["partitions"] == 32)
        client.do("dead.retry", key="bad")
        wait_for("it dies once more", lambda: probe.process.poll() is not None)
        wait_for("it is found again", lambda: found() == [["dead"]], 60)
        check("the other commands", probe.wait_ready().client().do("probe.say", key="good", n=1)["n"], 1)


# ---- letters of what a service leaves for itself -------------------------------------------------------------------------------


def test_letters_of_alarms_and_of_results_are_run_again():
    with world() as (database, probe):
        client = probe.client()
        for fail_as, kind, cause in (("alarm", "probe.wake", "alarm"), ("job", "probe.worked", "job 1")):
            hinder(database, "IF NEW.cause NOT LIKE 'command/%' THEN " + fail("23514") + " END IF;")
            client.do("probe.say", key="bad", n=1, fail=fail_as)
            wait_for("the letter", lambda: letters(database)[:1] == [("bad", "dead", kind)])
            unhinder(database)
            client.do("dead.retry", key="bad")
            wait_quiet({"probe": [client]})
            check(f"the {fail_as} was heard", database(f"SELECT count(*) FROM probe.effect WHERE key = 'bad' AND cause = '{cause}'"), [["1"]])
            check("letters", letters(database), [])
            database("TRUNCATE probe.effect")


def body_of(key, n):
    return f"'\\x{msgpack.packb({'key': key, 'n': n}).hex()}'"


def leave(database, name, body="'\\xdf00'", key="bad"):
    """An alarm that is due, as if an earlier version of the service had left it."""
    database("INSERT INTO probe.alarm (partition, name, key, due_at, cause, body)"
             f" VALUES ({partition_of(key)}, '{name}', '{key}', clock_timestamp(), 'test', {body})")


def test_the_letter_of_a_job_is_run_again_as_a_job():
    with world() as (database, probe):
        client = probe.client()
        leave(database, "probe.work")  # its body cannot be read
        wait_for("the letter", lambda: letters(database) == [("bad", "dead", "probe.work")])
        database(f"UPDATE probe.dead_letter SET body = {body_of('bad', 7)}")
        client.do("dead.retry", key="bad")
        wait_for("its report", lambda: database("SELECT n, cause FROM probe.effect") == [["7", "job 1"]])
        wait_quiet({"probe": [client]})
        check("nothing is left", (letters(database), database("SELECT count(*) FROM probe.alarm")), ([], [["0"]]))


# ---- what this version does not know -------------------------------------------------------------------------------------------


def test_an_alarm_that_nobody_knows_any_more_is_set_aside():
    with world() as (database, probe):
        client = probe.client()
        leave(database, "probe.forgotten", body_of("bad", 7))
        wait_for("the letter", lambda: letters(database) == [("bad", "dead", "probe.forgotten")])
        check("status", client.ask("runtime.status")["dead"], 1)
        check("reason", database("SELECT reason FROM probe.dead_letter"), [["this probe does not know probe.forgotten, version 1"]])
        client.do("dead.retry", key="bad")
        wait_quiet({"probe": [client]})
        check("it stays", letters(database), [("bad", "dead", "probe.forgotten")])
        database("UPDATE probe.dead_letter SET type = 'probe.wake'")  # as if the service knew it now
        client.do("dead.retry", key="bad")
        wait_quiet({"probe": [client]})
        check("it is heard", (effects(database), letters(database)), ([7], []))


def tell(database, kind, version, n):
    """An event in the own journal, as if another version of the service had said it."""
    database("INSERT INTO probe.journal (partition, seq, at, type, version, key, cause, body) VALUES"
             f" ({partition_of('bad')}, nextval('probe.journal_seq'), clock_timestamp(), '{kind}', {version}, 'bad', 'command/test', {body_of('bad', n)})")


def test_an_event_of_a_version_that_is_not_known_is_set_aside():
    with world() as (database, probe):
        client = probe.client()
        tell(database, "probe.heard", 9, 1)
        tell(database, "probe.heard", 1, 2)
        tell(database, "probe.poked", 9, 3)  # nobody here hears it, of whatever version
        wait_for("the letters", lambda: letters(database) == [("bad", "dead", "probe.heard"), ("bad", "parked", "probe.heard")])
        check("reason", database("SELECT reason FROM probe.dead_letter WHERE state = 'dead'"),
              [["this probe does not know probe.heard, version 9"]])
        database("UPDATE probe.dead_letter SET version = 1")  # as if the service knew it now
        client.do("dead.retry", key="bad")
        wait_quiet({"probe": [client]})
        check("in order", (effects(database), letters(database)), ([1, 2], []))


if __name__ == "__main__":
    run(*[test for name, test in list(globals().items()) if name.startswith("test_")])
