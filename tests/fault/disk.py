#!/usr/bin/python3
"""The disk of PostgreSQL is full: that of the data, that of the log of transactions."""
import os
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fault  # noqa: E402
import kefu  # noqa: E402
from _world import Postgres, in_a_world_of_its_own, pick, run_quietly, skip_without_world  # noqa: E402
from worlds import Probes  # noqa: E402


class SmallDisk:
    """A tmpfs of so many MB, gone with the namespace."""

    def __init__(self, folder, megabytes):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        run_quietly("mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "none", folder)

    def fill(self):
        """To the last block."""
        with open(f"{self.folder}/filler", "ab", buffering=0) as file:
            for size in (1 << 20, 4096):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    pass

    def free(self):
        os.unlink(f"{self.folder}/filler")

    def unmount(self):
        run_quietly("umount", "--lazy", self.folder)


class World:
    """PostgreSQL with its data on one small disk and its log on another; a probe, and load."""

    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="kefu-disk-", dir="/tmp")
        os.chmod(self.folder, 0o755)
        self.data, self.log = SmallDisk(f"{self.folder}/data", 160), SmallDisk(f"{self.folder}/log", 112)
        self.postgres = Postgres(self.data.folder, max_wal_size="64MB", autovacuum="off")
        self.postgres.call("stop", "fast")
        wal = f"{self.postgres.folder}/data/pg_wal"
        shutil.copytree(wal, f"{self.log.folder}/wal")
        run_quietly("chown", "-R", "postgres:", f"{self.log.folder}/wal")
        os.chmod(f"{self.log.folder}/wal", 0o700)
        shutil.rmtree(wal)
        os.symlink(f"{self.log.folder}/wal", wal)
        self.start()

    def start(self):
        port = self.postgres.server.split("port=")[1].split()[0]
        self.postgres.call("start", port)

    def end(self):
        self.postgres.end()
        for disk in (self.data, self.log):
            disk.unmount()
        shutil.rmtree(self.folder, ignore_errors=True)


def refused_for_now(load):
    return [sent for sent in list(load.history.values()) if sent.retries]


@fault.case("F10", "the disk of the data is full, then has room again")
def data_are_full():
    world = World()
    try:
        with Probes(1, dsn=world.postgres.dsn) as probes:
            # rows so long that they need new blocks soon
            numbers = iter(range(10**9))
            make = lambda load, n: fault_sent(f"long{n}", next(numbers))
            load = probes.load(make=make, window=16)
            kefu.wait_for("commands answered", lambda: load.answered() > 50)
            world.data.fill()
            kefu.wait_for("nobody to be answered", lambda: stands_still(load), 30)
            time.sleep(pick(1, 30))
            client = probes.replicas[0].client()
            verbs = [told_meanwhile(client) for _ in range(pick(3, 10))]
            world.data.free()
            begun, before = time.monotonic(), load.answered()
            kefu.wait_for("answers again", lambda: load.answered() > before + 20, 30)
            back = time.monotonic() - begun
            client.call("command", "probe.say", {"key": "x", "n": 1, "note": "x" * 4000}, "single")
            history = load.end()
            fault.equal("I1, I3", probes.sql("SELECT count(*) FROM probe.counted"), [[str(len(history) + 1)]])
            forget(probes, "x")
            took = probes.check(history)
    finally:
        world.end()
    return f"{len(history)} commands, {', '.join(verbs)} meanwhile, answers {back:.1f} s after, quiet after {took:.1f} s"


def told_meanwhile(client):
    """What a publisher hears while there is no room: always something, before it loses patience. Mostly `retry`; `answer` where the last
    block of every table had room for this one. A refusal would be wrong, and so would silence: it could not tell this from a lost message."""
    begun = time.monotonic()
    frame = client.once("command", "probe.say", {"key": "x", "n": 1, "note": "x" * 4000}, "single", timeout=5 * fault.crowding())
    assert frame is not None, f"I8: silence for {time.monotonic() - begun:.1f} s"
    assert frame[1] in ("retry", "answer"), f"I8: answered {frame}"
    return frame[1]


def fault_sent(key, n):
    return fault.Sent("probe", "probe.say", {"key": key, "n": n, "note": "x" * 4000}, key)


def forget(probes, key):
    """What this test said itself is not in the load's history."""
    for table in ("effect", "counted", "journal"):
        probes.sql(f"DELETE FROM probe.{table} WHERE key = '{key}'")


def stands_still(load):
    before = load.answered()
    time.sleep(1)
    return load.answered() == before


@fault.case("F10", "the disk of the transaction log is full: PostgreSQL dies until there is room")
def log_is_full():
    world = World()
    try:
        with Probes(1, dsn=world.postgres.dsn) as probes:
            load, pid = probes.load(rate=100), probes.replicas[0].pid
            kefu.wait_for("commands answered", lambda: load.answered() > 50)
            world.log.fill()
            kefu.wait_for("PostgreSQL to stop", lambda: died(world), 30)
            time.sleep(pick(1, 30))
            world.log.free()
            if not answers(world):
                kefu.wait_for("PostgreSQL to start", lambda: started(world), 30)
            begun, before = time.monotonic(), load.answered()
            kefu.wait_for("answers again", lambda: load.answered() > before + 20, 30)
            back = time.monotonic() - begun
            history = load.end()
            probes.session.close()
            took = probes.check(history)
            fault.equal("the same process", probes.replicas[0].pid, pid)
    finally:
        world.end()
    return f"{len(history)} commands, answers {back:.1f} s after PostgreSQL was back, quiet after {took:.1f} s"


def died(world):
    """Use up what room there is in the log; does the server still answer?"""
    try:
        for _ in range(8):
            world.postgres.sql("SELECT pg_switch_wal(), txid_current()")
        return False
    except RuntimeError as error:
        return "No space" in str(error) or not answers(world)


def answers(world):
    try:
        world.postgres.sql("SELECT txid_current()")
        return True
    except RuntimeError:
        return False


def started(world):
    try:
        world.postgres.call("stop", "immediate")
        world.start()
        return answers(world)
    except RuntimeError:
        return False


if __name__ == "__main__":
    cases = (data_are_full, log_is_full)
    if not in_a_world_of_its_own():
        skip_without_world(*cases)
    fault.main(*cases)
