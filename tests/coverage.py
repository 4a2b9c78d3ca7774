#!/usr/bin/python3
"""How many lines of each folder the tests ran: reads what a build with --coverage has counted (make coverage).

  B=build/coverage tests/coverage.py            a line for each folder, and the files with the most lines never run
  B=build/coverage tests/coverage.py WORD       the lines never run of files whose path contains WORD
"""
import collections
import concurrent.futures
import glob
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
OBJECTS = os.path.join(ROOT, os.environ.get("B", "build/coverage"), "test", "obj")
SHOWN = 15


def read_counts(path):
    """(file, line) -> how often, of one object."""
    done = subprocess.run(["gcov", "--json-format", "--stdout", path], cwd=ROOT,
                          capture_output=True, text=True, check=False)
    counts = collections.Counter()
    for text in filter(None, done.stdout.splitlines()):
        for file in json.loads(text)["files"]:
            if file["file"].startswith(("common/", "services/")):
                for line in file["lines"]:
                    counts[file["file"], line["line_number"]] += line["count"]
    return counts


def read_all():
    paths = glob.glob(f"{OBJECTS}/**/*.gcda", recursive=True)
    counts = collections.Counter()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as workers:
        for some in workers.map(read_counts, paths):
            for place, n in some.items():
                counts[place] += n
    return counts


def print_table(counts, name_of):
    """Lines, and how many of them were run, by what name_of says of a file."""
    lines, run = collections.Counter(), collections.Counter()
    for (path, _), n in counts.items():
        lines[name_of(path)] += 1
        run[name_of(path)] += n > 0
    for name in sorted(lines):
        print(f"{name:40} {lines[name]:6} lines {100 * run[name] / lines[name]:6.1f} %")
    total = sum(lines.values())
    print(f"{'all':40} {total:6} lines {100 * sum(run.values()) / max(total, 1):6.1f} %")


def print_never_run(counts):
    never = collections.Counter(path for (path, _), n in counts.items() if n == 0)
    print("\nmost lines never run:")
    for path, n in never.most_common(SHOWN):
        print(f"{path:40} {n:6} lines")


def print_lines(counts, word):
    for path in sorted({path for path, _ in counts if word in path}):
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            source = file.read().splitlines()
        for number in sorted(line for (at, line), n in counts.items() if at == path and n == 0):
            print(f"{path}:{number}: {source[number - 1].strip()}")


def main():
    counts = read_all()
    if not counts:
        sys.exit(f"coverage: nothing was counted in {OBJECTS}")
    if len(sys.argv) > 1:
        return print_lines(counts, sys.argv[1])
    print_table(counts, os.path.dirname)
    print_never_run(counts)
    return None


if __name__ == "__main__":
    sys.exit(main())
