"""deploy/services.txt is the one list of the services: what must list them again is equal to it,
and nothing else lists them."""
import json
import re

from tree import is_c, line_of, matches, read, strip

LIST = "deploy/services.txt"
ROW = re.compile(r"([a-z][a-z_]*) +(\d+) +(deployed|test)")
# An order of its own, of services that may or may not run.
LISTS_ELSEWHERE = ["services/cli/world/world_clock.c"]
PRODUCT = ("common/", "services/", "deploy/")
NAMED_TOGETHER, LINES_TOGETHER = 4, 6  # so many names within so many lines are a list


def read_rows():
    """(name, port, kind) of each service, and what is wrong with the file."""
    rows, problems = [], []
    for number, line in enumerate(read(LIST).splitlines(), 1):
        row = ROW.fullmatch(line)
        if row:
            rows.append((row.group(1), int(row.group(2)), row.group(3)))
            if rows[-1][1] != rows[0][1] + len(rows) - 1:
                problems.append(f"{LIST}:{number}: ports are counted (`kefu up`): "
                                f"{row.group(2)} does not follow the one above")
        elif not line.startswith("#"):
            problems.append(f"{LIST}:{number}: must be: name port deployed|test")
    return rows, problems


def has_folder(name, files):
    main = f"services/{name}/main.c"
    named = main in files and re.search(rf'\.name = "{name}"', read(main))
    return named and f"proto/{name}.msg" in files


def compare_folders(rows, files):
    names = [name for name, _, _ in rows]
    for name in names:
        if not has_folder(name, files):
            yield f"{LIST}: {name} needs {name}/main.c with that name, and proto/{name}.msg"
    for path in files:
        name = path.split("/")[1] if matches(path, ["services/*/main.c"]) else None
        if name and name not in names + ["cli"]:
            yield f"{path}: {name} is not in {LIST}"


def compare_run_file(deployed):
    path = "deploy/docker/run.json"
    told = [(child["service"], child["endpoint"]) for child in json.loads(read(path))["children"]]
    if told != [(name, f"tcp://{name}:{port}") for name, port in deployed]:
        yield f"{path}: its children are not the deployed services of {LIST}"


def compare_compose(deployed):
    import yaml  # noqa: PLC0415 (only here: lint works without it)
    path = "docker-compose.yml"
    compose, clocks = yaml.safe_load(read(path)), yaml.safe_load(read("tests/compose/test.yml"))
    for name, port in deployed:
        variables = compose["services"].get(name, {}).get("environment", {})
        if variables.get("KEFU_ENDPOINT") != f"tcp://0.0.0.0:{port}":
            yield f"{path}: {name} must have KEFU_ENDPOINT: tcp://0.0.0.0:{port}"
        if f"user=kefu_{name}" not in variables.get("KEFU_DATABASE", ""):
            yield f"{path}: {name} must log in as kefu_{name} (KEFU_DATABASE)"
        peer = f"KEFU_PEER_{name.upper()}"
        if compose["x-environment"].get(peer) != f"tcp://{name}:{port}":
            yield f"{path}: x-environment must have {peer}: tcp://{name}:{port}"
        if name not in compose["services"]["policy"]["depends_on"]:
            yield f"{path}: policy must wait for {name}"
        if name not in clocks["services"]:
            yield f"tests/compose/test.yml: {name} must have the test clock"


def check_service_lists(files):
    """services.txt, the folders, and the two files of Docker say the same."""
    rows, problems = read_rows()
    deployed = [(name, port) for name, port, kind in rows if kind == "deployed"]
    problems += compare_folders(rows, files)
    problems += compare_run_file(deployed)
    try:
        problems += compare_compose(deployed)
    except ImportError:
        return None
    return problems


def find_list(path, word):
    """The first line where several names stand together, or None."""
    lines = read(path).splitlines()
    found = [set(word.findall(line)) for line in lines]
    for i in range(len(lines)):
        if found[i] and len(set().union(*found[i:i + LINES_TOGETHER])) >= NAMED_TOGETHER:
            return i + 1
    return None


def check_service_names(files):
    """No file of the product lists the services again; common/ names none."""
    names = "|".join(name for name, _, _ in read_rows()[0])
    quoted = re.compile(rf'"({names})"')
    bare = re.compile(rf"(?:^| )({names})(?= |$)")
    for path in files:
        if not path.startswith(PRODUCT) or matches(path, LISTS_ELSEWHERE):
            continue
        if path.endswith((".c", ".h", ".sh")):
            line = find_list(path, quoted if is_c(path) else bare)
            if line:
                yield (f"{path}:{line}: services are listed in {LIST} only"
                       " (ask common/net/services.h, deploy/services.sh)")
        if path.startswith("common/") and path.endswith(".c"):
            source = strip(read(path), keep_strings=True)
            for match in re.finditer(rf"\b({names})\b", source):
                line = line_of(source, match.start())
                yield f"{path}:{line}: common/ knows no service, such as {match.group(1)}"
