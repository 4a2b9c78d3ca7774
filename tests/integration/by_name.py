#!/usr/bin/python3
"""A system whose services are known by name, as under Docker: the command line finds the replicas behind the name; the health check;
a first policy that does not replace another."""
import json
import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import kefu  # noqa: E402
from system import BIN, ROOT, System, report  # noqa: E402

SERVICES = "routing,workforce"


def kefu_by_name(system, *words):
    key = f"{system.dir}/secrets/operator.secret"
    done = subprocess.run([f"{BIN}/kefu", *words, "--dir", f"{system.dir}/named", "--key", key], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=60, check=False)
    return done.returncode, done.stdout, done.stderr


def write_names(system):
    """The system's run.json with a name for each number."""
    run = system.run()
    for child in run["children"]:
        child["endpoint"] = child["endpoint"].replace("127.0.0.1", "localhost")
    os.makedirs(f"{system.dir}/named", exist_ok=True)
    with open(f"{system.dir}/named/run.json", "w", encoding="utf-8") as file:
        json.dump(run, file)


def test_replicas_are_found_behind_the_name(system):
    status, out, _ = kefu_by_name(system, "status", "--json")
    services = [json.loads(line)["service"] for line in out.splitlines()]
    assert (status, services) == (0, SERVICES.split(",")), (status, out)  # localhost is one address: one routing of the two


def test_every_number_is_a_replica(system):
    seen = [json.loads(line)["instance"] for line in system.kefu("status", "--json").splitlines()]
    assert seen == ["routing-1", "routing-2", "workforce-1"], seen


def test_nobody_behind_the_name_is_one_line(system):
    run = json.loads(system.read("named/run.json"))
    run["children"][0]["endpoint"] = "tcp://nobody.invalid:7102"
    with open(f"{system.dir}/named/run.json", "w", encoding="utf-8") as file:
        json.dump(run, file)
    status, out, _ = kefu_by_name(system, "status")
    write_names(system)
    assert status == 3 and f"{'routing':26} does not answer at tcp://nobody.invalid:7102" in out and "workforce-1" in out, (status, out)


def health(system, service, endpoint):
    words = [f"{BIN}/kefu-{service}", "--health", f"--endpoint={endpoint}", f"--keys={system.dir}/secrets"]
    return subprocess.run(words, stderr=subprocess.DEVNULL, timeout=60, check=False).returncode


def test_health(system):
    child = system.child("routing")
    port = child["endpoint"].rsplit(":", 1)[1]
    assert health(system, "routing", child["endpoint"]) == 0
    assert health(system, "routing", f"tcp://0.0.0.0:{port}") == 0, "all addresses"
    assert health(system, "workforce", child["endpoint"]) == 1, "another service is there"
    assert health(system, "routing", f"tcp://127.0.0.1:{kefu.free_port()}") == 1, "nobody is there"
    os.kill(child["pid"], signal.SIGSTOP)
    try:
        assert health(system, "routing", child["endpoint"]) == 1, "it is frozen"
    finally:
        os.kill(child["pid"], signal.SIGCONT)


def versions(system, *words):
    status, out, err = kefu_by_name(system, "policy", "publish", *words, "--json")
    assert status == 0, err
    return [(line["version"], line["result"]) for line in map(json.loads, out.splitlines())]


def test_a_first_policy_replaces_none(system):
    changed = f"{system.dir}/policy"
    shutil.copytree(f"{ROOT}/deploy/policy", changed)
    for name in ("routing.yaml", "organisation.yaml"):
        with open(f"{changed}/{name}", "a", encoding="utf-8") as file:
            file.write("\n# changed\n")
    assert versions(system, "--first") == [(1, "in force")] * 2
    assert versions(system, "--first", changed) == [(1, "unchanged")] * 2
    assert versions(system, changed) == [(2, "in force")] * 2
    assert versions(system, "--first") == [(2, "unchanged")] * 2


def main():
    system = System("by_name", policy="none")
    tests = [test_every_number_is_a_replica, test_replicas_are_found_behind_the_name, test_nobody_behind_the_name_is_one_line, test_health,
             test_a_first_policy_replaces_none]
    try:
        system.up("--services", SERVICES, "--scale", "routing=2")
        write_names(system)
        good = [report(test.__name__, test, system) for test in tests]
    finally:
        system.destroy()
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
