"""What the faults of the world outside share: networks, disks, clocks, and who stands in for them."""
import contextlib
import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fault  # noqa: E402
import kefu  # noqa: E402
from system import ROOT  # noqa: E402


class Postgres:
    """A server of one's own, with settings of one's own, in `folder` or in a temporary one."""

    def __init__(self, folder=None, **settings):
        self.temporary = None if folder else tempfile.TemporaryDirectory(prefix="kefu-pg-", dir="/tmp")
        self.home = folder or self.temporary.name
        os.chmod(self.home, 0o755)
        self.folder = f"{self.home}/pg"
        try:
            self.server = self.call("start", str(kefu.free_port())).strip().splitlines()[-1]
            for name, value in settings.items():
                kefu.psql(self.server, f"ALTER SYSTEM SET {name} = '{value}'")
            if settings:
                self.call("restart", "fast")
            kefu.psql(self.server, "CREATE DATABASE world")
        except BaseException:
            self.end()
            raise
        self.dsn = self.server.replace("dbname=postgres", "dbname=world")

    def call(self, verb, *more):
        done = subprocess.run([f"{ROOT}/deploy/postgres.sh", verb, self.folder, *more], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"postgres.sh {verb}: {done.stderr.strip()[-300:]}")
        return done.stdout

    def sql(self, statement):
        return kefu.psql(self.dsn, statement)

    def end(self):
        with contextlib.suppress(RuntimeError):
            self.call("stop", "immediate")
        if self.temporary:
            self.temporary.cleanup()


def in_a_world_of_its_own():
    """Run this program again as root in namespaces of its own (processes, mounts, network): what it mounts, filters and starts ends
    with it. False where that is not possible; the caller then skips what needs it."""
    if os.environ.get("KEFU_OWN_WORLD"):
        return True
    words = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    try:
        if os.geteuid() != 0 or subprocess.run([*words, "true"], stderr=subprocess.DEVNULL).returncode != 0:
            return False
    except OSError:
        return False
    os.environ["KEFU_OWN_WORLD"] = "yes"
    sys.stdout.flush()
    os.execvp("unshare", [*words, "sh", "-c", 'ip link set lo up; exec "$@"', "sh", sys.executable, *sys.argv])


def skip_without_world(*cases):
    """Skips of cases that need in_a_world_of_its_own(); ends the program."""
    for test in cases:
        print(f"skip {test.fault}_{test.__name__}: root and namespaces (unshare)", flush=True)
    sys.exit(0)


def run_quietly(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


HERE, THERE = "10.77.0.1", "10.77.0.2"


class Away:
    """A network namespace with a cable to this one."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE)
        own = os.stat("/proc/self/ns/net").st_ino
        kefu.wait_for("the namespace", lambda: os.stat(f"/proc/{self.holder.pid}/ns/net").st_ino != own)
        run_quietly("ip", "link", "add", "cable", "type", "veth", "peer", "name", "far", "netns", str(self.holder.pid))
        run_quietly("ip", "addr", "add", f"{HERE}/24", "dev", "cable")
        run_quietly("ip", "link", "set", "cable", "up")
        for words in (("ip", "link", "set", "lo", "up"), ("ip", "addr", "add", f"{THERE}/24", "dev", "far"),
                      ("ip", "link", "set", "far", "up")):
            run_quietly(*self.enter(), *words)

    def enter(self):
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net"]

    def end(self):
        self.holder.stdin.close()
        self.holder.wait()


class Network:
    """What is dropped on the cable, seen from this side."""

    def cut(self, *ways):
        for chain, option in (("INPUT", "-i"), ("OUTPUT", "-o")):
            if chain in ways:
                run_quietly("iptables", "-A", chain, option, "cable", "-j", "DROP")

    def heal(self):
        run_quietly("iptables", "-F")


def pick(short, long):
    return long if fault.LONG else short
