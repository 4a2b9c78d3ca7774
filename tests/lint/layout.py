"""How lines look: C as clang-format lays it out, nothing wider than 100 columns."""
import collections
import re
import unicodedata

from format import find_formatter, find_unformatted
from tree import is_c, read

COLUMNS = 100
NARROW = (".c", ".h", ".py", ".sh", ".msg")

# So many lines were wider when the rule began. Numbers only fall; a folder that reaches 0 leaves.
WIDER_TODAY = {
    "deploy": 17, "deploy/docker": 9, "deploy/examples": 17, "deploy/postgres": 3, "proto": 36,
    "services/cli": 1, "services/escalation": 1, "services/intake": 5, "services/notification": 2,
    "services/routing": 2, "tests": 11, "tests/bench": 227, "tests/compose": 37, "tests/e2e": 162,
    "tests/fault": 294, "tests/fuzz": 17, "tests/import": 60, "tests/integration": 441,
    "tests/lib": 150, "tests/lint": 20, "tests/mutants": 44, "tests/unit": 30,
}


def check_format(files):
    if not find_formatter():
        return None
    places = find_unformatted([path for path in files if is_c(path)])
    return [f"{place}: not laid out as .clang-format says (make format)" for place in places]


def columns(line):
    """As a terminal shows them: Chinese characters take two."""
    if line.isascii():
        return len(line)
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in line)


def folder_of(path):
    """common/base, services/intake, tests/unit; the name of a file in the root."""
    return re.match(r"(?:\w+/){0,2}", path).group(0).rstrip("/") or path


def check_width(files):
    wide = collections.defaultdict(list)
    for path in files:
        if path.endswith(NARROW):
            for number, line in enumerate(read(path).split("\n"), 1):
                if columns(line) > COLUMNS:
                    wide[folder_of(path)].append(f"{path}:{number}: {columns(line)} columns")
    print(f"# lines wider than {COLUMNS} columns: {sum(map(len, wide.values()))}")
    for folder in sorted(wide.keys() | WIDER_TODAY.keys()):
        n, known = len(wide[folder]), WIDER_TODAY.get(folder, 0)
        if n > known:
            yield from wide[folder] if known == 0 else [
                f"{folder}: {n} lines wider than {COLUMNS} columns, {known} were known"]
        elif n < known:
            print(f"# {folder}: {n} wide lines, the table (layout.py) still has {known}")
