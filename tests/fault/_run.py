#!/usr/bin/python3
"""`make fault`: every fault program in its long form, then one table: fault, what was done, result, seconds.

  tests/fault/_run.py            all of them
  tests/fault/_run.py kills      programs whose name contains one of the words

What does not measure time runs side by side (tests/run.py). KEFU_SEED repeats the dice; KEFU_FAULT=short runs the short forms."""
import glob
import os
import random
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import run  # noqa: E402

LIMIT = 3600
FIRST = ("chaos", "services", "import_kills", "kills")     # the longest
ALONE = re.compile(r"fault/(attacks|clocks|floods|held|intruders|slow)$")  # compare rates or delays; the others mostly wait


def rows_of(output):
    return [line[2:].strip().split("|") for line in output.splitlines() if line.startswith("#= ")]


def print_table(rows):
    print(f"\n{'fault':<9} {'result':<7} {'seconds':>8}  what was injected; what was done")
    for fault, what, done, result, seconds in rows:
        print(f"{fault:<9} {result:<7} {seconds:>8}  {what}; {done}")


def rows_of_program(done, name):
    """What its faults came to; a program that failed as a whole has a row of its own."""
    with open(os.path.join(done.logs, f"fault-{name}.log"), errors="replace") as log:
        rows = rows_of(log.read())
    why, seconds = done.why.get(f"fault/{name}", ""), f"{done.seconds[f'fault/{name}']:.1f}"
    if why and not any(row[3] == "NOT OK" for row in rows):
        rows.append(["-", name, why, "NOT OK", seconds])
    return rows or [["-", name, "its tests", "ok", seconds]]


def main():
    os.chdir(run.ROOT)
    os.environ.setdefault("KEFU_FAULT", "long")
    os.environ.setdefault("KEFU_SEED", str(random.randrange(1 << 31)))
    os.environ["B"] = run.BUILD
    names = [os.path.basename(path)[:-3] for path in sorted(glob.glob("tests/fault/[!_]*.py"))
             if not sys.argv[1:] or any(word in path for word in sys.argv[1:])]
    names.sort(key=lambda name: name not in FIRST)
    print(f"KEFU_SEED={os.environ['KEFU_SEED']} KEFU_FAULT={os.environ['KEFU_FAULT']}", flush=True)
    run.TIME_LIMIT, run.WORKERS = LIMIT, os.cpu_count() or 1
    programs, begun = run.Run(), time.monotonic()
    programs.everything([(f"fault/{name}", [run.PYTHON, f"tests/fault/{name}.py"]) for name in names], ALONE)
    table = [row for name in sorted(names) for row in rows_of_program(programs, name)]
    failed = programs.total["not ok"]
    print_table(table)
    print(f"\n{len(table)} faults, {failed} failed, {(time.monotonic() - begun) / 60:.1f} minutes")
    return 1 if failed or not programs.total["ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
