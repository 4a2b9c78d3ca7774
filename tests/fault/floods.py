#!/usr/bin/python3
"""F18, memory: what somebody may cost who has no key, or a key of any role, and what is left of a process that he floods. On
the release build: the sanitizers' own memory is not the question."""
import contextlib
import os
import socket
import struct
import subprocess
import sys
import time
from unittest import mock

import zmq

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fault  # noqa: E402
import kefu  # noqa: E402
from system import RELEASE  # noqa: E402
from worlds import Probes  # noqa: E402

context = zmq.Context.instance()
context.max_sockets = 4096
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01CURVE" + bytes(15) + b"\x00" + bytes(31)
MEBIBYTE = 1 << 20
ALLOWED_KIB = 24 << 10  # of growth, whatever comes


@contextlib.contextmanager
def release_probe():
    with mock.patch.dict(os.environ, KEFU_BIN=RELEASE), Probes(1) as world:
        yield world.processes[0]


def stays_small(process, before):
    assert process.process.poll() is None, f"the process has ended: {process.log()[-400:]}"
    grown = fault.memory_of(process.process.pid)[0] - before
    assert grown < ALLOWED_KIB, f"grew by {grown >> 10} MiB"
    return grown


def answers(process, limit=4):
    """A newcomer is served soon."""
    begun = time.monotonic()
    process.client().do("probe.say", key="newcomer", n=1)
    waited = time.monotonic() - begun
    assert waited < limit * fault.crowding(), f"a newcomer waited {waited:.1f} s"
    return waited


def socket_of(process, kind, name, **options):
    raw = context.socket(kind)
    raw.linger, raw.sndhwm = 0, 0
    for option, value in options.items():
        setattr(raw, option, value)
    return kefu.keys().join(raw, process.name, name)


@fault.case("F18", "without a key: handshakes that announce a mebibyte and stop before its last byte")
def handshakes_of_a_mebibyte():
    with release_probe() as probe:
        before, held = fault.memory_of(probe.process.pid)[0], []
        begun = GREETING + b"\x06" + struct.pack(">Q", MEBIBYTE - 1) + b"z" * (MEBIBYTE - 16)
        for _ in range(100):
            raw = socket.create_connection(("127.0.0.1", probe.port), 2)
            held.append(raw)
            with contextlib.suppress(OSError):
                raw.sendall(begun)
        time.sleep(1)
        grown = stays_small(probe, before)
        waited = answers(probe)
        for raw in held:
            raw.close()
    return f"100 handshakes: {grown >> 10} MiB more; a newcomer waited {waited:.2f} s"


@fault.case("F18", "without a key: many handshakes that never go on")
def handshakes_under_way():
    with release_probe() as probe:
        files = fault.memory_of(probe.process.pid)[1]
        held = [socket.create_connection(("127.0.0.1", probe.port), 2) for _ in range(400)]
        for raw in held:
            with contextlib.suppress(OSError):
                raw.sendall(GREETING)
        waited = answers(probe)
        most = fault.memory_of(probe.process.pid)[1] - files
        assert most <= 140, f"{most} handshakes of one address are under way"
        for raw in held:
            raw.close()
    return f"{most} of 400 are kept; a newcomer waited {waited:.2f} s"


@fault.case("F18", "with a key: one message of very many parts")
def endless_message():
    with release_probe() as probe, contextlib.closing(socket_of(probe, zmq.DEALER, "publisher")) as raw:
        before, part = fault.memory_of(probe.process.pid)[0], b"y" * (MEBIBYTE - 100)
        raw.connect(probe.address)
        for _ in range(100):
            raw.send(part, zmq.SNDMORE, copy=False)
        raw.send(b"")  # the client's library sends nothing of it earlier
        kefu.wait_for("its end", lambda: "a message is one frame" in probe.log(), 10)
        time.sleep(1)
        grown = stays_small(probe, before)
        answers(probe)
    return f"100 parts of a mebibyte: {grown >> 10} MiB more"


@fault.case("F18", "with a subscriber's key: subscriptions to very many topics")
def endless_subscriptions():
    feed = f"tcp://127.0.0.1:{kefu.free_port()}"
    with contextlib.ExitStack() as later, mock.patch.dict(os.environ, KEFU_BIN=RELEASE):
        database = kefu.Database()
        later.callback(database.drop)
        reporting = kefu.Process("reporting", database.dsn, args=[f"--feed-endpoint={feed}"]).start().wait_ready()
        later.callback(reporting.stop)
        before = fault.memory_of(reporting.process.pid)[0]
        raw = later.enter_context(contextlib.closing(socket_of(reporting, zmq.XSUB, "dashboard")))
        raw.connect(feed)
        for i in range(100_000):
            raw.send(b"\x01" + b"%06d" % i * 20)
        kefu.wait_for("its end", lambda: "connection has at most 256 subscriptions" in reporting.log(), 10)
        grown = stays_small(reporting, before)
    return f"100,000 topics: {grown >> 10} MiB more"


DEAF = """
import sys, time, zmq
address, secret, server = sys.argv[1], sys.argv[2].encode(), sys.argv[3].encode()
context, deaf = zmq.Context(), []
for _ in range(16):
    raw = context.socket(zmq.DEALER)
    raw.linger, raw.rcvhwm, raw.sndhwm, raw.rcvbuf = 0, 1, 1000, 4096
    raw.curve_secretkey, raw.curve_publickey, raw.curve_serverkey = secret, zmq.curve_public(secret), server
    raw.connect(address)
    deaf.append(raw)
while True:
    for raw in deaf:
        try:
            for _ in range(20):
                raw.send(b"\\xc1" * 40, zmq.DONTWAIT)
        except zmq.Again:
            time.sleep(0.0002)
"""


def flood_and_die(probe, seconds):
    """Sixteen connections of a key of any role that send nonsense and never read; then they are killed."""
    deaf = subprocess.Popen([sys.executable, "-c", DEAF, probe.address, kefu.keys().secret("dashboard").decode(),
                             kefu.keys().public("probe").decode()])
    try:
        time.sleep(seconds)
        return answers(probe)
    finally:
        deaf.kill()
        deaf.wait()


@fault.case("F18", "with a key of any role: a flood of nonsense by clients that never read and are killed")
def deaf_clients_are_killed():
    """libzmq 4.3.4 ended the process in every seventh flood or so (stream_engine_base.cpp:331), when a heartbeat was due to a
    client whose queue was full and who was gone; so the wait after each of them is longer than a heartbeat."""
    rounds = 20 if fault.LONG else 4
    with release_probe() as probe:
        before = fault.memory_of(probe.process.pid)[0]
        waited, grown = [], 0
        for _ in range(rounds):
            waited.append(flood_and_die(probe, 3))
            grown = max(grown, stays_small(probe, before))
            time.sleep(2.5)
            answers(probe)
    return f"{rounds} floods: {grown >> 10} MiB more at most, a newcomer waited {max(waited):.2f} s at most"


if __name__ == "__main__":
    fault.main(handshakes_of_a_mebibyte, handshakes_under_way, endless_message, endless_subscriptions, deaf_clients_are_killed)
