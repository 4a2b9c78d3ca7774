#!/usr/bin/python3
"""A publisher: a customer complains; Kefu answers with the ticket's number once it is stored.  publisher.py [INTAKE [KEYS]]"""
import sys, time, uuid

import msgpack, zmq

intake, keys = sys.argv[1:3] + ["tcp://127.0.0.1:7101", "var/secrets"][len(sys.argv) - 1:]
secret = open(f"{keys}/publisher.secret", "rb").read().strip()  # `kefu key new` made it
server = next(line.split()[1].encode() for line in open(f"{keys}/clients") if line.startswith("intake "))
socket = None


def send(id, kind, body):  # until it is answered: the id makes sure that it happens once, however often it is said
    global socket
    frame, pause = msgpack.packb([1, "command", {"id": id, "type": kind, "v": 1}, body]), 0.05
    assert len(frame) <= 131072  # a larger one is refused, and beyond 1 MiB not even answered
    while True:
        if socket is None:
            socket = zmq.Context.instance().socket(zmq.DEALER)
            socket.curve_secretkey, socket.curve_publickey, socket.curve_serverkey = secret, zmq.curve_public(secret), server
            socket.connect(intake)
        socket.send(frame)
        _, verb, header, answer = msgpack.unpackb(socket.recv()) if socket.poll(2000) else (1, "retry", {}, None)
        if verb != "retry": return verb, answer
        socket = socket.close(0)  # it hangs, is busy or ends: behind the address there may be others
        time.sleep(pause := min(2 * pause, 5))


call = uuid.uuid4().hex
complaint = {"source": "pbx", "source_id": call, "channel": "call", "phone": "000-0000-0100", "customer_name": "Demo Customer",
             "items": [{"kind": "complaint", "words": "The lift stops between floors", "expected": "Have it inspected"}]}
for attempt in range(3):
    verb, answer = send("complaint-" + call, "contact.record", complaint)
    print(verb, answer["tickets"] if verb == "answer" else answer["message"])

verb, answer = send("wrong-" + call, "contact.record", dict(complaint, source_id=uuid.uuid4().hex, channel="pigeon"))
print(verb, answer["field"], "-", answer["message"])
