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


run(*[test for name, test in list(globals().items()) if name.startswith("test_")])
