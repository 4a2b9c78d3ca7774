"""Values from outside, on the probe: what no handler should see is refused at the door, and every refusal can be read and matched."""
import contextlib
import os
import re
import subprocess
import sys
import time

import msgpack
import zmq

from kefu import Database, Process, keys, run

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


@contextlib.contextmanager
def probe():
    database = Database()
    process = Process("probe", database.dsn).start().wait_ready()
    try:
        yield database, process
        if process.process.poll() is not None or "Sanitizer" in process.log() or "runtime error" in process.log():
            raise AssertionError(process.log()[-2000:])
    finally:
        process.kill()
        database.drop()


def answer(client, frame, timeout=5000):
    """What comes back for these bytes: verb, header, body."""
    client.socket.send(frame if isinstance(frame, bytes) else msgpack.packb(frame))
    if not client.socket.poll(timeout):
        raise AssertionError(f"no answer to {str(frame)[:80]}")
    return msgpack.unpackb(client.socket.recv())[1:]


def test_every_refusal_is_utf8():
    with probe() as (_, process):
        client = process.client()
        for n in range(110, 150):
            verb, _, body = answer(client, [1, "command", {"id": "x", "type": "a" * (n % 3) + "题" * n, "v": 1}, {}])
            assert verb == "refused" and body["message"], body
            verb, _, body = answer(client, [1, "a" * (n % 3) + "题" * n, {"id": "x", "type": "probe.say", "v": 1}, {}])
            assert verb == "refused" and body["message"], body
            key = "a" * (n % 3) + "题" * n
            verb, _, body = answer(client, b"\x94\x01\xa7command" + msgpack.packb({"id": "x", "type": "probe.say"}) + b"\x82"
                                   + (msgpack.packb(key) + b"\x01") * 2)
            assert verb == "refused" and "stands twice" in body["message"], body


def refused(client, kind, body, **header):
    """The refusal of a command whose header and body are these: field, rule and message."""
    header = {"id": "x", "type": kind, "v": 1, **header}
    verb, _, said = answer(client, [1, "command", header, body])
    if verb != "refused":
        raise AssertionError(f"{str(header)[:60]} {str(body)[:60]}: {verb} {str(said)[:200]}")
    return said.get("field"), said.get("rule"), said["message"]


LONG = "x" * 6000
TOO_LONG = "longer than"
END = 7258118400 * 10**6  # 2200-01-01
BAD_HEADERS = [
    ("id", LONG, "longer than 200 bytes"), ("id", "x" * 201, "longer than 200 bytes"),
    ("id", "", "is empty"), ("id", "a\nb", "U+000A"), ("id", "a\x9bb", "U+009B"),
    ("type", LONG, TOO_LONG), ("type", "", "is empty"), ("key", LONG, TOO_LONG),
    ("key", "a\tb", "U+0009"), ("trace", LONG, TOO_LONG), ("trace", "a\x1bb", "U+001B"),
    ("cause", LONG, TOO_LONG), ("actor", LONG, TOO_LONG),
    ("v", -1, "from 0 to 999"), ("v", 2**63 - 1, "from 0 to 999"),
] + [(field, time, "2200") for field in ("time", "deadline") for time in (-2**63, -1, 0, END, 2**63 - 1)]
BAD_BODIES = [
    ("key", LONG, "longer than 200 bytes"), ("key", "", "is empty"), ("key", "a\nb", "U+000A"),
    ("to", LONG, TOO_LONG), ("note", "x" * 20001, "longer than 20000"),
    ("note", "界" * 6667, "longer than 20000"), ("n", 2**53 + 1, "from -9007199254740992 to"),
    ("n", -2**63, "from -9007199254740992 to"),
]
LONGEST = {"id": "x" * 200, "type": "probe.say", "v": 1, "trace": "t" * 64, "cause": "c" * 300,
           "key": "k" * 700, "time": 1, "deadline": END - 1}


def test_header_and_key_are_bounded():
    """An id, a key or a trace of 6,000 characters would reach an index of PostgreSQL and fail there, again and again."""
    with probe() as (_, process):
        client, good = process.client(), {"key": "a", "n": 1}
        for field, value, wrong in BAD_HEADERS:
            got = refused(client, "probe.say", good, **{field: value})
            assert got[0] == field and wrong in got[2], (field, str(value)[:20], got)
        for field, value, wrong in BAD_BODIES:
            got = refused(client, "probe.say", {**good, field: value})
            assert got[0] == field and wrong in got[2], (field, str(value)[:20], got)
        body = {"key": "k" * 200, "n": 2**53, "note": "界" * 6666}
        verb, header, said = answer(client, [1, "command", LONGEST, body])
        assert (verb, header["id"], said["n"]) == ("answer", "x" * 200, 2**53), (verb, said)
        if "batch_failed" in process.log():
            raise AssertionError("it reached the database: " + process.log()[-1000:])


HEADER = {"id": "mine", "type": "probe.say", "v": 1}
HEAD = b"\x94\x01\xa7command" + msgpack.packb(HEADER)
GOOD = {"key": "a", "n": 1}
# what is wrong, the frame
MALFORMED = [
    ("no body", HEAD),
    ("a body that is cut", HEAD + b"\x82\xa1n"),
    ("a body that is no MessagePack", HEAD + b"\xc1"),
    ("a body that claims 4 billion keys", HEAD + b"\xdf\xff\xff\xff\xff"),
    ("a text that is not UTF-8", HEAD + b"\x81\xa3key\xa2\xff\xff"),
    ("a key twice", HEAD + b"\x82\xa1n\x01\xa1n\x01"),
    ("too deep", HEAD + b"\x81\xa1n" + b"\x91" * 30 + b"\x01"),
    ("an extension", HEAD + b"\x81\xa1n\xd4\x01\x01"),
    ("more behind it", HEAD + msgpack.packb(GOOD) + b"\x01"),
    ("300 KiB", HEAD + msgpack.packb({**GOOD, "note": "x" * 300 * 1024})),
    ("900 KiB", HEAD + msgpack.packb({**GOOD, "note": "x" * 900 * 1024})),
    ("another wire version", [7, "command", HEADER, GOOD]),
    ("an unknown verb", [1, "commend", HEADER, GOOD]),
    ("a header with an empty type", [1, "command", {**HEADER, "type": ""}, GOOD]),
    ("a header without a type", [1, "command", {"id": "mine"}, GOOD]),
    ("a header with a wrong time", [1, "command", {**HEADER, "time": "x"}, GOOD]),
    ("no array of 4", [1, "command", HEADER]),
]


def test_what_is_refused_can_be_matched():
    with probe() as (_, process):
        client = process.client()
        for what, frame in MALFORMED:
            verb, header, body = answer(client, frame)
            assert (verb, header["id"]) == ("refused", "mine"), (what, verb, header, body)
        for id in ("x" * 6000, "a\nb"):  # as long as somebody may wait for it
            verb, header, _ = answer(client, [1, "command", {**HEADER, "id": id}, GOOD])
            assert (verb, header["id"]) == ("refused", id), (verb, header["id"][:20])
        for frame in (b"\xc1", b"", b"\x01", [1, "command", {"type": "probe.say"}, GOOD],
                      [1, "command", {**HEADER, "id": 7}, GOOD], [1, "command", {**HEADER, "id": "x" * 9000}, GOOD]):
            verb, header, _ = answer(client, frame)  # proto/README.md: nothing could match these
            assert (verb, header["id"]) == ("refused", "?"), (frame, verb, header)


def retries(socket, seconds):
    """Answer "retry" to whatever is asked for so long: how often it was asked."""
    n, end = 0, time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if socket.poll(int(left * 1000)):
            peer, frame = socket.recv_multipart()
            id = msgpack.unpackb(frame)[2]["id"]
            header = {"id": id, "type": "refusal", "v": 1}
            socket.send_multipart([peer, msgpack.packb([1, "retry", header, {"message": "not now"}])])
            n += 1
    return n


def test_the_example_pauses_before_it_says_it_again():
    with zmq.Context() as context, context.socket(zmq.ROUTER) as socket:
        keys().serve(socket, "intake")
        port = socket.bind_to_random_port("tcp://127.0.0.1")
        words = [sys.executable, f"{ROOT}/deploy/examples/publisher.py", f"tcp://127.0.0.1:{port}", keys().folder]
        example = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        try:
            asked = retries(socket, 3)
        finally:
            example.kill()
            example.wait()
        assert 1 <= asked <= 8, f"asked {asked} times in 3 s"


class Pauses(list):
    """In place of the module time, until somebody has slept ten times."""

    def sleep(self, seconds):
        self.append(seconds)
        if len(self) == 10:
            raise StopIteration


class Answers:
    """In place of a socket: says always the same."""

    def __init__(self, verb, id):
        self.said = msgpack.packb([1, verb, {"id": id, "type": "refusal", "v": 1}, {"message": "so"}])

    def send(self, _):
        pass

    def poll(self, _):
        return True

    def recv(self):
        return self.said


def test_the_loop_of_the_readme_ends_or_pauses():
    with open(f"{ROOT}/README.md", encoding="utf-8") as file:
        code = re.search(r"(?ms)^def command.*?\n\n", file.read())[0]
    for verb, id in (("retry", "x"), ("refused", "of another")):
        world = {"msgpack": msgpack, "time": Pauses(), "socket": Answers(verb, id)}
        exec(code, world)
        with contextlib.suppress(StopIteration):
            world["command"]("contact.record", {}, "x")
        pauses = world["time"]
        assert pauses[0] >= 0.05 and sum(pauses) > 10 and max(pauses) <= 10, (verb, pauses)
    world = {"msgpack": msgpack, "time": Pauses(), "socket": Answers("refused", "?")}
    exec(code, world)
    verb, _ = world["command"]("contact.record", {}, "x")
    assert verb == "refused"


run(*[test for name, test in list(globals().items()) if name.startswith("test_")])
