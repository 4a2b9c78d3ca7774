#!/usr/bin/python3
"""Dashboards that lose their connection again and again, while reporting is killed: each has every entry of the feed once, in order."""
import contextlib
import os
import sys
import threading
import time

import msgpack
import zmq

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fault  # noqa: E402
import kefu  # noqa: E402
from _pair import policy_files  # noqa: E402
from _world import pick  # noqa: E402
from faultproxy import Proxy  # noqa: E402
from played import Played  # noqa: E402

SOURCES = ("intake", "routing", "escalation", "notification", "workforce")
PEOPLE = 30


class Board(threading.Thread):
    """A subscriber that resumes over rpc behind the last entry it has, when an entry is missing and after silence. `seen`: the numbers
    in the order they came; a reset begins a new list."""

    def __init__(self, feed, rpc):
        super().__init__(daemon=True)
        self.feed, self.client = feed, kefu.Client(rpc)
        self.runs, self.last, self.resumed, self.ended, self.error = [[]], 1, 0, False, None

    def take(self, entry):
        """False if something between is missing."""
        if entry["seq"] > self.last + 1:
            return False
        if entry["seq"] == self.last + 1:
            self.runs[-1].append((entry["seq"], entry["topic"]))
            self.last = entry["seq"]
        return True

    def resume(self):
        self.resumed += 1
        while True:
            page = self.client.call("query", "feed.read", {"after": self.last, "limit": 200}, timeout=60)
            if page["reset"]:
                self.runs.append([])
                self.last = page["seq"]
                return
            for entry in page.get("entries") or []:
                assert self.take(entry), f"feed.read left out what is between {self.last} and {entry['seq']}"
            if self.last >= page["seq"]:
                return

    def run(self):
        socket = zmq.Context.instance().socket(zmq.SUB)
        socket.setsockopt(zmq.RECONNECT_IVL, 20)
        kefu.keys().join(socket, "reporting", "dashboard").connect(self.feed)
        socket.subscribe(b"")
        try:
            while not self.ended:
                if not socket.poll(500) or not self.take(msgpack.unpackb(socket.recv_multipart()[1])):
                    self.resume()
            self.resume()
        except Exception as error:  # noqa: BLE001 - told by end()
            self.error = error
        socket.close(0)

    def end(self):
        self.ended = True
        self.join(60)
        if self.error:
            raise self.error
        return self.runs


class Source(Played):
    """workforce, in which people come and go."""

    def shift(self, n):
        code = f"am{n % PEOPLE:02}"
        if n < PEOPLE:
            self.say("staff.changed", code, {"staff": code, "name": code, "unit": "service", "department": "service",
                                             "roles": ["ambassador"], "locale": "en", "active": True})
        else:
            self.say("duty.changed", code, {"staff": code, "on": n // PEOPLE % 2 == 1, "roster": "day"})


@fault.case("F26", "dashboards are cut off every second, reporting is killed and its feed with it")
def dashboards_resume():
    span, throw = pick(6, 120), fault.dice("boards")
    database = kefu.Database()
    sources = {name: Source(name) for name in SOURCES}
    feed_port = kefu.free_port()
    reporting = kefu.Process("reporting", database.dsn, peers={name: source.port for name, source in sources.items()},
                             args=[f"--feed-endpoint=tcp://127.0.0.1:{feed_port}"])
    with contextlib.ExitStack() as later:
        for source in sources.values():
            later.callback(source.end)
        later.callback(database.drop)
        later.callback(lambda: reporting.process and reporting.process.poll() is None and reporting.kill())
        reporting.start().wait_ready()
        reporting.client().do("policy.publish", files=list(policy_files()))
        proxies = [Proxy(f"127.0.0.1:{feed_port}") for _ in range(3)]
        for proxy in proxies:
            later.callback(proxy.end)
        boards = [Board(f"tcp://{proxy.address}", reporting.address) for proxy in proxies]
        said, drops, kills, until = 0, 0, 0, time.monotonic() + span
        for n in range(PEOPLE):
            sources["workforce"].shift(n)
        kefu.wait_for("an entry", lambda: database("SELECT 1 FROM reporting.feed LIMIT 1"))
        for board in boards:
            board.start()
        while time.monotonic() < until:
            for _ in range(10):
                sources["workforce"].shift(PEOPLE + said)
                said += 1
            if throw.random() < 0.3:
                throw.choice(proxies)("now reset" if throw.random() < 0.7 else f"now cut down {throw.randrange(1, 3000)}")
                drops += 1
            if kills < pick(2, 20) and time.monotonic() > until - span * (1 - (kills + 1) / pick(3, 21)):
                reporting.kill()
                reporting.start()
                kills += 1
            time.sleep(0.1)
        counted = lambda: database("SELECT count(*) FROM reporting.staff_fact WHERE on_duty")[0][0]
        want = str(sum((PEOPLE + said - 1 - n) // PEOPLE % 2 == 1 for n in range(PEOPLE)))
        kefu.wait_for("the last words", lambda: reporting.client().ask("runtime.quiet")["busy"] == 0 and counted() == want, 30)
        time.sleep(0.5)
        rows = [(int(seq), topic) for seq, topic in database("SELECT seq, topic FROM reporting.feed WHERE seq > 1 ORDER BY seq")]
        for board in boards:
            runs = board.end()
            fault.equal("I10: resets of a feed that was kept", len(runs) - 1, 0)
            missing, twice = sorted(set(rows) - set(runs[0]))[:3], len(runs[0]) - len(set(runs[0]))
            assert runs[0] == rows, f"I10: {len(runs[0])} entries of {len(rows)}; missing {missing}, twice {twice}"
        fault.equal("a log without sanitizers' words", "Sanitizer" in reporting.log() or "runtime error" in reporting.log(), False)
        resumed = [board.resumed for board in boards]
        assert min(resumed) > 1, f"a board was never cut off: {resumed}"
        # what a client has is older than what is kept: an explicit reset
        database("UPDATE reporting.feed SET seq = seq + 1000000")
        page = reporting.client().ask("feed.read", after=3)
        assert page["reset"], f"I10: {len(page.get('entries') or [])} entries after a gap, without a word"
        os.unlink(reporting.log_path)
    return f"{len(rows)} entries to {len(boards)} boards, {drops} connections cut, {kills} kills, resumed {resumed} times"


if __name__ == "__main__":
    fault.main(dashboards_resume)
