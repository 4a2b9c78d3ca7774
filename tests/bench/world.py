"""What the measurements run on: a private PostgreSQL, a database for each measurement, and the services of a release build."""
import contextlib
import glob
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from kefu import Process, Refused, free_port, keys, psql, services, wait_for, wait_quiet  # noqa: E402

BUILD = os.path.abspath(os.environ.get("B", "build"))
SERVICES = services("deployed")
POSTGRES_BIN = os.environ.get("KEFU_PG_BIN", "/usr/lib/postgresql/15/bin")
TICK = os.sysconf("SC_CLK_TCK")
POLICY = "deploy/policy"
SKILLS = {"specialist": ["inquiry", "complaint", "suggestion"], "ambassador": ["repair", "emergency"], "supervisor": ["complaint"],
          "manager": ["complaint"], "deputy_gm": [], "department": []}
STAFF = {"specialist": 12, "ambassador": 6, "supervisor": 1, "manager": 1, "deputy_gm": 1, "department": 2}
UNITS = {"deputy_gm": "company", "department": "property"}


def process_seconds(pid):
    """CPU seconds of a process and of its children that have ended."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as file:
        return sum(int(word) for word in file.read().rsplit(")", 1)[1].split()[11:15]) / TICK


def children(pid):
    found = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        with contextlib.suppress(OSError), open(path, encoding="ascii", errors="replace") as file:
            if file.read().rsplit(")", 1)[1].split()[1] == str(pid):
                found.append(int(path.split("/")[2]))
    return found


class Cluster:
    def __init__(self, folder):
        self.folder, self.port, self.made = folder, free_port(), 0
        os.makedirs(folder, exist_ok=True)
        self.pg = os.path.join(folder, "pg")
        self.dsn = self.script("start", str(self.port)).strip()
        self.where = self.script("where").strip()
        psql(self.dsn, "ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
        psql(self.dsn, "ALTER SYSTEM SET track_commit_timestamp = on")  # when a row was there for others to see
        self.script("restart")
        psql(self.dsn, "CREATE EXTENSION IF NOT EXISTS pg_stat_statements")

    def script(self, verb, *more):
        return subprocess.run(["deploy/postgres.sh", verb, self.pg, *more], stdout=subprocess.PIPE, text=True, check=True,
                              stdin=subprocess.DEVNULL).stdout

    def stop(self, keep=False):
        """The data go; the services' logs stay if they are to be kept."""
        self.script("stop", "immediate")
        subprocess.run(["rm", "-rf", self.where] + ([] if keep else [self.folder]), check=True)
        if keep:
            print(f"# kept: {self.folder}", flush=True)

    def of(self, database):
        """As the superuser, or with another user= behind it."""
        return self.dsn.replace("dbname=postgres", f"dbname={database} passfile={self.folder}/pgpass")

    def sql(self, sql, database="postgres"):
        return psql(self.of(database), sql)

    def create(self, template=None):
        self.made += 1
        name = f"bench{self.made}"
        self.sql(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        if not template:
            self.prepare(name)
        return name

    def prepare(self, database):
        """The roles that services work as, and their schemas."""
        names = (*SERVICES, "probe")
        subprocess.run(["deploy/postgres/passwords.sh", self.folder, *names], check=True)
        subprocess.run(["deploy/postgres/roles.sh", self.of(database), *names], check=True, env=dict(os.environ, SECRETS=self.folder))
        for name in names:
            subprocess.run([f"{BUILD}/bin/kefu-{name}", "--migrate-only", f"--database={self.of(database)} user=kefu_migrate"], check=True,
                           stderr=subprocess.DEVNULL, env=dict(os.environ, KEFU_INTAKE_KEY_FILE="/dev/null"))

    def drop(self, name):
        self.sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def seconds(self):
        """CPU seconds of the server, all its processes."""
        with open(os.path.join(self.where, "data", "postmaster.pid"), encoding="ascii") as file:
            postmaster = int(file.readline())
        total = process_seconds(postmaster)
        for child in children(postmaster):
            with contextlib.suppress(OSError):
                total += process_seconds(child)
        return total

    def fsyncs(self, seconds=1.0):
        """fdatasync of 8 KiB written in place, a second, on the disk of the database (as pg_test_fsync does it)."""
        path, n = os.path.join(self.where, "data", "fsync.bench"), 0
        file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.pwrite(file, b"x" * (1 << 20), 0)
        os.fsync(file)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            os.pwrite(file, b"y" * 8192, n % 128 * 8192)
            os.fdatasync(file)
            n += 1
        os.close(file)
        os.unlink(path)
        return n / seconds

    def pgbench(self, database, script, clients, times, *options):
        """Transactions a second, without the time of connecting."""
        environment = dict(os.environ, PGOPTIONS="-c plan_cache_mode=force_generic_plan -c jit=off " + os.environ.get("PGOPTIONS", ""))
        command = [f"{POSTGRES_BIN}/pgbench", "-n", "-M", "prepared", "-c", str(clients), "-j", str(min(clients, 2)), "-t", str(times),
                   "-D", "i=-1", "-D", f"clients={clients}", "--max-tries=20", "-f", script, *options, self.of(database)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        rate = [line for line in done.stdout.splitlines() if line.startswith("tps = ")]
        if done.returncode != 0 or not rate:
            raise RuntimeError(f"pgbench {script}: {done.stderr[-2000:]}{done.stdout[-500:]}")
        return float(rate[0].split()[2])


def policy_files():
    """The bundle as it is, but without a limit of open tickets."""
    for path in sorted(glob.glob(f"{POLICY}/**/*.yaml", recursive=True)):
        with open(path, encoding="utf-8") as file:
            body = file.read()
        if path.endswith("/routing.yaml"):
            assert "max_open_cases:" in body
            body = "".join(line for line in body.splitlines(True) if "max_open_cases:" not in line)
        yield {"name": os.path.relpath(path, POLICY), "body": body}


class Services:
    """Some of the services on a database of their own, on ports of their own."""

    def __init__(self, cluster, database, names=SERVICES):
        self.cluster, self.database, self.processes, self.clients = cluster, database, {}, {}
        self.ports = {name: free_port() for name in (*SERVICES, "probe", "feed")}
        self.feed = f"tcp://127.0.0.1:{self.ports['feed']}"
        self.start(*names)

    def start(self, *names):
        cluster, peers = self.cluster, {name: port for name, port in self.ports.items() if name != "feed"}
        own = {"intake": [f"--key-file={self.key_file()}"], "notification": [f"--inbox={cluster.folder}/inbox"],
               "reporting": [f"--feed-endpoint={self.feed}"]}
        for name in names:
            log = os.path.join(cluster.folder, f"{self.database}-{name}.log")
            args = ["--lease=10s", "--isolate-after-crash=0s", *own.get(name, [])]
            self.processes[name] = Process(name, f"{cluster.of(self.database)} user=kefu_{name}", self.ports[name], peers, args, log).start()
        for name in names:
            self.clients[name] = self.processes[name].wait_ready().client()

    def key_file(self):
        path = os.path.join(self.cluster.folder, "key")
        if not os.path.exists(path):
            with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
                file.write("1 " + os.urandom(32).hex() + "\n")
        return path

    def publish(self):
        files = list(policy_files())
        for name, client in self.clients.items():
            try:
                client.do("policy.publish", files=files)
            except Refused as refused:
                raise RuntimeError(f"{name} refuses the policy: {refused}") from refused
        self.quiet()
        return self

    def people(self):
        """Staff on duty."""
        workforce = self.clients["workforce"]
        for role, n in STAFF.items():
            for i in range(n):
                code = f"{role[:2]}{i + 1:02}"
                workforce.do("staff.set", staff=code, name=f"Bench {code}", unit=UNITS.get(role, "service"), roles=[role],
                             skills=SKILLS[role], email=f"{code}@staff.example.com", locale="en", active=True)
                workforce.do("duty.set", staff=code, on=True)
        self.quiet()
        return self

    def quiet(self, timeout=120):
        wait_quiet({name: [client] for name, client in self.clients.items()}, timeout)

    def memory(self):
        """Resident KiB of each process."""
        sizes = {}
        for name, process in self.processes.items():
            with open(f"/proc/{process.process.pid}/status", encoding="ascii") as file:
                sizes[name] = int(next(line for line in file if line.startswith("VmRSS")).split()[1])
        return sizes

    def seconds(self):
        return {name: process_seconds(process.process.pid) for name, process in self.processes.items()}

    def load(self, how, kind, count, x, feed=None, service="intake"):
        command = [f"{BUILD}/bench/load", how, self.processes[service].address, kind, str(count), str(x)]
        done = subprocess.run(command + ([feed] if feed else []), capture_output=True, text=True,
                              env=dict(os.environ, KEFU_KEYS=keys().folder))
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def chain(self, tickets):
        """Tickets a second through the whole chain: from the first send until all is quiet."""
        load = self.load("burst", "contact.record", tickets, 1000)
        self.quiet(600)
        return tickets / (time.monotonic() - load["began_s"])

    def stop(self):
        for name, process in self.processes.items():
            if process.stop() != 0:
                print(f"{name} did not stop cleanly: {process.log()[-500:]}", file=sys.stderr)


__all__ = ["BUILD", "Cluster", "Services", "SERVICES", "free_port", "psql", "wait_for"]
