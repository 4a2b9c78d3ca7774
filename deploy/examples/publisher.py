#!/usr/bin/python3
"""A publisher: a customer complains; Kefu answers with the ticket's number once it is stored.  publisher.py [INTAKE [KEYS]]"""
import sys
import uuid

import msgpack
import zmq

intake, keys = sys.argv[1:3] + ["tcp://127.0.0.1:7101", "var/secrets"][len(sys.argv) - 1:]
secret = open(f"{keys}/publisher.secret", "rb").read().strip()  # `kefu key new` made it
socket = zmq.Context.instance().socket(zmq.DEALER)
socket.curve_secretkey, socket.curve_publickey = secret, zmq.curve_public(secret)
socket.curve_serverkey = next(line.split()[1].encode() for line in open(f"{keys}/clients") if line.startswith("intake "))
socket.connect(intake)


def send(id, kind, body):
    """Say it until it is answered: the id makes sure that it happens once, however often it is said."""
    while True:
        socket.send(msgpack.packb([1, "command", {"id": id, "type": kind, "v": 1}, body]))
        while socket.poll(2000):
            _, verb, header, answer = msgpack.unpackb(socket.recv())
            if header["id"] == id and verb != "retry":
                return verb, answer


call = uuid.uuid4().hex
complaint = {"source": "pbx", "source_id": call, "channel": "call", "phone": "000-0000-0100", "customer_name": "Demo Customer",
             "items": [{"kind": "complaint", "words": "The lift stops between floors", "expected": "Have it inspected"}]}
for attempt in range(3):
    verb, answer = send("complaint-" + call, "contact.record", complaint)
    print(verb, answer["tickets"] if verb == "answer" else answer["message"])

complaint.update(source_id=uuid.uuid4().hex, channel="pigeon")
verb, answer = send("wrong-" + call, "contact.record", complaint)
print(verb, answer["field"], "-", answer["message"])
