#!/usr/bin/python3
"""What a service under `kefu up` may and knows: nothing beyond its work, whoever has started it. And what compose lets containers do."""
import os
import re
import sys

import yaml

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from system import ROOT, SERVICES, System, report  # noqa: E402

NO_CAPABILITY = "0000000000000000"
SETS = ("CapInh", "CapPrm", "CapEff", "CapAmb")
GIVEN = {"KEFU_INTAKE_LEASE": "1s", "KEFU_NOTIFICATION_SMTP_URL": "smtp://user:secret@127.0.0.1:2525",
         "KEFU_KEY": "", "KEFU_LEASE": "1s"}
OWN = {"intake": {"KEFU_INTAKE_KEY_FILE", "KEFU_INTAKE_LEASE"},
       "notification": {"KEFU_NOTIFICATION_INBOX", "KEFU_NOTIFICATION_SMTP_URL"},
       "reporting": {"KEFU_REPORTING_FEED_ENDPOINT"}}


def each(system):
    """(service, /proc/PID/) of every child."""
    children = system.run()["children"]
    assert {child["service"] for child in children} == set(SERVICES), children
    return [(child["service"], f"/proc/{child['pid']}/") for child in children]


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def test_no_service_has_a_capability_or_can_get_one(system):
    sets = SETS + (("CapBnd",) if os.geteuid() == 0 else ())
    for name, process in each(system):
        status = dict(line.split(":\t", 1) for line in read(process + "status").splitlines() if ":\t" in line)
        has = {one: status[one] for one in sets if status[one] != NO_CAPABILITY}
        assert not has and status["NoNewPrivs"] == "1", f"{name}: {has}, NoNewPrivs {status['NoNewPrivs']}"


def test_the_files_of_a_service_are_its_users_alone_and_no_core_is_left(system):
    for name, process in each(system):
        mask = re.search(r"^Umask:\t(\d+)$", read(process + "status"), re.M)[1]
        core = re.search(r"^Max core file size +(\S+) +(\S+)", read(process + "limits"), re.M).groups()
        assert (mask, core) == ("0077", ("0", "0")), f"{name}: umask {mask}, core {core}"


def test_a_service_knows_its_own_secrets_only(system):
    """By the environment: what is set for all, and what is set for it."""
    for name, process in each(system):
        known = {word.split("=")[0] for word in read(process + "environ").split("\0")}
        settings = {word for word in known if re.match("KEFU_(KEY|%s)" % "|".join(SERVICES).upper(), word)}
        assert settings == OWN.get(name, set()), f"{name} knows {settings}"
        assert "KEFU_LEASE" in known, f"{name} lacks what is for all"


def test_every_container_is_closed(system):
    """What docker-compose.yml says of each: no powers but those named here, bounds, and an image that stays what it is."""
    del system
    may = {"secrets": ["CHOWN", "DAC_OVERRIDE", "FOWNER"],
           "postgres": ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"]}
    for name, container in yaml.safe_load(read(f"{ROOT}/docker-compose.yml"))["services"].items():
        wrong = [key for key, want in (("cap_drop", ["ALL"]), ("cap_add", may.get(name)), ("read_only", True),
                                       ("security_opt", ["no-new-privileges:true"])) if container.get(key) != want]
        wrong += [key for key in ("pids_limit", "mem_limit", "logging") if key not in container]
        assert not wrong, f"{name}: {wrong}"
        fixed = r"(kefu|kefu-door):\$\{KEFU_VERSION:-local\}|\$\{\w+:-postgres:15\.\d+-bookworm\}"
        assert re.fullmatch(fixed, container["image"]), f"{name}: {container['image']}"
    images = re.findall(r"^(?:ARG \w+=|FROM )(\S+)", read(f"{ROOT}/deploy/docker/Dockerfile"), re.M)
    assert re.fullmatch(r"debian:bookworm-\d{8}-slim", images[0]) and set(images[1:]) == {"${KEFU_DEBIAN_IMAGE}"}, images


def main():
    system = System("privileges", "2026-03-02T01:00:00Z", **GIVEN)
    system.up()
    good = all([report(test.__name__, test, system) for test in (
        test_no_service_has_a_capability_or_can_get_one,
        test_the_files_of_a_service_are_its_users_alone_and_no_core_is_left,
        test_a_service_knows_its_own_secrets_only,
        test_every_container_is_closed)])
    if not good:
        system.log_tails()
    good = system.destroy(keep=not good) in (0, None) and good
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
