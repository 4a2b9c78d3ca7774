#!/usr/bin/python3
"""`make bench`: what the product does, as ratios to what PostgreSQL alone (and RabbitMQ) does in the same run. See README.md.

--short             small numbers: shows that it works (5 minutes at most); the whole takes 40 at most
--only PART,PART…   some parts only: rounds, calendar, rabbit, alarms, behind, snapshot, aged
--keep              leave the working directory, with the services' logs
"""
import argparse
import os
import shutil
import sys
import tempfile
import time
import traceback

os.chdir(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
os.environ["B"] = os.path.abspath(os.environ.get("B", "build"))
os.environ["KEFU_BIN"] = os.path.join(os.environ["B"], "bin")
sys.path.insert(0, "tests/bench")

import aged  # noqa: E402
import alarms  # noqa: E402
import behind  # noqa: E402
import rabbit  # noqa: E402
import rounds  # noqa: E402
import rounds_report  # noqa: E402
import snapshot  # noqa: E402
from figures import Figures  # noqa: E402
from sizes import FULL, SHORT  # noqa: E402
from world import Cluster, Services  # noqa: E402


class Bench:
    """What every part gets: a cluster, a database with policy and people to copy from, the sizes, and where figures go."""

    def __init__(self, cluster, sizes):
        self.cluster, self.sizes, self.figures = cluster, sizes, Figures(sizes)
        self.figures.note("fsyncs", cluster.fsyncs())
        self.people = cluster.create()
        services = Services(cluster, self.people)
        try:
            services.publish().people()
        finally:
            services.stop()


def run_rounds(bench):
    done = rounds.Rounds(bench)
    done.run()
    rounds_report.report(done)


PARTS = {
    "rounds": run_rounds,
    "calendar": lambda bench: rounds_report.report_calendar(),
    "rabbit": rabbit.measure,
    "alarms": alarms.measure,
    "behind": behind.measure,
    "snapshot": snapshot.measure,
    "aged": aged.measure,
}

LIMIT = 40 * 60
NEEDS = {"rounds": 480, "calendar": 5, "rabbit": 60, "alarms": 180, "behind": 120, "snapshot": 780, "aged": 540}  # seconds of a quiet machine


def run_part(bench, name, left):
    """A part that fails, or that the time left is too short for, leaves its figures out and fails the run; the others go on."""
    begun = time.monotonic()
    if bench.sizes is FULL and NEEDS[name] > left:
        bench.figures.failed = True
        print(f"CHECK FAILED: no time is left for {name}", flush=True)
        return
    try:
        PARTS[name](bench)
    except Exception:  # noqa: BLE001 - told, and the run ends with 1
        traceback.print_exc()
        bench.figures.failed = True
        print(f"CHECK FAILED: {name} did not come to its end", flush=True)
    print(f"# {name}: {time.monotonic() - begun:.0f} s", flush=True)


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--keep", action="store_true")
    arguments = parser.parse_args()
    arguments.only = arguments.only.split(",")
    for name in arguments.only:
        if name not in PARTS:
            parser.error(f"no part is called {name}: {', '.join(PARTS)}")
    return arguments


def main():
    arguments, begun = read_arguments(), time.monotonic()
    folder = tempfile.mkdtemp(prefix="kefu-bench-")
    os.chmod(folder, 0o755)
    try:
        cluster = Cluster(os.path.join(folder, "world"))
        try:
            bench = Bench(cluster, SHORT if arguments.short else FULL)
            for name in arguments.only:
                run_part(bench, name, LIMIT - (time.monotonic() - begun))
        finally:
            cluster.stop(arguments.keep)
    finally:
        if not arguments.keep:
            shutil.rmtree(folder, ignore_errors=True)
    bench.figures.table(arguments.only, len(arguments.only) == len(PARTS))
    print(f"\n{time.monotonic() - begun:.0f} s{', short' if arguments.short else ''}", flush=True)
    return 1 if bench.figures.failed else 0


if __name__ == "__main__":
    sys.exit(main())
