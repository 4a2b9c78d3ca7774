"""An import of service requests into a system of its own, and what it must come to (tests/import/README.md)."""
import os
import re
import shutil
import subprocess
import sys
import time

import yaml

import system
from system import ROOT, System

HERE = f"{ROOT}/tests/import"
MAPPING = f"{ROOT}/deploy/import/baltimore.yaml"
sys.path.insert(0, HERE)
import verdicts  # noqa: E402


def script(name, *words):
    done = subprocess.run([sys.executable, f"{HERE}/{name}", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{name}: {done.stderr}")
    return done


def load(path):
    with open(path, encoding="utf-8") as file:
        return yaml.safe_load(file)


def make_bundle(folder):
    """deploy/policy with the service hours of deploy/import/baltimore-policy.yaml."""
    shutil.copytree(f"{ROOT}/deploy/policy", folder)
    hours = load(f"{ROOT}/deploy/import/baltimore-policy.yaml")["service_hours"]
    path = f"{folder}/calendars/service.yaml"
    calendar = load(path)
    week = dict(part.split(" ", 1) for part in hours["hours"].split(";"))
    calendar.update(zone=hours["zone"], hours=week, holidays=hours["holidays"], special={})
    with open(path, "w", encoding="utf-8") as file:
        yaml.safe_dump(calendar, file, allow_unicode=True, sort_keys=False)
    return folder


class Import:
    """One file, one system. Without a file: the generated 1,500 rows. The release build: the sanitizers would double the time."""

    def __init__(self, name, file=None, programs=system.RELEASE):
        self.mapping = load(MAPPING)
        self.system = System(name, start=self.mapping_start(file), programs=programs, settings=["isolate-after-crash=2s"])
        self.system.policy = make_bundle(f"{self.system.dir}/policy")
        self.file, self.until = file, self.mapping["until"]
        if file is None:
            self.file, self.until = f"{self.system.dir}/requests.csv", script("generate.py", "--until").stdout.strip()
            with open(self.file, "w", encoding="utf-8") as out:
                out.write(script("generate.py").stdout)
        self.want, self.got = f"{self.system.dir}/want.tsv", f"{self.system.dir}/got.tsv"
        oracle = script("oracle.py", self.file, "--until", self.until)
        if oracle.returncode != 0:
            raise RuntimeError(oracle.stderr)
        with open(self.want, "w", encoding="utf-8") as out:
            out.write(oracle.stdout)
        self.rows = len(oracle.stdout.splitlines()) - 1

    @staticmethod
    def mapping_start(file):
        """A day before the first request."""
        return "2018-11-01T00:00:00-04:00" if file is None else "2013-12-31T00:00:00-05:00"

    def words(self):
        return ["import", self.file, "--map", MAPPING, "--clock", "--until", self.until, "--timeout", "300s"]

    def begin(self):
        """`kefu import` as a process; what it says goes to import.log."""
        with open(f"{self.system.dir}/import.log", "ab") as log:
            words = self.words()
            return subprocess.Popen([f"{self.system.programs}/kefu", words[0], "--dir", self.system.dir, *words[1:]], cwd=ROOT,
                                    stdout=log, stderr=log)

    def run(self):
        """The whole import; its exit status must be 0. Seconds it took."""
        begun = time.monotonic()
        status = self.begin().wait()
        self.check_end(status)
        return time.monotonic() - begun

    def check_end(self, status):
        if status != 0:
            raise RuntimeError(f"kefu import: status {status}\n" + "\n".join(self.system.read("import.log").splitlines()[-30:]))

    def collect(self):
        """The verdicts of the running system, into got.tsv."""
        clients = self.system.clients
        rows = verdicts.collect(clients["intake"], clients["escalation"], self.mapping["source"], self.mapping["stand_in"]["source_id"])
        verdicts.write(rows, self.got)

    def compare(self):
        """Raises with the differing ids unless the sets of source ids are those of the oracle."""
        self.collect()
        done = script("compare.py", self.want, self.got)
        for line in done.stdout.splitlines():
            print(f"# {line}", flush=True)
        if done.returncode != 0:
            raise AssertionError(done.stdout.splitlines()[0])

    def withdrawn(self):
        return [event for event in self.system.journal("escalation") if event["type"] == "breach.withdrawn"]

    def footprint(self):
        """What an import leaves behind: each service's journal (events, last number, digest), and the rows of all tables that are not
        the runtime's own (leases, kept replies, alarms, clock)."""
        own = set(re.findall(r"CREATE TABLE (\w+)", open(f"{ROOT}/common/runtime/migrations/001_runtime.sql", encoding="utf-8").read()))
        found = {}
        for service in system.SERVICES:
            found[f"{service}.journal"] = self.system.sql(
                f"SELECT count(*), max(seq), md5(string_agg(md5(seq::text || type || key || body::text), '' ORDER BY seq)) FROM {service}.journal")
            tables = self.system.sql(f"SELECT tablename FROM pg_tables WHERE schemaname = '{service}' ORDER BY 1")
            for table, in tables:
                if table not in own and not re.fullmatch(r"journal_\d+", table):
                    found[f"{service}.{table}"] = self.system.sql(
                        f"SELECT count(*), md5(string_agg(md5(t::text), '' ORDER BY md5(t::text))) FROM {service}.{table} t")
        return found
