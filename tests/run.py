#!/usr/bin/python3
"""Runs test programs and adds up what they say (tests/README.md).

  tests/run.py                 everything
  tests/run.py unit            programs whose name contains "unit"; several words: any of them

B is the build directory (default build). Every program gets: B (absolute), KEFU_BIN (the sanitizer build of the
programs), KEFU_TEST_DSN (a PostgreSQL superuser, if the program is one that needs it). Output goes to B/test/log/.
"""
import concurrent.futures
import glob
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.abspath(os.path.join(ROOT, os.environ.get("B", "build")))
WORKERS = int(os.environ.get("KEFU_TEST_WORKERS", (os.cpu_count() or 1) + 1))
TIME_LIMIT = int(os.environ.get("KEFU_TEST_LIMIT", "900"))
NEEDS_SERVER = re.compile(r"(integration|e2e|fault|import)/")
LISTED = 8  # so many are named at the end
LONG = ("import/test_import", "fault/import_kills")
TIMED = re.compile(r"fault/(attacks|clocks|database_way|floods|held|intruders|kills|names|postgres|scale|services|slow)$|integration/runtime$")
ONLY_LONG = ("fault/chaos",)  # dice for half an hour: part of `make fault` alone
EVERY_SCRIPT = ("integration", "e2e", "fault")
VERDICT = re.compile(r"^(ok|not ok|skip) (.+)$", re.M)
OWN_SUMMARY = re.compile(r"^\d+ passed, \d+ failed", re.M)
PYTHON = "/usr/bin/python3"


def list_programs():
    """Pairs (name, command); the quick ones first."""
    found = [("lint", [PYTHON, "tests/lint/lint.py"])]
    for kind in ("unit", "integration"):
        for source in sorted(glob.glob(f"tests/{kind}/test_*.c")):
            name = f"{kind}/{os.path.basename(source)[:-2]}"
            found.append((name, [os.path.join(BUILD, "test", name)]))
    for source in sorted(glob.glob("tests/fuzz/fuzz_*.c")):
        name = os.path.basename(source)[:-2]
        found.append((f"fuzz/{name}", [os.path.join(BUILD, "test", "fuzz", name), f"tests/fuzz/corpus/{name}"]))
    for kind in ("unit", "import", "integration", "e2e", "fault"):
        pattern = "[!_]*.py" if kind in EVERY_SCRIPT else "test_*.py"
        for script in sorted(glob.glob(f"tests/{kind}/{pattern}")):
            name = f"{kind}/{os.path.basename(script)[:-3]}"
            if name not in ONLY_LONG:
                found.append((name, [PYTHON, script]))
    return found


class Server:
    """One PostgreSQL for all programs that want one; started when the first comes, stopped at the end."""

    def __init__(self):
        self.dsn = os.environ.get("KEFU_TEST_DSN")
        self.ours = False
        self.folder = os.path.join(BUILD, "test", "pg")

    def start(self):
        if self.dsn:
            return
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        try:
            self.call("stop", "immediate")
            shutil.rmtree(self.call("where").strip(), ignore_errors=True)  # what a test left behind last time
            self.dsn = self.call("start", str(port)).strip()
            self.ours = True
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"no PostgreSQL for the tests: {error}", flush=True)

    def call(self, verb, *more):
        done = subprocess.run(["deploy/postgres.sh", verb, self.folder, *more], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout

    def stop(self):
        if self.ours:
            self.call("stop", "immediate")


def environment(server, reports=None):
    env = dict(os.environ, B=BUILD, KEFU_BIN=os.path.join(BUILD, "test", "bin"), PYTHONUNBUFFERED="1",
               PYTHONDONTWRITEBYTECODE="1")
    env["PYTHONPATH"] = os.path.join(ROOT, "tests", "lib")
    env.setdefault("ASAN_OPTIONS", "abort_on_error=0:strict_string_checks=1")
    env.setdefault("UBSAN_OPTIONS", "print_stacktrace=1")
    if reports:
        env["ASAN_OPTIONS"] += f":log_path={reports}"
        env["TSAN_OPTIONS"] = f"{env.get('TSAN_OPTIONS', '')}:log_path={reports}".lstrip(":")
    if server.dsn:
        env["KEFU_TEST_DSN"] = server.dsn
    return env


def clear_reports(prefix):
    for path in glob.glob(f"{prefix}.*"):
        os.remove(path)


def read_reports(prefix):
    """What a sanitizer said, in the program or in any process that it started."""
    found = []
    for path in sorted(glob.glob(f"{prefix}.*")):
        with open(path, errors="replace") as report:
            found.append(report.read())
    return "".join(found)


def run_program(command, env, log_path):
    """The exit status (negative: signal) or None if it ran out of time, and what it printed."""
    with open(log_path, "wb") as log:
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                                       env=env, start_new_session=True)
        except OSError as error:
            log.write(f"cannot be started: {error}\n".encode())
            process = None
        status = 127
        if process:
            try:
                status = process.wait(TIME_LIMIT)
            except subprocess.TimeoutExpired:
                status = None
            end_group(process)
    with open(log_path, errors="replace") as log:
        return status, log.read()


def end_group(process):
    """What a program leaves running in its process group is ended with it."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def judge(status, output):
    """Counts of one program: {"ok", "not ok", "skip"}, and why it failed as a whole, or ""."""
    counts = {"ok": 0, "not ok": 0, "skip": 0}
    for verdict in VERDICT.finditer(output):
        counts[verdict.group(1)] += 1
    why = ""
    if status is None:
        why = f"ran out of time ({TIME_LIMIT} s)"
    elif status < 0:
        why = f"killed by signal {-status}"
    elif sum(counts.values()) == 0:
        why = f"said nothing (status {status})"
    elif status != 0 and counts["not ok"] == 0:
        why = f"ended with status {status} though no test failed"
    elif status == 0 and counts["not ok"] > 0:
        why = "ended with status 0 though a test failed"
    if why:
        counts["not ok"] += 1
    return counts, why


def report(name, counts, why, output, seconds, log_path):
    words = [f"{counts['ok']} ok"]
    words += [f"{counts['not ok']} NOT OK"] if counts["not ok"] else []
    words += [f"{counts['skip']} skipped"] if counts["skip"] else []
    print(f"{name:<44} {', '.join(words):<28} {seconds:7.1f} s", flush=True)
    if counts["not ok"]:
        lines = [line for line in output.splitlines() if not line.startswith("ok ") and not OWN_SUMMARY.match(line)]
        for line in lines[-60:]:
            print(f"    {line}")
        if why:
            print(f"    not ok {name}: {why}")
        print(f"    (all of it: {os.path.relpath(log_path, ROOT)})", flush=True)
    elif counts["skip"]:
        for line in output.splitlines():
            if line.startswith("skip "):
                print(f"    {line}", flush=True)


class Run:
    def __init__(self):
        self.logs = os.path.join(BUILD, "test", "log")
        self.server = Server()
        self.total = {"ok": 0, "not ok": 0, "skip": 0}
        self.seconds, self.why = {}, {}
        self.lock = threading.Lock()
        os.makedirs(self.logs, exist_ok=True)

    def one(self, name, command):
        if NEEDS_SERVER.match(name):
            with self.lock:
                self.server.start()
        started = time.monotonic()
        log_path = os.path.join(self.logs, name.replace("/", "-") + ".log")
        reports = log_path[:-len(".log")] + ".sanitizer"
        clear_reports(reports)
        status, output = run_program(command, environment(self.server, reports), log_path)
        counts, why = judge(status, output)
        complaint = read_reports(reports)
        if complaint:
            counts["not ok"] += not why
            why, output = why or "a sanitizer complained", output + "\n" + complaint
        with self.lock:
            self.seconds[name] = time.monotonic() - started
            if counts["not ok"]:
                self.why[name] = why or "a test failed"
            report(name, counts, why, output, self.seconds[name], log_path)
            for key in self.total:
                self.total[key] += counts[key]

    def everything(self, programs, alone=TIMED):
        """Side by side, one more than there are processors, the longest first; what measures time comes afterwards, alone."""
        long = [p for p in programs if p[0] in LONG]
        timed = [p for p in programs if p not in long and alone.match(p[0])]
        rest = [p for p in programs if p not in long and p not in timed]
        try:
            with concurrent.futures.ThreadPoolExecutor(WORKERS) as workers:
                for done in [workers.submit(self.one, *program) for program in long + rest]:
                    done.result()
            for program in timed:
                self.one(*program)
        finally:
            self.server.stop()


def main():
    os.chdir(ROOT)
    os.environ.setdefault("KEFU_PG_FSYNC", "off")  # tests kill servers, never the machine
    words = sys.argv[1:]
    programs = [p for p in list_programs() if not words or any(word in p[0] for word in words)]
    run = Run()
    begun = time.monotonic()
    run.everything(programs)
    longest = sorted(run.seconds.items(), key=lambda item: -item[1])[:LISTED]
    print("longest: " + ", ".join(f"{name} {seconds:.0f} s" for name, seconds in longest))
    print(f"{len(programs)} programs, {time.monotonic() - begun:.1f} s")
    skipped = f", {run.total['skip']} skipped" if run.total["skip"] else ""
    print(f"{run.total['ok']} passed, {run.total['not ok']} failed{skipped}")
    return 1 if run.total["not ok"] or not run.total["ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
