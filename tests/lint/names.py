"""Names: a .c and its header, static functions in a folder, variables that others see."""
import collections
import json
import os
import re
import shutil
import subprocess

from tree import is_c, matches, read, strip

# Entries of tables, declared where the table is (handlers.h, commands.h).
WITHOUT_HEADER = ["*/on_*.c", "*/query_*.c", "*/policy.c", "*/main.c", "services/cli/command/*.c",
                  "proto/protogen.c", "tests/*"]
# Their contracts stand in the header of the module they were cut from. This list only gets shorter.
CUT_FROM_A_MODULE = ["common/runtime/core/ids.c", "common/runtime/core/neighbours.c",
                     "common/runtime/core/policy_store.c"]
# Names that stand twice in one folder. This list only gets shorter.
TWICE_TODAY = {
    "common/runtime/lane": ("choose", "looked"),
    "services/cli/client": ("finish",),
    "services/cli/command": ("add_fields", "ask", "print", "send", "show"),
    "services/cli/import": ("take_row",),
}
# How far a variable that changes may be seen.
REACHES = {
    "runtime": "common/runtime/",
    "common_options": "services/cli/",
}

EXTERN_VARIABLE = re.compile(r"^extern (?!.*\bconst\b)[^();]*?(\w+)(?:\[\w*\])?;", re.M)

def list_included(path, sources, seen):
    """All of our headers that a file sees, by its own includes and theirs."""
    for name in re.findall(r'^#include "([^"]+)"', sources[path], re.M):
        for header in (f"common/{name}", f"services/{name}", f"{os.path.dirname(path)}/{name}"):
            if header in sources and header not in seen:
                seen.add(header)
                list_included(header, sources, seen)
    return seen

def check_headers(files):
    """Each .c has its .h."""
    there = set(files)
    for path in files:
        alone = path.endswith(".c") and path[:-1] + "h" not in there
        if alone and not matches(path, WITHOUT_HEADER + CUT_FROM_A_MODULE):
            yield f"{path}: has no header of its own"

def list_statics(files):
    """(folder, name) -> the files that define a static function of that name."""
    done = subprocess.run(["ctags", "--output-format=json", "--fields=+nf", "--languages=C",
                           "--langmap=C:.c", "--kinds-C=f", "-f", "-", "-L", "-"],
                          input="\n".join(files), text=True, capture_output=True, check=True)
    found = collections.defaultdict(set)
    for line in done.stdout.splitlines():
        tag = json.loads(line)
        if tag.get("file"):
            found[os.path.dirname(tag["path"]), tag["name"]].add(tag["path"])
    return found

def check_static_names(files):
    """A static function's name stands once in its folder."""
    if not shutil.which("ctags"):
        return None
    problems = []
    sources = [path for path in files
               if path.endswith(".c") and path.startswith(("common/", "services/", "proto/"))]
    for (folder, name), paths in sorted(list_statics(sources).items()):
        if len(paths) > 1 and name not in TWICE_TODAY.get(folder, ()):
            where = ", ".join(os.path.basename(path) for path in sorted(paths))
            problems.append(f"{folder}: {name}() is static in {where}")
    return problems

def check_globals(files):
    """A variable that changes is seen in its folder only."""
    sources = {path: read(path) for path in files
               if is_c(path) and path.startswith(("common/", "services/"))}
    sees = {path: list_included(path, sources, set()) for path in sources}
    for header, source in sources.items():
        for match in EXTERN_VARIABLE.finditer(strip(source)):
            name = match.group(1)
            reach = REACHES.get(name, os.path.dirname(header) + "/")
            for path, text in sources.items():
                if path.startswith(reach) or header not in sees[path]:
                    continue
                if re.search(rf"(?<![\w.>])({name})\b(?!\()", strip(text)):
                    yield f"{path}: {name} (of {header}) may be seen in {reach} only"
