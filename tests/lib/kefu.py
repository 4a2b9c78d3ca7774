"""What the system tests share: a client that speaks the wire protocol, and services started on ports of their own."""
import os, signal, subprocess, sys, time, uuid

import msgpack
import zmq

_context = zmq.Context()


class Refused(Exception):
    def __init__(self, body):
        super().__init__(body.get("message", "?"))
        self.body, self.field, self.rule = body, body.get("field"), body.get("rule")


class Client:
    """One connection to one service. Retries until answered, as a publisher must."""

    def __init__(self, address):
        self.address, self.socket, self.late = address, None, {}
        self.connect()

    def connect(self):
        if self.socket is not None:
            self.socket.close(0)
        self.socket = _context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RECONNECT_IVL, 50)
        self.socket.setsockopt(zmq.RECONNECT_IVL_MAX, 200)
        self.socket.connect(self.address)

    def send(self, verb, kind, body, id=None, actor=None):
        id = id or uuid.uuid4().hex
        header = {"id": id, "type": kind, "v": 1}
        if actor:
            header["actor"] = actor
        self.socket.send(msgpack.packb([1, verb, header, body]))
        return id

    def receive(self, id, timeout):
        end = time.monotonic() + timeout
        while id not in self.late:
            left = end - time.monotonic()
            if left <= 0 or self.socket.poll(max(1, int(left * 1000))) == 0:
                return None
            frame = msgpack.unpackb(self.socket.recv())
            self.late[frame[2]["id"]] = frame
        return self.late.pop(id)

    def once(self, verb, kind, body, id=None, actor=None, timeout=5):
        return self.receive(self.send(verb, kind, body, id, actor), timeout)

    def call(self, verb, kind, body, id=None, actor=None, timeout=30):
        """Ask until answered. Raises Refused, or TimeoutError."""
        id, end = id or uuid.uuid4().hex, time.monotonic() + timeout
        while time.monotonic() < end:
            frame = self.once(verb, kind, body, id, actor, min(2, timeout))
            if frame is None:
                self.connect()
            elif frame[1] == "answer":
                return frame[3]
            elif frame[1] == "refused":
                raise Refused(frame[3])
            else:
                time.sleep(0.02)
        raise TimeoutError(f"{kind}: no answer from {self.address}")

    def do(self, kind, id=None, actor=None, timeout=30, **body):
        return self.call("command", kind, body, id, actor, timeout)

    def ask(self, kind, timeout=30, **body):
        return self.call("query", kind, body, None, None, timeout)


def wait_for(what, condition, timeout=30):
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise TimeoutError(f"waited {timeout} s for {what}")


def free_port():
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def psql(dsn, sql):
    out = subprocess.run(["psql", dsn, "-qAtX", "-v", "ON_ERROR_STOP=1", "-F", "\t", "-c", sql], capture_output=True, text=True)
    if out.returncode != 0:
        raise RuntimeError(out.stderr)
    return [line.split("\t") for line in out.stdout.splitlines()]


class Database:
    """A database of its own in the test server; dropped at the end."""

    def __init__(self):
        self.server = os.environ["KEFU_TEST_DSN"]
        self.name = "t" + uuid.uuid4().hex[:12]
        psql(self.server, f"CREATE DATABASE {self.name}")
        self.dsn = " ".join(part for part in self.server.split() if not part.startswith("dbname=")) + f" dbname={self.name}"

    def __call__(self, sql):
        return psql(self.dsn, sql)

    def drop(self):
        psql(self.server, f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")


class Process:
    """One replica of a service."""

    def __init__(self, name, dsn, port=None, peers=(), args=(), log=None, environment=None):
        self.name, self.dsn, self.port, self.environment = name, dsn, port or free_port(), environment
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.args = [f"--endpoint={self.address}", "--lease=1s", "--careful=2s", *args]
        self.args += [f"--peer-{peer}=static:127.0.0.1:{peer_port}" for peer, peer_port in dict(peers).items()]
        self.log_path = log or f"/tmp/kefu-test-{os.getpid()}-{name}-{self.port}.log"
        self.process = None

    def start(self):
        program = os.path.join(os.environ.get("KEFU_BIN", "build/bin"), f"kefu-{self.name}")
        environment = dict(os.environ, KEFU_DATABASE=self.dsn, **(self.environment or {}))
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([program, *self.args], stderr=log, stdout=log, env=environment)
        return self

    def client(self):
        return Client(self.address)

    def wait_ready(self, timeout=30):
        client = self.client()
        client.call("query", "runtime.hello", {"service": self.name}, timeout=timeout)
        return self

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self):
        """SIGTERM; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            return -9

    def log(self):
        with open(self.log_path, errors="replace") as file:
            return file.read()


PARTITIONS = 32


def quiet(clients):
    """Is everything done that can be done? `clients`: service name -> clients of all its replicas."""
    views = {name: [c.ask("runtime.quiet", wait_ms=50) for c in some] for name, some in clients.items()}
    heads = {name: [max(of) for of in zip(*(view["heads"] for view in some))] for name, some in views.items()}
    for some in views.values():
        for view in some:
            if view["busy"]:
                return None
            for i, position in enumerate(view.get("read", [])):
                source, partition = view["sources"][i // PARTITIONS], i % PARTITIONS
                if source in heads and 0 <= position < heads[source][partition]:
                    return None
    return repr(heads) + repr([v["done"] for some in views.values() for v in some])


def wait_quiet(clients, timeout=60):
    last = [None]

    def twice():
        now = quiet(clients)
        same, last[0] = now is not None and now == last[0], now
        return same

    wait_for("quiet", twice, timeout)


def run(*tests):
    """Run the tests by the convention of tests/README.md."""
    failed = 0
    only = sys.argv[1:]
    for test in tests:
        if only and not any(word in test.__name__ for word in only):
            continue
        try:
            test()
            print(f"ok {test.__name__}", flush=True)
        except Exception as error:  # noqa: BLE001 - every failure is reported by name
            import traceback
            failed += 1
            traceback.print_exc()
            print(f"not ok {test.__name__}: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}", flush=True)
    sys.exit(1 if failed else 0)
