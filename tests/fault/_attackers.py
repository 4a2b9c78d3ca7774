"""Those who attack in attacks.py: each is a process of its own, `_attackers.py NAME`, with an address of its own and the lowest priority.
When it has said that it is ready it is told its aim. An attack is a generator: it yields how much it has done, and is begun again when
it was cut off."""
import contextlib
import itertools
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import uuid

import msgpack
import zmq
from zmq.utils import z85

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import curve  # noqa: E402
import kefu  # noqa: E402

SERVICES = ("intake", "routing", "escalation", "notification", "workforce", "reporting")
FEED = 105  # behind the base port
MEBIBYTE = 1 << 20
TOP, DAY = 2**63, 86400 * 10**6
TIMES = (-TOP, -TOP + 1, -62135596800 * 10**6, -1, 0, 7258118400 * 10**6, 253402300799 * 10**6, 253402300800 * 10**6, TOP - 1)
DATES = ("9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "1900-01-01T00:00:00+14:00", "10000-01-01T00:00:00Z")

# name -> (roles, source, rights); revoked ones are revoked while they attack
KEYS = {"honest": ("publisher", "honest", "recorders,customers"), "newcomer": ("publisher", "newcomer", ""), "times": ("publisher", "times", ""), "gate": ("gateway", "", ""),
        "wordy": ("publisher", "wordy", ""), "noise": ("publisher", "noise", ""), "flood": ("publisher", "flood", ""),
        "thief": ("publisher", "thief", ""), "churn": ("publisher", "churn", ""), "deaf": ("publisher", "deaf", ""),
        "wall": ("subscriber", "", ""), "gone": ("publisher", "gone", "")}


class Aim:
    """The world that is attacked: its base port, its keys, some tickets, until when (monotonic)."""

    def __init__(self, words, number):
        self.base, self.until, self.tickets = words["base"], words["until"], words["tickets"]
        self.keys, self.words, self.source = kefu.Keys(words["keys"]), words, f"127.1.{number}.1"
        self.context = zmq.Context.instance()

    def goes_on(self):
        return time.monotonic() < self.until

    def address(self, service):
        return f"tcp://127.0.0.1:{self.base + (FEED if service == 'feed' else SERVICES.index(service))}"

    def dealer(self, service, key, **options):
        raw = self.context.socket(options.pop("kind", zmq.DEALER))
        raw.linger, raw.sndhwm, raw.rcvhwm = 0, 0, 0
        for option, value in options.items():
            setattr(raw, option, value)
        self.keys.join(raw, "reporting" if service == "feed" else service, key)
        raw.connect(self.address(service).replace("tcp://", f"tcp://{self.source}:0;"))
        return raw

    def raw(self, service, key, **options):
        return curve.client(self.keys, key, self.address(service), "reporting" if service == "feed" else service, source=self.source, **options)

    def server_key(self, service):
        return z85.decode(self.keys.public("reporting" if service == "feed" else service))

    def tcp(self, service, source=None):
        raw = socket.create_connection(("127.0.0.1", int(self.address(service).rsplit(":", 1)[1])), 2, (source or self.source, 0))
        raw.settimeout(2)
        return raw


def frame(verb, kind, body, actor=None):
    return msgpack.packb([1, verb, {"id": uuid.uuid4().hex, "type": kind, "v": 1, **({"actor": actor} if actor else {})}, body])


def contact(source, **more):
    item = {"kind": "inquiry", "topic": "fee", "words": "x", "deferred": True, **more.pop("item", {})}
    return {"source": source, "source_id": uuid.uuid4().hex, "channel": "call", "phone": "000-0000-0001",
            "customer_name": "演示", "items": [item], **more}


def pour(connect, frames, window=400, rate=None):
    """Send frames for as long as there are any, so many under way, and take the answers; in silence on a new connection."""
    raw, under_way, sent, begun = connect(), 0, 0, time.monotonic()
    with contextlib.ExitStack() as later:
        later.callback(lambda: raw.close(0))
        heard = begun
        while True:
            with contextlib.suppress(zmq.Again):
                while under_way < window and (rate is None or sent < (time.monotonic() - begun) * rate):
                    raw.send(next(frames), zmq.DONTWAIT)
                    under_way, sent = under_way + 1, sent + 1
                    yield 1
            if raw.poll(10):
                while raw.poll(0):
                    raw.recv()
                    under_way, heard = max(0, under_way - 1), time.monotonic()
            elif time.monotonic() - heard > 2:
                raw.close(0)
                raw, under_way, heard = connect(), 0, time.monotonic()
            yield 0


# --- who has no key ---

def oversize_handshakes(aim):
    """A HELLO, or behind a good one an INITIATE, that announces a mebibyte; nearly all of it is sent."""
    blob, own = b"\x06" + struct.pack(">Q", MEBIBYTE - 1) + b"z" * (MEBIBYTE - 16), curve.pair()
    for service in itertools.cycle((*SERVICES, "feed")):
        with contextlib.suppress(OSError), aim.tcp(service) as raw:
            raw.sendall(curve.GREETING + blob)
        yield 1
        with contextlib.suppress(OSError), contextlib.closing(curve.Raw(aim.address(service), aim.server_key(service), own, source=aim.source,
                                                                        hello_only=True)) as raw:
            raw.socket.sendall(blob)
        yield 1


def unfinished_handshakes(aim):
    """From four addresses as many as there is room for; some say a byte now and then."""
    held = []
    for n in itertools.count():
        with contextlib.suppress(OSError):
            raw = aim.tcp((*SERVICES, "feed")[n % 7], f"127.1.{200 + n % 4}.1")
            raw.sendall(curve.GREETING[:n % 65])
            held.append(raw)
        if len(held) > 3000:
            held.pop(0).close()
        yield 1
        if n % 20 == 0:
            time.sleep(0.005)


def garbage(aim):
    """Greetings, then whatever."""
    for n, service in enumerate(itertools.cycle((*SERVICES, "feed"))):
        with contextlib.suppress(OSError), aim.tcp(service) as raw:
            raw.sendall((b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 4096, os.urandom(2000), curve.GREETING + os.urandom(500),
                         curve.GREETING + b"\x04\xc8\5HELLO" + os.urandom(194), curve.GREETING + b"\x04\x20\x08INITIATE" + os.urandom(23))[n % 6])
        yield 1


def unknown_keys(aim):
    """Good handshakes with keys of nobody."""
    for service in itertools.cycle((*SERVICES, "feed")):
        with contextlib.suppress(OSError, ValueError):
            curve.Raw(aim.address(service), aim.server_key(service), curve.pair(), kind=b"SUB" if service == "feed" else b"DEALER",
                      source=aim.source).close()
        yield 1


# --- who has one: the door ---

def endless_messages(aim):
    """One message of parts of a mebibyte that never ends."""
    while True:
        with contextlib.suppress(OSError), contextlib.closing(aim.raw("intake", "noise")) as raw:
            for _ in range(100):
                raw.send(b"y" * (MEBIBYTE - 300), curve.MORE)
                yield 1
        yield 1


def endless_topics(aim):
    """Hundreds of thousands of subscriptions."""
    while True:
        with contextlib.suppress(OSError), contextlib.closing(aim.raw("feed", "wall", kind=b"SUB")) as raw:
            for n in range(300_000):
                raw.send(b"\x09SUBSCRIBE" + b"%09d" % n * 20, curve.COMMAND)
                yield 1


def malformed_frames(aim):
    """Frames that are no MessagePack, or of no use; the answers are read."""
    header = {"id": "h", "type": "\n\x1b" * 100, "v": 1}
    some = (b"\xc1" * 40, b"\x94\x01", b"", b"\x94\x01\xa7command\x80\x80", b"\xdd\xff\xff\xff\xff", b"\x91" * 10_000, os.urandom(100),
            msgpack.packb([1, "command", header, {}]), msgpack.packb([2**63, "x", 7, 7]), msgpack.packb([1, "query", {"id": "\x1b[31m" * 30}, {}]))
    yield from pour(lambda: aim.dealer("intake", "noise"), itertools.cycle(some))


def large_frames(aim):
    """Of a mebibyte, beyond what a publisher may say at once."""
    yield from pour(lambda: aim.dealer("intake", "noise"), itertools.repeat(b"\xc6\x00\x0f\xff\x00" + b"x" * (MEBIBYTE - 300)), window=4)


DEAF = 16


def deaf_child(aim):
    """Sixteen connections that send nonsense and never read."""
    some = [aim.dealer(service, "wall", sndhwm=1000, rcvhwm=1, rcvbuf=4096) for service in ("intake", "routing") * (DEAF // 2)]
    for raw in itertools.cycle(some):
        with contextlib.suppress(zmq.Again):
            for _ in range(20):
                raw.send(b"\xc1" * 40, zmq.DONTWAIT)
                yield 1
        time.sleep(0.0005)


def deaf_peers(aim):
    """They are killed in the middle of it, and others come."""
    while True:
        child = subprocess.Popen([sys.executable, os.path.abspath(__file__), "deaf_child"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                 text=True)
        try:
            child.stdin.write(json.dumps(aim.words) + "\n")
            child.stdin.close()
            time.sleep(min(3, max(0.1, aim.until - time.monotonic())))
        finally:
            child.kill()
            child.wait()
        yield DEAF


def deaf_publisher(aim):
    """Good commands whose answers nobody takes."""
    raw = aim.dealer("intake", "deaf", sndhwm=1000, rcvhwm=1, rcvbuf=4096)
    while True:
        with contextlib.suppress(zmq.Again):
            raw.send(frame("command", "contact.follow_up", {"ticket": 1, "source": "deaf", "source_id": "x", "channel": "call", "words": "x"}), zmq.DONTWAIT)
            yield 1
            continue
        time.sleep(0.002)
        yield 0


EXTRAS = ((curve.PING + b"0123456789", curve.COMMAND), (curve.CANCEL + b"x", curve.COMMAND), (b"\7NONSENSE", curve.COMMAND), (b"\4PONG", curve.COMMAND))


def extras(aim):
    """PINGs, CANCELs and commands that nobody knows, on sixteen connections."""
    ways = [aim.raw("feed", "wall", kind=b"SUB") if n % 4 == 0 else aim.raw(SERVICES[n % 6], "wall") for n in range(16)]
    left = [b""] * len(ways)
    for raw in ways:
        raw.socket.setblocking(False)
    while True:
        busy = False
        for n, raw in enumerate(ways):
            if not left[n]:
                left[n] = b"".join(raw.sealed(*EXTRAS[i % 4]) for i in range(2000))
                yield 2000
            with contextlib.suppress(BlockingIOError):
                left[n] = left[n][raw.socket.send(left[n]):]
                busy = True
            with contextlib.suppress(BlockingIOError):
                if raw.socket.recv(65536) == b"":
                    raise ConnectionError("hung up")
        if not busy:
            time.sleep(0.005)
        yield 0


def churn(aim):
    """Come, say one good thing, go."""
    for service in itertools.cycle(SERVICES):
        with contextlib.suppress(OSError), contextlib.closing(aim.raw(service, "churn")) as raw:
            raw.send(frame("query", "runtime.hello", {"service": service}))
        yield 1


# --- who has one: the logs ---

def revoked_key(aim):
    """It goes on asking, and comes again and again."""
    ask = frame("command", "contact.record", contact("gone"))
    while True:
        with contextlib.suppress(OSError), contextlib.closing(aim.raw("intake", "gone")) as raw:
            while True:
                raw.send(ask)
                raw.receive()
                yield 1
        yield 1


def wrong_role(aim):
    """A subscriber that commands."""
    some = itertools.cycle(frame("command", "contact.record", contact("wall")) for _ in range(100))
    yield from pour(lambda: aim.dealer("intake", "wall"), some)


def beyond_its_rights(aim):
    """A publisher at others' sources, tickets and customers, that names others, and asks what is not for it."""
    def ask():
        for n in itertools.count():
            ticket = aim.tickets[n % len(aim.tickets)]
            yield (frame("command", "contact.record", contact("honest")),
                   frame("command", "contact.follow_up", {"ticket": ticket, "source": "thief", "source_id": str(n), "channel": "call", "words": "x"}),
                   frame("command", "contact.record", contact("thief", recorder="sp01")),
                   frame("command", "contact.record", contact("thief"), actor="su01"),
                   frame("query", "address.get", {"ticket": ticket}),
                   frame("query", "ticket.record", {"ticket": ticket}),
                   frame("query", "journal.read", {"reader": "x", "partitions": [0], "after": [0], "most": 500, "wait_ms": 0, "fresh": True}),
                   frame("command", "policy.publish", {"files": []}))[n % 8]
    yield from pour(lambda: aim.dealer("intake", "thief"), ask())


# --- who has one: what is behind the door ---

def impossible_times(aim):
    """Of contacts."""
    def ask():
        for n, at in enumerate(itertools.cycle(TIMES)):
            ahead = {} if n % 3 else {"promised_at": int(time.time() * 10**6) + DAY}
            yield frame("command", "contact.record", contact("times", received_at=at, item=ahead) if n % 2 else
                        contact("times", item={"promised_at": at}))
    yield from pour(lambda: aim.dealer("intake", "times"), ask(), window=20, rate=100)


def impossible_forms(aim):
    """Times in the forms of steps, by a gateway in a supervisor's name."""
    def ask():
        for n, at in enumerate(itertools.cycle(DATES)):
            action, field = (("dispatch", "promised_at"), ("accept", "appointment"), ("tell_progress", "next_date"), ("promise", "promised_at"))[n % 4]
            yield frame("command", "ticket.act", {"ticket": aim.tickets[n % len(aim.tickets)], "action": action,
                                                  "fields": [{"name": field, "value": at}]}, actor="su01")
    yield from pour(lambda: aim.dealer("routing", "gate"), ask(), window=20, rate=50)


def impossible_calls(aim):
    """Times of calls and replies, by the same."""
    def ask():
        for n, at in enumerate(itertools.cycle(TIMES)):
            ticket = aim.tickets[n % len(aim.tickets)]
            yield (frame("command", "call.plan", {"ticket": ticket, "caller": "sp01", "purpose": "progress", "not_before": at}, actor="su01"),
                   frame("command", "call.done", {"ticket": ticket, "call": 1, "outcome": "reached", "gives": "progress", "next_at": at}, actor="su01"),
                   frame("command", "reply.send", {"ticket": ticket, "channel": "file", "note": 1, "gives": "progress", "next_at": at}, actor="su01"))[n % 3]
    yield from pour(lambda: aim.dealer("notification", "gate"), ask(), window=20, rate=50)


def follow_ups(aim):
    """Of 20 kB on one ticket."""
    with contextlib.closing(aim.raw("intake", "wordy")) as raw:
        raw.send(frame("command", "contact.record", contact("wordy")))
        answer = msgpack.unpackb(raw.receive()[1])[3]
        if "tickets" not in answer:
            raise ConnectionError(f"later: {answer}")
        ticket = answer["tickets"][0]

    def ask():
        for _ in itertools.count():
            yield frame("command", "contact.follow_up", {"ticket": ticket, "source": "wordy", "source_id": uuid.uuid4().hex, "channel": "call",
                                                         "words": "w" * 20_000})
    yield from pour(lambda: aim.dealer("intake", "wordy"), ask(), window=100)


def feed_reads(aim):
    """The whole feed, again and again; its last values, too."""
    yield from pour(lambda: aim.dealer("reporting", "wall"), iter(lambda: frame("query", "feed.read", {"after": 0, "limit": 2**31}), None), window=50)


def allowed_flood(aim):
    """Good commands at the rate that a publisher is allowed."""
    yield from pour(lambda: aim.dealer("intake", "flood"), iter(lambda: frame("command", "contact.record", contact("flood")), None), window=900, rate=2000)


ATTACKS = (oversize_handshakes, unfinished_handshakes, garbage, unknown_keys, endless_messages, endless_topics, malformed_frames, large_frames,
           deaf_peers, deaf_publisher, extras, churn, revoked_key, wrong_role, beyond_its_rights, impossible_times, impossible_forms,
           impossible_calls, follow_ups, feed_reads, allowed_flood)


def burn(aim):
    """No attack: what the attackers take of the processors, and of nothing else."""
    while True:
        for _ in range(10_000):
            pass
        yield 1


# --- the process ---

def run(attack, aim):
    done, attempts = 0, 0
    while aim.goes_on():
        attempts += 1
        with contextlib.suppress(OSError, ValueError, zmq.ZMQError):
            for n in attack(aim):
                done += n
                if not aim.goes_on():
                    break
        time.sleep(0.05)
    return done, attempts


def main():
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    names = [attack.__name__ for attack in ATTACKS]
    name, number = sys.argv[1], names.index(sys.argv[1]) if sys.argv[1] in names else len(names)
    print("ready", flush=True)
    words = json.loads(sys.stdin.readline() or "null")
    if words is None:
        return  # nobody is to be attacked
    os.setpriority(os.PRIO_PROCESS, 0, 19)
    begun = sum(os.times()[:4])
    done, attempts = run(globals()[name], Aim(words, number + 1))
    print(json.dumps({"done": done, "attempts": attempts, "cpu": sum(os.times()[:4]) - begun}), flush=True)
    os._exit(0)  # whatever libzmq still has to send


if __name__ == "__main__":
    main()
