#!/usr/bin/python3
"""escalation for real, on PostgreSQL and the test clock. routing and notification are played here: two journals that
answer `journal.read`, so that the order and the times of their events are ours to choose."""
import os
import select
import signal
import subprocess
import sys
import threading
import time
import uuid

import msgpack
import zmq

import kefu

MASK = (1 << 64) - 1
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BIN = os.path.join(os.environ["KEFU_BIN"], "kefu-escalation")
SERVER = os.environ["KEFU_TEST_DSN"]
DATABASE = f"escalation_{os.getpid()}"
MINUTE = 60 * 10**6
HOUR = 60 * MINUTE


def partition_of(key):
    value = 0xCBF29CE484222325
    for byte in str(key).encode():
        value = ((value ^ byte) * 0x100000001B3) & MASK
    value ^= value >> 33
    value = (value * 0xFF51AFD7ED558CCD) & MASK
    return (value ^ (value >> 33)) % 32


def shanghai(day, clock):
    """Microseconds of "03-02", "09:00" in 2026."""
    return int(time.mktime(time.strptime(f"2026-{day} {clock}", "%Y-%m-%d %H:%M")) - 8 * 3600) * 10**6


def psql(sql, database=DATABASE):
    done = subprocess.run(["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", sql, f"{SERVER} dbname={database}"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise RuntimeError(done.stderr)
    return done.stdout.strip()


class Source(threading.Thread):
    """A journal that answers questions as a service would."""

    def __init__(self, context, name):
        super().__init__(daemon=True)
        self.name, self.now, self.events, self.lock = name, 0, [], threading.Lock()
        self.id = str(uuid.uuid4())
        self.socket = kefu.keys().serve(context.socket(zmq.ROUTER), name)
        self.port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.start()

    def say(self, at, kind, body):
        with self.lock:
            self.events.append({"partition": partition_of(body["ticket"]), "seq": len(self.events) + 1, "at": at,
                                "type": kind, "version": 1, "key": str(body["ticket"]), "cause": "test",
                                "body": msgpack.packb(body)})

    def page(self, ask):
        after = dict(zip(ask["partitions"], ask["after"]))
        with self.lock:
            found = [e for e in self.events if e["seq"] > after.get(e["partition"], 1 << 60)]
            return {"journal": self.id, "as_of": self.now, "events": found[:ask["most"]]}

    def run(self):
        waiting = []
        while True:
            readable = select.select([self.socket.fileno()], [], [], 0.01)[0] or True
            while readable and self.socket.getsockopt(zmq.EVENTS) & zmq.POLLIN:
                who, frame = self.socket.recv_multipart()
                header, body = msgpack.unpackb(frame, raw=False)[2:]
                if header["type"] == "runtime.hello":
                    self.answer(who, header, {"service": self.name, "instance": self.name})
                elif header["type"] == "journal.read":
                    until = time.monotonic() + min(body["wait_ms"], 200) / 1000
                    waiting.append((until, who, header, body))
            late = time.monotonic()
            kept = []
            for item in waiting:
                page = self.page(item[3])
                if page["events"] or item[0] <= late:
                    self.answer(item[1], item[2], page)
                else:
                    kept.append(item)
            waiting = kept

    def answer(self, who, header, body):
        self.socket.send_multipart([who, msgpack.packb([1, "answer", {"id": header["id"], "type": header["type"]}, body])])


class World:
    def __init__(self):
        self.context = zmq.Context()
        self.routing = Source(self.context, "routing")
        self.notification = Source(self.context, "notification")
        psql(f"CREATE DATABASE {DATABASE}", "postgres")
        with zmq.Context() as probe, probe.socket(zmq.ROUTER) as socket:
            self.port = socket.bind_to_random_port("tcp://127.0.0.1")
        self.process = None
        self.now = shanghai("03-02", "08:00")
        self.run("--migrate-only").wait()
        psql(f"UPDATE escalation.test_clock SET at = to_timestamp({self.now // 10**6})")  # it only goes forward
        self.start()
        self.publish()
        self.set_clock(self.now)

    def run(self, *more):
        with open(os.path.join(os.environ["B"], "escalation_service.log"), "ab") as log:
            return subprocess.Popen(
                [BIN, f"--database={SERVER} dbname={DATABASE}", f"--endpoint=tcp://127.0.0.1:{self.port}",
                 f"--keys={kefu.keys().folder}",
                 "--test-clock=yes", "--lease=1s", "--isolate-after-crash=0s", f"--home={ROOT}",
                 f"--peer-routing=static:127.0.0.1:{self.routing.port}",
                 f"--peer-notification=static:127.0.0.1:{self.notification.port}", *more], stderr=log, cwd=ROOT)

    def start(self):
        self.process = self.run()
        self.dealer = kefu.keys().join(self.context.socket(zmq.DEALER), "escalation")
        self.dealer.linger = 0
        self.dealer.connect(f"tcp://127.0.0.1:{self.port}")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.dealer.close()

    def ask(self, verb, kind, body, seconds=20):
        until = time.monotonic() + seconds
        ident = uuid.uuid4().hex
        while time.monotonic() < until:
            self.dealer.send(msgpack.packb([1, verb, {"id": ident, "type": kind, "v": 1}, body]))
            if not self.dealer.poll(2000):
                continue
            _, answered, header, result = msgpack.unpackb(self.dealer.recv(), raw=False)
            if header["id"] != ident:
                continue
            if answered == "answer":
                return result
            if answered == "refused":
                raise RuntimeError(f"{kind}: {result}")
            time.sleep(0.05)
        raise RuntimeError(f"{kind}: no answer")

    def publish(self, holiday=None):
        files = []
        for name in ["clocks.yaml"] + [f"calendars/{n}" for n in sorted(os.listdir(f"{ROOT}/deploy/policy/calendars"))]:
            with open(f"{ROOT}/deploy/policy/{name}", encoding="utf-8") as file:
                body = file.read()
            if holiday and name == "calendars/business.yaml":
                body = body.replace("holidays:\n", f"holidays:\n  - {holiday}\n", 1)
            files.append({"name": name, "body": body})
        return self.ask("command", "policy.publish", {"files": files})

    def set_clock(self, now):
        self.now = self.routing.now = self.notification.now = now
        self.ask("command", "clock.set", {"now": now})

    def quiet(self):
        """Wait until everything said has been handled. The next alarm, or None."""
        until = time.monotonic() + 40
        while time.monotonic() < until:
            view = self.ask("query", "runtime.quiet", {"fresh": True})
            done = kefu.positions(view)
            behind = [e for s in (self.routing, self.notification) for e in s.events
                      if done.get((s.name, e["partition"]), 0) < e["seq"]]
            if not view["busy"] and not behind:
                return view.get("next_alarm")
            time.sleep(0.02)
        raise RuntimeError(f"not quiet: {view}")

    def advance(self, target):
        while True:
            alarm = self.quiet()
            if not alarm or alarm > target:
                break
            self.set_clock(max(alarm, self.now))
        if target > self.now:
            self.set_clock(target)
        return self.quiet()

    def started(self, ticket, at=None, **more):
        body = {"ticket": ticket, "contact": 1, "kind": "complaint", "flow_version": 1, "state": "RECEIVED", "priority": 2,
                "channel": "call", "org_unit": "centre", "owner": "sp01", "received_at": at or self.now, "locale": "zh-CN",
                "important": False, "answered": False, "deferred": False, "reachable": True, **more}
        self.routing.say(at or self.now, "ticket.started", body)

    def assigned(self, ticket, at=None):
        self.routing.say(at or self.now, "ticket.assigned", {
            "ticket": ticket, "kind": "complaint", "state": "RECEIVED", "handler": "sp02", "how": "queue",
            "org_unit": "centre", "priority": 2})

    def moved(self, ticket, step, to, at=None, **more):
        self.routing.say(at or self.now, "ticket.moved", {
            "ticket": ticket, "kind": "complaint", "step": step, "action": "x", "from": "A", "to": to, "path": [to],
            "owner": "sp01", "handler": "sp02", "round": 1, "priority": 2, "org_unit": "centre", "replied": False,
            "acknowledged": False, "terminal": False, "received_at": self.now, **more})

    def clocks(self, ticket):
        rows = self.ask("query", "clock.list", {"ticket": ticket}).get("rows", [])
        return sorted(f"{r['name']} {r['state']} {r.get('level', '-')}" for r in rows)

    def said(self, ticket):
        """What is in the journal about a ticket: "type name", levels with their name."""
        rows = psql(f"SELECT type, encode(body, 'hex') FROM escalation.journal WHERE key = '{ticket}' ORDER BY seq")
        out = []
        for line in rows.splitlines():
            kind, body = line.split("|")
            fields = msgpack.unpackb(bytes.fromhex(body), raw=False)
            out.append(" ".join([kind, fields["name"], fields.get("level") or fields.get("verdict") or ""]).strip())
        return out


FAILED = []


def check(what, got, want):
    if got == want:
        print(f"ok {what}", flush=True)
    else:
        FAILED.append(what)
        print(f"not ok {what}\n# got  {got}\n# want {want}", flush=True)


def test_climb(world):
    world.started(101)
    world.advance(world.now + 90 * MINUTE)  # 8:00, an hour before service begins: half an hour used up
    check("a breach climbs the ladder, each level once", [s for s in world.said(101) if "CMP-02" in s],
          ["clock.started CMP-02", "clock.level CMP-02 L1_50", "clock.level CMP-02 L1_80", "clock.breached CMP-02",
           "clock.level CMP-02 L2", "clock.level CMP-02 L2_150"])
    world.moved(101, "CMP-T02", "SUPERVISOR_NOTIFIED", acknowledged=True)
    world.quiet()
    check("exactly at a level's instant it is not reached", world.said(101)[-1], "clock.stopped CMP-02 breached")
    alarms = psql("SELECT count(*) FROM escalation.alarm WHERE name = 'clock.due' AND key IN (SELECT id::text FROM "
                  "escalation.clock WHERE name = 'CMP-02')")
    check("a stopped clock has no alarm", alarms, "0")


def test_due_exactly(world):
    begun = world.now
    world.started(102, promised_at=begun + 2 * HOUR)
    world.advance(begun + 2 * HOUR)
    world.moved(102, "CMP-T11", "COMMUNICATED", replied=True)
    world.advance(world.now + MINUTE)
    check("closing exactly at the due time is met", [s for s in world.said(102) if "SLA-25" in s],
          ["clock.started SLA-25", "clock.level SLA-25 L1_50", "clock.level SLA-25 L1_80", "clock.stopped SLA-25 met"])


def test_withdrawn(world):
    begun = world.now
    world.started(103)
    world.advance(begun + 24 * HOUR + MINUTE)
    check("the 24 h have passed", "SLA-03 breached L2" in world.clocks(103), True)
    world.notification.say(begun + 24 * HOUR, "reply.delivered",
                           {"ticket": 103, "person": "sp01", "channel": "mail", "gives": "result"})
    world.quiet()
    check("a reply in time, heard late, withdraws the breach", [s for s in world.said(103) if "SLA-03" in s][-2:],
          ["breach.withdrawn SLA-03", "clock.stopped SLA-03 met"])


def test_reply_first(world):
    world.notification.say(world.now + MINUTE, "reply.delivered",
                           {"ticket": 104, "person": "sp01", "channel": "mail", "gives": "progress",
                            "next_at": world.now + 3 * HOUR})
    world.quiet()
    world.started(104)
    world.assigned(104)
    world.advance(world.now + 2 * MINUTE)
    check("notification's word before routing's", world.clocks(104),
          ["CMP-02 running -", "SLA-02 met -", "SLA-03 met -", "SLA-25 running -"])


def test_down_time(world):
    world.started(105)
    world.quiet()
    world.kill()
    world.start()
    world.set_clock(world.now + 26 * HOUR)
    world.quiet()
    levels = [s.split()[-1] for s in world.said(105) if s.startswith("clock.level SLA-02")]
    check("after down time every level once", levels, ["L1_50", "L1_80", "L2", "L2_150", "L3", "L4"])
    at = psql("SELECT count(DISTINCT due_at) FROM escalation.clock WHERE ticket = 105 AND name = 'SLA-02'")
    check("one clock", at, "1")


def test_queries(world):
    rows = world.ask("query", "clock.explain", {"ticket": 101, "name": "CMP-02"})["rows"]
    check("spans add up to the deadline", [sum(s["seconds"] for s in r["spans"]) for r in rows], [15 * 60])
    check("explained", [(r["rule"], r["base"], r["limit"], r["started_by"], r["stopped_by"]) for r in rows],
          [("CMP-02", "service", "15min", "ticket.started", "ticket.moved CMP-T02")])
    seen, after, pages = [], 0, 0
    while True:
        page = world.ask("query", "clock.verdicts", {"name": "SLA-02", "limit": 2, **({"after": after} if after else {})})
        seen += [(r["ticket"], r["verdict"]) for r in page.get("rows", [])]
        pages += 1
        if not page["more"]:
            break
        after = seen[-1][0]
    check("verdicts page by page", seen, [(101, "met"), (102, "met"), (103, "breached"), (104, "met"), (105, "breached")])
    check("pages", pages, 3)


def test_new_holiday(world):
    world.started(106)
    world.moved(106, "CMP-T04", "ASSIGNED")
    world.quiet()
    due = psql("SELECT due_at::date FROM escalation.clock WHERE ticket = 106 AND name = 'CMP-04'")
    version = world.publish("2026-03-06")
    world.advance(shanghai("03-09", "18:00"))
    check("three working days from Wednesday", due, "2026-03-09")
    check("another holiday is another version", version["changed"], True)
    check("a new holiday moves the running clock, and breaches nobody", [s for s in world.said(106) if "CMP-04" in s],
          ["clock.started CMP-04", "clock.redated CMP-04", "clock.level CMP-04 L1_50", "clock.level CMP-04 L1_80"])
    world.kill()
    world.start()
    world.moved(106, "CMP-T08", "IN_REVIEW")
    world.quiet()
    check("a clock of an earlier version is stopped after a restart", world.said(106)[-1], "clock.stopped CMP-04 met")


def test_dead(world):
    world.moved(999, "CMP-T02", "X")
    world.quiet()
    check("a move of an unknown ticket is set aside", psql("SELECT key, reason FROM escalation.dead_letter"),
          "999|unknown ticket 999 (not received yet)")


def main():
    os.environ["TZ"] = "UTC"
    time.tzset()
    world = World()
    try:
        for test in (test_climb, test_due_exactly, test_withdrawn, test_reply_first, test_down_time, test_queries,
                     test_new_holiday, test_dead):
            try:
                test(world)
            except RuntimeError as error:
                check(test.__name__, str(error), "")
    finally:
        world.kill()
        psql(f"DROP DATABASE {DATABASE}", "postgres")
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
