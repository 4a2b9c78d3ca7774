#!/usr/bin/python3
"""The rules of CONTRIBUTING.md that a script can hold. One `ok` or `not ok` line for each; --longest also
lists the ten longest functions. What may be where stands in the tables below: a new door or exception is one row, with its reason in the commit.
"""
import collections
import json
import os
import re
import shutil
import subprocess
import sys

import layers
import layout
import mutants
import names
import paths
import rules
import services
from tree import ROOT, is_c, line_of, list_files, matches, read, strip

FUNCTION_LINES = 100
FILE_LINES = 800
COPIED_LINES = 16
CODE = (".c", ".h", ".py", ".sh", ".js", ".css", ".html", ".msg")
TEXTS = CODE + (".md", ".yaml", ".yml", ".sql", ".txt", ".json", ".toml", "Dockerfile", "Makefile")
MAY_HAVE_TABS = ("Makefile", "tests/*/data/*", "*.tsv", "*.csv")

# Each library's header is included in these files only (and in tests).
DOORS = {
    "uv.h": ["common/base/loop.*", "common/net/wire.*", "common/net/listener.*", "common/net/connection.*", "common/db/pg.*",
             "services/notification/transport.*"],
    "zmq.h": ["common/net/wire.*", "common/net/keys.*"],
    "openssl/": ["common/db/pg.*"],
    "libpq-fe.h": ["common/db/pg.*", "common/db/statement.*", "common/db/sql.*", "common/db/migrate.*", "services/cli/world/database.*",
                   "services/cli/audit/audit.*"],
    "msgpack.h": ["common/data/pack.*"],
    "msgpack/": ["common/data/pack.*"],
    "jansson.h": ["common/data/json.*"],
    "yaml.h>": ["common/data/yaml.*"],
    "sodium.h": ["common/net/curve.*", "services/intake/vault.*", "services/notification/sign.*"],
    "curl/": ["services/notification/*"],
    "csv.h": ["services/cli/import/csv.*"],
    "iconv.h": ["common/data/encoding.*"],
}

# SQL stands in these files only.
SQL_FILES = ["services/*/store.c", "services/cli/audit/*.c", "services/cli/world/database.c", "common/db/migrate.c", "common/db/pg.c", "common/db/sql.c",
             "common/runtime/core/policy_store.c", "common/runtime/core/tables.c", "common/runtime/journal/*.c",
             "common/runtime/lane/*.c", "common/runtime/batch/batch.c"]
SQL = re.compile(r"\b(select\b.*\b(from|now_us)\b|insert\s+into\b|update\s+[\w.]+\s+set\b|delete\s+from\b|"
                 r"create\s+(table|schema|index|role|database)\b)", re.I | re.S)

# The supervisor's children write to their own logs before they become another program.
TERMINAL = ["services/cli/terminal.c", "services/cli/world/supervisor.c"]

BANNED = {
    "strcpy": "snprintf", "strcat": "struct buf", "stpcpy": "snprintf", "sprintf": "snprintf", "vsprintf": "vsnprintf",
    "gets": "file_read", "fgets": "file_read", "fread": "file_read", "getline": "file_read",
    "fscanf": "file_read", "strtok": "strchr", "strncpy": "snprintf", "atoi": "text_to_int", "atol": "text_to_int",
    "atoll": "text_to_int", "alloca": "an arena", "system": "posix_spawn",
}
BANNED_ANYWHERE = ("strcpy", "sprintf", "vsprintf", "gets", "strtok")


def check_function_length(files):
    if not shutil.which("ctags"):
        return None
    done = subprocess.run(["ctags", "--output-format=json", "--fields=+ne", "--languages=C", "--langmap=C:.c",
                           "--kinds-C=f", "-f", "-", "-L", "-"], input="\n".join(f for f in files if f.endswith(".c")),
                          text=True, capture_output=True, check=True)
    tags = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    lengths = sorted(((tag["end"] - tag["line"] + 1, tag["path"], tag["line"], tag["name"]) for tag in tags
                      if "end" in tag), reverse=True)
    if "--longest" in sys.argv:
        print("# the ten longest functions:")
        for length, path, line, name in lengths[:10]:
            print(f"#   {length:4} {path}:{line} {name}")
    return [f"{path}:{line}: {name} has {length} lines, more than {FUNCTION_LINES}"
            for length, path, line, name in lengths if length > FUNCTION_LINES]


def check_file_length(files):
    for path in files:
        if path.endswith(CODE):
            lines = read(path).count("\n")
            if lines > FILE_LINES:
                yield f"{path}: {lines} lines, more than {FILE_LINES}"


def check_include_direction(files):
    """Generated headers: common and proto know no service's messages, a service no other's rows (the rest: layers.py)."""
    services = {path.split("/")[1] for path in files if path.startswith("services/")}
    for path in filter(is_c, files):
        parts = path.split("/")
        if parts[0] not in ("common", "services", "proto"):
            continue
        for name in re.findall(r'^\s*#\s*include\s+"(\w+)\.msg\.h"', read(path), re.M):
            rows_of = name[:-len("_rows")] if name.endswith("_rows") else None
            if parts[0] != "services" and (rows_of or name in services):
                yield f"{path}: {parts[0]}/ must not include {name}.msg.h"
            elif parts[0] == "services" and rows_of not in (None, parts[1]):
                yield f"{path}: {parts[1]} must not include the rows of {rows_of}"


def check_one_door(files):
    for path in filter(is_c, files):
        if path.startswith("tests/"):
            continue
        for match in re.finditer(r"^\s*#\s*include\s+<([^>]+>)", read(path), re.M):
            for header, doors in DOORS.items():
                name = match.group(1)
                here = name.startswith(header) if header.endswith("/") else name.rstrip(">") == header.rstrip(">")
                if here and not matches(path, doors):
                    yield f"{path}: <{match.group(1)} may be included in {', '.join(doors)} only"


def check_terminal_door(files):
    """What kefu prints goes through one door, which takes the sting out of control characters."""
    for path in files:
        if not path.startswith("services/cli/") or not path.endswith(".c") or matches(path, TERMINAL):
            continue
        source = strip(read(path))
        for match in re.finditer(r"\b(stdout|stderr|printf|puts|putchar|perror)\b", source):
            where = f"{path}:{line_of(source, match.start())}"
            yield f"{where}: {match.group(1)} belongs into cli/terminal.c"


def check_sql_place(files):
    for path in files:
        if not path.endswith(".c") or not path.startswith(("common/", "services/")) or matches(path, SQL_FILES):
            continue
        source = strip(read(path), keep_strings=True)
        for match in re.finditer(r'"(?:\\.|[^"\\\n])*"(?:\s*"(?:\\.|[^"\\\n])*")*', source):
            if SQL.search(match.group(0)):
                yield f"{path}:{line_of(source, match.start())}: SQL belongs into store.c"


def check_todo_number(files):
    word = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b(?!\s*\(?#\d+)")
    for path in files:
        if path.endswith(CODE + (".sql",)):
            source = read(path)
            for match in word.finditer(source):
                yield f"{path}:{line_of(source, match.start())}: {match.group(1)} without the number of an issue"


def check_banned_functions(files):
    call = re.compile(r"(?<![\w.>])(" + "|".join(BANNED) + r")\s*\(")
    for path in filter(is_c, files):
        source = strip(read(path))
        for match in call.finditer(source):
            name = match.group(1)
            if name not in BANNED_ANYWHERE and path.startswith(("proto/", "tests/")):
                continue  # the generator stands alone, without common/; tests give no outside input to these
            yield f"{path}:{line_of(source, match.start())}: {name}() is banned; use {BANNED[name]}"


def check_text_form(files):
    for path in files:
        if not path.endswith(TEXTS):
            continue
        with open(path, "rb") as file:
            raw = file.read()
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            if not matches(path, MAY_HAVE_TABS):
                yield f"{path}: not UTF-8 at byte {error.start}"
            continue
        if matches(path, MAY_HAVE_TABS):
            continue
        for what, found in (("a tab", raw.find(b"\t")), ("a carriage return", raw.find(b"\r")),
                            ("a space at the end", re.search(rb"[ \t]\n", raw))):
            at = found.start() if isinstance(found, re.Match) else found
            if at is not None and at >= 0:
                yield f"{path}:{raw.count(10, 0, at) + 1}: {what}"
        if raw and not raw.endswith(b"\n"):
            yield f"{path}: no newline at the end"


def check_header_guards(files):
    for path in files:
        if path.endswith(".h"):
            source = read(path)
            if not source.startswith("/*"):
                yield f"{path}: must begin with a comment that says what it is for"
            if not re.search(r"#ifndef (KEFU_\w+_H)\n#define \1\n", source):
                yield f"{path}: no guard KEFU_..._H"


def check_copies(files):
    """No run of lines stands in two files."""
    seen = {}
    told = collections.Counter()
    for path in files:
        if not path.endswith(".c") or path.startswith("tests/"):
            continue
        lines = [(number, line.strip()) for number, line in enumerate(strip(read(path), True).split("\n"), 1)
                 if len(line.strip()) > 3 and not line.startswith("#include")]
        for i in range(len(lines) - COPIED_LINES + 1):
            key = "\n".join(line for _, line in lines[i:i + COPIED_LINES])
            first = seen.setdefault(key, (path, lines[i][0]))
            if first[0] != path:
                told[first[0], path] += 1
                if told[first[0], path] == 1:
                    yield f"{path}:{lines[i][0]}: {COPIED_LINES} lines as in {first[0]}:{first[1]}"


CHECKS = [
    check_function_length, check_file_length, check_include_direction, check_one_door,
    check_terminal_door, check_sql_place, check_todo_number, check_banned_functions, check_text_form,
    check_header_guards, check_copies,
    layers.check_layers, layers.check_include_circles, layers.check_symbol_circles,
    services.check_service_lists, services.check_service_names,
    paths.check_named_paths, paths.check_named_files,
    names.check_headers, names.check_static_names, names.check_globals,
    layout.check_format, layout.check_width,
    mutants.check_mutants,
    rules.check_rule_ids,
]
NEEDS = {
    "check_function_length": "universal-ctags", "check_static_names": "universal-ctags",
    "check_service_lists": "python3-yaml", "check_symbol_circles": "a build (make all)", "check_format": "clang-format-14",
}
ONLY_REPORTED = {"check_width"}  # until scripts and messages are as narrow as C is


def main():
    os.chdir(ROOT)
    files = list(list_files())
    failed = 0
    for check in CHECKS:
        name = "lint_" + check.__name__[len("check_"):]
        problems = check(files)
        if problems is None:
            print(f"skip {name}: {NEEDS[check.__name__]}")
            continue
        problems = list(problems)
        if check.__name__ in ONLY_REPORTED and problems:
            print(f"# {name}: {len(problems)}, such as {problems[0]}")
            problems = []
        for problem in problems:
            print(f"# {problem}")
        failed += bool(problems)
        print(f"not ok {name}: {len(problems)} problems" if problems else f"ok {name}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
