#!/usr/bin/python3
"""What `make new` makes builds, passes lint and passes its own test: in a copy of the tree, with what
is built already."""
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from kefu import run  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("B", os.path.join(ROOT, "build")))
COPY = os.path.join(BUILD, "test", "new")
NAME = "parking"
NOT_COPIED = shutil.ignore_patterns(".git", ".cache", "var", "build*", "__pycache__", "secrets")


def copy_tree():
    """Files keep their times, so that only what is new, and what lists the services, is compiled."""
    shutil.rmtree(COPY, ignore_errors=True)
    skipped = NOT_COPIED if BUILD.startswith(os.path.join(ROOT, "build")) else (
        lambda folder, names: {*NOT_COPIED(folder, names), *(
            name for name in names if os.path.join(folder, name) == BUILD)})
    shutil.copytree(ROOT, COPY, symlinks=True, ignore=skipped)
    for part in ("gen", "test/obj/common", "test/obj/gen"):
        shutil.copytree(os.path.join(BUILD, part), os.path.join(COPY, "build", part))
    for part in ("protogen", "test/flags"):
        shutil.copy2(os.path.join(BUILD, part), os.path.join(COPY, "build", part))


def compiler():
    """The one that the tree was built with."""
    with open(os.path.join(BUILD, "test", "flags"), encoding="utf-8") as flags:
        return flags.read().split(" -std=")[0]


def do(*words):
    """Run in the copy, as from a shell."""
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    environment |= {"B": "build", "CC": compiler(), "KEFU_BIN": os.path.join(COPY, "build/test/bin")}
    done = subprocess.run(words, cwd=COPY, env=environment, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout


def test_a_made_service_builds_and_passes_its_test():
    copy_tree()
    steps = (("make", "-s", "new", f"NAME={NAME}"),
             ("make", "-s", f"-j{os.cpu_count()}", f"build/test/bin/kefu-{NAME}"),
             ("tests/lint/lint.py",),
             (sys.executable, f"tests/integration/{NAME}_service.py"))
    for step in steps:
        status, said = do(*step)
        if status != 0:
            print("".join(f"# {line}\n" for line in said.splitlines()[-60:]))
        assert status == 0, f"{' '.join(step)} ends with status {status}"


def test_names_that_cannot_be_are_refused():
    for name in ("", "Parking", "a b", "x", NAME, "routing"):
        status, said = do("make", "-s", "new", f"NAME={name}")
        assert status != 0 and "new: " in said, (name, status, said)


if __name__ == "__main__":
    run(test_a_made_service_builds_and_passes_its_test, test_names_that_cannot_be_are_refused)
