#!/usr/bin/python3
"""reporting for real, on PostgreSQL and the test clock: the other services are played by journals that answer `journal.read`."""
import os
import subprocess
import sys
import tempfile
import threading
import time
import uuid

import msgpack
import zmq

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import kefu  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SECOND = 10**6
HOUR = 3600 * SECOND
DAY = 24 * HOUR
MONDAY = 1772413200 * SECOND  # 2026-03-02 09:00 in Shanghai
TOGETHER = ("intake", "routing", "escalation", "notification", "workforce")


def partition_of(key):
    value = 0xCBF29CE484222325
    for byte in str(key).encode():
        value = ((value ^ byte) * 0x100000001B3) % 2**64
    value = ((value ^ value >> 33) * 0xFF51AFD7ED558CCD) % 2**64
    return (value ^ value >> 33) % 32


class Journal(threading.Thread):
    """What another service said. Nothing is heard before release()."""

    def __init__(self, name):
        super().__init__(daemon=True)
        self.name, self.id, self.events, self.released, self.now = name, str(uuid.uuid4()), [], 0, MONDAY
        self.socket = kefu.keys().serve(zmq.Context.instance().socket(zmq.ROUTER), name)
        self.port = self.socket.bind_to_random_port("tcp://127.0.0.1")
        self.start()

    def say(self, at, type, key, **body):
        self.events.append({"partition": partition_of(body[key]), "seq": len(self.events) + 1, "at": at, "type": type, "version": 1,
                            "key": str(body[key]), "cause": "test", "body": msgpack.packb(body)})

    def release(self):
        self.released = len(self.events)

    def answer_to(self, kind, ask):
        if kind == "runtime.hello":
            return {"service": self.name, "instance": self.name}
        after = dict(zip(ask["partitions"], ask["after"]))
        found = [e for e in self.events[:self.released] if e["seq"] > after.get(e["partition"], 1 << 60)]
        return {"journal": self.id, "as_of": self.now, "events": found[:ask["most"]]}

    def run(self):
        while True:
            who, frame = self.socket.recv_multipart()
            _, _, header, body = msgpack.unpackb(frame)
            if header["type"] == "journal.read":
                time.sleep(0.002)
            answer = self.answer_to(header["type"], body)
            self.socket.send_multipart([who, msgpack.packb([1, "answer", {"id": header["id"], "type": header["type"]}, answer])])


class World:
    def __init__(self, clock=("--test-clock=yes", "--test-clock-start=2026-03-02T01:00:00Z")):
        self.database = kefu.Database()
        self.journals = {name: Journal(name) for name in TOGETHER}
        self.feed = f"tcp://127.0.0.1:{kefu.free_port()}"
        self.process = self.replica(self.feed, *clock)
        self.client = self.process.client()
        names = ["kpis.yaml", "calendars/service.yaml", "calendars/business.yaml", "calendars/natural.yaml"]
        files = [{"name": name, "body": open(f"{ROOT}/deploy/policy/{name}", encoding="utf-8").read()} for name in names]
        self.client.do("policy.publish", files=files)

    def replica(self, feed, *args):
        peers = {name: journal.port for name, journal in self.journals.items()}
        return kefu.Process("reporting", self.database.dsn, peers=peers, args=[f"--feed-endpoint={feed}", *args]).start().wait_ready()

    def set_clock(self, now):
        for journal in self.journals.values():
            journal.now = now
        self.client.do("clock.set", now=now)

    def say(self, service, at, type, key, **body):
        self.journals[service].say(at, type, key, **body)

    def release(self, *names):
        for name in names or TOGETHER:
            self.journals[name].release()
            self.quiet()

    def quiet(self):
        def all_heard():
            view = self.client.ask("runtime.quiet")
            heard = kefu.positions(view)
            for name, journal in self.journals.items():
                if any(e["seq"] > heard.get((name, e["partition"]), 0) for e in journal.events[:journal.released]):
                    return False
            return not view["busy"] and all(heard.get(("reporting", p), 0) >= seq for p, seq in enumerate(view["heads"]))
        kefu.wait_for("reporting to be quiet", all_heard)

    def summary(self, **period):
        view = self.client.ask("report.summary", **period)
        return {topic["topic"]: topic for topic in view.get("topics", [])}

    def finish(self):
        status = self.process.stop()
        log = self.process.log()
        self.database.drop()
        if "clean=1" not in log or "level=error" in log or "batch_failed" in log or "runtime error" in log:
            print(log[-3000:])
            raise AssertionError(f"reporting ended with {status}, see its log")


def moved(ticket, kind, step, to, at, **more):
    body = dict(ticket=ticket, kind=kind, step=step, action="x", **{"from": "A"}, to=to, path=[to], round=1, priority=2, org_unit="hq",
                replied=False, acknowledged=False, terminal=False, received_at=MONDAY)
    return dict(at=at, body={**body, **more})


def play(world, ticket, kind, received=MONDAY, contact=None, answered=False):
    """A ticket comes in, is told by intake and routing, and its clocks begin."""
    same = dict(ticket=ticket, contact=contact or ticket + 1000, kind=kind, channel="call", org_unit="hq", received_at=received,
                locale="zh-CN", important=False, answered=answered, deferred=False, reachable=True)
    world.say("intake", received, "ticket.opened", "ticket", **same, agitated=False)
    world.say("routing", received, "ticket.started", "ticket", **same, flow_version=1, state="RECEIVED", priority=2)
    for n, (name, limit) in enumerate((("SLA-02", 2 * HOUR), ("SLA-03", DAY))):
        world.say("escalation", received, "clock.started", "ticket", ticket=ticket, clock=ticket * 10 + n, name=name, kind=kind, round=1,
                  started_at=received, due_at=received + limit, policy=1, org_unit="hq")


def assign(world, ticket, kind, at, staff="sp01"):
    world.say("routing", at, "ticket.assigned", "ticket", ticket=ticket, kind=kind, state="RECEIVED", handler=staff, how="queue",
              org_unit="hq", priority=2)


def move(world, event):
    world.say("routing", event["at"], "ticket.moved", "ticket", **event["body"])


def stop_clock(world, ticket, kind, n, name, verdict, started, due, at):
    world.say("escalation", at, "clock.stopped", "ticket", ticket=ticket, clock=ticket * 10 + n, name=name, kind=kind, round=1,
              verdict=verdict, started_at=started, due_at=due, stopped_at=at, org_unit="hq")


def play_all(world):
    """Ten complaints, assigned after 1 to 10 minutes; results after 1 to 5 days; one is withdrawn; three repairs wait."""
    for i in range(1, 11):
        play(world, i, "complaint")
        assign(world, i, "complaint", MONDAY + i * 60 * SECOND, f"sp0{i % 2}")
        stop_clock(world, i, "complaint", 0, "SLA-02", "met", MONDAY, MONDAY + 2 * HOUR, MONDAY + i * 60 * SECOND)
    for i in range(1, 6):
        move(world, moved(i, "complaint", "CMP-T08", "IN_REVIEW", MONDAY + i * DAY, handler="su01", department="engineering"))
        stop_clock(world, i, "complaint", 1, "SLA-03", "met" if i == 1 else "breached", MONDAY, MONDAY + DAY, MONDAY + i * DAY)
    move(world, moved(10, "complaint", "ALL-T01", "WITHDRAWN", MONDAY + HOUR, terminal=True, exit="withdrawn", reason="sold_or_moved"))
    stop_clock(world, 10, "complaint", 1, "SLA-03", "none", MONDAY, MONDAY + DAY, MONDAY + HOUR)
    for i in range(6, 10):
        world.say("escalation", MONDAY + DAY, "clock.breached", "ticket", ticket=i, clock=i * 10 + 1, name="SLA-03", kind="complaint",
                  round=1, due_at=MONDAY + DAY, org_unit="hq")
    for i in range(20, 23):
        play(world, i, "repair", contact=2000)
        world.say("routing", MONDAY, "ticket.queued", "ticket", ticket=i, queue="ambassadors", priority=2, reason="nobody_on_duty")
    for n, held in ((1, False), (2, True), (3, True)):
        world.say("notification", MONDAY, "message.planned", "ticket", ticket=n, message=n, template="t", channel="mail", audience="customer",
                  send_at=MONDAY, held=held, cause="c")
    world.say("notification", MONDAY, "message.sent", "ticket", ticket=1, message=1, template="t", channel="mail", audience="customer",
              attempts=1)
    world.say("notification", MONDAY, "message.failed", "ticket", ticket=2, message=2, template="t", channel="mail", audience="customer",
              attempts=3, reason="refused")
    for staff, on in (("sp00", True), ("sp01", False)):
        world.say("workforce", MONDAY, "staff.changed", "staff", staff=staff, name=staff, unit="hq", roles=["specialist"], locale="zh-CN",
                  active=True)
        world.say("workforce", MONDAY, "duty.changed", "staff", staff=staff, on=on, roster="day")


EXPECTED = {
    "tickets/complaint/IN_REVIEW": 5, "tickets/complaint/RECEIVED": 4, "tickets/complaint/WITHDRAWN": 1, "tickets/complaint/NEW": 0,
    "tickets/repair/RECEIVED": 3, "tickets/open": 12, "tickets/department/engineering/open": 5, "tickets/department/none/open": 7,
    "exits/withdrawn/sold_or_moved": 1, "held/su01": 5, "held/sp00": 2, "held/sp01": 2, "waiting/ambassadors": 3,
    "clocks/SLA-02/met": 10, "clocks/SLA-02/running": 3, "clocks/SLA-03/met": 1, "clocks/SLA-03/breached": 8,
    "clocks/SLA-03/none": 1, "clocks/SLA-03/running": 3, "messages/sent": 1, "messages/failed": 1, "messages/held": 1, "messages/held_till_allowed": 2,
    "messages/planned": 0, "staff/active": 2, "staff/on_duty": 1,
}


def check_counts(world):
    topics = world.summary()
    for topic, count in EXPECTED.items():
        got = topics.get(topic, {}).get("count", 0)
        assert got == count, f"{topic} is {got}, not {count}"
    for topic, line in topics.items():
        assert topic in EXPECTED or topic.startswith("kpi/") or line["count"] == 0, line


def close(a, b):
    return a is not None and abs(a - b) < 1e-6


def check_kpis(world):
    """Seven days later everything has fallen due."""
    topics = world.summary(**{"from": MONDAY - DAY, "to": MONDAY + 7 * DAY})
    timely = topics["kpi/KPI-03"]  # due Thursday 11:00: three results came in time, the withdrawn one is apart
    assert (timely["count"], timely["of"], topics["kpi/KPI-03/apart"]["count"]) == (3, 9, 1) and timely["target"] == 95, timely
    result = topics["kpi/KPI-04"]
    assert result["count"] == 5 and close(result["value"], 72) and close(result["p50"], 72) and close(result["p90"], 120), result
    rate = topics["kpi/KPI-10"]  # three repairs came of one contact
    assert (rate["count"], rate["of"]) == (9, 11) and topics["kpi/KPI-10/apart"]["count"] == 1, rate
    replies = topics["kpi/KPI-11"]  # repairs have no part in it
    assert (replies["count"], replies["of"]) == (1, 9) and close(replies["value"], 100 / 9), replies
    named = topics["kpi/KPI-12"]  # three repairs still run, long overdue
    assert (named["count"], named["of"]) == (10, 13), named
    wait = topics["kpi/WAIT-ASSIGN"]  # 1 to 9 minutes; nearest rank of 9: the 5th and the 9th
    assert wait["count"] == 9 and (wait["value"], wait["p50"], wait["p90"]) == (300, 300, 540), wait
    empty = world.summary(**{"from": MONDAY - 40 * DAY, "to": MONDAY - 30 * DAY})
    assert all("of" not in empty[f"kpi/KPI-{n}"] and "value" not in empty[f"kpi/KPI-{n}"] for n in ("03", "10", "11", "12")), empty


def check_drill(world):
    def tickets(topic, **more):
        return world.client.ask("report.tickets", topic=topic, **more).get("tickets", [])
    assert tickets("tickets/complaint/IN_REVIEW") == [1, 2, 3, 4, 5]
    assert tickets("tickets/complaint/IN_REVIEW", after=2, limit=2) == [3, 4]
    assert tickets("tickets/department/engineering/open") == [1, 2, 3, 4, 5]
    assert tickets("waiting/ambassadors") == [20, 21, 22]
    assert tickets("held/sp01") == [7, 9] and tickets("exits/withdrawn/sold_or_moved") == [10]
    assert tickets("clocks/SLA-03/breached") == [2, 3, 4, 5, 6, 7, 8, 9] and tickets("messages/failed") == [2]
    assert len(tickets("tickets/open")) == 12 and tickets("nothing/such") == []


def test_any_order_of_sources():
    """Whoever is heard first, the numbers are the same."""
    for order in (TOGETHER, TOGETHER[::-1], ("notification", "routing", "intake", "workforce", "escalation")):
        world = World()
        play_all(world)
        world.release(*order)
        check_counts(world)
        check_drill(world)
        early = world.summary(**{"from": MONDAY - DAY, "to": MONDAY + 7 * DAY})
        assert "of" not in early["kpi/KPI-12"] and "of" not in early["kpi/KPI-03"], "nothing has fallen due yet"
        world.set_clock(MONDAY + 7 * DAY)
        check_kpis(world)
        world.finish()


def test_dashboard_sees_all_and_ends_equal():
    world = World()
    with tempfile.TemporaryFile("w+") as out:
        dashboard = subprocess.Popen([sys.executable, f"{ROOT}/deploy/examples/dashboard.py", world.feed, world.process.address, "",
                                      kefu.keys().folder], stdout=out)
        try:
            def lines():
                out.seek(0)
                return [line.rstrip("\n").split("\t") for line in out.readlines()]
            play_all(world)
            world.release("workforce")
            kefu.wait_for("a snapshot on the dashboard", lines)
            snapshot = max(int(line[0]) for line in lines())
            world.process.kill()  # SIGKILL: the feed goes on where it was
            world.process.start().wait_ready()
            world.release()
            page = world.client.ask("feed.read", after=1, limit=5000)
            every = {e["seq"] for e in page["entries"] if e["seq"] > snapshot}  # last values may come before what they overtook
            kefu.wait_for("every change on the dashboard", lambda: every <= {int(line[0]) for line in lines()})
            shown = lines()
            numbers = [int(line[0]) for line in shown]
            assert len(set(numbers)) == len(numbers), "nothing is shown twice"
            last = {line[1]: line[2:] for line in sorted(shown, key=lambda line: int(line[0]))}
            for topic, line in world.summary().items():
                want = [str(line.get(name, "")) for name in ("count", "of", "value", "p50", "p90")]
                assert last.get(topic) == want, f"{topic}: {last.get(topic)} is not {want}"
        finally:
            dashboard.terminate()
            dashboard.wait()
    world.finish()


def test_resume_and_snapshot():
    world = World()
    play_all(world)
    world.release()
    ask = world.client.ask
    whole = ask("feed.read", after=0)
    assert whole["reset"] and {e["topic"]: e.get("count", 0) for e in whole["entries"]}.items() >= EXPECTED.items()
    numbers = [e["seq"] for e in ask("feed.read", after=1, limit=5000)["entries"]]
    assert numbers == list(range(2, whole["seq"] + 1)), "no number is missing"
    at, got = 1, []
    while at < whole["seq"]:
        page = ask("feed.read", after=at, limit=7)
        got += [e["seq"] for e in page["entries"]]
        at = page["seq"]
    assert got == numbers, "page by page the same"
    held = ask("feed.read", after=1, prefix="held/", limit=5000)
    assert not held["reset"] and held["entries"] and all(e["topic"].startswith("held/") for e in held["entries"])
    assert ask("feed.read", after=whole["seq"] + 1)["reset"], "ahead of the feed: begin anew"
    world.database("UPDATE reporting.feed SET seq = seq + 100000 WHERE seq > 9")
    assert ask("feed.read", after=5)["reset"] and not ask("feed.read", after=100009)["reset"]
    world.finish()


def test_old_entries_are_cut_but_for_the_last_of_a_topic():
    world = World()
    superseded = lambda: int(world.database("SELECT count(*) FROM reporting.feed AS old WHERE seq <= 1000 AND EXISTS"
                                            " (SELECT FROM reporting.feed AS f WHERE f.topic = old.topic AND f.seq > old.seq)")[0][0])
    play_all(world)
    world.release()
    old = superseded()
    assert old > 0, "nothing to cut"
    # as if 100,996 entries had been written: the next ones cross 101,000, where those up to 1,000 are cut
    world.database("INSERT INTO reporting.feed SELECT 100996, topic, value, count, of, p50, p90, at FROM reporting.topic"
                   " WHERE topic = 'tickets/open'")
    for ticket, kind, more in ((30, "complaint", 1), (31, "inquiry", 2)):  # the second changes a topic whose last entry had been kept
        before = world.summary()
        play(world, ticket, kind)
        world.say("routing", MONDAY, "ticket.queued", "ticket", ticket=ticket, queue="desk", priority=2, reason="nobody_on_duty")
        if kind == "inquiry":
            assign(world, ticket, kind, MONDAY + HOUR, "su01")
        world.release()
        assert superseded() == 0, f"{superseded()} of {old} entries still there"
        after = world.summary()
        assert after["tickets/open"]["count"] == EXPECTED["tickets/open"] + more
        for topic in ("clocks/SLA-03/met", "messages/sent", "exits/withdrawn/sold_or_moved"):
            assert after[topic] == before[topic], f"nobody changed {topic}: {after[topic]}, {before[topic]} before"
        assert set(before) <= set(after), "a topic was lost"
    assert after["held/su01"]["count"] == EXPECTED["held/su01"] + 1
    world.finish()


def test_breach_withdrawn():
    world = World()
    play(world, 1, "complaint")
    world.say("escalation", MONDAY + 3 * HOUR, "clock.breached", "ticket", ticket=1, clock=10, name="SLA-02", kind="complaint", round=1,
              due_at=MONDAY + 2 * HOUR, org_unit="hq")
    world.release()
    assert world.summary()["clocks/SLA-02/breached"]["count"] == 1
    world.say("escalation", MONDAY + 4 * HOUR, "breach.withdrawn", "ticket", ticket=1, clock=10, name="SLA-02", kind="complaint",
              due_at=MONDAY + 2 * HOUR, stopped_at=MONDAY + HOUR)
    stop_clock(world, 1, "complaint", 0, "SLA-02", "met", MONDAY, MONDAY + 2 * HOUR, MONDAY + HOUR)
    world.release()
    topics = world.summary()
    assert topics["clocks/SLA-02/breached"]["count"] == 0 and topics["clocks/SLA-02/met"]["count"] == 1
    world.finish()


def subscribe(feed, prefix=""):
    socket = kefu.keys().join(zmq.Context.instance().socket(zmq.SUB), "reporting")
    socket.connect(feed)
    socket.subscribe(prefix)
    return socket


def hear(socket, topic, count, timeout=20):
    """Wait until the topic has this count; returns all that was heard."""
    heard, end = [], time.monotonic() + timeout
    while time.monotonic() < end:
        if socket.poll(100):
            heard.append(msgpack.unpackb(socket.recv_multipart()[1]))
            if heard[-1]["topic"] == topic and heard[-1].get("count", 0) == count:
                return heard
    raise TimeoutError(f"{topic} never was {count}: {heard[-3:]}")


def test_two_replicas_publish_everything_by_the_real_clock():
    world = World(clock=())
    now = time.time_ns() // 1000 - 10 * SECOND  # what is still to come is no part of any period
    for journal in world.journals.values():
        journal.now = now + HOUR
    second_feed = f"tcp://127.0.0.1:{kefu.free_port()}"
    boards = [subscribe(world.feed)]
    second = world.replica(second_feed)
    boards.append(subscribe(second_feed))
    for ticket in range(1, 41):
        play(world, ticket, "complaint", received=now)
        assign(world, ticket, "complaint", now + SECOND)
    for journal in world.journals.values():
        journal.release()
    for board in boards:
        hear(board, "held/sp01", 40)
    heard = hear(subscribe(second_feed, "kpi/"), "kpi/WAIT-ASSIGN", 40)  # the KPIs follow by themselves
    assert all(e["topic"].startswith("kpi/") for e in heard)
    started = time.monotonic()
    move(world, moved(1, "complaint", "CMP-T08", "IN_REVIEW", now + SECOND, handler="su01"))
    world.journals["routing"].release()
    for board in boards:
        hear(board, "held/su01", 1)
    print(f"# said to seen by both boards: {1000 * (time.monotonic() - started):.0f} ms")
    late = hear(subscribe(world.feed, "held/"), "held/su01", 1)
    assert {e["topic"] for e in late} <= {"held/sp01", "held/su01"}, "a late subscriber hears the last values of its prefix"
    assert second.stop() is not None
    world.finish()


kefu.run(test_two_replicas_publish_everything_by_the_real_clock, test_any_order_of_sources, test_dashboard_sees_all_and_ends_equal, test_resume_and_snapshot,
         test_old_entries_are_cut_but_for_the_last_of_a_topic, test_breach_withdrawn)
