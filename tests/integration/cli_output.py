#!/usr/bin/python3
"""kefu says so when its answer could not be written: a full disk, a reader that has gone."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import kefu  # noqa: E402
from system import BIN  # noqa: E402

COMMANDS = ("messages",), ("flows", "--mermaid"), ("up", "--help"), ("--help",)
CUT_OFF = "not all of the answer could be written"


def run(words, stdout):
    done = subprocess.run([f"{BIN}/kefu", *words], stdin=subprocess.DEVNULL, stdout=stdout,
                          stderr=subprocess.PIPE, text=True)
    return done.returncode, done.stderr


def test_a_full_disk_is_a_failure():
    for words in COMMANDS:
        with open("/dev/full", "w", encoding="utf-8") as full:
            status, said = run(words, full)
        assert status == 1 and CUT_OFF in said, (words, status, said)


def test_a_reader_that_has_gone_is_a_failure():
    for words in COMMANDS:
        end, start = os.pipe()
        os.close(end)
        status, said = run(words, start)
        os.close(start)
        assert status == 1 and CUT_OFF in said, (words, status, said)


def test_an_answer_that_was_written_is_none():
    for words in COMMANDS:
        status, said = run(words, subprocess.DEVNULL)
        assert status == 0 and said == "", (words, status, said)


if __name__ == "__main__":
    kefu.run(test_a_full_disk_is_a_failure, test_a_reader_that_has_gone_is_a_failure,
             test_an_answer_that_was_written_is_none)
