"""What the fault tests share: cases and their table, dice, load with a history, replicas to be killed, frozen and added, the end check.

  KEFU_SEED=n        the same dice again (every program prints its seed)
  KEFU_FAULT=long    the long form (`make fault`); else the short one, which is part of `make test`
"""
import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
import traceback

import msgpack
import zmq

import kefu

LONG = os.environ.get("KEFU_FAULT") == "long"
SEED = int(os.environ.get("KEFU_SEED", random.randrange(1 << 31)))
LEASE = 1.0
ROOM = 3  # replicas of a service that all others know where to look for


def dice(name=""):
    """Random numbers of their own for each use, so that one more throw here does not change those there."""
    return random.Random(f"{SEED} {name}")


# --- cases ---

def case(number, what):
    """Mark a test: the fault's number in the table, and what is injected. It returns a line of what was done."""
    def mark(test):
        test.fault, test.what = number, what
        return test
    return mark


def main(*cases):
    """Run the cases whose name or number is among the arguments (all without any), by the convention of tests/README.md.
    A line `#= fault|what|done|result|seconds` of each is for the table of tests/fault/_run.py."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what was started is ended
    print(f"# KEFU_SEED={SEED}{' KEFU_FAULT=long' if LONG else ''}", flush=True)
    failed = 0
    for test in cases:
        if sys.argv[1:] and not any(word in test.__name__ or word == test.fault for word in sys.argv[1:]):
            continue
        begun, result, done = time.monotonic(), "ok", ""
        try:
            done = test() or ""
        except Exception as error:  # noqa: BLE001 - every failure is reported by name
            traceback.print_exc()
            failed, result, done = failed + 1, "NOT OK", f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
        name = f"{test.fault}_{test.__name__}"
        print(f"ok {name}" if result == "ok" else f"not ok {name}: {done}")
        print(f"#= {test.fault}|{test.what}|{done}|{result}|{time.monotonic() - begun:.1f}", flush=True)
    sys.exit(1 if failed else 0)


def crowding():
    """How many times slower than alone everything may be on this machine now: limits of time are stretched by it."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def shown(value, most=400):
    """Its text, in a length that a person reads."""
    words = repr(value)
    return words if len(words) <= most else f"{words[:most // 2]} … {words[-most // 2:]}"


def equal(what, got, want):
    assert got == want, f"{what}: {shown(got)}, expected {shown(want)}"


# --- load and its history ---

class Sent:
    """One command of a history: `verb` is answer or refused; None: nobody knows."""

    def __init__(self, service, kind, body, key, actor=None):
        self.service, self.kind, self.body, self.key, self.actor = service, kind, body, key, actor
        self.id, self.verb, self.answer = None, None, None
        self.begun = self.sent_at = time.monotonic()
        self.took, self.tries, self.retry_at = None, 0, None
        self.retries = []  # reasons given for trying again


class Load(threading.Thread):
    """Publishers: up to `window` commands under way, each sent again, at the next replica, until it is answered; of one key one
    at a time. `make(load, n)` gives the n-th command as a Sent, or None for now. Of `give_up` (a share) only one try is made:
    whether they took effect is then unknown. `addresses`: service -> list, may grow while it runs."""

    def __init__(self, addresses, make, window=32, patience=1.5, give_up=0.0, rate=None, name="load", client=kefu.Client):
        super().__init__(daemon=True, name=name)
        self.addresses, self.make, self.window, self.patience = addresses, make, window, patience
        self.give_up, self.rate, self.client = give_up, rate, client
        self.dice, self.ways = dice(name), dice(f"{name} ways")  # what is sent, and by which way
        self.history, self.under_way, self.keys = {}, {}, set()
        self.clients, self.by_socket, self.heard_at = {}, {}, {}
        self.poller, self.stopping, self.abandoned = zmq.Poller(), False, False
        self.error, self.made, self.reconnects = None, 0, 0

    # the outside

    def end(self, timeout=90):
        """No new commands; waits until all are answered. Returns the history (a list of Sent)."""
        self.stopping = True
        self.join(timeout)
        if self.is_alive():
            self.abandoned = True
            self.join(10)
            left = [f"{sent.kind} {sent.key} ({sent.retries[-1:] or 'silence'})" for sent in self.under_way.values()]
            raise TimeoutError(f"{len(left)} commands were never answered, such as {left[:3]}")
        if self.error:
            raise self.error
        return list(self.history.values())

    def answered(self):
        return sum(sent.verb == "answer" for sent in list(self.history.values()))

    # the inside

    def run(self):
        try:
            self._run()
        except Exception as error:  # noqa: BLE001 - told by end()
            traceback.print_exc()
            self.error = error
        finally:
            for client in self.clients.values():
                client.socket.close(0)

    def _run(self):
        begun = time.monotonic()
        while not self.abandoned and not (self.stopping and not self.under_way):
            while not self.stopping and len(self.under_way) < self.window and \
                    (self.rate is None or self.made < (time.monotonic() - begun) * self.rate):
                sent = self.make(self, self.made)
                if sent is None or sent.key in self.keys:
                    break
                self.made += 1
                self._begin(sent)
            for socket, _ in self.poller.poll(10):
                self._hear(socket)
            self._again()

    def _client(self, address):
        client = self.clients.get(address)
        if client is None:
            client = self.clients[address] = self.client(address)
            self._listen(client)
        return client

    def _listen(self, client):
        self.by_socket[client.socket] = client
        self.heard_at[client.address] = time.monotonic()
        self.poller.register(client.socket, zmq.POLLIN)

    def _begin(self, sent):
        self.keys.add(sent.key)
        sent.gives_up = self.ways.random() < self.give_up
        sent.at = self.ways.randrange(len(self.addresses[sent.service]))
        sent.id = sent.id or f"{self.name}/{SEED}/{self.made}"
        self.history[sent.id] = self.under_way[sent.id] = sent
        self._send(sent)

    def _send(self, sent):
        addresses = self.addresses[sent.service]
        client = self._client(addresses[sent.at % len(addresses)])
        sent.tries, sent.sent_at, sent.retry_at = sent.tries + 1, time.monotonic(), None
        try:
            client.send("command", sent.kind, sent.body, sent.id, sent.actor)
        except zmq.Again:
            pass

    def _hear(self, socket):
        client = self.by_socket[socket]
        while socket.poll(0):
            _, verb, header, body = msgpack.unpackb(socket.recv())
            self.heard_at[client.address] = time.monotonic()
            sent = self.under_way.get(header["id"])
            if sent is None:
                continue
            if verb == "retry":
                sent.retries.append(body.get("message"))
                sent.at += 1
                sent.retry_at = time.monotonic() + 0.02 + self.ways.random() * 0.03
            else:
                sent.verb, sent.answer, sent.took = verb, body, time.monotonic() - sent.begun
                self._end(sent)

    def _end(self, sent):
        del self.under_way[sent.id]
        self.keys.discard(sent.key)

    def _reconnect(self, address):
        client = self.clients[address]
        self.poller.unregister(client.socket)
        del self.by_socket[client.socket]
        client.connect()
        self._listen(client)
        self.reconnects += 1

    def _again(self):
        now = time.monotonic()
        for sent in list(self.under_way.values()):
            silent = now - sent.sent_at > self.patience
            if not silent and not (sent.retry_at and now >= sent.retry_at):
                continue
            if sent.gives_up:
                self._end(sent)
                continue
            if silent:
                addresses = self.addresses[sent.service]
                address = addresses[sent.at % len(addresses)]
                if now - self.heard_at.get(address, now) > self.patience:
                    self._reconnect(address)
                sent.at += 1
            self._send(sent)


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0.0


# --- processes ---

class Replica:
    """One replica of a service, kept running by `kefu up` (its pid is looked up) or by the test."""

    def __init__(self, service, address, find_pid, instance):
        self.service, self.address, self.find_pid, self.instance = service, address, find_pid, instance

    @property
    def pid(self):
        return self.find_pid()

    def signal(self, number):
        pid = self.pid
        if pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
                return pid
        return 0

    def kill(self):
        """SIGKILL; the pid that was killed, or 0."""
        return self.signal(signal.SIGKILL)

    def freeze(self):
        return self.signal(signal.SIGSTOP)

    def thaw(self):
        return self.signal(signal.SIGCONT)

    def terminate(self):
        return self.signal(signal.SIGTERM)

    def answers(self):
        """Does it say hello?"""
        client = kefu.Client(self.address)
        frame = client.once("query", "runtime.hello", {"service": self.service}, timeout=0.3)
        client.socket.close(0)
        return frame is not None and frame[1] == "answer"

    def client(self):
        return kefu.Client(self.address)


def is_gone(pid):
    """Ended, or only waiting to be noticed by its parent."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


def memory_of(pid):
    """Resident KiB and open descriptors, or None if it has ended."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            resident = next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))
        return resident, len(os.listdir(f"/proc/{pid}/fd"))
    except (OSError, StopIteration):
        return None


class Session:
    """One psql that stays: a look must not cost a process. When the connection was lost it tries once more on a new one."""

    def __init__(self, dsn):
        self.dsn, self.process = dsn, None

    def _connect(self):
        self.process = subprocess.Popen(["psql", self.dsn, "-qAtX", "-F", "\t"], text=True, bufsize=1, stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def __call__(self, sql):
        """Rows; raises ConnectionError when the server is away."""
        try:
            return self._ask(sql)
        except ConnectionError:
            self.close()
            return self._ask(sql)

    def _ask(self, sql):
        if self.process is None or self.process.poll() is not None:
            self._connect()
        try:
            self.process.stdin.write(f"{sql};\n\\echo ---\n")
            self.process.stdin.flush()
        except OSError as error:
            raise ConnectionError(str(error)) from error
        rows = []
        for line in self.process.stdout:
            if line == "---\n":
                words = [row[0] for row in rows if row[0].startswith(("ERROR:", "FATAL:", "WARNING:", "server closed"))]
                if words:
                    raise ConnectionError(words[0])
                return rows
            rows.append(line.rstrip("\n").split("\t"))
        raise ConnectionError("psql ended: " + repr(rows))

    def close(self):
        if self.process is not None:
            with contextlib.suppress(OSError):
                self.process.stdin.close()
            self.process.wait()
            self.process = None


HELD = """SELECT split_part(owner, '#', 1), count(*) FROM (SELECT DISTINCT ON (partition) partition, owner, expires_at
    FROM {0}.position ORDER BY partition, n DESC) AS p WHERE owner <> '' AND expires_at > clock_timestamp() GROUP BY 1"""


def shares(session, service):
    """Instance -> partitions leased, by what PostgreSQL holds."""
    return {row[0]: int(row[1]) for row in session(HELD.format(service))}


class Sampler(threading.Thread):
    """I6: the largest memory, descriptors and connections seen while it runs."""

    def __init__(self, replicas, session=None, every=0.25):
        super().__init__(daemon=True)
        self.replicas, self.session, self.every, self.ended = replicas, session, every, threading.Event()
        self.resident, self.descriptors, self.connections = {}, {}, 0

    def run(self):
        while not self.ended.wait(self.every):
            for replica in list(self.replicas):
                pid = replica.pid
                found = memory_of(pid) if pid else None
                if found:
                    self.resident[replica.instance] = max(self.resident.get(replica.instance, 0), found[0])
                    self.descriptors[replica.instance] = max(self.descriptors.get(replica.instance, 0), found[1])
            if self.session:
                with contextlib.suppress(ConnectionError):
                    rows = self.session("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'kefu-%'")
                    self.connections = max(self.connections, int(rows[0][0]))

    def end(self, resident_mb=700, descriptors=150, connections=120):
        """The limits are those of the sanitizer build, whose memory is some times that of the release."""
        self.ended.set()
        self.join()
        if self.session:
            self.session.close()
        fat = {name: kib // 1024 for name, kib in self.resident.items() if kib > resident_mb * 1024}
        assert not fat, f"I6: more than {resident_mb} MB resident: {fat}"
        many = {name: n for name, n in self.descriptors.items() if n > descriptors}
        assert not many, f"I6: more than {descriptors} descriptors: {many}"
        assert self.connections <= connections, f"I6: {self.connections} connections to PostgreSQL"
        return f"at most {max(self.resident.values(), default=0) // 1024} MB, {max(self.descriptors.values(), default=0)} fds, " \
               f"{self.connections} connections"
