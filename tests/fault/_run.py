#!/usr/bin/python3
"""`make fault`: every fault program in its long form, then one table: fault, what was done, result, seconds.

  tests/fault/_run.py            all of them
  tests/fault/_run.py kills      programs whose name contains one of the words

KEFU_SEED repeats the dice; KEFU_FAULT=short runs the short forms."""
import glob
import os
import random
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import run  # noqa: E402

LIMIT = 3600


def rows_of(output):
    return [line[2:].strip().split("|") for line in output.splitlines() if line.startswith("#= ")]


def print_table(rows):
    print(f"\n{'fault':<9} {'result':<7} {'seconds':>8}  what was injected; what was done")
    for fault, what, done, result, seconds in rows:
        print(f"{fault:<9} {result:<7} {seconds:>8}  {what}; {done}")


def main():
    os.chdir(run.ROOT)
    os.environ.setdefault("KEFU_FAULT", "long")
    os.environ.setdefault("KEFU_SEED", str(random.randrange(1 << 31)))
    os.environ["B"] = run.BUILD
    logs = os.path.join(run.BUILD, "test", "log")
    os.makedirs(logs, exist_ok=True)
    programs = [path for path in sorted(glob.glob("tests/fault/[!_]*.py"))
                if not sys.argv[1:] or any(word in path for word in sys.argv[1:])]
    print(f"KEFU_SEED={os.environ['KEFU_SEED']} KEFU_FAULT={os.environ['KEFU_FAULT']}", flush=True)
    server, begun, table, failed = run.Server(), time.monotonic(), [], 0
    run.TIME_LIMIT = LIMIT
    try:
        server.start()
        for path in programs:
            name, started = os.path.basename(path)[:-3], time.monotonic()
            log_path = os.path.join(logs, f"fault-{name}.log")
            status, output = run.run_program([run.PYTHON, path], run.environment(server), log_path)
            counts, why = run.judge(status, output)
            seconds = time.monotonic() - started
            run.report(f"fault/{name}", counts, why, output, seconds, log_path)
            failed += counts["not ok"]
            table += rows_of(output) or [["-", name, why, "NOT OK" if counts["not ok"] else "ok", f"{seconds:.1f}"]]
    finally:
        server.stop()
    print_table(table)
    print(f"\n{len(table)} faults, {failed} failed, {(time.monotonic() - begun) / 60:.1f} minutes")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
