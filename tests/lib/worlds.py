"""Two worlds for the fault tests: replicas of the probe on a database, and the six services under `kefu up`. Both know how to make
load, and both end with a check of the whole history: what was acknowledged is there exactly once, nothing else is there, per key in order."""
import collections
import contextlib
import json
import os
import re
import shutil
import time

import msgpack

import fault
import kefu
import system
from fault import Sent

POLICY = os.path.join(system.ROOT, "deploy", "policy")


def unpack(hexadecimal):
    return msgpack.unpackb(bytes.fromhex(hexadecimal))


def ordered(what, pairs):
    """Of every key the numbers rise."""
    last = {}
    for key, n in pairs:
        assert n > last.get(key, -1), f"I4: {what}: {n} after {last[key]} for {key}"
        last[key] = n


# --- the probe ---

class Probes:
    """Replicas of the probe. `with Probes(2) as world:`"""

    def __init__(self, n=1, args=(), dsn=None, environments=()):
        self.own = None if dsn else kefu.Database()
        self.dsn = dsn or self.own.dsn
        self.args, self.replicas, self.processes = args, [], []
        self.numbers = collections.Counter()
        self.session = fault.Session(self.dsn)
        environments = dict(enumerate(environments))
        for i in range(n):
            self.add(environments.get(i), wait=i == 0 or not environments.get(i))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.session.close()
        try:
            kefu.end(self.processes)
        finally:
            if self.own:
                self.own.drop()

    def add(self, environment=None, wait=True):
        process = kefu.Process("probe", self.dsn, args=self.args, environment=environment).start()
        self.processes.append(process)
        replica = fault.Replica("probe", process.address, lambda: process.process.pid if process.process.poll() is None else 0,
                                f"probe:{process.port}")
        replica.process = process
        self.replicas.append(replica)
        if wait:
            process.wait_ready()
        return replica

    def sql(self, statement):
        return self.session(statement)

    def addresses(self):
        return {"probe": [replica.address for replica in self.replicas]}

    def shares(self):
        """Partitions held by each replica that holds any, by port."""
        return {instance.rsplit(":", 1)[-1]: n for instance, n in fault.shares(self.session, "probe").items()}

    def restart_dead(self, environment=None):
        """What the test killed is started again; how many."""
        dead = [process for process in self.processes if process.process.poll() is not None]
        for process in dead:
            process.environment = environment
            process.start()
        return len(dead)

    def say(self, keys=40, fails=("",) * 8 + ("alarm", "job")):
        """make() for Load: probe.say on one of so many keys, the numbers of each rising."""
        def make(load, n):
            fail = load.dice.choice(fails)
            key = f"{load.name}{fail}{n}" if fail else f"{load.name}{load.dice.randrange(keys)}"  # a key has one alarm
            if key in load.keys:
                return None
            self.numbers[key] += 1
            return Sent("probe", "probe.say", {"key": key, "n": self.numbers[key], **({"fail": fail} if fail else {})}, key)
        return make

    def load(self, make=None, **options):
        load = fault.Load(self.addresses(), make or self.say(), **options)
        load.start()
        return load

    def settle(self, timeout=30, alarms=True):
        """Until all is done (with alarms=False: also what was to be done later); the seconds it took (I7)."""
        begun = time.monotonic()
        kefu.wait_quiet({"probe": [kefu.Client(replica.address) for replica in self.replicas if replica.pid]}, timeout, alarms)
        return time.monotonic() - begun

    def check(self, history, dead=0, timeout=30):
        """I1 to I5, I7 and I11 on the whole history, when all is quiet, the last alarm included. Returns the seconds until it was."""
        took = self.settle(timeout, alarms=False)
        heard = [(key, cause, unpack(body)) for key, cause, body in self.sql(
            "SELECT key, cause, encode(body, 'hex') FROM probe.journal WHERE type = 'probe.heard' ORDER BY seq")]
        poked = [(key, unpack(body)["n"]) for key, body in self.sql(
            "SELECT key, encode(body, 'hex') FROM probe.journal WHERE type = 'probe.poked' ORDER BY seq")]
        by_id = {f"command/{sent.id}": sent for sent in history}
        times = collections.Counter(cause for _, cause, _ in heard)
        for cause, sent in by_id.items():
            want = (1,) if sent.verb == "answer" else (0, 1) if sent.verb is None else (0,)
            assert times[cause] in want, f"I1: {cause} ({sent.verb}, tried {sent.tries} times) was heard {times[cause]} times"
        phantoms = [cause for cause in times if cause not in by_id]
        assert not phantoms, f"I2: heard but never sent: {phantoms[:3]}"
        ordered("heard", ((key, body["n"]) for key, _, body in heard))
        ordered("handled", poked)
        effects = collections.Counter((key, int(n)) for key, n, cause in self.sql("SELECT key, n, cause FROM probe.effect")
                                      if cause.startswith("command/"))
        want = collections.Counter((key, body["n"]) for key, _, body in heard)
        lost, doubled = want - effects, effects - want
        assert len(lost) == dead and not doubled, f"I3: {len(lost)} effects lost, {dead} expected: {list(lost)[:3]}; too many: {list(doubled)[:3]}"
        self._check_alarms(heard)
        counted = int(self.sql("SELECT coalesce(sum(count), 0) FROM probe.counted")[0][0])
        fault.equal("I3: commands run", counted, len(heard))
        fault.equal("I5: alarms left", self.sql("SELECT count(*) FROM probe.alarm"), [["0"]])
        deadlocks = self.sql("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")[0][0]
        fault.equal("deadlocks", deadlocks, "0")
        return took

    def _check_alarms(self, heard):
        """I11: each alarm and each job has had its effect once."""
        kinds = {"alarm": "alarm", "job": "job %"}
        for note, cause in kinds.items():
            want = sorted((key, str(body["n"])) for key, _, body in heard if body.get("note") == note)
            got = sorted(tuple(row) for row in self.sql(f"SELECT key, n FROM probe.effect WHERE cause LIKE '{cause}'"))
            assert got == want, f"I11: {note}: {len(got)} effects, expected {len(want)}; {list(set(want) ^ set(got))[:3]}"


# --- the six services ---

STAFF = {"specialist": (8, ["inquiry", "complaint", "suggestion"]), "ambassador": (4, ["repair", "emergency"]),
         "supervisor": (1, ["complaint"]), "manager": (1, ["complaint"]), "deputy_gm": (1, []), "department": (2, [])}
UNITS = {"deputy_gm": "company", "department": "property"}


class Six(system.System):
    """All six services; `scale` replicas of each. Every service knows where up to ROOM replicas of the others may come up."""

    def __init__(self, name, scale=None, settings=("lease=1s", "isolate-after-crash=2s"), edit_policy=None, **options):
        super().__init__(name, settings=settings, **options)
        self.scale, self.extra, self.tickets, self.duties = dict(scale or {}), [], [], {}
        self.settings += [f"peer-{service}=static:" + ",".join(f"127.0.0.1:{self.port(service, r)}" for r in range(fault.ROOM))
                          for service in system.SERVICES]
        self.policy, self.session = self._own_policy(edit_policy), None

    @staticmethod
    def folder(name):
        """Where a world of that name lives."""
        return os.path.join(system.BUILD, "test", "world", name)

    def port(self, service, replica):
        return self.base + 10 * replica + system.SERVICES.index(service)

    def _own_policy(self, edit):
        """The bundle without a limit of open tickets, and what `edit(path, text)` makes of it."""
        folder = f"{self.dir}/policy"
        shutil.copytree(POLICY, folder)
        for path in [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]:
            with open(path, encoding="utf-8") as file:
                before = file.read()
            after = re.sub(r"(?m)^.*max_open_cases:.*\n", "", before) if path.endswith("/routing.yaml") else before
            after = edit(path, after) if edit else after
            if after != before:
                with open(path, "w", encoding="utf-8") as file:
                    file.write(after)
        return folder

    # life

    def up(self, *more, hire=True):
        for service, n in self.scale.items():
            more = (*more, "--scale", f"{service}={n}")
        super().up(*more)
        self.session = fault.Session(self.run()["dsn"])
        if hire:
            self.hire()
        return self

    def hire(self):
        for role, (n, skills) in STAFF.items():
            for i in range(n):
                code = f"{role[:2]}{i + 1:02}"
                self.call("workforce", "staff.set", staff=code, name=f"演示{code}", unit=UNITS.get(role, "service"), roles=[role],
                          skills=skills, email=f"{code}@staff.example.com", locale="en", active=True)
                self.call("workforce", "duty.set", staff=code, on=True)
                self.duties[code] = True
        self.settle()

    def down(self):
        for replica in self.extra:
            if replica.process.process.poll() is None:
                replica.process.stop()
        if self.session:
            self.session.close()
        return super().down()

    def children(self):
        with contextlib.suppress(OSError, ValueError):
            self.last_run = self.run()
        return self.last_run["children"]

    def replicas(self, *services):
        """All replicas of these services (of all without any)."""
        def finder(instance):
            return lambda: next((child["pid"] for child in self.children() if child["instance"] == instance), 0)
        found = [fault.Replica(child["service"], child["endpoint"], finder(child["instance"]), child["instance"])
                 for child in self.children()]
        return [replica for replica in found + self.extra if not services or replica.service in services]

    def addresses(self):
        found = collections.defaultdict(list)
        for replica in self.replicas():
            found[replica.service].append(replica.address)
        return found

    def add(self, service, environment=None):
        """One more replica, started as those of `kefu up` are, but nobody starts it again."""
        number = len(self.replicas(service))
        model = next(child for child in self.children() if child["service"] == service)
        with open(f"/proc/{model['pid']}/cmdline", encoding="utf-8") as file:
            words = file.read().split("\0")[1:-1]
        with open(f"/proc/{model['pid']}/environ", encoding="utf-8") as file:
            inherited = dict(line.split("=", 1) for line in file.read().split("\0") if line.startswith("KEFU_"))
        if service == "reporting":
            inherited["KEFU_REPORTING_FEED_ENDPOINT"] = f"tcp://127.0.0.1:{self.port(service, number) + 100}"
        words = [word for word in words if not word.startswith(("--endpoint=", "--instance="))]
        instance = f"{service}-{number + 1}"
        process = kefu.Process(service, self.run()["dsn"], self.port(service, number), args=(*words, f"--instance={instance}"),
                               log=f"{self.dir}/log/{instance}.log", environment={**inherited, **(environment or {})}).start()
        replica = fault.Replica(service, process.address,
                                lambda: process.process.pid if process.process.poll() is None else 0, instance)
        replica.process = process
        self.extra.append(replica)
        return replica

    def remove(self, replica):
        """SIGTERM to one that was added; its exit status."""
        status = replica.process.stop()
        self.extra.remove(replica)
        return status

    # talking, to whatever replica takes it

    def call(self, service, kind, actor=None, timeout=30, **body):
        load = fault.Load(self.addresses(), lambda load, n: Sent(service, kind, body, kind, actor) if n == 0 else None, window=1,
                          name=f"call{time.monotonic_ns()}")
        load.start()
        kefu.wait_for(f"the answer to {kind}", lambda: load.made == 1 and not load.under_way or load.error, timeout)
        sent = load.end()[0]
        if sent.verb != "answer":
            raise kefu.Refused(sent.answer)
        return sent.answer

    def settle(self, timeout=60):
        """Until all is done; the seconds it took. What lies in a partition that nobody holds (somebody has just died) is not done."""
        begun, clients = time.monotonic(), collections.defaultdict(list)
        for service in system.SERVICES:
            kefu.wait_for(f"all of {service} to be held", lambda: sum(fault.shares(self.session, service).values()) == 32, timeout)
        for replica in self.replicas():
            clients[replica.service].append(kefu.Client(replica.address))
        kefu.wait_quiet(clients, timeout)
        for client in (client for some in clients.values() for client in some):
            client.socket.close(0)
        return time.monotonic() - begun

    # load

    def mixed(self, contacts=6, notes=3, duties=1):
        """make() for Load: contacts of one or two matters, notes on their tickets, people who come and go."""
        kinds = ["contact"] * contacts + ["note"] * notes + ["duty"] * duties
        numbers = collections.Counter()

        def make(load, n):
            kind = load.dice.choice(kinds)
            if kind == "note" and self.tickets:
                ticket = load.dice.choice(self.tickets[-40:])
                numbers[ticket] += 1
                if f"{ticket}" in load.keys:
                    return None
                return Sent("intake", "note.record", {"ticket": ticket, "name": "measures", "words": f"演示 {numbers[ticket]}"}, f"{ticket}", "sp01")
            if kind == "duty" and self.duties:
                code = load.dice.choice(sorted(self.duties))
                if code in load.keys:
                    return None
                self.duties[code] = not self.duties[code]
                return Sent("workforce", "duty.set", {"staff": code, "on": self.duties[code]}, code)
            items = [{"kind": "inquiry", "topic": "fee", "words": f"演示 {n}"},
                     {"kind": "complaint", "topic": "lift", "words": f"演示 {n}", "expected": "演示"}][:1 + load.dice.randrange(2)]
            return Sent("intake", "contact.record", {
                "source": load.name, "source_id": f"{fault.SEED}-{n}", "channel": "call", "recorder": "sp01", "org_unit": "service",
                "phone": f"000-{load.dice.randrange(200):04}-0001", "customer_name": "演示", "items": items}, f"c{n}")
        return make

    def load(self, make=None, **options):
        load = SixLoad(self, self.addresses(), make or self.mixed(), **options)
        load.start()
        return load

    # the end

    def check(self, history, timeout=60):
        """`kefu check`, and the history against intake's, routing's and workforce's tables. The seconds until all was quiet (I7)."""
        took = self.settle(timeout)
        try:
            found = json.loads(self.kefu("check", "--json", timeout=timeout + 120))
        except system.Failed as failed:
            print(failed.output)
            raise AssertionError("kefu check: " + ", ".join(f"{line['invariant']} {check['check']}"
                                 for line in json.loads(failed.output)["invariants"] for check in line["broken"])) from None
        assert found["ok"] and found["quiet"], found
        self._check_contacts(history)
        self._check_order(history)
        return took

    def _check_contacts(self, history):
        rows = {(source, id): tickets for source, id, tickets in self.session("SELECT source, source_id, tickets FROM intake.contact")}
        known = {ticket for (ticket,) in self.session("SELECT id FROM routing.ticket")}
        sent_ones = set()
        for sent in history:
            if sent.kind != "contact.record":
                continue
            origin = (sent.body["source"], sent.body["source_id"])
            sent_ones.add(origin)
            if sent.verb == "refused":
                assert origin not in rows, f"I8: {origin} was refused ({sent.answer}) and is there"
            if sent.verb != "answer":
                continue
            assert origin in rows, f"I1: contact {origin} was acknowledged and is not there"
            missing = [ticket for ticket in sent.answer["tickets"] if str(ticket) not in known]
            assert not missing, f"I1: tickets {missing} of {origin} never came to routing"
            have = sorted(int(word) for word in re.findall(r"\d+", rows[origin]))
            assert have == sorted(sent.answer["tickets"]), f"I3: {origin} has {have}, acknowledged {sent.answer['tickets']}"
        sources = {source for source, _ in sent_ones}
        phantoms = [origin for origin in rows if origin[0] in sources and origin not in sent_ones]
        assert not phantoms, f"I2: contacts that nobody sent: {phantoms[:3]}"

    def _check_order(self, history):
        """I1, I3, I4: notes of a ticket and duties of a person stand in the journals as they were acknowledged."""
        for service, event, field, kind in (("intake", "note.added", "note", "note.record"), ("workforce", "duty.changed", "on", "duty.set")):
            said = collections.defaultdict(list)
            causes = collections.Counter()
            for key, cause, body in self.session(
                    f"SELECT key, cause, encode(body, 'hex') FROM {service}.journal WHERE type = '{event}' ORDER BY seq"):
                said[key].append((cause, unpack(body)[field]))
                causes[cause] += 1
            for sent in history:
                if sent.kind == kind and sent.verb == "answer" and kind == "note.record":
                    fault.equal(f"I3: {kind} {sent.id} on {sent.key} was said", causes[f"command/{sent.id}"], 1)
            place = {cause: (key, i) for key, line in said.items() for i, (cause, _) in enumerate(line)}
            ordered(f"{event}", ((sent.key, place[f"command/{sent.id}"][1]) for sent in sorted(history, key=lambda s: s.begun)
                                 if sent.kind == kind and f"command/{sent.id}" in place))


class SixLoad(fault.Load):
    """Remembers the tickets of acknowledged contacts, for notes."""

    def __init__(self, world, *arguments, **options):
        super().__init__(*arguments, **options)
        self.world = world

    def _end(self, sent):
        super()._end(sent)
        if sent.kind == "contact.record" and sent.verb == "answer":
            self.world.tickets += sent.answer["tickets"]
