#!/usr/bin/python3
"""Breaks the code on purpose, one line at a time, and sees that the tests named for it fail: proof that they bite.

  tests/mutants/mutants.py             all of them, after the unchanged tree has passed the same tests
  tests/mutants/mutants.py WORD...     those whose name contains one of the words

The working tree is copied to B/mutants/tree, and broken and built there. A mutant is caught if each test named for it says
`not ok` and why it does so fits. Exit status 1 if one survives, or if an edit does not fit the sources any more.
"""
import collections
import os
import re
import shutil
import subprocess
import sys
import time

import table

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests"))
os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
import run as runner  # noqa: E402 - how tests are run otherwise: its PostgreSQL and environment are used here

TREE = os.path.join(runner.BUILD, "mutants", "tree")
BUILD = os.path.join(runner.BUILD, "mutants", "build")
COPIED = ("Makefile", "docker-compose.yml", "common", "proto", "services", "deploy", "tests")
TIME_LIMIT = 120
VERDICT = re.compile(r"^(ok|not ok) ([^:\n]+)(.*)$", re.M)


class Misfit(Exception):
    """A mutant that cannot be made or built."""


def read(path):
    with open(os.path.join(TREE, path), encoding="utf-8") as file:
        return file.read()


def write(path, content):
    with open(os.path.join(TREE, path), "w", encoding="utf-8") as file:
        file.write(content)


def copy_tree(mutants):
    """Times are kept, so that only what changed is built again; but what mutants edit may be left built as a mutant from last time."""
    shutil.rmtree(TREE, ignore_errors=True)
    os.makedirs(TREE)
    skipped = shutil.ignore_patterns("__pycache__", "corpus", "build*", "var")
    for name in COPIED:
        source = os.path.join(ROOT, name)
        if os.path.isdir(source):
            shutil.copytree(source, os.path.join(TREE, name), symlinks=True, ignore=skipped)
        else:
            shutil.copy2(source, TREE)
    for path in {edit[0] for mutant in mutants for edit in mutant.edits}:
        os.utime(os.path.join(TREE, path))


def build(programs):
    targets = [f"{BUILD}/test/{program if '/' in program else 'bin/' + program}" for program in sorted(programs)]
    targets.append(f"{BUILD}/test/faultproxy")
    done = subprocess.run(["make", "--no-print-directory", f"-j{os.cpu_count()}", f"B={BUILD}", f"CC={os.environ.get('CC', 'gcc')}", *targets],
                          cwd=TREE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise Misfit("does not compile:\n" + done.stdout[-3000:])


def edit(mutant):
    """The files as they were."""
    before = {}
    for path, pattern, replacement in mutant.edits:
        content = read(path)
        before.setdefault(path, content)
        changed, n = re.subn(pattern, replacement, content, flags=re.S)
        if n != 1:
            restore(before)
            raise Misfit(f"{path}: fits {n} times, not once: {pattern}")
        write(path, changed)
    return before


def restore(before):
    for path, content in before.items():
        write(path, content)


def run_tests(tests, env):
    """What each named test said: name -> ("ok" or "not ok", why)."""
    programs = collections.defaultdict(list)
    for test in tests:
        program, name = test.split(":")
        programs[program].append(name)
    said = {}
    for program, names in programs.items():
        script = f"tests/{program}.py"
        command = [runner.PYTHON, script, *names] if os.path.exists(f"{TREE}/{script}") else [f"{BUILD}/test/{program}", *names]
        try:
            done = subprocess.run(command, cwd=TREE, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True, errors="replace", timeout=TIME_LIMIT)
            output = done.stdout
        except subprocess.TimeoutExpired as late:
            output = (late.stdout or b"").decode(errors="replace")
        write(f"{program.replace('/', '-')}.log", output)
        for verdict, name, why in VERDICT.findall(output):
            name = re.sub(r"^F\d+_", "", name)  # faults are named by their number, too
            if name in names:
                said[f"{program}:{name}"] = (verdict, why + output[-2000:])
    return said


def judge(mutant, env):
    """"caught", or why not."""
    said = run_tests(mutant.tests, env)
    for test in mutant.tests:
        verdict, why = said.get(test, ("said nothing", ""))
        if verdict != "not ok":
            return f"SURVIVED: {test} {verdict}"
        if not re.search(mutant.because, why):
            return f"SURVIVED: {test} fails for another reason:{why[:200]}"
    return "caught"


def try_mutant(mutant, env):
    begun = time.monotonic()
    before = {}
    try:
        before = edit(mutant)
        build(mutant.programs)
        verdict = judge(mutant, env)
    except Misfit as misfit:
        verdict = f"DOES NOT FIT: {misfit}"
    restore(before)
    caught_by = ", ".join(test.split(":")[1] for test in mutant.tests) if verdict == "caught" else verdict
    print(f"{mutant.name:<58} {time.monotonic() - begun:6.1f}  {caught_by}", flush=True)
    return verdict == "caught"


def unchanged(mutants, env):
    """Does everything named pass on the tree as it is?"""
    begun = time.monotonic()
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    build({program for mutant in mutants for program in mutant.programs})
    said = run_tests(tests, env)
    bad = [test for test in tests if said.get(test, ("",))[0] != "ok"]
    print(f"{'(the unchanged tree)':<58} {time.monotonic() - begun:6.1f}  {f'{len(tests) - len(bad)} of {len(tests)} tests pass'}", flush=True)
    for test in bad:
        print(f"    {test}: {said.get(test, ('said nothing', ''))[1][-1500:]}")
    return not bad


def main():
    os.chdir(ROOT)
    words = sys.argv[1:]
    mutants = [mutant for mutant in table.MUTANTS if not words or any(word in mutant.name for word in words)]
    copy_tree(mutants)
    server = runner.Server()
    server.folder = os.path.join(runner.BUILD, "mutants", "pg")
    survived = 0
    print(f"{'mutant':<58} {'seconds':>7} caught by", flush=True)
    try:
        server.start()
        env = dict(runner.environment(server), B=BUILD, KEFU_BIN=os.path.join(BUILD, "test", "bin"),
                   PYTHONPATH=os.path.join(TREE, "tests", "lib"))
        if not unchanged(mutants, env):
            return 1
        survived = sum(not try_mutant(mutant, env) for mutant in mutants)
    finally:
        server.stop()
    print(f"{len(mutants) - survived} caught, {survived} not")
    return 1 if survived or not mutants else 0


if __name__ == "__main__":
    sys.exit(main())
