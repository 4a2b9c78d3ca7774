"""The files of the tree, as the checks read them."""
import fnmatch
import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SKIPPED_FILES = {"compile_commands.json"}
SKIPPED_FOLDERS = {".git", "var", "__pycache__", ".cache", ".venv", "node_modules"}


def list_files():
    build = os.path.abspath(os.path.join(ROOT, os.environ.get("B", "build")))
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(f for f in folders if f not in SKIPPED_FOLDERS and not f.startswith("build")
                            and os.path.join(folder, f) != build)
        for name in sorted(names):
            path = os.path.relpath(os.path.join(folder, name), ROOT)
            if not os.path.islink(path) and name not in SKIPPED_FILES:
                yield path


def matches(path, patterns):
    return any(fnmatch.fnmatch(path, pattern) for pattern in patterns)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def is_c(path):
    return path.endswith((".c", ".h"))


TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)


def strip(source, keep_strings=False):
    """C without its comments (and strings), lines kept."""
    def blank(match):
        piece = match.group(0)
        if piece[0] == "/" or not keep_strings:
            return "\n" * piece.count("\n") if piece[0] == "/" else '""'
        return piece
    return TOKEN.sub(blank, source)


def line_of(source, at):
    return source.count("\n", 0, at) + 1
