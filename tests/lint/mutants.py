"""The mutants of tests/mutants/table.py still fit the sources: one that does not is found before a long run is begun."""
import os
import re
import sys

from tree import ROOT, read

sys.dont_write_bytecode = True
sys.path.append(os.path.join(ROOT, "tests", "mutants"))
import table  # noqa: E402


def check_mutants(files):
    """Each edit fits its file, once; each test that must fail is there."""
    there = set(files)
    for mutant in table.MUTANTS:
        for path, pattern, _ in mutant.edits:
            fits = len(re.findall(pattern, read(path), re.S)) if path in there else 0
            if fits != 1:
                yield f"{mutant.name}: fits {fits} times in {path}, not once: {pattern}"
        for test in mutant.tests:
            program, name = test.split(":")
            sources = [read(path) for path in (f"tests/{program}.py", f"tests/{program}.c")
                       if path in there]
            if not any(name in source for source in sources):
                yield f"{mutant.name}: there is no test {test}"
