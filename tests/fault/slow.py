#!/usr/bin/python3
"""F9 and F28: who is slow, far away or out of his mind must not slow or fool the others."""
import collections
import contextlib
import http.server
import os
import re
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import msgpack  # noqa: E402
import zmq  # noqa: E402

import fault  # noqa: E402
import kefu  # noqa: E402
from worlds import Six  # noqa: E402

OPEN = []
TIMEOUT_MS = 600


class Provider(http.server.ThreadingHTTPServer):
    """Somebody's own system behind a webhook. Each try is answered by one of `manners`: ok, 500, hang, cut (done, and then the
    connection is reset without an answer)."""
    daemon_threads = True

    def __init__(self, manners):
        self.manners, self.dice, self.tries = manners, fault.dice(f"provider {manners}"), []
        super().__init__(("127.0.0.1", 0), self.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/in"

    def handle_error(self, *_):
        pass

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["Content-Length"]))
            manner = self.server.dice.choice(self.server.manners)
            self.server.tries.append((self.headers["Idempotency-Key"], manner, time.monotonic()))
            if manner == "hang":
                time.sleep(TIMEOUT_MS / 1000 * 2)
            if manner in ("hang", "cut"):
                with contextlib.suppress(OSError):
                    self.connection.shutdown(socket.SHUT_RDWR)
                return
            self.send_response(500 if manner == "500" else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass


def six():
    if not OPEN:
        folder = Six.folder("fault_slow")
        world = Six("fault_slow", KEFU_NOTIFICATION_WEBHOOK_SECRET=f"{folder}/webhook.secret", KEFU_NOTIFICATION_WEBHOOK_ALLOW="127.0.0.1",
                    KEFU_NOTIFICATION_SEND_TIMEOUT=f"{TIMEOUT_MS}ms", KEFU_NOTIFICATION_RETRY="100ms",
                    KEFU_NOTIFICATION_RETRY_MOST="1s", KEFU_NOTIFICATION_SEND_ATTEMPTS="60")
        with open(f"{folder}/webhook.secret", "w", encoding="ascii") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write("not a secret at all, but long\n")
        OPEN.append(world)
        world.up()
    return OPEN[0]


def latencies(history):
    return [sent.took for sent in history if sent.verb == "answer"]


def not_twice(what, slow, base):
    """I9, with room for what a crowded machine does by itself."""
    allowed = max(2 * base, base + 0.1 * fault.crowding())
    assert slow <= allowed, f"I9: {what}: p99 {slow * 1000:.0f} ms, {base * 1000:.0f} ms without the fault"


def measured(world, name, seconds, rate=60):
    """p99 of commands of a steady load."""
    load = world.load(name=name, window=64, rate=rate)
    time.sleep(seconds)
    history = load.end()
    return history, fault.percentile(latencies(history), 0.99)


@fault.case("F9", "each batch of notification takes 200 ms longer; nobody else is slower")
def a_slow_service_slows_nobody_else():
    world, seconds = six(), 30 if fault.LONG else 3
    history, base = measured(world, "calm", seconds)
    world.settle()
    sampler = fault.Sampler(world.replicas(), fault.Session(world.run()["dsn"]))
    sampler.start()
    slow = world.add("notification", {"FAIL_AT": "claimed:1:sleep=200"})
    kefu.wait_for("a share for the slow one", lambda: fault.shares(world.session, "notification").get(slow.instance) == 16, 15)
    more, p99 = measured(world, "slowed", seconds)
    limits = sampler.end()
    took = world.check(history + more, timeout=120)
    fault.equal("exit status of the slow one", world.remove(slow), 0)
    not_twice("commands", p99, base)
    return f"p99 of commands {base * 1000:.0f} ms, then {p99 * 1000:.0f} ms; caught up {took:.1f} s later, {limits}"


class Board(threading.Thread):
    """A dashboard that takes at most so many bytes a second. `ids` are the numbers of the entries it saw."""

    def __init__(self, world, bytes_a_second=None):
        super().__init__(daemon=True)
        self.pace, self.ids, self.ended = bytes_a_second, [], False
        self.socket = zmq.Context.instance().socket(zmq.SUB)
        self.socket.setsockopt(zmq.LINGER, 0)
        if self.pace:
            self.socket.setsockopt(zmq.RCVHWM, 1)
            self.socket.setsockopt(zmq.RCVBUF, 4096)
        world.keys.join(self.socket, "reporting").connect(world.child("reporting")["feed"])
        self.socket.subscribe("")

    def run(self):
        while not self.ended:
            if self.socket.poll(100):
                frames = self.socket.recv_multipart()
                self.ids.append(msgpack.unpackb(frames[1])["seq"])
                if self.pace:
                    time.sleep(sum(map(len, frames)) / self.pace)
        self.socket.close()

    def end(self):
        self.ended = True
        self.join()
        return self.ids


def resume(client, after):
    """feed.read from a position on; the ids."""
    ids = []
    while True:
        page = client.ask("feed.read", after=after)
        assert not page.get("reset") or after == 0, f"I10: a reset after {after}"
        new = [entry["seq"] for entry in page.get("entries") or []]
        ids += new
        if not new:
            return ids, page["seq"]
        after = new[-1]


def first_times(ids):
    """Last values are said again to everybody when somebody subscribes (or comes back, as the slow one does): what was seen is left out."""
    newest, fresh = 0, []
    for seq in ids:
        if seq > newest:
            newest = seq
            fresh.append(seq)
    return fresh


def gapless(who, ids, first, head):
    """I10: every entry from the first to the head, in order; more may have entered the feed since somebody asked for its head."""
    for want, seq in enumerate(ids, first):
        assert seq == want, f"I10: {who} got {seq} where {want} was due"
    assert first + len(ids) > head, f"I10: {who} got nothing from {first + len(ids)} on, the head is {head}"


@fault.case("F9", "a dashboard that reads 1 KB/s beside one that reads at once")
def a_slow_dashboard_hurts_nobody():
    world, seconds = six(), 60 if fault.LONG else 3
    child = world.child("reporting")
    client = kefu.Client(child["endpoint"])
    history, base = measured(world, "no_board", seconds)
    world.settle()
    begin = client.ask("feed.read", after=0)["seq"]
    fast, slow = Board(world), Board(world, 1024)
    fast.start()
    slow.start()
    time.sleep(0.5)
    sampler = fault.Sampler(world.replicas("reporting"))
    sampler.start()
    more, p99 = measured(world, "board", seconds)
    world.settle()
    head = client.ask("feed.read", after=0)["seq"]
    kefu.wait_for("the fast one to have all", lambda: fast.ids and max(fast.ids) >= head, 10)
    limits = sampler.end()
    live, late = ([id for id in first_times(board.end()) if id > begin] for board in (fast, slow))
    gapless("the fast one", live, begin + 1, head)
    last = late[-1] if late else begin
    rest, _ = resume(client, last)
    gapless("the slow one, on resuming,", rest, last + 1, head)
    world.check(history + more)
    not_twice("commands", p99, base)
    return f"{head - begin} entries; the slow one saw {len(late)} and resumed; p99 {base * 1000:.0f}, then {p99 * 1000:.0f} ms, {limits}"


def words_of(line):
    return [word for word in re.split("[, ]+", line or "") if word]


@fault.case("F28", "providers behind webhooks: 500s, hangs, done but the connection cut")
def providers_go_mad():
    world = six()
    mad, sane = Provider(["ok", "500", "500", "hang", "cut"]), Provider(["ok"])
    seconds = 60 if fault.LONG else 3

    def hook(code, url):
        row = next(row for row in world.ask("workforce", "staff.list")["rows"] if row["staff"] == code)
        world.call("workforce", "staff.set", staff=code, name=row["name"], unit=row["unit"], roles=words_of(row["roles"]),
                   skills=words_of(row.get("skills")), webhook=url, locale="en", active=True)

    for code in sorted(world.duties):
        world.call("workforce", "duty.set", staff=code, on=True)
        world.duties[code] = True
        hook(code, mad.url if code == "su01" else sane.url)
    world.settle()
    load = world.load(world.mixed(contacts=1, notes=0, duties=0), name="hooks", window=16, rate=20)
    time.sleep(seconds)
    if fault.LONG:  # dies with tries under way
        world.replicas("notification")[0].kill()
    history = load.end()
    kefu.wait_for("every webhook to be sent", lambda: world.session(
        "SELECT 1 FROM notification.message WHERE channel = 'webhook' AND state = 'planned' LIMIT 1") == [] and world.settle() > 0, 180)
    world.check(history)
    rows = world.session("SELECT id, state, attempts, extract(epoch FROM sent_at - send_at), address FROM notification.message"
                         " WHERE channel = 'webhook'")
    states = collections.Counter(row[1] for row in rows)
    fault.equal("webhooks not sent", {state: n for state, n in states.items() if state != "sent"}, {})
    check_tries(mad, {row[0]: int(row[2]) for row in rows if row[4] == mad.url})
    check_tries(sane, {row[0]: int(row[2]) for row in rows if row[4] == sane.url})
    late = fault.percentile([float(row[3]) for row in rows if row[4] == sane.url], 0.99)
    assert late < 2 * fault.crowding(), f"I9: the sane provider was told {late:.1f} s late"
    mad.shutdown()
    sane.shutdown()
    manners = collections.Counter(manner for _, manner, _ in mad.tries)
    return f"{len(mad.tries)} tries at the mad one {dict(manners)}, {len(sane.tries)} at the sane one (p99 {late * 1000:.0f} ms), all sent"


def check_tries(provider, wanted):
    """I3: of each delivery number every try came under that number, none after one that was answered; pauses grow and differ."""
    tries = collections.defaultdict(list)
    for number, manner, at in provider.tries:
        tries[number].append((manner, at))
    fault.equal("I3: numbers at the provider", sorted(tries), sorted(wanted))
    for number, line in tries.items():
        good = [i for i, (manner, _) in enumerate(line) if manner == "ok"]
        assert fault.LONG or good == [len(line) - 1], f"I3: {number} was tried after it had been answered: {line}"
        assert len(line) <= wanted[number], f"{number}: {len(line)} tries, counted {wanted[number]}"
    pauses = [line[i + 1][1] - line[i][1] for line in tries.values() for i in range(len(line) - 1) if line[i][0] == "500"]
    if len(pauses) > 20:
        different = len({round(pause, 2) for pause in pauses})  # of some hundred that there can be
        assert different > min(len(pauses) // 4, 50), f"no jitter: {different} different pauses of {len(pauses)}: {sorted(pauses)[:10]}"


def close():
    if not OPEN:
        return
    status = OPEN[0].destroy()
    if status != 0:
        print(f"not ok the_services_end_well: status {status}")
        sys.exit(1)


if __name__ == "__main__":
    try:
        fault.main(a_slow_service_slows_nobody_else, a_slow_dashboard_hurts_nobody, providers_go_mad)
    finally:
        close()
