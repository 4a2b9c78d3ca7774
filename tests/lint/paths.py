"""What texts, scripts and lint's own tables name is there."""
import functools
import glob
import os
import re

from tree import matches, read

ROOTS = "common|proto|services|deploy|tests"
TEXTS = (".md", "Makefile", "Dockerfile", ".yml", ".txt", ".py", ".sh", ".c", ".h", ".msg", ".sql")
NOT_READ = ["tests/fuzz/corpus/*", "tests/unit/data/*", "services/*/migrations/*",
            "common/runtime/migrations/*"]

# A path from the root, perhaps with wildcards; what follows a colon is not part of it.
PATH = re.compile(rf"(?:(?<=ROOT}}/)|(?<![\w./{{}}$-]))((?:{ROOTS})/[\w./*{{}},-]*[\w/*}}])")
STANDS_FOR_ANY = re.compile(r"\b(?:[A-Z]{1,7}|x)\b|\{\w+\}")  # services/X/main.c
MADE_BY_TESTS = {"services/workforce/migrations/999_later.sql"}

# A source file by its name alone, such as batch.c. Tests make up names of files.
NAME = re.compile(r"(?<![\w./*$<>{}%-])([a-z][\w-]*\.(?:c|h|py|sh|msg|sql))(?![\w(.=])")
MADE_UP = {"services_list.h", "test_x.c"}


@functools.lru_cache(None)
def is_there(path):
    spread = re.sub(r"\{[^}]*\}", "*", path)
    return path in MADE_BY_TESTS or bool(glob.glob(spread)) or bool(glob.glob(spread + ".*"))


def list_lines(files):
    for path in files:
        if path.endswith(TEXTS) and not matches(path, NOT_READ):
            for number, line in enumerate(read(path).split("\n"), 1):
                yield path, number, line


def check_named_paths(files):
    """Every path from the root that a text or a source names."""
    for path, number, line in list_lines(files):
        for match in PATH.finditer(line):
            if not STANDS_FOR_ANY.search(match.group(1)) and not is_there(match.group(1)):
                yield f"{path}:{number}: {match.group(1)} is not there"


def check_named_files(files):
    """Every source file that a text or a comment names without its folder."""
    there = {os.path.basename(path) for path in files} | MADE_UP
    for path, number, line in list_lines(files):
        if not path.startswith("tests/") or path.endswith(".md"):
            for match in NAME.finditer(line):
                if match.group(1) not in there:
                    yield f"{path}:{number}: there is no file {match.group(1)}"
