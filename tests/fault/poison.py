#!/usr/bin/python3
"""F16: among many messages one that cannot be read, breaks a constraint or kills the process. Exactly that one leaves the path, what
follows under its key waits behind it, and nobody else notices."""
import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fault  # noqa: E402
import kefu  # noqa: E402
from worlds import Probes  # noqa: E402

MANY = 500 if fault.LONG else 250
AROUND_A_KILLER = 200 if fault.LONG else 50  # each in a transaction of its own, after every death


def many(client, name, poisons, innocents=MANY):
    """Innocent commands, the poison in their midst; what the innocents were."""
    ids = []
    for i in range(innocents):
        if i == innocents // 2:
            for id, body in poisons:
                client.send("command", "probe.say", body, id)
        ids.append((client.send("command", "probe.say", {"key": f"{name}{i % 100}", "n": i}, f"{name}/{i}"), f"{name}{i % 100}", i))
    return ids


class Keeper(threading.Thread):
    """A supervisor of sorts: starts what died."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.world, self.deaths, self.ended = world, 0, threading.Event()
        self.start()

    def run(self):
        while not self.ended.wait(0.05):
            self.deaths += self.world.restart_dead()

    def end(self):
        self.ended.set()
        self.join()
        return self.deaths


def answered(world, ids):
    """All innocents are answered, as publishers insist on it."""
    client = world.replicas[0].client()
    for id, key, n in ids:
        client.call("command", "probe.say", {"key": key, "n": n}, id, timeout=60)


def letters(world):
    return [tuple(row) for row in world.sql("SELECT key, state, type FROM probe.dead_letter ORDER BY dead")]


def innocents_are_well(world, name, n=MANY):
    world.settle()
    rows = world.sql(f"SELECT count(*), count(DISTINCT (key, n)) FROM probe.effect WHERE key LIKE '{name}%' AND cause LIKE 'command/%'")
    fault.equal("effects of innocents", rows, [[str(n), str(n)]])


@fault.case("F16", "an event that cannot be read, and one that breaks a constraint, in the middle of a batch")
def events_that_fail_leave_alone():
    with Probes(1) as world:
        client = world.replicas[0].client()
        client.do("probe.say", key="twice", n=1, id="first")
        client.do("probe.say", key="torn", n=1, id="torn")
        world.settle()
        partition = {key: world.sql(f"SELECT partition FROM probe.journal WHERE key = '{key}' LIMIT 1")[0][0] for key in ("twice", "torn")}
        world.replicas[0].freeze()  # so that all of it is waiting at once
        try:
            innocent = f"SELECT partition, at, type, version, key, cause, body FROM probe.journal WHERE type = 'probe.heard'"
            world.sql(f"""WITH good AS ({innocent} AND key = 'twice' LIMIT 1), new AS (
                SELECT *, 1 AS place FROM good UNION ALL
                SELECT {partition['torn']}, at, type, version, 'torn', 'command/torn2', '\\xdf00'::bytea, 2 FROM good UNION ALL
                SELECT {partition['torn']}, at, type, version, 'torn', 'command/torn3', body, 3 FROM
                    ({innocent} AND key = 'torn' LIMIT 1) AS other)
                INSERT INTO probe.journal (partition, seq, at, type, version, key, cause, body)
                SELECT partition, nextval('probe.journal_seq'), at, type, version, key, cause, body FROM (SELECT * FROM new ORDER BY place) AS x""")
        finally:
            world.replicas[0].thaw()
        ids = many(client, "good", [])
        answered(world, ids)
        kefu.wait_for("three letters", lambda: len(letters(world)) == 3)
        fault.equal("letters", sorted(letters(world)), [("torn", "dead", "probe.heard"), ("torn", "parked", "probe.heard"),
                                                       ("twice", "dead", "probe.heard")])
        innocents_are_well(world, "good")
        frame = client.once("command", "probe.say", {"key": "torn", "n": 9})
        assert frame[1] == "retry" and "parked" in frame[3]["message"], frame
        client.do("dead.discard", key="torn", reason="test")
        client.do("dead.discard", key="twice", reason="test")
        client.do("probe.say", key="twice", n=2)
        world.settle()
        fault.equal("letters left", letters(world), [])
        fault.equal("what followed", world.sql("SELECT cause FROM probe.effect WHERE key = 'torn' AND cause = 'command/torn3'"), [["command/torn3"]])
        fault.equal("process", world.processes[0].process.poll(), None)
    return f"2 poisoned of {MANY}, 1 parked behind, nobody else"


@fault.case("F16", "a command that breaks a constraint in the middle of a batch")
def a_command_that_fails_is_refused_alone():
    with Probes(1) as world:
        client = world.replicas[0].client()
        ids = many(client, "good", [("bad", {"key": "bad", "n": 1, "fail": "constraint"})])
        frame = client.once("command", "probe.say", {"key": "bad", "n": 1, "fail": "constraint"}, "bad", timeout=20)
        fault.equal("the poison", frame[1], "refused")
        answered(world, ids)
        innocents_are_well(world, "good")
        fault.equal("letters", letters(world), [])
        fault.equal("I8: traces of the refused", world.sql("SELECT count(*) FROM probe.counted WHERE key = 'bad'"), [["0"]])
    return f"1 refused of {MANY}"


def killing(what, body, want_letters):
    """A message that kills the process is found within some deaths; the innocents are not blamed. How often it died."""
    with Probes(1, args=("--isolate-after-crash=60s",)) as world:
        keeper = Keeper(world)
        try:
            client = world.replicas[0].client()
            ids = many(client, "good", [("killer", body)], AROUND_A_KILLER)
            frame = None
            while frame is None or frame[1] == "retry":  # a publisher insists
                client.connect()
                frame = client.once("command", "probe.say", body, "killer", timeout=1)
            answered(world, ids)
            kefu.wait_for("the verdict", lambda: letters(world) == want_letters, 60)
            innocents_are_well(world, "good", AROUND_A_KILLER)
        except TimeoutError:
            print(f"# letters {letters(world)}, suspects {world.sql('SELECT * FROM probe.suspect')}, {keeper.deaths} deaths")
            raise
        finally:
            deaths = keeper.end()
        fault.equal(f"what became of the {what}", frame[1], "refused" if what == "command" else "answer")
        assert what != "command" or "died" in frame[3]["message"], frame
        assert 1 <= deaths <= 8, f"{what}: {deaths} deaths"
        if want_letters:
            world.replicas[0].client().do("dead.discard", key="killer", reason="test")
        world.settle()
    return deaths


@fault.case("F16", "an event, a command, an alarm and a job that each kill the process")
def killers_are_set_aside():
    deaths = {
        "event": killing("event", {"key": "killer", "n": 1, "fail": "abort"}, [("killer", "dead", "probe.heard")]),
        "command": killing("command", {"key": "killer", "n": 1, "fail": "abort-command"}, []),
        "alarm": killing("alarm", {"key": "killer", "n": 1, "fail": "alarm"}, [("killer", "dead", "probe.wake")]),
        "job": killing("job", {"key": "killer", "n": 1, "fail": "job"}, [("killer", "dead", "probe.work")])}
    return f"each among {AROUND_A_KILLER} innocents; deaths until found: " + ", ".join(f"{name} {n}" for name, n in deaths.items())


if __name__ == "__main__":
    fault.main(events_that_fail_leave_alone, a_command_that_fails_is_refused_alone, killers_are_set_aside)
