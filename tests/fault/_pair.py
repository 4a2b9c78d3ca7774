"""Two services that talk to each other, and nothing else: intake, and routing that reads it. Either may be behind what a fault needs:
a proxy, a network of its own, a name."""
import os
import tempfile
import time

import fault
import kefu
from system import ROOT

POLICY = f"{ROOT}/deploy/policy"


def policy_files():
    for folder, _, names in os.walk(POLICY):
        for name in sorted(name for name in names if name.endswith(".yaml")):
            path = os.path.join(folder, name)
            with open(path, encoding="utf-8") as file:
                yield {"name": os.path.relpath(path, POLICY), "body": file.read()}


def at_host(host, port=None):
    """A kefu.Process that listens there."""
    class There(kefu.Process):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **{**options, **({"port": port} if port else {})})
            self.address = kefu.know(f"tcp://{host}:{self.port}", self.name, self.keys)
            self.args[0] = f"--endpoint={self.address}"
    return There


class Pair:
    """`with Pair() as pair:`; start_intake() and start_routing() are the test's to call."""

    def __init__(self):
        self.database = kefu.Database()
        self.folder = tempfile.TemporaryDirectory(dir="/tmp")
        self.session = fault.Session(self.database.dsn)
        self.processes, self.tickets, self.contacts = [], [], 0
        self.key = f"{self.folder.name}/key"
        with open(self.key, "w", encoding="ascii") as file:
            file.write("1 " + os.urandom(32).hex() + "\n")
        os.chmod(self.key, 0o600)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.session.close()
        try:
            kefu.end(self.processes)
        finally:
            self.database.drop()
            self.folder.cleanup()

    def _start(self, process, publish=True):
        self.processes.append(process)
        process.start().wait_ready()
        if publish:
            process.client().do("policy.publish", files=list(policy_files()))
        return process

    def make_intake(self, make=kefu.Process, **options):
        return make("intake", self.database.dsn, args=[f"--key-file={self.key}", "--peer-routing=static:127.0.0.1:9"], **options)

    def make_routing(self, intake, make=kefu.Process, **options):
        """`intake`: how routing finds it, such as static:127.0.0.1:7101."""
        nobody = [f"--peer-{name}=static:127.0.0.1:9" for name in ("workforce", "notification")]
        return make("routing", self.database.dsn, args=[f"--peer-intake={intake}", "--isolate-after-crash=0s", *nobody], **options)

    def start_intake(self, **options):
        return self._start(self.make_intake(**options))

    def start_routing(self, intake, **options):
        return self._start(self.make_routing(intake, **options))

    def record(self, *clients, timeout=30):
        """A contact, told to one replica of intake after the other until it is answered; its ticket."""
        self.contacts += 1
        body = {"source": "test", "source_id": f"{self.contacts}", "channel": "call", "recorder": "sp01", "org_unit": "service",
                "customer_name": "演示", "phone": "000-0000-0001",
                "items": [{"kind": "complaint", "topic": "lift", "words": "演示", "expected": "演示"}]}
        until, n = time.monotonic() + timeout, self.contacts
        while time.monotonic() < until:
            n += 1
            frame = clients[n % len(clients)].once("command", "contact.record", body, f"contact{self.contacts}", timeout=2)
            if frame is not None and frame[1] == "answer":
                self.tickets += frame[3]["tickets"]
                return frame[3]["tickets"][0]
            assert frame is None or frame[1] == "retry", frame
        raise TimeoutError(f"contact {self.contacts} was never answered")

    def arrived(self):
        """Tickets that routing has started."""
        return {int(row[0]) for row in self.session("SELECT id FROM routing.ticket")}

    def wait_arrived(self, timeout):
        kefu.wait_for("all tickets to come to routing", lambda: self.arrived() >= set(self.tickets), timeout)

    def check(self, timeout=30):
        """Each ticket that was acknowledged has been started once, and no other."""
        self.wait_arrived(timeout)
        fault.equal("I2: tickets", self.arrived() - set(self.tickets), set())
        fault.equal("I3: tickets opened and started", self.session(
            "SELECT (SELECT count(*) FROM intake.journal WHERE type = 'ticket.opened'),"
            " (SELECT count(*) FROM routing.journal WHERE type = 'ticket.started')"), [[str(len(self.tickets))] * 2])
        fault.equal("set aside", self.session("SELECT count(*) FROM routing.dead_letter"), [["0"]])


def source(client, name):
    """What a service says of one of its sources."""
    return next(row for row in client.ask("runtime.status")["sources"] if row["source"] == name)
