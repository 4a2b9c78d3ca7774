#!/usr/bin/python3
"""F4 on the probe: PostgreSQL is torn down under load, and its backends are terminated one by one."""
import contextlib
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fault  # noqa: E402
import kefu  # noqa: E402
from worlds import Probes  # noqa: E402

TERMINATE = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'kefu-probe %' ORDER BY random() LIMIT 1"""


@contextlib.contextmanager
def own_server():
    with tempfile.TemporaryDirectory(prefix="kefu-pg-", dir="/tmp") as folder:
        os.chmod(folder, 0o755)
        script = ["deploy/postgres.sh"]
        started = subprocess.run([*script, "start", f"{folder}/pg", str(kefu.free_port())], capture_output=True, text=True, check=True)
        server = started.stdout.strip().splitlines()[-1]
        try:
            kefu.psql(server, "CREATE DATABASE crash")
            yield server.replace("dbname=postgres", "dbname=crash"), f"{folder}/pg"
        finally:
            subprocess.run([*script, "stop", f"{folder}/pg", "immediate"], capture_output=True, check=False)


@fault.case("F4", "two probes: PostgreSQL -m immediate, then backends terminated five a second")
def probes_outlive_their_database():
    throw = fault.dice("f4")
    stops, seconds = (8, 60) if fault.LONG else (2, 3)
    with own_server() as (dsn, folder), Probes(2, dsn=dsn) as world:
        load, terminated = world.load(give_up=0.02), 0
        for _ in range(stops):
            time.sleep(throw.random() * 0.5)
            subprocess.run(["deploy/postgres.sh", "restart", folder, "immediate"], capture_output=True, check=True)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            with contextlib.suppress(ConnectionError):
                terminated += len(world.sql(TERMINATE))
            time.sleep(0.2)
        healed = time.monotonic()
        history = load.end()
        took = world.check(history)
        fault.equal("processes", [process.process.poll() for process in world.processes], [None, None])
    assert took < 30 * fault.crowding(), f"I7: {took:.0f} s"
    return f"{stops} stops, {terminated} backends, {len(history)} commands, quiet {time.monotonic() - healed:.1f} s after"


if __name__ == "__main__":
    fault.main(probes_outlive_their_database)
