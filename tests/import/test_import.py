#!/usr/bin/python3
"""Service requests are imported on the test clock, and the verdicts of SLA-02 and SLA-25 are, id by id, those of the oracle.

    test_import.py           the generated file of 1,500 rows
    test_import.py FILE      a real one
"""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import system  # noqa: E402
from importing import Import, script  # noqa: E402


def everything_is_imported(work):
    print(f"# {work.file}: {work.run():.1f} s")
    for line in work.system.read("import.log").splitlines()[-6:]:
        print(f"# {line}")


def the_verdicts_are_those_of_the_oracle(work):
    work.compare()


def the_comparison_can_fail(work):
    """A verdict changed by hand must be seen."""
    with open(work.got, encoding="utf-8") as file:
        lines = file.read().splitlines()
    verdict = lines[1].rsplit("\t", 1)
    wrong = "\t".join([verdict[0], "met" if verdict[1] == "breached" else "breached"])
    changed = f"{work.got}.changed"
    with open(changed, "w", encoding="utf-8") as file:
        file.write("\n".join([lines[0], wrong, *lines[2:]]) + "\n")
    done = script("compare.py", work.want, changed)
    assert done.returncode == 1, done.stdout


def no_breach_was_raised_and_withdrawn(work):
    withdrawn = work.withdrawn()
    assert not withdrawn, f"{len(withdrawn)} withdrawn, first {withdrawn[0]['body']}"


def nothing_was_set_aside(work):
    dead = {name: client.ask("dead.list").get("rows") for name, client in work.system.clients.items()}
    assert not any(dead.values()), dead


def importing_again_changes_nothing(work):
    """Every journal, and every row of every table of every service."""
    before = work.footprint()
    print(f"# again: {work.run():.1f} s; compared: {len(before)} journals and tables")
    work.system.settle()
    after = work.footprint()
    changed = {name: (before[name], after[name]) for name in before if before[name] != after[name]}
    assert not changed, changed
    work.compare()


def main():
    file = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else None
    work = Import("import_real" if file else "import", file)
    passed = system.report("the_system_starts", work.system.up)
    tests = (everything_is_imported, the_verdicts_are_those_of_the_oracle, the_comparison_can_fail, no_breach_was_raised_and_withdrawn,
             nothing_was_set_aside, importing_again_changes_nothing)
    good = passed
    for test in tests:
        if passed:
            good = system.report(test.__name__, test, work) and good
            passed = passed and (good or test is not everything_is_imported)
    if not good:
        work.system.log_tails(5)
    work.system.destroy(keep=not good)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
