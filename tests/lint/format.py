#!/usr/bin/python3
"""Lays out C as .clang-format says, with the one version that is meant: others differ.

  tests/lint/format.py                 every file of the tree
  tests/lint/format.py FILE...         these
  tests/lint/format.py --check [...]   change nothing; name what differs and exit with 1
"""
import os
import shutil
import subprocess
import sys

from tree import ROOT, is_c, list_files

VERSION = "14"


def find_formatter():
    """The program's name, or None if that version is not installed."""
    for name in (f"clang-format-{VERSION}", "clang-format"):
        if shutil.which(name):
            said = subprocess.run([name, "--version"], capture_output=True, text=True, check=False)
            if f"version {VERSION}." in said.stdout:
                return name
    return None


def find_unformatted(files):
    """path:line of what would be laid out otherwise."""
    done = subprocess.run([find_formatter(), "--dry-run", *files],
                          capture_output=True, text=True, check=False)
    lines = done.stderr.splitlines()
    return [line.split(": warning:")[0] for line in lines if ": warning:" in line]


def main():
    os.chdir(ROOT)
    words = sys.argv[1:]
    checks = "--check" in words
    files = [word for word in words if word != "--check"]
    files = files or [path for path in list_files() if is_c(path)]
    if not find_formatter():
        sys.exit(f"format: clang-format-{VERSION} is not installed (deploy/packages.txt)")
    if not checks:
        return subprocess.run([find_formatter(), "-i", *files], check=False).returncode
    found = find_unformatted(files)
    for place in found:
        print(f"{place}: not laid out as .clang-format says (make format)")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
