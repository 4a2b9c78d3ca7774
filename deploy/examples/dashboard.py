#!/usr/bin/python3
"""A dashboard: every number of Kefu and each of its changes, one line each.  dashboard.py [FEED [RPC [PREFIX [KEYS]]]]"""
import sys, time

import msgpack, zmq

feed, rpc, prefix, keys = sys.argv[1:5] + ["tcp://127.0.0.1:7206", "tcp://127.0.0.1:7106", "", "var/secrets"][len(sys.argv) - 1:]
secret = open(f"{keys}/dashboard.secret", "rb").read().strip()  # `kefu key new` made it
live, ask = zmq.Context.instance().socket(zmq.SUB), zmq.Context.instance().socket(zmq.DEALER)
for socket, address in ((live, feed), (ask, rpc)):
    socket.curve_secretkey, socket.curve_publickey = secret, zmq.curve_public(secret)
    socket.curve_serverkey = next(line.split()[1].encode() for line in open(f"{keys}/clients") if line.startswith("reporting "))
    socket.connect(address)
live.subscribe(prefix)
head, seen = 0, set()  # all up to head has been shown, and what was seen beyond; after 0 comes a snapshot


def show(entry):
    if entry["seq"] > head and entry["seq"] not in seen:  # a new subscriber hears the last values; they may come twice
        seen.add(entry["seq"])
        print(*(entry.get(name, "") for name in ("seq", "topic", "count", "of", "value", "p50", "p90")), sep="\t", flush=True)


while True:
    ask.send(msgpack.packb([1, "query", {"id": str(head), "type": "feed.read", "v": 1}, {"after": head, "prefix": prefix}]))
    _, verb, _, page = msgpack.unpackb(ask.recv()) if ask.poll(2000) else (1, "retry", {}, {})
    if verb != "answer": print(page.get("message", "no answer"), file=sys.stderr); time.sleep(1); continue
    for entry in page.get("entries", []):
        show(entry)
    head, seen = max(head, page["seq"]), {seq for seq in seen if seq > page["seq"]}
    while live.poll(2000) and len(seen) < 1000:  # silence: ask whether something was lost on the way
        show(msgpack.unpackb(live.recv_multipart()[1]))
