"""A service that is only played: it has a journal that a real service under test can read, and a test decides what it says."""
import threading
import time
import uuid

import msgpack
import zmq

import kefu

PARTITIONS = 32


def partition_of(key):
    """As partition_of() of common/runtime/api/plan.c: FNV-1a of 64 bits with a final mix."""
    mask, value = (1 << 64) - 1, 0xCBF29CE484222325
    for byte in str(key).encode():
        value = (value ^ byte) * 0x100000001B3 & mask
    value = (value ^ value >> 33) * 0xFF51AFD7ED558CCD & mask
    return (value ^ value >> 33) % PARTITIONS


class Played:
    """Answers runtime.hello and journal.read on a port of its own, from a thread."""

    def __init__(self, name):
        self.name, self.journal, self.events = name, str(uuid.uuid4()), []
        self.patience = 0.2  # seconds that a question waits for an event at most
        self.pages = 0  # asked for
        self.answers = {}  # query -> function of its body, for those that ask this service
        self.clock = lambda: time.time_ns() // 1000
        self.socket = zmq.Context.instance().socket(zmq.ROUTER)
        self.socket.setsockopt(zmq.LINGER, 0)
        kefu.keys().serve(self.socket, name)
        self.port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.ended = False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def say(self, kind, key, body, at=None):
        """Append an event; `key` is the text of its key."""
        at = at or self.clock()
        event = {"partition": partition_of(key), "seq": len(self.events) + 1, "at": at, "type": kind, "version": 1,
                 "key": str(key), "cause": "test", "body": msgpack.packb(body)}
        self.events.append(event)

    def end(self):
        self.ended = True
        self.thread.join()
        self.socket.close()

    def _page(self, query):
        after = dict(zip(query["partitions"], query["after"]))
        now = self.clock()
        found = [e for e in list(self.events) if e["seq"] > after.get(e["partition"], len(self.events) + 1)]
        return {"journal": self.journal, "as_of": now, "events": found[:query["most"]]}

    def _answer(self, who, header, body):
        reply = {"id": header["id"], "type": header["type"]}
        self.socket.send_multipart([who, msgpack.packb([1, "answer", reply, body])])

    def _serve(self):
        waiting = []
        while not self.ended:
            if self.socket.poll(10):
                who, frame = self.socket.recv_multipart()
                _, _, header, body = msgpack.unpackb(frame)
                if header["type"] == "runtime.hello":
                    self._answer(who, header, {"service": self.name, "instance": self.name})
                elif header["type"] in self.answers:
                    self._answer(who, header, self.answers[header["type"]](body))
                else:
                    self.pages += 1
                    waiting.append((time.monotonic() + min(body.get("wait_ms", 0) / 1000, self.patience), who, header, body))
            still = []
            for item in waiting:
                page = self._page(item[3])
                if page["events"] or time.monotonic() >= item[0]:
                    self._answer(item[1], item[2], page)
                else:
                    still.append(item)
            waiting = still
