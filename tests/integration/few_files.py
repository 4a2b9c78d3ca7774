#!/usr/bin/python3
"""Hosts that allow few open files: a service takes what it may, says what it lacks, and runs unless that can never do."""
import contextlib
import os
import re
import resource
import shutil
import socket
import sys
import tempfile

import zmq
from zmq.utils.monitor import recv_monitor_message

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "lib"))
from kefu import Database, Process, keys, run, wait_for  # noqa: E402


@contextlib.contextmanager
def probe(soft, hard):
    """The probe, started where so many files are allowed."""
    real = os.path.abspath(os.path.join(os.environ["KEFU_BIN"], "kefu-probe"))
    folder, bin_before, database = tempfile.mkdtemp(), os.environ["KEFU_BIN"], Database()
    with open(f"{folder}/kefu-probe", "w", encoding="ascii") as script:
        script.write(f'#!/bin/sh\nexec prlimit --nofile={soft}:{hard} {real} "$@"\n')
    os.chmod(f"{folder}/kefu-probe", 0o755)
    process = Process("probe", database.dsn)
    try:
        os.environ["KEFU_BIN"] = folder
        yield process.start()
    finally:
        os.environ["KEFU_BIN"] = bin_before
        if process.process.poll() is None:
            process.kill()
        database.drop()
        shutil.rmtree(folder)


def limits(process):
    with open(f"/proc/{process.process.pid}/limits", encoding="ascii") as file:
        return re.search(r"Max open files +(\d+) +(\d+)", file.read()).groups()


def check(what, got, want):
    if got != want:
        raise AssertionError(f"{what}: got {got!r}, want {want!r}")


def test_the_soft_limit_is_raised_to_the_hard_one():
    with probe(64, 5000) as process:
        process.wait_ready()
        check("limits", limits(process), ("5000", "5000"))
        check("complaints", "files_short" in process.log(), False)


def test_few_files_are_said_and_served():
    with probe(64, 1024) as process:
        process.wait_ready()
        check("limits", limits(process), ("1024", "1024"))
        check("said", bool(re.search(r"event=files_short allowed=1024 good=4096 hint=.*hard limit", process.log())), True)
        process.client().do("probe.say", key="k", n=1)


def test_too_few_files_end_it_with_a_hint():
    with probe(64, 100) as process:
        wait_for("the end", lambda: process.process.poll() is not None)
        check("status", process.process.returncode, 1)
        check("said", bool(re.search(r"128 open files are needed, and 100 are allowed.*HINT", process.log(), re.S)), True)


def opened(process):
    return len(os.listdir(f"/proc/{process.process.pid}/fd"))


def test_without_files_it_says_so_now_and_then_and_accepts_later():
    """Who comes meanwhile waits at the door and is served as soon as there is a file."""
    with probe(1024, 1024) as process, contextlib.ExitStack() as later:
        process.wait_ready()
        resource.prlimit(process.process.pid, resource.RLIMIT_NOFILE, (opened(process) + 2, 1024))
        for _ in range(6):
            later.enter_context(socket.create_connection(("127.0.0.1", process.port)))
        said = re.compile(r"event=files_short endpoint=tcp://127.0.0.1:%d allowed=\d+ reason=" % process.port)
        wait_for("what it lacks", lambda: said.search(process.log()))
        client = process.client()
        id = client.send("command", "probe.say", {"key": "later", "n": 1})
        check("answered without a file", client.receive(id, 1), None)
        check("lines that say so", len(said.findall(process.log())), 1)
        resource.prlimit(process.process.pid, resource.RLIMIT_NOFILE, (1024, 1024))
        client.do("probe.say", id=id, key="later", n=1)


def test_handshakes_that_find_no_room_name_the_files():
    """Of 128 files a sixteenth is for handshakes."""
    with probe(64, 128) as process, contextlib.ExitStack() as later:
        process.wait_ready()
        for _ in range(9):
            later.enter_context(socket.create_connection(("127.0.0.1", process.port)))
        line = wait_for("a refusal", lambda: re.search(r"event=handshake_refused .*why=crowded.*", process.log()))[0]
        check("the files in " + line, "few open files are allowed: 8 handshakes at once" in line, True)


def let_in(context, process, who, kept):
    """A socket of that name: does the probe let it in? It stays open in `kept`."""
    raw = context.socket(zmq.DEALER)
    kept.append(raw)
    raw.linger, raw.reconnect_ivl = 0, -1
    keys().join(raw, "probe")
    raw.curve_publickey, raw.curve_secretkey = keys().public(who), keys().secret(who)
    monitor = raw.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_HANDSHAKE_FAILED_AUTH)
    raw.connect(process.address)
    try:
        return monitor.poll(5000) != 0 and recv_monitor_message(monitor)["event"] == zmq.EVENT_HANDSHAKE_SUCCEEDED
    finally:
        raw.disable_monitor()


def test_publishers_leave_room_for_those_who_run_it():
    with probe(64, 400) as process:
        process.wait_ready()
        kept = []
        with zmq.Context() as context:
            got = [let_in(context, process, "publisher", kept) for _ in range(90)]
            # a quarter of 400 may be connected, three quarters of these by publishers
            check("publishers let in", (sum(got), got[89]), (75, False))
            check("the operator", let_in(context, process, "operator", kept), True)
            for raw in kept:
                raw.close()


def test_compose_asks_the_host_for_no_limit_that_it_may_not_have():
    with open(os.path.join(ROOT, "docker-compose.yml"), encoding="utf-8") as file:
        words = re.findall(r"^\s*(ulimits|sysctls|privileged|devices|cap_add|memswap_limit|cpuset)\s*:", file.read(), re.M)
    check("asked of the host", words, ["cap_add", "cap_add"])  # secrets makes files for others, and postgres becomes its own user


run(test_the_soft_limit_is_raised_to_the_hard_one, test_few_files_are_said_and_served, test_too_few_files_end_it_with_a_hint,
    test_without_files_it_says_so_now_and_then_and_accepts_later, test_handshakes_that_find_no_room_name_the_files,
    test_publishers_leave_room_for_those_who_run_it,
    test_compose_asks_the_host_for_no_limit_that_it_may_not_have)
