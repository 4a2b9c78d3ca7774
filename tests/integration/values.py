"""Values from outside, on the probe: what no handler should see is refused at the door, and every refusal can be read and matched."""
import contextlib

import msgpack

from kefu import Database, Process, run


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


run(*[test for name, test in list(globals().items()) if name.startswith("test_")])
