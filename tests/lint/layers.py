"""Who may include whom, and that nothing goes in circles: by includes, and by the symbols that the linker sees.

LAYERS is the house's floor plan. A file belongs to the longest folder that fits its path; it may include headers
of its own folder and of those named beside it. A new exception is one row of DOORWAYS, with its reason.
"""
import os
import re
import subprocess

from tree import read

LIBRARY = ("common/base", "common/data", "common/time", "common/policy", "common/net", "common/db")
API = ("common/base", "common/data", "common/time", "common/policy", "common/runtime/api",
       "common/db/statement.h")
CORE = LIBRARY + ("common/runtime/api", "common/runtime/core")

LAYERS = {
    "proto": (),
    "common/base": (),
    "common/data": ("common/base",),
    "common/time": ("common/base", "common/data"),
    "common/policy": ("common/base", "common/data", "common/time"),
    "common/net": ("common/base", "common/data"),
    "common/db": ("common/base", "common/data"),
    "common/runtime/api": API,
    "common/runtime/core": CORE,
    "common/runtime/journal": CORE,
    "common/runtime/batch": CORE + ("common/runtime/journal",),
    "common/runtime/lane": CORE + ("common/runtime/journal", "common/runtime/batch"),
    "common/runtime/door": CORE + ("common/runtime/journal", "common/runtime/batch", "common/runtime/lane"),
    "common/runtime": LIBRARY + ("common/runtime",),
    "services/cli": LIBRARY + ("services/cli",),
    "services": API,
}

# The feed's publisher is a socket and a connection of its own, beside the lanes.
DOORWAYS = {("services/reporting/feed_socket.c", header)
            for header in ("common/net/bus.h", "common/db/sql.h", "common/db/pg_queue.h")}

# Made by the build.
GENERATED = (".msg.h", "services_list.h")

INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def is_source(path):
    return path.endswith((".c", ".h")) and path.startswith(("common/", "services/", "proto/"))


def resolve(path, name, known):
    """The header of ours that an include means, or None."""
    for base in (os.path.dirname(path), "common", "services"):
        header = os.path.normpath(os.path.join(base, name))
        if header in known:
            return header
    return None


def includes(path, known):
    """Headers of ours that a file includes; generated ones are left out."""
    return filter(None, (resolve(path, name, known) for name in INCLUDE.findall(read(path))))


def layer_of(path):
    fitting = [folder for folder in LAYERS if path.startswith(folder + "/")]
    return max(fitting, key=len) if fitting else None


def home_of(path):
    """The folder whose headers a file may always include: a service's own, else its layer."""
    parts = path.split("/")
    return "/".join(parts[:2]) if parts[0] == "services" else layer_of(path)


def check_layers(files):
    known = set(filter(is_source, files))
    for path in sorted(known):
        allowed = (home_of(path),) + LAYERS[layer_of(path)]
        for name in INCLUDE.findall(read(path)):
            header = resolve(path, name, known)
            if header is None:
                if not name.endswith(GENERATED):
                    yield f"{path}: {name} is neither in its folder nor in common or services"
                continue
            fits = any(header == room or header.startswith(room + "/") for room in allowed)
            if not fits and (path, header) not in DOORWAYS:
                yield f"{path}: must not include {header}"


def find_circles(graph):
    """The strongly connected parts with more than one member (Tarjan)."""
    index, low, stack, on_stack, circles = {}, {}, [], set(), []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        on_stack.add(node)
        for other in sorted(graph.get(node, ())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in on_stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            circle = []
            while not circle or circle[-1] != node:
                circle.append(stack.pop())
                on_stack.discard(circle[-1])
            if len(circle) > 1:
                circles.append(sorted(circle))

    for node in sorted(graph):
        if node not in index:
            visit(node)
    return circles


def module_of(path):
    """A .c with its .h; a header *_state.h without a .c is the inside of the module it is named after."""
    module = os.path.splitext(path)[0]
    return module if os.path.exists(module + ".c") else module.removesuffix("_state")


def check_include_circles(files):
    """A module is a .c with its .h."""
    known = set(filter(is_source, files))
    graph = {}
    for path in known:
        for header in includes(path, known):
            if module_of(header) != module_of(path):
                graph.setdefault(module_of(path), set()).add(module_of(header))
    for circle in find_circles(graph):
        yield f"{len(circle)} files in a circle: {', '.join(circle)}"


def symbols_of(objects):
    """(module, kind, name) of every symbol that is defined or wanted in the objects of our sources."""
    done = subprocess.run(["nm", "-A", *objects], text=True, capture_output=True, check=True)
    for line in done.stdout.splitlines():
        path, _, rest = line.partition(":")
        words = rest.split()
        yield path, words[-2], words[-1]


def check_symbol_circles(files):
    """None where nothing has been built."""
    build = os.environ.get("B", "build")
    sources = {path[:-2] for path in files if path.endswith(".c") and path.startswith(("common/", "services/"))}
    objects = {f"{build}/obj/{module}.o": module for module in sources}
    there = [path for path in objects if os.path.exists(path)]
    if len(there) < len(objects):
        return None
    defined, wanted = {}, []
    for path, kind, name in symbols_of(there):
        if kind == "U":
            wanted.append((objects[path], name))
        elif kind in "TDBRVW":
            defined.setdefault(name, set()).add(objects[path])
    graph = {}
    for module, name in wanted:
        for other in defined.get(name, ()):
            near = other.startswith("common/") or home_of(other + ".c") == home_of(module + ".c")
            if other != module and near:
                graph.setdefault(module, set()).add(other)
    return [f"{len(circle)} files in a circle: {', '.join(circle)}" for circle in find_circles(graph)]
