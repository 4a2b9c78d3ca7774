#!/usr/bin/python3
"""What waits while PostgreSQL is away, or slow, is bounded in number, bytes and time; what was turned away does not happen later."""
import contextlib
import os
import sys
import time
import uuid

import msgpack
import zmq

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fault  # noqa: E402
import kefu  # noqa: E402
from _world import Postgres  # noqa: E402

FLOOD, WAITING, HONEST = 4000, 400, 20
WORDS = "w" * 4000
LEAN = os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"  # what is freed counts as free


class Sender:
    """Many requests on one connection, each with its answer."""

    def __init__(self, probe, key):
        self.client, self.sent, self.heard = probe.client(key), {}, {}

    def send(self, kind, body, verb="command", **header):
        id = uuid.uuid4().hex
        self.client.socket.send(msgpack.packb([1, verb, {"id": id, "type": kind, "v": 1, **header}, body]))
        self.sent[id] = body
        return id

    def listen(self, until=lambda: True, timeout=0.0):
        end = time.monotonic() + timeout
        while not until() or timeout == 0:
            left = max(0, end - time.monotonic())
            if self.client.socket.poll(int(min(left, 0.1) * 1000)):
                with contextlib.suppress(zmq.Again):
                    frame = msgpack.unpackb(self.client.socket.recv(zmq.NOBLOCK))
                    assert frame[2]["id"] in self.sent, f"an answer to nothing that was asked: {frame}"
                    assert frame[2]["id"] not in self.heard, f"two answers to one request: {frame}"
                    self.heard[frame[2]["id"]] = (frame[1], frame[3])
            elif left == 0:
                return

    def everything(self, timeout=20):
        self.listen(lambda: len(self.heard) == len(self.sent), timeout)
        fault.equal("requests without an answer", len(self.sent) - len(self.heard), 0)
        return self.heard


@contextlib.contextmanager
def one_probe(*args):
    postgres = Postgres()
    probe = kefu.Process("probe", postgres.dsn, args=("--lanes=1", *args), environment={"ASAN_OPTIONS": LEAN}).start()
    try:
        probe.wait_ready()
        probe.client().call("command", "probe.say", {"key": "first", "n": 1})
        yield postgres, probe
    finally:
        probe.kill()
        postgres.end()


SLOW = """CREATE FUNCTION probe.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
  IF NEW.key = 'slow' THEN PERFORM pg_sleep(1); END IF; RETURN NEW; END $$;
  CREATE TRIGGER slow BEFORE INSERT ON probe.journal FOR EACH ROW EXECUTE FUNCTION probe.slow()"""


def executed(postgres):
    return {row[0] for row in postgres.sql("SELECT DISTINCT key FROM probe.journal WHERE type = 'probe.heard'")}


def port_of(postgres):
    return dict(word.split("=", 1) for word in postgres.server.split())["port"]


def later(seconds):
    return int((time.time() + seconds) * 1_000_000)


def reasons(heard):
    """How often each (verb, reason, first words)."""
    counts = {}
    for verb, body in heard.values():
        word = (verb, body.get("reason"), " ".join(body.get("message", "").split()[:2]))
        counts[word] = counts.get(word, 0) + 1
    return counts


@fault.case("F34", "PostgreSQL is away, and one client sends ten times what may wait")
def what_waits_is_bounded():
    with one_probe(f"--open-requests={WAITING}", "--wait=4s") as (postgres, probe):
        postgres.call("stop", "immediate")
        greedy, honest = Sender(probe, "operator"), Sender(probe, "publisher")
        before = fault.memory_of(probe.process.pid)[0]
        for n in range(FLOOD):
            if n % 2:
                greedy.send("probe.say", {"key": f"greedy{n}", "n": n, "note": WORDS})
            else:
                greedy.send("probe.get", {"key": f"greedy{n}"}, verb="query")
            if n % 50 == 49:
                greedy.listen()
        for n in range(HONEST):
            honest.send("probe.say", {"key": f"honest{n}", "n": n})
        doomed = honest.send("probe.say", {"key": "doomed", "n": 1}, deadline=later(0.3))
        honest.listen(lambda: doomed in honest.heard, 2)
        crowded_out = [body["message"] for _, body in honest.heard.values() if body["message"].startswith("too much")]
        fault.equal("the honest who found no room", crowded_out, [])
        fault.equal("its own deadline", [honest.heard[doomed][0], honest.heard[doomed][1]["reason"]], ["refused", "deadline_exceeded"])
        grown = (fault.memory_of(probe.process.pid)[0] - before) / 1024
        said = reasons(greedy.everything())
        held = said.get(("retry", "unavailable", "it has"), 0)
        fault.equal("all others find no room", said.get(("retry", "unavailable", "too much"), 0), FLOOD - held)
        assert 1 < held <= WAITING / 2, f"{held} were held, of one client half of {WAITING} may be: {said}"
        fault.equal("the honest wait", reasons(honest.everything()),
                    {("retry", "unavailable", "it has"): HONEST, ("refused", "deadline_exceeded", "its deadline"): 1})
        assert grown < 10, f"{grown:.1f} MB more for {FLOOD} requests"
        postgres.call("start", port_of(postgres))
        again = probe.client("publisher")
        for n in range(HONEST):
            again.call("command", "probe.say", {"key": f"honest{n}", "n": n})
        fault.equal("what happened", executed(postgres), {"first", *(f"honest{n}" for n in range(HONEST))})
        metrics = probe.client().call("query", "runtime.metrics", {})["text"]
        for line in ('kefu_requests_overdue_total{limit="deadline"} 1', "kefu_requests_open 0"):
            assert line in metrics, f"{line} is not in the metrics"
    return f"{held} of {FLOOD} held, {grown:.1f} MB more"


@fault.case("F34", "a command's deadline passes while the batch before it takes a second")
def a_deadline_that_passed_is_not_begun():
    with one_probe() as (postgres, probe):
        postgres.sql(SLOW)
        sender = Sender(probe, "publisher")
        early = sender.send("probe.say", {"key": "early", "n": 1}, deadline=later(-1))
        sender.everything()
        slow = sender.send("probe.say", {"key": "slow", "n": 1}, deadline=later(0.4))
        time.sleep(0.2)
        late = sender.send("probe.say", {"key": "late", "n": 1}, deadline=later(0.3))
        good = sender.send("probe.say", {"key": "good", "n": 1}, deadline=later(60))
        asker = Sender(probe, "operator")
        past = asker.send("probe.get", {"key": "good"}, verb="query", deadline=later(-1))
        heard = {**sender.everything(), **asker.everything()}
        fault.equal("begun in time", heard[slow][0], "answer")
        fault.equal("there was time", heard[good][0], "answer")
        for id in (early, late, past):
            fault.equal("too late", [heard[id][0], heard[id][1].get("reason")], ["refused", "deadline_exceeded"])
        fault.equal("what happened", executed(postgres), {"first", "slow", "good"})


@fault.case("F34", "PostgreSQL goes down under a command whose deadline passes meanwhile")
def an_unknown_outcome_is_no_refusal():
    with one_probe() as (postgres, probe):
        postgres.sql(SLOW)
        sender = Sender(probe, "publisher")
        id = sender.send("probe.say", {"key": "slow", "n": 1}, deadline=later(0.4))
        time.sleep(0.6)
        postgres.call("stop", "immediate")
        verb, body = sender.everything()[id]
        fault.equal("nobody knows its outcome", [verb, body.get("reason")], ["retry", "unavailable"])
        assert "same id" in body["message"], body
        postgres.call("start", port_of(postgres))
        probe.client("publisher").call("command", "probe.say", {"key": "slow", "n": 1}, id=id)
        said = postgres.sql("SELECT count(*) FROM probe.journal WHERE type = 'probe.heard' AND key = 'slow'")
        fault.equal("how often it happened", int(said[0][0]), 1)


if __name__ == "__main__":
    fault.main(what_waits_is_bounded, a_deadline_that_passed_is_not_begun, an_unknown_outcome_is_no_refusal)
