#!/usr/bin/python3
"""The address of a service is somebody else's for a while: a web server, another service, one that hangs up, one that says nothing."""
import contextlib
import os
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fault  # noqa: E402
import kefu  # noqa: E402
from _pair import Pair, source  # noqa: E402
from _world import pick  # noqa: E402
from faultproxy import Proxy  # noqa: E402


class Talker:
    """A server that greets everybody with the same bytes, and hangs up unless it says nothing."""

    def __init__(self, greeting):
        self.greeting, self.guests, self.kept = greeting, 0, []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:{}".format(self.socket.getsockname()[1])
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                guest = self.socket.accept()[0]
                self.guests += 1
                with contextlib.suppress(OSError):
                    guest.sendall(self.greeting)
                if self.greeting:
                    guest.close()
                else:
                    self.kept.append(guest)

    def end(self):
        self.socket.close()
        for guest in self.kept:
            guest.close()


STRANGERS = {
    "a web server": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "one of another language": b"\xff\x00\x00\x00\x00\x00\x00\x00\x01\x7f" + b"\x03\x00NULL" + bytes(100),
    "one that says nothing": b"",
}


@fault.case("F20", "an address answers HTTP, noise, nothing, as another service, or hangs up; then it is right again")
def strangers_at_the_address():
    healed, meanwhile = {}, 0
    with Pair() as pair, contextlib.ExitStack() as later:
        intake = pair.start_intake()
        right = intake.address.removeprefix("tcp://")
        proxy = Proxy(right)
        later.callback(proxy.end)
        routing = pair.start_routing(f"static:{proxy.address}")
        sender, client = intake.client(), routing.client()
        pair.record(sender)
        pair.wait_arrived(20)
        others = {what: Talker(greeting) for what, greeting in STRANGERS.items()}
        for other in others.values():
            later.callback(other.end)
        targets = {what: other.address for what, other in others.items()}
        targets["another service"] = routing.address.removeprefix("tcp://")
        targets["one that hangs up"] = None
        for what, target in list(targets.items()) * pick(1, 2):
            proxy("refuse" if target is None else f"target {target}")
            proxy("now reset")
            kefu.wait_for("the link to be lost", lambda: source(client, "intake")["connected"] == 0, 10)
            ticket = pair.record(sender)
            time.sleep(pick(0.8, 12))
            assert source(client, "intake")["connected"] == 0 and ticket not in pair.arrived(), f"{what} was taken for intake"
            meanwhile += 1
            proxy("go")
            proxy(f"target {right}")
            begun = time.monotonic()
            kefu.wait_for(f"routing to find intake after {what}", lambda: source(client, "intake")["connected"] == 1, 20 * fault.crowding())
            pair.wait_arrived(10)
            healed[what] = max(healed.get(what, 0), time.monotonic() - begun)
            assert healed[what] <= 10 * fault.crowding(), f"{what}: healed after {healed[what]:.1f} s"
        heard = {what: other.guests for what, other in others.items()}
        assert all(heard.values()), f"who was never called: {heard}"
        pair.check()
    return f"{meanwhile} strangers; healed after " + ", ".join(f"{what} {s:.1f} s" for what, s in healed.items())


if __name__ == "__main__":
    fault.main(strangers_at_the_address)
