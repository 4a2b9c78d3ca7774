#!/usr/bin/python3
"""The same import, the same verdicts, while each service is killed ten times in the middle of a transaction and PostgreSQL is torn
down twice (`-m immediate`). Every kill is proved: the process is frozen (SIGSTOP), PostgreSQL says that one of its connections has a
transaction open, the proof is printed, and only then comes SIGKILL.

    import_kills.py [FILE] [--seed N]       without a file: the generated one
"""
import argparse
import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import system  # noqa: E402
from importing import Import  # noqa: E402

KILLS, RESTARTS = 10, 2
FREEZE_FOR = 1.0      # seconds of freezing at random moments before the service is made to wait at its journal
BREATHE = 0.05        # between two looks
PATIENCE = 120

# A connection of the service inside a transaction: between two of its statements, or writing its journal. A lone statement, or a
# COMMIT under way, is no proof.
PROOF = """SELECT pid, state, coalesce(wait_event_type || '/' || wait_event, '-'), xact_start, query_start,
    left(regexp_replace(query, '\\s+', ' ', 'g'), 90)
    FROM pg_stat_activity WHERE application_name LIKE 'kefu-{0} %' AND xact_start IS NOT NULL AND (state LIKE 'idle in transaction%'
    OR state = 'active' AND (query LIKE 'INSERT INTO journal %' OR query LIKE 'SELECT pg_advisory_xact_lock%'))
    ORDER BY xact_start LIMIT 1"""


class Session:
    """One psql that stays: a look must not take longer than a transaction."""

    def __init__(self, dsn):
        self.process = subprocess.Popen(["psql", dsn, "-qAtX", "-F", "\t", "-v", "ON_ERROR_STOP=0"], text=True, bufsize=1,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def __call__(self, sql):
        self.process.stdin.write(f"{sql};\n\\echo ---\n")
        self.process.stdin.flush()
        rows = []
        for line in self.process.stdout:
            if line == "---\n":
                return rows
            rows.append(line.rstrip("\n").split("\t"))
        raise ConnectionError("psql ended: " + repr(rows))

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Killer:
    def __init__(self, work, running, seed):
        self.work, self.running = work, running
        self.dice = random.Random(seed)
        self.killed = {name: 0 for name in system.SERVICES}
        self.restarted, self.number = 0, 0
        self.dsn = work.system.run()["dsn"]
        self.session = Session(self.dsn)

    def wait_for_progress(self, share):
        """Faults are spread over the whole import, by how many requests are in."""
        want = int(share * self.work.rows)
        while int(self.session("SELECT count(*) FROM intake.contact")[0][0]) < want:
            self.goes_on()
            time.sleep(0.1)

    def plan(self):
        """Every service ten times, in waves, so that each has time to come back; a restart of PostgreSQL after a third and two thirds."""
        faults = []
        for _ in range(KILLS):
            faults += self.dice.sample(system.SERVICES, len(system.SERVICES))
        for n in range(RESTARTS):
            faults.insert(len(faults) * (n + 1) // (RESTARTS + 1), "postgres")
        return faults

    def pid_of(self, service):
        """Of the service when it is up."""
        return system.wait_until(f"{service} to be up", lambda: self.work.system.child(service)["pid"], PATIENCE)

    def goes_on(self):
        if self.running.poll() is not None:
            raise AssertionError(f"the import ended (status {self.running.poll()}) after {self.killed} kills, {self.restarted} restarts")

    def proof(self, service):
        rows = self.session(PROOF.format(service))
        return rows[0] if rows and len(rows[0]) == 6 else None

    def kill_frozen(self, service, pid, how):
        """`pid` is stopped. Kill it if PostgreSQL says that it has a transaction open, and says so again a moment later."""
        first = self.proof(service)
        if first is None:
            return False
        time.sleep(0.005)
        again = self.proof(service)
        if again is None or (again[0], again[3]) != (first[0], first[3]):
            return False
        os.kill(pid, signal.SIGKILL)
        self.number += 1
        self.killed[service] += 1
        print(f"# kill {self.number}: {service} pid={pid} {how}: backend={again[0]} state={again[1]!r} wait={again[2]} "
              f"xact_start={again[3]} query={again[5]!r}", flush=True)
        return True

    def freeze(self, service, pid):
        """Stop the process at a random moment and look."""
        os.kill(pid, signal.SIGSTOP)
        if self.kill_frozen(service, pid, "at random"):
            return True
        os.kill(pid, signal.SIGCONT)
        time.sleep(self.dice.random() * BREATHE)
        return False

    def lie_in_wait(self, service, pid):
        """Hold the service's journal: whoever is about to write its events waits inside its transaction, all else done."""
        holder = Session(self.dsn)
        try:
            holder("BEGIN")
            holder(f"LOCK TABLE {service}.journal IN SHARE MODE")
            end = time.monotonic() + 3
            while time.monotonic() < end:
                if self.proof(service):
                    os.kill(pid, signal.SIGSTOP)
                    if self.kill_frozen(service, pid, "at its journal"):
                        return True
                    os.kill(pid, signal.SIGCONT)
                time.sleep(0.01)
            return False
        finally:
            holder("ROLLBACK")
            holder.close()

    def kill(self, service):
        end = time.monotonic() + PATIENCE
        patient = self.dice.random() < 0.5
        while time.monotonic() < end:
            self.goes_on()
            pid = self.pid_of(service)
            try:
                until = time.monotonic() + (FREEZE_FOR if patient else 0)
                while time.monotonic() < until:
                    if self.freeze(service, pid):
                        return
                if self.lie_in_wait(service, pid):
                    return
            except ProcessLookupError:  # not by us: the supervisor tells what it did
                print(f"# {service} pid={pid} had ended by itself", flush=True)
        raise TimeoutError(f"{service} had no transaction open for {PATIENCE} s")

    def restart(self):
        self.goes_on()
        self.session.close()
        begun = time.monotonic()
        self.work.system.postgres("restart", "immediate")
        self.restarted += 1
        self.session = Session(self.dsn)
        print(f"# PostgreSQL restarted -m immediate, {time.monotonic() - begun:.1f} s, after {self.number} kills", flush=True)

    def run(self):
        faults = self.plan()
        for n, fault in enumerate(faults):
            self.wait_for_progress(0.95 * n / len(faults))
            if fault == "postgres":
                self.restart()
            else:
                self.kill(fault)
        self.session.close()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("file", nargs="?")
    options.add_argument("--seed", type=int, default=int(os.environ.get("KEFU_SEED", random.randrange(1 << 31))))
    options = options.parse_args()
    print(f"# seed {options.seed}", flush=True)
    work = Import("import_kills_real" if options.file else "import_kills", options.file and os.path.abspath(options.file))
    state = {}

    def it_goes_on_through_all_faults():
        work.system.up()
        state["import"], begun = work.begin(), time.monotonic()
        killer = Killer(work, state["import"], options.seed)
        killer.run()
        print(f"# all faults injected in {time.monotonic() - begun:.1f} s: {killer.killed}, PostgreSQL {killer.restarted} times")
        assert all(count == KILLS for count in killer.killed.values()) and killer.restarted == RESTARTS

    def the_import_ends_well():
        begun = time.monotonic()
        work.check_end(state["import"].wait())
        print(f"# the rest took {time.monotonic() - begun:.1f} s")
        for line in work.system.read("import.log").splitlines()[-6:]:
            print(f"# {line}")

    def the_verdicts_are_those_of_the_oracle():
        work.system.settle()
        work.compare()

    def nothing_was_set_aside():
        dead = {name: client.ask("dead.list").get("rows") for name, client in work.system.clients.items()}
        assert not any(dead.values()), dead

    def no_breach_was_raised_and_withdrawn():
        withdrawn = work.withdrawn()
        assert not withdrawn, f"{len(withdrawn)} withdrawn, first {withdrawn[0]['body']}"

    def the_checker_is_content():
        print("\n".join(f"# {line}" for line in work.system.kefu("check").splitlines()))

    good = passed = True
    for test in (it_goes_on_through_all_faults, the_import_ends_well, the_verdicts_are_those_of_the_oracle, nothing_was_set_aside,
                 no_breach_was_raised_and_withdrawn, the_checker_is_content):
        if passed:
            good = system.report(test.__name__, test) and good
            passed = good or test not in (it_goes_on_through_all_faults, the_import_ends_well)
    if not good:
        work.system.log_tails(5)
        if "import" in state and state["import"].poll() is None:
            state["import"].kill()
    work.system.destroy(keep=not good)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
