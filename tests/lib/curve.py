"""A ZMTP client with CURVE that is no ZeroMQ library: it says whatever it is told, well formed or not, as fast as it can be sealed.
For tests of doors; libsodium by its C functions."""
import ctypes
import os
import socket
import struct

import zmq
from zmq.utils import z85

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"CURVE".ljust(20, b"\0") + bytes(32)
MORE, COMMAND = 1, 2  # inside a MESSAGE
PING, CANCEL = b"\4PING\0\0", b"\6CANCEL"
_sodium = ctypes.CDLL("libsodium.so.23")
_MAC = 16


def _call(name, *arguments):
    if getattr(_sodium, name)(*arguments) != 0:
        raise ValueError(f"{name}: it does not open")


def pair():
    """A new one: public, secret."""
    public, secret = ctypes.create_string_buffer(32), ctypes.create_string_buffer(32)
    _call("crypto_box_keypair", public, secret)
    return public.raw, secret.raw


def _box(nonce, plain, public, secret):
    out = ctypes.create_string_buffer(len(plain) + _MAC)
    _call("crypto_box_easy", out, plain, ctypes.c_ulonglong(len(plain)), nonce, public, secret)
    return out.raw


def _open(nonce, box, public, secret):
    out = ctypes.create_string_buffer(len(box))
    _call("crypto_box_open_easy", out, box, ctypes.c_ulonglong(len(box)), nonce, public, secret)
    return out.raw[:len(box) - _MAC]


def head(flags, size):
    return bytes([flags, size]) if size < 256 else bytes([flags | 2]) + struct.pack(">Q", size)


class Raw:
    """One connection, past its handshake; with hello_only past the server's WELCOME. Keys are bytes, `pair` is (public, secret)."""

    def __init__(self, address, server, pair, kind=b"DEALER", timeout=5, source=None, hello_only=False):
        host, port = address.removeprefix("tcp://").rsplit(":", 1)
        self.socket = socket.create_connection((host, int(port)), timeout, source and (source, 0))
        self.file, self.said = self.socket.makefile("rb"), 0
        try:
            self.socket.sendall(GREETING)
            if len(self.file.read(64)) < 64:
                raise ConnectionError("no greeting")
            short, server_short, cookie = self._say_hello(server)
            if not hello_only:
                self._initiate(server, pair, short, server_short, cookie, kind)
        except BaseException:
            self.close()
            raise

    def _say_hello(self, server):
        public, secret = pair()
        number = self._number()
        self._command(b"\5HELLO\1\0" + bytes(72) + public + number + _box(b"CurveZMQHELLO---" + number, bytes(64), server, secret))
        welcome = self._body()
        opened = _open(b"WELCOME-" + welcome[8:24], welcome[24:], server, secret)
        return (public, secret), opened[:32], opened[32:]

    def _initiate(self, server, own, short, server_short, cookie, kind):
        random, number = os.urandom(16), self._number()
        vouch = random + _box(b"VOUCH---" + random, short[0] + server, server_short, own[1])
        metadata = b"\x0bSocket-Type" + struct.pack(">I", len(kind)) + kind
        self._command(b"\x08INITIATE" + cookie + number +
                      _box(b"CurveZMQINITIATE" + number, own[0] + vouch + metadata, server_short, short[1]))
        if not self._body().startswith(b"\5READY"):
            raise ConnectionError("not let in")
        shared = ctypes.create_string_buffer(32)
        _call("crypto_box_beforenm", shared, server_short, short[1])
        self.shared = shared.raw

    def _number(self):
        self.said += 1
        return struct.pack(">Q", self.said)

    def _command(self, body):
        self.socket.sendall(head(4, len(body)) + body)

    def _body(self):
        first = self.file.read(1)
        size = int.from_bytes(self.file.read(8 if first and first[0] & 2 else 1), "big")
        body = self.file.read(size)
        if not first or len(body) < size:
            raise ConnectionError("the other side hung up")
        return body

    def sealed(self, content, flags=0, outer=0):
        """The bytes of one frame, to be sent in their order; `outer`: flags of the frame itself."""
        plain, number = bytes([flags]) + content, self._number()
        out = ctypes.create_string_buffer(len(plain) + _MAC)
        _call("crypto_box_easy_afternm", out, plain, ctypes.c_ulonglong(len(plain)), b"CurveZMQMESSAGEC" + number, self.shared)
        return head(outer, len(plain) + _MAC + 16) + b"\7MESSAGE" + number + out.raw

    def send(self, content, flags=0, outer=0):
        self.socket.sendall(self.sealed(content, flags, outer))

    def receive(self):
        """Flags and content of the next frame. Raises ConnectionError at the end, TimeoutError."""
        body = self._body()
        out = ctypes.create_string_buffer(len(body))
        _call("crypto_box_open_easy_afternm", out, body[16:], ctypes.c_ulonglong(len(body) - 16), b"CurveZMQMESSAGES" + body[8:16], self.shared)
        return out.raw[0], out.raw[1:len(body) - 16 - _MAC]

    def close(self):
        self.file.close()
        self.socket.close()


def client(keys, name, address, service, **options):
    """With the key of that name, to who answers there with the key of `service`."""
    secret = keys.secret(name)
    own = z85.decode(zmq.curve_public(secret)), z85.decode(secret)  # the list may name it no more
    return Raw(address, z85.decode(keys.public(service)), own, **options)
