#!/usr/bin/python3
"""The fault proxy itself: each of its faults, seen from both ends of a connection."""
import os
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from faultproxy import Proxy  # noqa: E402
from kefu import run, wait_for  # noqa: E402


class Echo:
    """A server that sends back what it gets, and remembers it."""

    def __init__(self, family=socket.AF_INET, address=("127.0.0.1", 0)):
        self.socket = socket.socket(family)
        self.socket.bind(address)
        self.socket.listen()
        self.heard = b""
        self.ended = []
        threading.Thread(target=self.accept, daemon=True).start()

    @property
    def address(self):
        return "{}:{}".format(*self.socket.getsockname())

    def accept(self):
        while True:
            try:
                threading.Thread(target=self.serve, args=(self.socket.accept()[0],), daemon=True).start()
            except OSError:
                return

    def serve(self, peer):
        try:
            while piece := peer.recv(65536):
                self.heard += piece
                peer.sendall(piece)
            self.ended.append("closed")
        except ConnectionResetError:
            self.ended.append("reset")
        peer.close()


class Scene:
    def __enter__(self):
        self.echo = Echo()
        self.proxy = Proxy(self.echo.address)
        return self

    def __exit__(self, *unused):
        self.proxy.end()
        self.echo.socket.close()

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.proxy.port), timeout=5)


def exchange(client, words):
    client.sendall(words)
    got = b""
    while len(got) < len(words):
        piece = client.recv(65536)
        if not piece:
            break
        got += piece
    return got


def end_of(client):
    """How it ended, and what came before."""
    got = b""
    try:
        while piece := client.recv(65536):
            got += piece
        return got, "closed"
    except ConnectionResetError:
        return got, "reset"


def equal(what, got, want):
    assert got == want, f"{what}: {got!r}, expected {want!r}"


def silent(client, seconds=0.2):
    client.settimeout(seconds)
    try:
        client.recv(1)
        return False
    except TimeoutError:
        return True
    finally:
        client.settimeout(5)


def test_passes_bytes_both_ways():
    with Scene() as scene:
        client, words = scene.connect(), bytes(range(256)) * 4096
        sender = threading.Thread(target=client.sendall, args=(words,))
        sender.start()
        got = b""
        while len(got) < len(words):
            got += client.recv(65536)
        sender.join()
        assert got == words
        client.close()
        wait_for("the end passed on", lambda: scene.echo.ended == ["closed"])
        wait_for("no connection", lambda: scene.proxy.connections() == 0)


def test_delay_holds_each_piece():
    with Scene() as scene:
        client = scene.connect()
        scene.proxy("delay 100")
        begun = time.monotonic()
        exchange(client, b"hello")
        assert time.monotonic() - begun >= 0.195, "both ways wait"


def test_stop_loses_nothing():
    with Scene() as scene:
        client = scene.connect()
        exchange(client, b"a")
        scene.proxy("stop")
        client.sendall(b"bc")
        assert silent(client)
        scene.proxy("go")
        equal("later", client.recv(10), b"bc")


def test_hole_swallows_and_its_connections_die_when_it_is_gone():
    with Scene() as scene:
        client = scene.connect()
        scene.proxy("hole")
        client.sendall(b"lost")
        assert silent(client)
        late = scene.connect()
        late.sendall(b"lost too")
        assert silent(late)
        scene.proxy("go")
        equal("the old one", end_of(client), (b"", "reset"))
        equal("the one that came meanwhile", end_of(late), (b"", "reset"))
        equal("heard", scene.echo.heard, b"")
        equal("a new one", exchange(scene.connect(), b"x"), b"x")


def test_refuse_and_reset_and_close():
    with Scene() as scene:
        first, second = scene.connect(), scene.connect()
        exchange(first, b"1"), exchange(second, b"2")
        scene.proxy("refuse")
        equal("refused", end_of(scene.connect()), (b"", "closed"))
        equal("those there go on", exchange(first, b"1"), b"1")
        scene.proxy("1 reset")
        equal("first", end_of(first), (b"", "reset"))
        wait_for("the server's end, too", lambda: scene.echo.ended == ["reset"])
        scene.proxy("now close")
        equal("second", end_of(second), (b"", "closed"))


def test_cut_after_bytes_and_at_a_word():
    with Scene() as scene:
        client = scene.connect()
        exchange(client, b"1")
        scene.proxy("now cut up 5")
        client.sendall(b"0123456789")
        equal("down", end_of(client)[1], "reset")
        wait_for("5 bytes up", lambda: scene.echo.ended)
        equal("up", scene.echo.heard, b"101234")
        client = scene.connect()
        scene.proxy("now cutat down COMMIT")
        client.sendall(b"to CO")
        equal("before", client.recv(100), b"to CO")
        client.sendall(b"COMMIT and more")
        got, how = end_of(client)
        assert b"COMMIT" not in got and how == "reset", (got, how)
        wait_for("the server has it all", lambda: scene.echo.heard.endswith(b"COMMIT and more"))


def test_flip_changes_one_bit():
    with Scene() as scene:
        client = scene.connect()
        exchange(client, b"ab")
        scene.proxy("all flip down 2")
        equal("flipped", exchange(client, b"aaaa"), b"aa" + bytes([ord("a") ^ 1]) + b"a")
        equal("once", exchange(client, b"aaaa"), b"aaaa")


def test_another_target_and_bad_orders():
    with Scene() as scene:
        other = Echo()
        scene.proxy(f"target {other.address}")
        exchange(scene.connect(), b"x")
        equal("heard", (scene.echo.heard, other.heard), (b"", b"x"))
        for order in ("nonsense", "cut sideways 3", "9 nonsense"):
            try:
                scene.proxy(order)
            except RuntimeError:
                continue
            raise AssertionError(f"{order} was obeyed")
        scene.proxy("target 127.0.0.1:1")
        try:
            how = end_of(scene.connect())[1]
        except ConnectionResetError:  # before connect() could return
            how = "reset"
        equal("nobody there", how, "reset")


def test_unix_sockets():
    import os
    import tempfile
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        echo = Echo(socket.AF_UNIX, f"{folder}/server")
        proxy = Proxy(f"{folder}/server", f"{folder}/proxy")
        client = socket.socket(socket.AF_UNIX)
        client.connect(f"{folder}/proxy")
        equal("through", exchange(client, b"hello"), b"hello")
        proxy("close")
        equal("closed", end_of(client)[1], "closed")
        proxy.end()
        echo.socket.close()
        assert os.path.exists(f"{folder}/server")


run(*[test for name, test in list(globals().items()) if name.startswith("test_")])
