"""What the system tests share: keys, a client that speaks the wire protocol, and services started on ports of their own."""
import atexit, contextlib, os, shutil, signal, subprocess, sys, tempfile, time, uuid

import msgpack
import zmq

_context = zmq.Context()


class Refused(Exception):
    def __init__(self, body):
        super().__init__(body.get("message", "?"))
        self.body, self.field, self.rule = body, body.get("field"), body.get("rule")


class Keys:
    """A directory of keys (common/net/keys.h): NAME.secret for each, and `clients`, the list of the public ones."""

    def __init__(self, folder):
        self.folder = folder

    def path(self, name):
        return os.path.join(self.folder, name)

    def add(self, name, roles, sources="", rights="", listed=True):
        """A new key pair; its secret is kept in NAME.secret."""
        public, secret = zmq.curve_keypair()
        with open(os.open(self.path(name + ".secret"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(secret + b"\n")
        if listed:
            with open(self.path("clients"), "a", encoding="ascii") as file:
                file.write(f"{name} {public.decode()} {roles} {sources} {rights}\n")
        return self

    def revoke(self, name):
        with open(self.path("clients"), encoding="ascii") as file:
            kept = [line for line in file if line.split()[:1] != [name]]
        with open(self.path("clients.new"), "w", encoding="ascii") as file:
            file.writelines(kept)
        os.rename(self.path("clients.new"), self.path("clients"))

    def secret(self, name):
        with open(self.path(name + ".secret"), "rb") as file:
            return file.read().strip()

    def public(self, name):
        with open(self.path("clients"), encoding="ascii") as file:
            return next(line.split()[1] for line in file if line.split()[:1] == [name]).encode()

    def join(self, socket, service, name="operator"):
        """Make this socket, before it connects, a client of the service under the key of `name`."""
        secret = self.secret(name)
        socket.curve_secretkey, socket.curve_publickey = secret, zmq.curve_public(secret)
        socket.curve_serverkey = self.public(service)
        return socket

    def serve(self, socket, service):
        """Make this socket, before it binds, the service itself (without looking who connects)."""
        socket.curve_secretkey, socket.curve_server = self.secret(service), True
        return socket


_keys = []  # of this process's own services, made when first needed
_doors = {}  # address -> (keys, service): who answers there


def services(*kinds):
    """Names of the services in deploy/services.txt that are "deployed" or for "test"."""
    root = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
    with open(os.path.join(root, "deploy", "services.txt"), encoding="utf-8") as file:
        rows = [line.split() for line in file if not line.startswith("#")]
    return tuple(name for name, _, kind in rows if kind in kinds)


def keys():
    if not _keys:
        folder = tempfile.mkdtemp(prefix="kefu-keys-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        _keys.append(Keys(folder))
        for name in services("deployed", "test"):
            _keys[0].add(name, "service")
        _keys[0].add("operator", "operator").add("publisher", "publisher", "pbx,crm", "tickets,customers,recorders").add("dashboard", "subscriber")
    return _keys[0]


def know(address, service, some_keys=None):
    """A service answers at this address; clients of it find its key."""
    _doors[address] = some_keys or keys(), service
    return address


class Client:
    """One connection to one service. Retries until answered, as a publisher must."""

    def __init__(self, address, key="operator"):
        self.address, self.key, self.socket, self.late = address, key, None, {}
        self.connect()

    def connect(self):
        if self.socket is not None:
            self.socket.close(0)
        self.socket = _context.socket(zmq.DEALER)
        self.socket.setsockopt(zmq.LINGER, 0)
        self.socket.setsockopt(zmq.RECONNECT_IVL, 50)
        self.socket.setsockopt(zmq.RECONNECT_IVL_MAX, 200)
        known, service = _doors[self.address]
        known.join(self.socket, service, self.key)
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
            if frame[2]["id"] == "?":
                raise AssertionError(f"what was sent was so malformed that no id could be read: {frame[3]}")
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


def policy_files(folder="deploy/policy"):
    """The bundle as policy.publish takes it; each service takes its own files."""
    files = []
    for path, _, names in os.walk(folder):
        for name in sorted(n for n in names if n.endswith(".yaml")):
            with open(os.path.join(path, name), encoding="utf-8") as file:
                files.append({"name": os.path.relpath(os.path.join(path, name), folder), "body": file.read()})
    return files


class Process:
    """One replica of a service."""

    def __init__(self, name, dsn, port=None, peers=(), args=(), log=None, environment=None):
        self.name, self.dsn, self.port, self.environment = name, dsn, port or free_port(), environment
        given = [word.removeprefix("--keys=") for word in args if word.startswith("--keys=")]
        self.keys = Keys(given[-1]) if given else keys()
        self.address = know(f"tcp://127.0.0.1:{self.port}", name, self.keys)
        self.args = [f"--endpoint={self.address}", f"--keys={self.keys.folder}", "--lease=1s", "--isolate-after-crash=2s", *args]
        self.args += [f"--peer-{peer}=static:127.0.0.1:{peer_port}" for peer, peer_port in dict(peers).items()]
        self.log_path = log or f"/tmp/kefu-test-{os.getpid()}-{name}-{self.port}.log"
        self.process = None

    def start(self):
        program = os.path.join(os.environ.get("KEFU_BIN", "build/bin"), f"kefu-{self.name}")
        environment = dict(os.environ, KEFU_DATABASE=self.dsn, **(self.environment or {}))
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen([program, *self.args], stderr=log, stdout=log, env=environment)
        return self

    def client(self, key="operator"):
        return Client(self.address, key)

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


def positions(view):
    """Of an answer to runtime.quiet: (source, partition) -> how far it is handled, of what is leased there."""
    return {(view["sources"][i // PARTITIONS], i % PARTITIONS): seq for i, seq in enumerate(view.get("read", [])) if seq >= 0}



def end(processes):
    """Kills what still runs and takes the logs away. Raises if a sanitizer complained in one of them."""
    for process in processes:
        if process.process.poll() is None:
            process.kill()
    logs = [process.log() for process in processes]
    for process in processes:
        with contextlib.suppress(OSError):
            os.unlink(process.log_path)
    for log in logs:
        if "AddressSanitizer" in log or "runtime error" in log:
            print(log[-6000:])
            raise AssertionError("a sanitizer complained")


def find_restless(views, heads, alarms):
    """Who still has something to do, in words; None: nobody."""
    for name, some in views.items():
        for view in some:
            if view["busy"]:
                return f"{name} has {view['busy']} things to do"
            if not alarms and view.get("next_alarm"):
                return f"{name} has an alarm"
            for (source, partition), seq in positions(view).items():
                if source in heads and seq < heads[source][partition]:
                    return f"{name} has read partition {partition} of {source} up to {seq} of {heads[source][partition]}"
    return None


def look_around(clients, alarms=True):
    """What all say, as a text to compare, and who is restless. `clients`: service name -> clients of all its replicas."""
    views = {name: [c.ask("runtime.quiet", wait_ms=50) for c in some] for name, some in clients.items()}
    heads = {name: [max(of) for of in zip(*(view["heads"] for view in some))] for name, some in views.items()}
    said = repr(heads) + repr([v["done"] for some in views.values() for v in some])
    return said, find_restless(views, heads, alarms)


def wait_quiet(clients, timeout=60, alarms=True):
    """Until everything is done that can be done. With alarms=False none may be ahead."""
    last, why = [None], [None]

    def twice():
        said, why[0] = look_around(clients, alarms)
        same, last[0] = why[0] is None and said == last[0], said
        return same

    try:
        wait_for("quiet", twice, timeout)
    except TimeoutError as error:
        raise TimeoutError(f"{error}: {why[0] or 'more is done each time'}") from None


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
