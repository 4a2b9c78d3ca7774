#!/usr/bin/python3
"""kefu as people use it: what data may not do to a terminal, and what a command says that was
told something wrong."""
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from system import BIN, System, report  # noqa: E402

SERVICES = ("--services", "intake,routing,workforce,reporting,probe")
START = "2026-03-02T01:00:00Z"
STING = "\x1b]0;owned\x07\x1b[2J\u009b31m\u202eabc\u200b"


def run(system, *words, feed=None):
    """(status, standard output, standard error) of a command."""
    done = subprocess.run([f"{BIN}/kefu", words[0], "--dir", system.dir, *words[1:]],
                          input=feed, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def is_harmless(said):
    return not any(c in said for c in "\x1b\x07\u009b\u202e\u200b")


def people_are_there(system):
    for staff, on in (("sp01", "true"), ("sp02", "false")):
        system.kefu("send", "staff.set", f"staff={staff}", "name=Lin", "unit=centre",
                    "roles=specialist", "active=true")
        system.kefu("send", "duty.set", f"staff={staff}", f"on={on}")


def test_nothing_in_data_commands_the_terminal(system):
    system.sql(f"UPDATE workforce.staff SET name = '{STING}\n\tsp03' WHERE staff = 'sp01'")
    status, out, _ = run(system, "ask", "staff.list")
    assert status == 0 and is_harmless(out), ascii(out)
    assert "\\u001b]0;owned\\u0007" in out and "\\n\\tsp03" in out, ascii(out)
    status, out, _ = run(system, "ask", "staff.list", "--json")
    assert status == 0 and is_harmless(out), ascii(out)
    assert f"{STING}\n\tsp03" in {row["name"] for row in json.loads(out)["rows"]}, ascii(out)


def test_nothing_in_a_complaint_commands_the_terminal(system):
    for words in (("ask", f"no{STING}"), ("status", f"--{STING}"), ("alarms", STING),
                  ("ask", "ticket.get", f"{STING}=1"), ("act", STING, "close"),
                  ("key", "revoke", STING), ("flows", STING), ("clock", STING)):
        status, out, complaint = run(system, *words)
        assert status in (1, 2) and is_harmless(out + complaint), (words, ascii(complaint))
        assert "\\u001b" in complaint, (words, complaint)


# What was typed -> the exit status, and what the complaint must name.
WRONG = (
    ("frobnicate", 2, "there is no command 'frobnicate'"),
    ("--json status", 2, "the command comes first"),
    ("status now", 2, "'now' is a word too many"),
    ("status --timeout 5", 2, "--timeout: '5' is not a length of time"),
    ("alarms nosuch", 2, "there is no service 'nosuch' here: intake, routing, workforce"),
    ("dead list now", 2, "'now' is a word too many behind list"),
    ("dead list --service nosuch", 2, "there is no service 'nosuch' here"),
    ("dead retry 17", 2, "retry needs a KEY and --service NAME"),
    ("dead retry 17 --service nosuch", 2, "there is no service 'nosuch' here"),
    ("dead retry 17 --service routing", 1, "nothing is set aside under '17' in routing"),
    ("dead mend 17", 2, "'mend' is not list, retry or discard"),
    ("metrics", 2, "something is missing: it takes SERVICE [REPLICA]"),
    ("metrics nosuch", 2, "there is no service 'nosuch' here"),
    ("metrics routing 7", 2, "there is no replica 7: routing has 1"),
    ("metrics routing 0", 2, "'0' is not the number of a replica, from 1 on"),
    ("metrics routing x", 2, "'x' is not the number of a replica"),
    ("ask ticket.nosuch", 2, "there is no query 'ticket.nosuch'"),
    ("ask duty.set staff=sp01 on=true", 2, "duty.set is a command: kefu send duty.set"),
    ("send staff.list", 2, "staff.list is a query: kefu ask staff.list"),
    ("ask ticket.get", 2, "ticket"),
    ("ask ticket.get ticket=x", 2, "ticket: 'x' is not a whole number"),
    ("ask ticket.get ticket", 2, "'ticket' is not FIELD=VALUE"),
    ("ask ticket.get nosuch=1", 2, "ticket.get has no field nosuch"),
    ("ask ticket.get ticket=1 ticket=2", 2, "ticket is given twice"),
    ("ask ticket.get ticket=1", 1, "ticket"),
    ("ask ticket.list limit=-1", 2, "limit"),
    ("ask ticket.list open=maybe", 2, "open: 'maybe' is neither true nor false"),
    ("ask staff.list --body {} unit=centre", 2, "'unit=centre' has no place beside it"),
    ("ask staff.list --body {", 2, "--body: not JSON"),
    ("ask runtime.status", 2, "add --service NAME"),
    ("ask runtime.status --service nosuch", 2, "there is no service 'nosuch' here"),
    ("act", 2, "something is missing: it takes TICKET ACTION"),
    ("act -5 close", 2, "'-5' is not the number of a ticket"),
    ("act 17x close", 2, "'17x' is not the number of a ticket"),
    ("act 17 close --set done", 2, "--set: 'done' is not NAME=VALUE"),
    ("act 17 close --note =x", 2, "--note: '=x' is not NAME=WORDS"),
    ("act 17 close --as sp01", 1, "17"),
    ("follow --for 0", 2, "--for: '0' is not within 1ms to 30d"),
    ("follow --after -1", 2, "--after: '-1' is not a whole number"),
    ("clock stop", 2, "'stop' is not get, set, advance or run"),
    ("clock get 5m", 2, "get takes no '5m'"),
    ("clock advance", 2, "advance takes one TIME or SPAN"),
    ("clock advance 5", 2, "'5' is no SPAN such as 2h, and no TIME"),
    ("clock advance 2h --to 2026-03-03T00:00:00Z", 2, "advance takes one TIME or SPAN"),
    ("clock set 2h", 2, "'2h' is no TIME such as 2026-03-18T09:00:00+08:00"),
    ("clock set 2026-02-30T00:00:00Z", 2, "'2026-02-30T00:00:00Z' is no TIME"),
    ("clock set 2025-03-02T00:00:00Z", 1, "the clock does not go back"),
    ("messages nosuch", 2, "there is no message nosuch"),
    ("policy mend", 2, "'mend' is not check or publish"),
    ("policy check --first", 2, "--first is for publish"),
    ("policy check /nowhere", 1, "/nowhere: No such file or directory"),
    ("key mint", 2, "it takes init, new NAME --roles ROLES, list, or revoke NAME"),
    ("key new crm", 2, "new NAME --roles ROLES"),
    ("key new crm --roles king", 1, "king"),
    ("key new crm --roles publisher --source crm --may king", 1, "'king' is no right: tickets, customers, recorders"),
    ("key new crm --roles operator --may tickets", 1, "rights are for a publisher"),
    ("key revoke nobody", 1, "there is no key of nobody"),
    ("calendar eval /nowhere", 1, "/nowhere: No such file or directory"),
    ("calendar mend x", 2, "'mend' is not eval or import"),
    ("flows nosuch", 2, "there is no flow nosuch"),
    ("play /nowhere", 1, "/nowhere"),
    ("import /nowhere", 2, "map"),
    ("report now", 2, "'now' is a word too many"),
    ("check --database nonsense", 3, "cannot connect to the database"),
    ("up --base-port 80", 2, "--base-port: must be 1024 to 65000"),
    ("up --services nosuch", 2, "there is no service 'nosuch'"),
    ("up --scale routing=0", 2, "routing=0"),
    ("up --scale nosuch=2", 2, "there is no service 'nosuch'"),
)


def test_what_is_wrong_is_named_with_what_is_allowed(system):
    bad = []
    for line, want, named in WRONG:
        status, _, complaint = run(system, *line.split())
        if status != want or named not in complaint:
            bad.append(f"{line}: status {status}, wanted {want} and {named!r}: {complaint!r}")
    assert not bad, "\n".join(bad)


def test_a_key_shows_what_it_may(system):
    for name, may in (("shop", ()), ("desk", ("--may", "recorders,tickets"))):
        status, out, complaint = run(system, "key", "new", name, "--roles", "publisher", "--source", name, *may)
        assert status == 0 and name in out, complaint
    rows = {row["name"]: row for row in map(json.loads, run(system, "key", "list", "--json")[1].splitlines())}
    rights = {name: rows[name].get("rights", "") for name in ("shop", "desk", "publisher", "intake")}
    assert rights == {"shop": "", "desk": "tickets,recorders", "publisher": "tickets,customers,recorders", "intake": ""}, rights
    assert " desk  tickets,recorders\n" in run(system, "key", "list")[1]
    for name in ("shop", "desk"):
        assert run(system, "key", "revoke", name)[0] == 0


def test_a_bundle_that_cannot_be_published_is_told_with_its_file(system):
    """S9: they were not answered."""
    bundle = os.path.join(system.dir, "bundle")
    shutil.copytree("deploy/policy", bundle)
    filler, topics = "# filler\n" * 30000, os.path.join(bundle, "topics.yaml")
    with open(topics, encoding="utf-8") as file:
        words = file.read()
    for what, content, named in (
            ("too much", (words + filler).encode(), (bundle, "bytes together, at most 261120 are allowed", "the largest is topics.yaml with 27")),
            ("larger than any file", (words + filler * 4).encode(), (topics, "larger than")),
            ("no encoding", "caf\xe9 ol\xe9\n".encode("latin-1"), (topics, "line 1, character 4", "e9")),
            ("half a character", b"\xff\xfe" + "topics".encode("utf-16-le") + b"a", (topics, "line 1, character 7"))):
        with open(topics, "wb") as file:
            file.write(content)
        for verb in ("check", "publish"):
            status, out, complaint = run(system, "policy", verb, bundle)
            assert (status, out) == (1, ""), (what, verb, status, out)
            assert all(part in complaint for part in named), (what, verb, complaint)
    for name in ("gb18030", "utf-16"):
        with open(topics, "w", encoding=name) as file:
            file.write(words)
        status, out, complaint = run(system, "policy", "check", bundle)
        assert status == 0 and "good" in out, (name, complaint)


def test_a_system_that_is_not_there_is_not_reachable(system):
    for line in ("status", "ask staff.list", "send duty.set staff=x on=true", "act 17 close",
                 "follow", "clock", "report", "check", "alarms", "dead list", "metrics routing",
                 "policy check", "play deploy/demo/day.yaml", "down"):
        words = line.split()
        done = subprocess.run([f"{BIN}/kefu", *words, "--dir", f"{system.dir}/nowhere"],
                              capture_output=True, text=True, timeout=60)
        assert done.returncode == 3 and "nothing is running in" in done.stderr, (line, done)


def test_a_feed_is_followed_for_as_long_as_was_said(system):
    status, _, complaint = run(system, "follow", "--for", "300ms")
    assert (status, complaint) == (0, ""), complaint


TESTS = (
    people_are_there,
    test_nothing_in_data_commands_the_terminal,
    test_nothing_in_a_complaint_commands_the_terminal,
    test_what_is_wrong_is_named_with_what_is_allowed,
    test_a_key_shows_what_it_may,
    test_a_bundle_that_cannot_be_published_is_told_with_its_file,
    test_a_system_that_is_not_there_is_not_reachable,
    test_a_feed_is_followed_for_as_long_as_was_said,
)


def main():
    system = System("command_line", START)
    passed = report("the_system_is_up", lambda: system.up(*SERVICES))
    passed = passed and all([report(test.__name__, test, system) for test in TESTS])
    if not passed:
        system.log_tails()
    passed = system.destroy(keep=not passed) in (0, None) and passed
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()
