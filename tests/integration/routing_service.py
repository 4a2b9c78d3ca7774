#!/usr/bin/python3
"""routing for real, on PostgreSQL. intake, workforce and notification are played: what they say is the test's choice."""
import contextlib
import datetime
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from kefu import Database, Process, Refused, policy_files, positions, run, wait_for  # noqa: E402
from played import Played  # noqa: E402

TODAY = int(datetime.datetime.now(datetime.timezone.utc).strftime("%y%m%d"))
LOADS = """SELECT count(*) FROM (SELECT coalesce(l.taken, 0) + coalesce(t.net, 0) AS load,
    (SELECT count(*) FROM routing.ticket k WHERE k.handler = s.staff AND k.closed_at IS NULL) AS held
    FROM routing.staff s LEFT JOIN routing.staff_load l USING (staff) LEFT JOIN routing.staff_tally t USING (staff)) x
    WHERE load <> held"""


class World:
    def __init__(self):
        self.database = Database()
        self.others = {name: Played(name) for name in ("intake", "workforce", "notification")}
        self.routing = Process("routing", self.database.dsn, args=["--isolate-after-crash=0s"],
                               peers={name: other.port for name, other in self.others.items()})
        self.last = 0
        self.start()
        self.client.do("policy.publish", files=policy_files())

    def start(self):
        self.routing.start().wait_ready()
        self.client = self.routing.client()

    def end(self):
        if self.routing.process.poll() is None:
            self.routing.kill()
        for other in self.others.values():
            other.end()
        self.database.drop()

    def staff(self, code, role, skills=(), most=0, on=True, unit="service"):
        body = {"staff": code, "name": code, "unit": unit, "department": unit, "roles": [role], "locale": "en", "active": True}
        if skills:
            body["skills"] = list(skills)
        if most:
            body["most_open"] = most
        self.others["workforce"].say("staff.changed", code, body)
        self.others["workforce"].say("duty.changed", code, {"staff": code, "on": on, "roster": "day"})

    def open(self, kind, **more):
        self.last += 1
        number = TODAY * 10**9 + self.last
        body = {"ticket": number, "contact": 1, "kind": kind, "channel": "call", "org_unit": "company",
                "received_at": time.time_ns() // 1000, "locale": "en", "important": False, "agitated": False, "answered": False,
                "deferred": False, "reachable": True, **more}
        self.others["intake"].say("ticket.opened", number, body)
        return number

    def note(self, ticket, note):
        self.others["intake"].say("note.added", ticket, {"ticket": ticket, "note": note, "name": "words"})

    def act(self, ticket, actor, action, handler=None, department=None, id=None, **fields):
        body = {"ticket": ticket, "action": action, "fields": [{"name": n, "value": v} for n, v in fields.items()]}
        if handler:
            body["handler"] = handler
        if department:
            body["department"] = department
        return self.client.call("command", "ticket.act", body, id, actor)

    def handler(self, ticket):
        return self.client.ask("ticket.get", ticket=ticket).get("handler")

    def settled(self):
        def nothing_moves():
            first = self.client.ask("runtime.quiet")
            time.sleep(0.05)
            second = self.client.ask("runtime.quiet", fresh=True)
            own = positions(second)
            behind = [p for p, head in enumerate(second["heads"]) if own.get(("routing", p), 0) < head]
            return second["busy"] == 0 and not behind and first["done"] == second["done"]
        wait_for("routing to settle", nothing_moves)


@contextlib.contextmanager
def world():
    made = World()
    try:
        yield made
        log = made.routing.log()
        if "Sanitizer" in log or "runtime error" in log:
            raise AssertionError(log[-3000:])
    finally:
        made.end()


def check(what, got, want):
    if got != want:
        raise AssertionError(f"{what}: got {got!r}, want {want!r}")


def refused(what, rule, call):
    try:
        call()
    except Refused as refusal:
        check(what, refusal.rule, rule)
        return
    raise AssertionError(f"{what}: not refused")


def complaint_moves_by_commands():
    with world() as w:
        w.staff("sp1", "specialist", ["complaint"])
        w.staff("su1", "supervisor")
        w.staff("de1", "department", unit="engineering")
        ticket = w.open("complaint", recorder="sp1")
        wait_for("a handler", lambda: w.database(f"SELECT 1 FROM routing.ticket WHERE id = {ticket} AND handler = 'sp1'"))
        refused("a form", "CMP-01", lambda: w.act(ticket, "sp1", "register", apology="true"))
        refused("a stranger", "ORG-69", lambda: w.act(ticket, "xx", "register", apology="true", facts="a"))
        w.note(ticket, 77)
        facts = {"apology": "true", "facts": "note:77"}  # asked again until the note has been heard of
        first = w.act(ticket, "sp1", "register", id="r1", **facts)
        check("state", first["state"], "REGISTERED")
        check("the same again", w.act(ticket, "sp1", "register", id="r1", **facts), first)
        w.act(ticket, "su1", "acknowledge", informed_by="sp1", acknowledged_by="su1", first_measures="note:77")
        w.act(ticket, "su1", "assess", analysis="note:77")
        check("handler", w.act(ticket, "su1", "assign", handler="de1", department="engineering", plan="note:77")["handler"], "de1")
        view = w.client.ask("ticket.get", ticket=ticket)
        check("moves", [m["step"] for m in view["moves"]], ["opened", "CMP-T01", "CMP-T02", "CMP-T03", "CMP-T04"])
        check("department", view["department"], "engineering")
        check("loads", {r["staff"]: r["open"] for r in w.client.ask("staff.loads")["rows"]}, {"sp1": 0, "su1": 0, "de1": 1})


def queue_is_drained_under_limits_while_killed():
    with world() as w:
        limit, tickets = 3, 90
        w.staff("su1", "supervisor")
        for code in ("am1", "am2", "am3"):
            w.staff(code, "ambassador", ["repair"], most=limit)
        for i in range(tickets):
            w.open("repair", recorder="am1", **({"class": "emergency"} if i == tickets - 1 else {}))
        ended, kills = set(), 0
        while len(ended) < tickets:
            held = w.database("SELECT id, handler FROM routing.ticket WHERE closed_at IS NULL AND handler LIKE 'am%'")
            for code in ("am1", "am2", "am3"):
                check("never above the limit", sum(row[1] == code for row in held) <= limit, True)
            for number, _ in held:
                w.act(int(number), "su1", "record_in_error", id=f"e{number}", error_reason="test", requested_by="am1")
                ended.add(number)
            if kills < 3 and len(ended) > tickets * (kills + 1) // 4:
                w.routing.kill()
                w.start()
                kills += 1
            # an emergency needs somebody trained for it: hand it out by hand
            for row in w.database("SELECT id FROM routing.ticket WHERE queue = 'emergency'") if len(ended) == tickets - 1 else []:
                w.client.call("command", "ticket.assign", {"ticket": int(row[0]), "handler": "am2", "reason": "emergency"}, None, "su1")
        w.settled()
        check("loads that differ from what is held", w.database(LOADS), [["0"]])
        check("places left in queues", w.database("SELECT count(*) FROM routing.waiting"), [["0"]])
        check("set aside", w.database("SELECT count(*) FROM routing.dead_letter"), [["0"]])
        check("each assigned once", w.database("SELECT count(DISTINCT key), count(*) FROM routing.journal"
                                               " WHERE type = 'ticket.assigned'"), [[str(tickets), str(tickets)]])
        check("each ended once", w.database("SELECT count(*) FROM routing.journal WHERE type = 'ticket.moved'"), [[str(tickets)]])


run(complaint_moves_by_commands, queue_is_drained_under_limits_while_killed)
