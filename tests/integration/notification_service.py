#!/usr/bin/python3
"""notification for real, on PostgreSQL and the test clock: intake, routing, escalation and workforce are played; mail goes
through a real relay (exim4, which delivers to a file), webhooks to an HTTP server of the test."""
import calendar
import email
import email.header
import glob
import hashlib
import hmac
import http.server
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from kefu import Database, Process, Refused, free_port, positions, run, wait_for  # noqa: E402
from played import Played  # noqa: E402

POLICY = "deploy/policy"
SECRET = "a key that only the tests know"
MINUTE, HOUR = 60 * 10**6, 3600 * 10**6
PRIVATE = ("lihua@example.org", "13812344821", "水管已经修好,请查收")


def shanghai(day, clock):
    """Microseconds of "03-02", "09:00" in 2027."""
    return (calendar.timegm(time.strptime(f"2027-{day} {clock}", "%Y-%m-%d %H:%M")) - 8 * 3600) * 10**6


def policy_files():
    for path in sorted(glob.glob(f"{POLICY}/templates/**/*.yaml", recursive=True)) + [f"{POLICY}/notify.yaml",
                                                                                        f"{POLICY}/quiet.yaml"]:
        with open(path, encoding="utf-8") as file:
            yield {"name": os.path.relpath(path, POLICY), "body": file.read()}


class Relay:
    """exim4 as its own user, on a port of its own; everything for @example.org lands in one mbox file. nobody@ is refused."""

    CONF = """primary_hostname = relay.example.org
keep_environment =
spool_directory = {dir}/spool
log_file_path = {dir}/log/%slog
local_interfaces = 127.0.0.1
tls_advertise_hosts =
host_lookup =
rfc1413_hosts =
deliver_drop_privilege = true
acl_smtp_rcpt = check_rcpt
acl_smtp_data = take_all
begin acl
check_rcpt:
  deny local_parts = nobody
       message = no such person here
  accept domains = example.org
  deny
take_all:
  accept
begin routers
everybody:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  file = {dir}/mbox
  create_file = anywhere
  envelope_to_add
"""

    def __init__(self):
        self.port, self.process = free_port(), None
        self.dir = tempfile.mkdtemp(prefix="kefu-relay-")
        os.makedirs(f"{self.dir}/spool")
        os.makedirs(f"{self.dir}/log")
        with open(f"{self.dir}/conf", "w") as file:
            file.write(self.CONF.format(dir=self.dir))
        user = pwd.getpwnam("Debian-exim")
        for folder, _, names in os.walk(self.dir):
            for path in [folder] + [os.path.join(folder, n) for n in names]:
                os.chown(path, user.pw_uid, user.pw_gid)
        os.chmod(self.dir, 0o755)

    def start(self):
        self.process = subprocess.Popen(["/usr/sbin/exim4", "-C", f"{self.dir}/conf", "-bdf", "-oX", f"127.0.0.1:{self.port}"],
                                        user="Debian-exim", group="Debian-exim", extra_groups=[], start_new_session=True)

    def listens(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def stop(self):
        if self.process.poll() is None:  # with its children: they keep connections
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait()

    def end(self):
        self.stop()
        shutil.rmtree(self.dir)

    def mails(self):
        if not os.path.exists(f"{self.dir}/mbox"):
            return []
        with open(f"{self.dir}/mbox", "rb") as file:
            parts = (b"\n" + file.read()).split(b"\nFrom ")[1:]
        return [email.message_from_bytes(part.split(b"\n", 1)[1]) for part in parts]


def subject_of(mail):
    return str(email.header.make_header(email.header.decode_header(mail["Subject"])))


ENDLESS = 299


class Hook(http.server.ThreadingHTTPServer):
    """What a person's own system would be: answers by a list of statuses, 0: not in time."""

    def __init__(self):
        self.statuses, self.seen = [], []
        super().__init__(("127.0.0.1", 0), self.Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/in"

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.seen.append((dict(self.headers), body))
            status = self.server.statuses.pop(0) if self.server.statuses else 200
            if status == 0:
                time.sleep(1.5)
                return
            self.send_response(status)
            if status == 302:
                self.send_header("Location", self.server.url + "/other")
            if status != ENDLESS:
                self.send_header("Content-Length", "0")
            self.end_headers()
            try:
                while status == ENDLESS:
                    self.wfile.write(b"x" * 65536)
            except OSError:
                pass  # it has heard enough

        def log_message(self, *ignored):
            pass


class World:
    def __init__(self, now, settings=()):
        self.database = Database()
        self.now, self.last = now, 700000000000000
        self.box = tempfile.mkdtemp(prefix="kefu-inbox-")
        self.others = {name: Played(name) for name in ("intake", "routing", "escalation", "workforce")}
        for other in self.others.values():
            other.clock = lambda: self.now
        self.asked = []
        self.others["intake"].answers["address.get"] = self.address
        self.log_path = f"{self.box}/log"
        self.process = Process("notification", self.database.dsn, log=self.log_path,
                               args=["--isolate-after-crash=0s", "--test-clock=yes", f"--inbox={self.box}/inbox", "--retry=1ms", *settings],
                               peers={name: other.port for name, other in self.others.items()})
        self.address_of_customer = "lihua@example.org"
        self.start()
        self.client.do("policy.publish", files=list(policy_files()))
        self.clock(now)
        self.unit("company", "company")
        self.unit("service", "service_department", "company")
        self.staff("sp01", "specialist")
        self.staff("su01", "supervisor")
        self.staff("ma01", "manager")
        self.settle()

    def start(self):
        try:
            self.process.start().wait_ready()
        except TimeoutError:
            raise RuntimeError(f"it does not start: {self.process.log()[-500:]}")
        self.client = self.process.client()

    def end(self):
        if self.process.process.poll() is None:
            self.process.kill()
        for other in self.others.values():
            other.end()
        self.database.drop()
        shutil.rmtree(self.box)

    def address(self, body):
        self.asked.append(body)
        view = {"customer": 1, "locale": "zh-CN", "phone": "13812344821", "words": [PRIVATE[2] for _ in body.get("notes", [])]}
        if self.address_of_customer:
            view["email"] = self.address_of_customer
        return view

    def clock(self, now):
        self.now = now
        self.client.do("clock.set", now=now)

    def unit(self, code, kind, parent=None):
        body = {"unit": code, "type": kind, "name_zh": code, "name_en": code}
        self.others["workforce"].say("unit.changed", code, dict(body, parent=parent) if parent else body)

    def staff(self, code, role, on=True, unit="service", **more):
        self.others["workforce"].say("staff.changed", code, {"staff": code, "name": f"{code} Chen", "unit": unit, "roles": [role],
                                                             "locale": "en", "active": True, **more})
        self.others["workforce"].say("duty.changed", code, {"staff": code, "on": on, "roster": "day"})

    def say(self, kind, body, source="routing"):
        self.others[source].say(kind, body["ticket"], body)

    def started(self, kind="complaint", **more):
        self.last += 1
        self.say("ticket.started", {"ticket": self.last, "contact": 1, "kind": kind, "topic": "leak", "flow_version": 1,
                                    "state": "RECEIVED", "priority": 2, "channel": "call", "org_unit": "service", "owner": "sp01",
                                    "received_at": self.now, "label": "Z** (***4821)", "locale": "zh-CN", "important": False,
                                    "answered": False, "deferred": False, "reachable": True, **more})
        self.settle()
        return self.last

    def moved(self, ticket, step, kind="complaint", **more):
        self.say("ticket.moved", {"ticket": ticket, "kind": kind, "step": step, "action": "x", "from": "A", "to": "B",
                                  "path": ["B"], "owner": "sp01", "handler": "sp01", "round": 1, "priority": 2,
                                  "org_unit": "service", "replied": False, "acknowledged": False, "terminal": False,
                                  "received_at": self.now, **more})
        self.settle()

    def level(self, ticket, level, roles, clock=1, **more):
        self.say("clock.level", {"ticket": ticket, "clock": clock, "name": "CMP-02", "kind": "complaint", "level": level,
                                 "share": 100, "at": self.now, "due_at": self.now, "breached": True, "roles": roles,
                                 "owner": "sp01", "org_unit": "service", **more}, "escalation")
        self.settle()

    def settle(self):
        """Wait until all that was said is handled and nothing that is due is left."""
        wanted = {name: len(other.events) for name, other in self.others.items()}

        def quiet():
            view = self.client.ask("runtime.quiet")
            heard = {name: max([seq for (source, _), seq in positions(view).items() if source == name], default=0)
                     for name in wanted}
            return not view["busy"] and all(heard[n] >= wanted[n] or n == "intake" for n in wanted)

        wait_for("quiet", quiet)

    def messages(self, **of):
        return self.client.ask("message.list", **of).get("rows", [])

    def told(self, ticket):
        return sorted((m["template"], m["to"], m["state"]) for m in self.messages(ticket=ticket))

    def calls(self, ticket):
        return self.client.ask("call.list", ticket=ticket).get("rows", [])

    def inbox(self):
        lines = []
        for path in glob.glob(f"{self.box}/inbox/*.jsonl"):
            with open(path, encoding="utf-8") as file:
                lines += [json.loads(line) for line in file]
        return lines

    def journal(self, kind, ticket):
        return int(self.database(f"SELECT count(*) FROM notification.journal WHERE type = '{kind}' AND key = '{ticket}'")[0][0])


def in_world(now, settings=()):
    def wrap(test):
        def wrapped():
            world = World(now, settings)
            try:
                test(world)
                check(world.process.stop(), 0)  # it drains, and the sanitizers found nothing
            except Exception:
                with open(world.log_path, errors="replace") as log:
                    print("# " + "\n# ".join(log.read().splitlines()[-15:]))
                raise
            finally:
                world.end()
        wrapped.__name__ = test.__name__
        return wrapped
    return wrap


def check(got, want):
    assert got == want, f"got {got!r}, want {want!r}"


def refused(field, rule, do):
    try:
        do()
    except Refused as error:
        check((error.field, error.rule), (field, rule))
        return
    raise AssertionError("it was not refused")


NIGHT = shanghai("03-02", "21:30")
DAY = shanghai("03-02", "10:00")


@in_world(NIGHT)
def the_supervisor_hears_of_a_complaint_at_once(world):
    ticket = world.started()
    check(world.told(ticket), [("ack_complaint", "customer", "sent"), ("complaint_alert", "su01", "sent")])
    alert = [m for m in world.inbox() if m["to"] == "su01"][0]
    assert "21:45" in alert["subject"] and "Z** (***4821)" in alert["body"] and "sp01 Chen" in alert["body"], alert
    check(world.journal("reply.delivered", ticket), 0)  # an automatic word is no reply


@in_world(DAY)
def one_message_for_each_cause(world):
    ticket = world.started(handler="sp01")
    world.level(ticket, "L2", ["supervisor"])
    world.level(ticket, "L2", ["supervisor"])
    world.level(ticket, "L2", ["supervisor"], clock=2)
    states = [m["state"] for m in world.messages(ticket=ticket) if m["template"] == "clock_breach"]
    check(sorted(states), ["sent", "sent", "suppressed"])
    world.level(ticket, "L3", ["handler", "owner"], clock=3)  # both are sp01: told once
    check([m["to"] for m in world.messages(ticket=ticket) if m["cause"] == "clock/3/L3"], ["sp01"])


@in_world(DAY)
def the_next_one_up_or_nobody(world):
    world.staff("su01", "supervisor", on=False)
    world.settle()
    ticket = world.started()
    assert ("complaint_alert", "ma01", "sent") in world.told(ticket), world.told(ticket)
    world.level(ticket, "L4", ["deputy_gm", "assistant_manager"])
    dead = world.messages(ticket=ticket, state="dead")
    check([(m["to"], m["reason"]) for m in dead], [("deputy_gm", "no_recipient")])
    check(world.journal("message.failed", ticket), 1)
    silent = world.started(reachable=False)
    check([m["reason"] for m in world.messages(ticket=silent, state="suppressed")], ["unreachable"])


@in_world(NIGHT)
def calls_wait_for_the_morning(world):
    ticket = world.started()
    world.moved(ticket, "CMP-T09")
    call = world.calls(ticket)[0]
    check((call["caller"], call["purpose"], call["state"]), ("sp01", "result", "planned"))
    assert shanghai("03-03", "08:00") <= call["call_at"] < shanghai("03-03", "08:10"), call
    check([m["template"] for m in world.messages(ticket=ticket, state="held")], ["call_result"])
    assert not [m for m in world.inbox() if m["template"] == "call_result"]
    refused("urgency", "NTF-02", lambda: world.client.do("call.done", ticket=ticket, call=call["call"], outcome="reached",
                                                         gives="result", actor="sp01"))
    refused("urgency", "NTF-02", lambda: world.client.do("call.done", ticket=ticket, call=call["call"], outcome="reached",
                                                         urgency="dinner", actor="sp01"))
    world.clock(shanghai("03-03", "08:10"))
    world.settle()
    check([m["to"] for m in world.inbox() if m["template"] == "call_result"], ["sp01"])
    for attempt, clock in ((1, "08:10"), (2, "14:10"), (3, "18:20")):
        world.clock(shanghai("03-03", clock))
        world.settle()
        done = world.client.do("call.done", ticket=ticket, call=call["call"], outcome="no_answer", actor="sp01")
        if attempt == 1:  # four hours later is noon: after it
            assert shanghai("03-03", "14:00") <= done["next_call_at"] < shanghai("03-03", "14:10"), done
        check(done["state"], "planned" if attempt < 3 else "unreached")
    check(world.journal("call.outcome", ticket), 3)
    check(world.journal("reply.delivered", ticket), 0)
    refused("call", None, lambda: world.client.do("call.done", ticket=ticket, call=call["call"], outcome="reached", actor="sp01"))


@in_world(NIGHT)
def an_emergency_rings_at_night(world):
    ticket = world.started("repair", **{"class": "emergency"})
    world.moved(ticket, "REP-T09", "repair", **{"class": "emergency"})
    call = world.calls(ticket)[0]
    check((call["call_at"], call["urgency"]), (world.now, "emergency_repair"))
    done = world.client.do("call.done", ticket=ticket, call=call["call"], outcome="reached", gives="result", actor="sp01")
    check(done["state"], "reached")
    check(world.journal("reply.delivered", ticket), 1)
    refused("purpose", None, lambda: world.client.do("call.plan", ticket=ticket, caller="sp01", purpose="chat"))
    refused("caller", None, lambda: world.client.do("call.plan", ticket=ticket, caller="sp99", purpose="other"))
    planned = world.client.do("call.plan", ticket=ticket, caller="sp01", purpose="progress")
    assert planned["at"] >= shanghai("03-03", "08:00"), planned
    planned = world.client.do("call.plan", ticket=ticket, caller="sp01", purpose="progress", urgency="water")
    check(planned["at"], world.now)
    later = world.client.do("call.done", ticket=ticket, call=planned["call"], outcome="ring_later", next_at=world.now + HOUR,
                            actor="sp01")
    check((later["state"], later["next_call_at"]), ("planned", world.now + HOUR))  # the customer asked for that time


def mail_goes_through_a_real_relay():
    relay = Relay()
    relay.start()
    mail_world = in_world(DAY, [f"--smtp-url=smtp://127.0.0.1:{relay.port}", "--mail-from=kefu@example.org", "--send-attempts=3",
                                "--smtp-tls=try"])
    try:
        mail_world(lambda world: mail_story(world, relay))()
    finally:
        relay.end()


def mail_story(world, relay):
    world.staff("su01", "supervisor", email="su01@example.org", name="Su\r\nBcc: everybody@example.org")
    world.settle()
    wait_for("the relay", relay.listens)
    ticket = world.started()
    check(world.told(ticket), [("ack_complaint", "customer", "sent"), ("complaint_alert", "su01", "sent")])
    world.say("ticket.assigned", {"ticket": ticket, "kind": "complaint", "state": "ASSIGNED", "handler": "su01", "owner": "su01",
                                  "how": "named", "org_unit": "service", "priority": 2})
    world.settle()
    sent = world.client.do("reply.send", ticket=ticket, channel="mail", note=4711, gives="result", actor="su01")
    wait_for("the reply", lambda: world.journal("reply.delivered", ticket))
    mails = wait_for("four mails", lambda: len(relay.mails()) == 4 and relay.mails())
    reply = [m for m in mails if m["Message-ID"] == f"<kefu-{sent['message']}@example.org>"][0]
    check(reply["Envelope-to"], "lihua@example.org")
    check(subject_of(reply), f"关于您反映的事项({ticket})")
    assert PRIVATE[2] in reply.get_payload(decode=True).decode(), reply
    assert "Su  Bcc: everybody@example.org" in reply.get_payload(decode=True).decode()  # a name opens no line
    assert not any(m["Bcc"] for m in mails)
    check(sorted({m["Envelope-to"] for m in mails}), ["lihua@example.org", "su01@example.org"])
    check(world.asked[-1], {"ticket": ticket, "notes": [4711]})
    refused("note", "NTF-62", lambda: world.client.do("reply.send", ticket=ticket, channel="mail", note=4711, gives="result",
                                                      actor="su01"))
    refused("next_at", "SLA-30", lambda: world.client.do("reply.send", ticket=ticket, channel="mail", note=4712, gives="progress",
                                                         actor="su01"))
    refused("actor", "SLA-30", lambda: world.client.do("reply.send", ticket=ticket, channel="mail", note=4712, gives="result"))
    # Refused for good by the relay: at once.
    world.address_of_customer = "nobody@example.org"
    world.client.do("reply.send", ticket=ticket, channel="mail", note=4713, gives="result", actor="su01")
    failed = wait_for("the refusal", lambda: world.messages(ticket=ticket, state="failed"))
    check([(m["reason"], m["attempts"]) for m in failed], [("smtp 550", 1)])
    # An address that would add a recipient is not used.
    world.address_of_customer = "a@example.org>\r\nRCPT TO:<b@example.org"
    world.client.do("reply.send", ticket=ticket, channel="mail", note=4714, gives="result", actor="su01")
    wait_for("the second refusal", lambda: [m["reason"] for m in world.messages(ticket=ticket, state="failed")][0] == "bad_address")
    # Nobody answers: tried again, then dead.
    relay.stop()
    world.address_of_customer = "lihua@example.org"
    world.client.do("reply.send", ticket=ticket, channel="mail", note=4715, gives="result", actor="su01")

    def dead():
        world.clock(world.now + MINUTE)
        return world.messages(ticket=ticket, state="dead")

    check([(m["reason"], m["attempts"]) for m in wait_for("the dead letter", dead)], [("curl 7", 3)])
    check(world.journal("reply.delivered", ticket), 1)
    check(world.journal("message.failed", ticket), 3)
    check(len(relay.mails()), 4)
    nothing_private(world)


def nothing_private(world):
    dump = subprocess.run(["pg_dump", "--data-only", "--inserts", world.database.dsn], capture_output=True, text=True)
    check(dump.returncode, 0)
    journal = b"".join(bytes.fromhex(row[0]) for row in world.database("SELECT encode(body, 'hex') FROM notification.journal"))
    jobs = b"".join(bytes.fromhex(row[0]) for row in world.database("SELECT encode(body, 'hex') FROM notification.alarm"))
    with open(world.log_path, errors="replace") as log:
        everything = dump.stdout + log.read() + (journal + jobs).decode(errors="replace")
    assert "ack_complaint" in everything
    for secret in PRIVATE:
        assert secret not in everything, f"{secret} is kept"


def with_secret():
    handle, path = tempfile.mkstemp()
    os.write(handle, SECRET.encode())
    os.close(handle)
    return path


def webhooks_are_signed_and_tried_again():
    hook, path = Hook(), with_secret()
    try:
        in_world(DAY, [f"--webhook-secret={path}", "--webhook-allow=127.0.0.1", "--send-timeout=700ms", "--send-attempts=4"])(
            lambda world: webhook_story(world, hook))()
    finally:
        os.unlink(path)
        hook.shutdown()


def webhook_story(world, hook):
    world.staff("su01", "supervisor", webhook=hook.url)
    world.settle()
    hook.statuses = [500, 0, 503]

    def sent(ticket, state="sent"):
        world.clock(world.now + MINUTE)
        return [m for m in world.messages(ticket=ticket, state=state) if m["template"] == "complaint_alert"]

    ticket = world.started()
    message = wait_for("the webhook", lambda: sent(ticket))[0]
    check((message["channel"], message["attempts"]), ("webhook", 4))
    for headers, body in hook.seen:
        signed = f"{headers['Kefu-Timestamp']}.".encode() + body
        check(headers["Kefu-Signature"], "sha256=" + hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest())
        check(headers["Idempotency-Key"], str(message["message"]))
        check(json.loads(body)["to"], "su01")
    check(len(hook.seen), 4)
    hook.statuses = [410]
    ticket = world.started()
    gone = wait_for("the refusal", lambda: sent(ticket, "failed"))[0]
    check((gone["reason"], gone["attempts"]), ("http 410", 1))
    hook.statuses, before = [302], len(hook.seen)
    ticket = world.started()
    check(wait_for("the redirect's end", lambda: sent(ticket, "failed"))[0]["reason"], "http 302")
    check(len(hook.seen), before + 1)
    hook.statuses = [ENDLESS]
    ticket = world.started()
    check(wait_for("the endless answer's end", lambda: sent(ticket))[0]["attempts"], 1)
    hook.statuses = [500] * 4
    ticket = world.started()
    dead = wait_for("the dead letter", lambda: sent(ticket, "dead"))[0]
    check((dead["reason"], dead["attempts"]), ("http 500", 4))
    # Killed in the middle of a try: tried again under the same number.
    hook.statuses, before = [0], len(hook.seen)
    world.say("clock.level", {"ticket": ticket, "clock": 9, "name": "CMP-02", "kind": "complaint", "level": "L2", "share": 100,
                              "at": world.now, "due_at": world.now, "breached": True, "roles": ["supervisor"],
                              "org_unit": "service"}, "escalation")
    wait_for("the try", lambda: len(hook.seen) > before)
    world.process.kill()
    world.start()
    wait_for("the end", lambda: [m for m in world.messages(ticket=ticket, state="sent") if m["cause"] == "clock/9/L2"] or
             world.clock(world.now + MINUTE))
    check(len({headers["Idempotency-Key"] for headers, _ in hook.seen[before:]}), 1)


def webhooks_do_not_knock_at_what_is_inside():
    hook, path = Hook(), with_secret()
    try:
        in_world(DAY, [f"--webhook-secret={path}", "--send-attempts=2"])(lambda world: inside_story(world, hook))()
    finally:
        os.unlink(path)
        hook.shutdown()


def inside_story(world, hook):
    port = hook.server_address[1]

    def end_of(url):
        """What can be seen of a message to that address, once it is given up."""
        world.staff("su01", "supervisor", webhook=url)
        world.settle()
        ticket = world.started()

        def given_up():
            world.clock(world.now + MINUTE)
            return [m for m in world.messages(ticket=ticket) if m["template"] == "complaint_alert" and m["state"] in ("dead", "failed")]

        message = wait_for(f"the end of {url!r}", given_up)[0]
        return message["state"], message["attempts"], message["reason"]

    for host in ("127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "[::1]", "0.0.0.0", "169.254.169.254"):
        check(end_of(f"http://{host}:{port}/in"), ("dead", 2, "no_address"))
    # Whether a port is open, or a name is known, shows nowhere.
    check(end_of(f"http://127.0.0.1:{free_port()}/in"), ("dead", 2, "no_address"))
    check(end_of("http://nobody.invalid/in"), ("dead", 2, "no_address"))
    # Stored before addresses were checked.
    for url in (hook.url + "\r\nX-Other: 1", "http://127.1/in", "http://example.org:22/in", "file:///etc/passwd"):
        check(end_of(url), ("failed", 1, "bad_url"))
    check(hook.seen, [])
    with open(world.log_path, encoding="utf-8") as log:
        assert "event=webhook_out_of_reach address=127.0.0.1" in log.read()


TESTS = [the_supervisor_hears_of_a_complaint_at_once, one_message_for_each_cause, the_next_one_up_or_nobody,
         calls_wait_for_the_morning, an_emergency_rings_at_night, webhooks_are_signed_and_tried_again,
         webhooks_do_not_knock_at_what_is_inside]

if __name__ == "__main__":
    if os.geteuid() == 0 and os.path.exists("/usr/sbin/exim4"):
        TESTS.append(mail_goes_through_a_real_relay)
    else:
        print("skip mail_goes_through_a_real_relay: exim4, and root to run it as its own user", flush=True)
    run(*TESTS)
