"""Who is not on the list of keys is turned away at the handshake, before a single byte of a message is read; and nobody, known or not, costs
more than he may."""
import contextlib
import socket
import struct
import threading
import time

import zmq
from zmq.utils.monitor import recv_monitor_message

import curve
from kefu import Database, Process, free_port, keys, run, wait_for

VERDICTS = {zmq.EVENT_HANDSHAKE_SUCCEEDED: "let in", zmq.EVENT_HANDSHAKE_FAILED_AUTH: "turned away"}
GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01CURVE" + bytes(15) + b"\x00" + bytes(31)


@contextlib.contextmanager
def running(name="probe", *args):
    database = Database()
    process = Process(name, database.dsn, args=args).start()
    try:
        process.wait_ready()
        yield process
        assert process.process.poll() is None, f"the process has ended: {process.log()[-300:]}"
    finally:
        process.kill()
        database.drop()


def verdict_on(probe, public, secret):
    """What the probe does with a client of this key."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as raw:
        raw.linger = 0
        keys().join(raw, "probe")
        raw.curve_publickey, raw.curve_secretkey = public, secret
        monitor = raw.get_monitor_socket(sum(VERDICTS))
        raw.connect(probe.address)

        def seen():
            if probe.process.poll() is not None:
                raise AssertionError(f"the probe has ended: {probe.log()[-300:]}".replace("\n", " "))
            return monitor.poll(50) and VERDICTS[recv_monitor_message(monitor)["event"]]

        try:
            return wait_for("the handshake", seen)
        finally:
            raw.disable_monitor()


def test_a_stranger_is_turned_away_at_the_door():
    with running() as probe:
        for who, pair, want in (("a stranger", zmq.curve_keypair(), "turned away"),
                                ("the operator", (keys().public("operator"), keys().secret("operator")), "let in")):
            got = verdict_on(probe, *pair)
            if got != want:
                raise AssertionError(f"{who} is {got}")


# --- who has no key ---

def is_cut(raw, seconds):
    """Does the other side hang up within that time?"""
    raw.settimeout(seconds)
    try:
        while raw.recv(4096):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


def test_a_handshake_that_announces_a_mebibyte_is_cut_off():
    with running() as probe:
        for what, head in (("a HELLO of 201 bytes", b"\x04\xc9"), ("a HELLO of a mebibyte", b"\x06" + struct.pack(">Q", 1 << 20)),
                           ("one of all there is", b"\x06" + b"\xff" * 8)):
            with socket.create_connection(("127.0.0.1", probe.port)) as raw:
                raw.sendall(GREETING + head)
                assert is_cut(raw, 1.5), f"{what} is waited for"


def test_handshakes_under_way_are_bounded():
    with running() as probe:
        held = [socket.create_connection(("127.0.0.1", probe.port)) for _ in range(300)]
        wait_for("the oldest to go", lambda: sum(not is_cut(raw, 0.001) for raw in held) <= 128, 2)
        probe.client().do("probe.say", key="newcomer", n=1)
        for raw in held:
            raw.close()


# --- who has one ---

class Tamperer(threading.Thread):
    """Stands between a client and the probe. What `change` makes of each of the client's frames (its number, head, body) goes on."""

    def __init__(self, probe, change):
        super().__init__(daemon=True)
        self.port, self.change, self.listener = probe.port, change, socket.create_server(("127.0.0.1", 0))
        self.address = f"tcp://127.0.0.1:{self.listener.getsockname()[1]}"
        self.start()

    def run(self):
        with contextlib.suppress(OSError):
            while True:
                client = self.listener.accept()[0]
                server = socket.create_connection(("127.0.0.1", self.port))
                threading.Thread(target=self.copy, args=(server, client), daemon=True).start()
                threading.Thread(target=self.tamper, args=(client, server), daemon=True).start()

    @staticmethod
    def copy(source, target):
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                target.sendall(piece)
            target.shutdown(socket.SHUT_RDWR)

    def tamper(self, client, server):
        source, n = client.makefile("rb"), 0
        with contextlib.suppress(OSError, struct.error, IndexError):
            server.sendall(source.read(64))
            while head := source.read(1):
                size = source.read(8 if head[0] & 2 else 1)
                body = source.read(int.from_bytes(size, "big"))
                server.sendall(self.change(n, head + size, body))
                n += 1
            server.shutdown(socket.SHUT_RDWR)


def flip(n):
    """Change one bit in the middle of the frame of that number."""
    def change(number, head, body):
        if number == n:
            body = body[:len(body) // 2] + bytes([body[len(body) // 2] ^ 1]) + body[len(body) // 2 + 1:]
        return head + body
    return change


def test_what_was_changed_or_repeated_on_the_way_is_not_heard():
    """Frames of a client: HELLO, INITIATE, then messages."""
    with running() as probe:
        for what, change, why in (("HELLO", flip(0), "another server's key"), ("INITIATE", flip(1), "INITIATE does not open"),
                                  ("a message", flip(2), "MESSAGE does not open"),
                                  ("a repeated message", lambda n, head, body: (head + body) * (1 + (n >= 2)), "MESSAGE is repeated"),
                                  ("another's cookie", lambda n, head, body: head + (body[:9] + bytes(96) + body[105:] if n == 1 else body),
                                   "another connection's cookie")):
            between = Tamperer(probe, change)
            with zmq.Context() as context, keys().join(context.socket(zmq.DEALER), "probe") as raw:
                raw.linger = 0
                raw.connect(between.address)
                raw.send(b"nonsense")
                wait_for(f"{what} to be refused", lambda why=why: why in probe.log(), 5)
            between.listener.close()


def flood(probe, name, message, n):
    """How many of them a client got rid of that never reads."""
    with zmq.Context() as context, keys().join(context.socket(zmq.DEALER), "probe", name) as raw:
        raw.linger, raw.sndhwm, raw.rcvhwm, raw.rcvbuf, raw.sndbuf, sent = 0, 10, 1, 4096, 4096, 0
        raw.connect(probe.address)
        raw.sndtimeo = 2000
        with contextlib.suppress(zmq.Again):
            while sent < n:
                raw.send(message)
                sent += 1
        assert sent > 100, f"{sent} messages went out"
        return sent


def test_who_reads_no_answers_is_heard_no_more():
    """Some hundred bytes of answer each: 256 KiB here, some more in the kernel's buffers of both sides."""
    with running() as probe:
        sent = flood(probe, "dashboard", b"\xc1" * 40, 200_000)
        assert sent < 100_000, f"{sent} are heard of a client that takes no answers"
        probe.client().do("probe.say", key="friend", n=1)


def test_who_is_refused_for_ever_is_heard_later():
    """Nonsense, as fast as it goes, by a client that reads its answers: 5,000 at once, then 1,000 a second."""
    with running() as probe, zmq.Context() as context, keys().join(context.socket(zmq.DEALER), "probe", "dashboard") as raw:
        raw.linger, raw.sndhwm, raw.rcvhwm, sent, refused = 0, 0, 0, 30_000, 0
        raw.connect(probe.address)
        begun = time.monotonic()
        for _ in range(sent):
            raw.send(b"\xc1")
        while raw.poll(500) and refused < sent:
            raw.recv()
            refused += 1
            most = 5_000 + 1_000 * (time.monotonic() - begun) + 500
            assert refused < most, f"{refused} refusals in {time.monotonic() - begun:.1f} s"
            if refused == 7_000:
                break
        probe.client().do("probe.say", key="friend", n=1)


def hears_what_follows(process, address, kind, what, n, flags):
    """Is a PING answered in a second that comes behind so many of these?"""
    with contextlib.closing(curve.client(keys(), "dashboard", address, process.name, kind=kind, timeout=1)) as raw:
        raw.socket.sendall(b"".join(raw.sealed(what, flags) for _ in range(n)) + raw.sealed(curve.PING + b"last", curve.COMMAND))
        end = time.monotonic() + 1
        with contextlib.suppress(TimeoutError):
            while time.monotonic() < end:
                if raw.receive()[1].endswith(b"last"):
                    return True
    return False


EXTRAS = (("PINGs", curve.PING, curve.COMMAND), ("CANCELs", curve.CANCEL + b"x", curve.COMMAND),
          ("PONGs", b"\4PONG", curve.COMMAND), ("commands that nobody knows", b"\7NONSENSE", curve.COMMAND))
EXTRA_MESSAGES = (("cancelled subscriptions", b"\0x", 0), ("messages without a meaning", b"\7", 0), ("empty messages", b"", 0))


def test_what_no_request_counts_has_a_rate():
    """512 at once and 50 a second: 400 do not disturb, and behind 3,000 of them is a wait of 50 seconds."""
    feed = f"tcp://127.0.0.1:{free_port()}"
    with running("reporting", f"--feed-endpoint={feed}") as reporting:
        for address, kind, some in ((reporting.address, b"DEALER", EXTRAS), (feed, b"SUB", EXTRAS + EXTRA_MESSAGES)):
            for what, content, flags in some:
                assert hears_what_follows(reporting, address, kind, content, 400, flags), f"400 {what} were too many for a {kind.decode()}"
                assert not hears_what_follows(reporting, address, kind, content, 3000, flags), f"3,000 {what} of a {kind.decode()} were heard at once"


def test_reserved_flags_are_not_for_use():
    with running() as probe:
        for bit in range(8):
            for inside, known in ((False, 0b111), (True, 0b11)):
                if known >> bit & 1:
                    continue
                with contextlib.closing(curve.client(keys(), "operator", probe.address, "probe")) as raw:
                    raw.send(curve.PING, curve.COMMAND | (inside << bit), (not inside) << bit)
                    assert is_cut(raw.socket, 2), f"bit {bit} is taken{' inside a message' if inside else ''}"
        wait_for("a reason", lambda: "a frame has reserved flags" in probe.log() and "a message has reserved flags" in probe.log(), 5)


def test_a_message_of_several_parts_is_cut_off():
    with running() as probe, zmq.Context() as context, keys().join(context.socket(zmq.DEALER), "probe") as raw:
        raw.linger = 0
        raw.connect(probe.address)
        raw.send_multipart([b"x" * 1000] * 3)
        wait_for("its end", lambda: "a message is one frame" in probe.log(), 5)


def test_subscriptions_are_bounded():
    feed = f"tcp://127.0.0.1:{free_port()}"
    with running("reporting", f"--feed-endpoint={feed}") as reporting, zmq.Context() as context, \
            keys().join(context.socket(zmq.XSUB), "reporting", "dashboard") as raw:
        raw.linger = 0
        raw.connect(feed)
        for i in range(10):
            raw.send(b"\x01topic/%d" % i)
            raw.send(b"\x00topic/%d" % i)
        for i in range(246):
            raw.send(b"\x01other/%d" % i)
        time.sleep(0.5)
        assert "connection_ended" not in reporting.log(), "what was cancelled counts no more"
        for i in range(246, 260):
            raw.send(b"\x01other/%d" % i)
        wait_for("its end", lambda: "at most 256 subscriptions" in reporting.log(), 10)


run(test_a_stranger_is_turned_away_at_the_door, test_a_handshake_that_announces_a_mebibyte_is_cut_off, test_handshakes_under_way_are_bounded,
    test_what_was_changed_or_repeated_on_the_way_is_not_heard, test_who_reads_no_answers_is_heard_no_more,
    test_who_is_refused_for_ever_is_heard_later, test_what_no_request_counts_has_a_rate, test_reserved_flags_are_not_for_use,
    test_a_message_of_several_parts_is_cut_off, test_subscriptions_are_bounded)
