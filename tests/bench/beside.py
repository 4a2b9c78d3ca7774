#!/usr/bin/python3
"""`make bench-beside COMMIT=c`: this tree and another commit, measured turn by turn on the same machine, each by its own bench. A table of medians, and
how this tree does over the other one: above 1 is better, whatever the figure.

  --only PART,PART   as in bench.py (rounds without it)      --turns N   so often each (2)      --short   small numbers
"""
import argparse
import os
import re
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from figures import TARGETS  # noqa: E402
from sizes import FULL, SHORT  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def checkout(commit):
    """A work tree of the commit, under the build directory."""
    folder = os.path.join(os.environ.get("B", "build"), "beside", commit)
    if not os.path.isdir(os.path.join(folder, "services")):
        subprocess.run(["git", "worktree", "prune"], cwd=ROOT, check=True)
        subprocess.run(["git", "worktree", "add", "--detach", "--force", os.path.abspath(folder), commit], cwd=ROOT, check=True)
    return os.path.abspath(folder)


def build(tree):
    environment = {name: value for name, value in os.environ.items() if name not in ("B", "MAKEFLAGS")}
    subprocess.run(["make", "--no-print-directory", "-s", f"-j{os.cpu_count()}", "all", "benches"], cwd=tree, env=environment, check=True,
                   stdout=subprocess.DEVNULL)


def measure(tree, options):
    environment = {name: value for name, value in os.environ.items() if name not in ("B", "MAKEFLAGS")}
    done = subprocess.run(["tests/bench/run.sh", *options], cwd=tree, env=environment, text=True, stdout=subprocess.PIPE)
    return done.stdout


def values_of(report, sizes):
    """Figure -> number, from the table at the end of a report."""
    found = {}
    for key, what, *_ in TARGETS:
        row = re.search(re.escape(what.format(**sizes)) + r"\s+([\d,.]+)", report)
        if row:
            found[key] = float(row.group(1).replace(",", ""))
    return found


def gain(values, compare):
    here, there = values
    return there / here if compare == "<=" else here / there


def print_table(rows, sizes, commit):
    print(f"\n{'figure':<84}{'here':>10}{commit[:8]:>10}{'better':>9}")
    for key, what, _, compare, _ in TARGETS:
        if all(key in row and row[key] for row in rows):
            medians = [statistics.median(row[key]) for row in rows]
            print(f"{what.format(**sizes):<84}{medians[0]:>10.2f}{medians[1]:>10.2f}{gain(medians, compare):>9.2f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("commit")
    parser.add_argument("--only", default="rounds")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--short", action="store_true")
    arguments = parser.parse_args()
    trees = [ROOT, checkout(arguments.commit)]
    sizes = SHORT if arguments.short else FULL
    options = ["--only", arguments.only] + (["--short"] if arguments.short else [])
    rows = [{}, {}]
    for tree in trees:
        build(tree)
    for turn in range(arguments.turns):
        for side in (0, 1) if turn % 2 == 0 else (1, 0):
            begun = time.monotonic()
            report = measure(trees[side], options)
            for key, value in values_of(report, sizes).items():
                rows[side].setdefault(key, []).append(value)
            print(f"# turn {turn + 1}, {'here' if side == 0 else arguments.commit[:8]}: {time.monotonic() - begun:.0f} s", flush=True)
            print("\n".join(f"#   {line}" for line in report.splitlines() if "CHECK FAILED" in line or "tickets/s" in line), flush=True)
    print_table(rows, sizes, arguments.commit)


if __name__ == "__main__":
    main()
