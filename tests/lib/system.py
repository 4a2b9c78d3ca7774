"""A whole system for tests: `kefu up` in a directory of its own, with its own PostgreSQL, ports and test clock."""
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import msgpack

import kefu

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("B", os.path.join(ROOT, "build")))
BIN = os.path.abspath(os.environ.get("KEFU_BIN", os.path.join(BUILD, "bin")))
RELEASE = os.path.join(BUILD, "bin")
SERVICES = kefu.services("deployed")
PARTITIONS = list(range(32))
PORTS = (*range(16), 105, 199)  # what `kefu up` takes behind its base port: services, the feed, PostgreSQL


class Failed(Exception):
    """A kefu command that ended with another status than 0."""

    def __init__(self, words, status, output, complaint):
        super().__init__(f"kefu {' '.join(words)}: status {status}: {complaint.strip() or output.strip()}")
        self.status, self.output, self.complaint = status, output, complaint


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


_blocks = []  # files whose locks keep other programs away for as long as this one lives


def free_block():
    """The first of 200 ports that nobody listens on, and no other test will; below the range from
    which outgoing connections draw theirs."""
    low, blocks = 12000, 90
    for n in range(blocks):
        base = low + (os.getpid() + n) % blocks * 200
        lock = open(os.path.join(tempfile.gettempdir(), f"kefu-ports-{base}"), "w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            continue
        if all(is_free(base + port) for port in PORTS):
            _blocks.append(lock)
            return base
        lock.close()
    raise RuntimeError("no block of free ports")


class System:
    def __init__(self, name, start=None, policy=None, programs=BIN, settings=("lease=1s", "isolate-after-crash=2s"), **environment):
        self.dir = os.path.join(BUILD, "test", "world", name)
        self.start, self.policy, self.programs = start, policy, programs
        self.settings = list(settings)
        self.environment = dict(os.environ, KEFU_INBOX=f"{self.dir}/inbox", **environment)
        self.base, self.process, self.clients = free_block(), None, {}
        self.clean()
        os.makedirs(self.dir)

    # life

    def clean(self):
        """What a run that was killed has left behind."""
        cluster = os.path.join(self.dir, "pg")
        if os.path.isdir(cluster):
            self.postgres("stop", "immediate")
            shutil.rmtree(self.postgres("where").strip(), ignore_errors=True)
        shutil.rmtree(self.dir, ignore_errors=True)

    def postgres(self, verb, *more):
        done = subprocess.run([f"{ROOT}/deploy/postgres.sh", verb, f"{self.dir}/pg", *more], stdout=subprocess.PIPE,
                              stdin=subprocess.DEVNULL, text=True, check=True)
        return done.stdout

    def up(self, *more):
        words = [f"{self.programs}/kefu", "up", "--dir", self.dir, "--base-port", str(self.base), "--home", ROOT,
                 "--timeout", "120s", *more]
        words += [f"--test-clock={self.start}"] if self.start else []
        words += ["--policy", self.policy] if self.policy else []
        for setting in self.settings:
            words += ["--set", setting]
        with open(f"{self.dir}/up.log", "ab") as log:
            self.process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, env=self.environment, text=True)
        said = self.process.stdout.readline()
        if not said.startswith("up:"):
            self.process.wait()
            raise RuntimeError(f"kefu up: {said}{self.read('up.log')}")
        self.keys = kefu.Keys(f"{self.dir}/secrets")
        for child in self.run()["children"]:
            kefu.know(child["endpoint"], child["service"], self.keys)
        self.clients = {child["service"]: kefu.Client(child["endpoint"]) for child in self.run()["children"]}
        return self

    def down(self):
        """SIGTERM to the supervisor; its exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            status = self.process.wait()
        self.process = None
        return status

    def destroy(self, keep=False):
        status = self.down()
        if not keep:
            self.clean()
        return status

    def read(self, name):
        with open(os.path.join(self.dir, name), errors="replace") as file:
            return file.read()

    # talking

    def run(self):
        return json.loads(self.read("run.json"))

    def child(self, service):
        return next(child for child in self.run()["children"] if child["service"] == service)

    def kefu(self, *words, timeout=120, feed=None):
        """What the command prints. Raises Failed."""
        done = subprocess.run([f"{self.programs}/kefu", words[0], "--dir", self.dir, *words[1:]], cwd=ROOT, input=feed,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=timeout, env=self.environment)
        if done.returncode != 0:
            raise Failed(words, done.returncode, done.stdout, done.stderr)
        return done.stdout

    def json(self, *words, **options):
        return json.loads(self.kefu(words[0], "--json", *words[1:], **options))

    def do(self, service, kind, /, by=None, id=None, **body):
        return self.clients[service].call("command", kind, {k: v for k, v in body.items() if v is not None}, id, by)

    def ask(self, service, kind, /, **body):
        return self.clients[service].call("query", kind, body)

    def pages(self, service, kind, key, /, **body):
        """All rows of a query that answers page by page; `key` is the field to go on behind."""
        rows, after = [], None
        while True:
            page = self.ask(service, kind, **body, **({} if after is None else {"after": after}))
            rows += page.get("rows") or []
            if not page["more"]:
                return rows
            after = rows[-1][key]

    def journal(self, service):
        """All events that the service has said, bodies decoded, in their order (by partition)."""
        after, events = [0] * len(PARTITIONS), []
        while True:
            page = self.ask(service, "journal.read", reader="test", partitions=PARTITIONS, after=after, most=500, wait_ms=0,
                            fresh=True)
            if not page.get("events"):
                return sorted(events, key=lambda event: event["seq"])
            for event in page["events"]:
                after[event["partition"]] = max(after[event["partition"]], event["seq"])
                events.append(dict(event, body=msgpack.unpackb(event["body"])))

    def sql(self, statement):
        return kefu.psql(self.run()["dsn"], statement)

    def settle(self, timeout=60):
        kefu.wait_quiet({name: [client] for name, client in self.clients.items()}, timeout)

    def log_tails(self, lines=15):
        """For a failure: what the services said last."""
        for name in sorted(os.listdir(f"{self.dir}/log")) if os.path.isdir(f"{self.dir}/log") else ():
            for line in self.read(f"log/{name}").splitlines()[-lines:]:
                print(f"# {name}: {line}")


def wait_until(what, condition, timeout=30):
    return kefu.wait_for(what, condition, timeout)


def report(name, test, *arguments):
    """Run one test by the convention of tests/README.md. Did it pass?"""
    begun = time.monotonic()
    try:
        test(*arguments)
    except Exception as error:  # noqa: BLE001 - every failure is reported by name
        import traceback
        traceback.print_exc()
        first = str(error).splitlines()[0] if str(error) else ""
        print(f"not ok {name}: {type(error).__name__}: {first}", flush=True)
        return False
    print(f"ok {name}\n# {time.monotonic() - begun:.1f} s", flush=True)
    return True
