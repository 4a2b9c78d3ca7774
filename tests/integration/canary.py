#!/usr/bin/python3
"""intake and the key of personal data: it starts with the one that its database was sealed with, and
with no other."""
import contextlib
import os
import shutil
import tempfile

from kefu import Database, Process, free_port, run

ONE, OTHER, THIRD = ("11" * 32, "22" * 32, "33" * 32)
CONTACT = {"source": "pbx", "source_id": "1", "channel": "call", "customer_name": "演示一",
           "phone": "000-7351-9264", "recorder": "sp01",
           "items": [{"kind": "inquiry", "topic": "fee", "words": "漏水", "answer": "好"}]}
POLICY = [{"name": name, "body": open(os.path.join("deploy/policy", name), encoding="utf-8").read()}
          for name in ("topics.yaml", "flows/complaint.yaml")]


class World:
    def __init__(self, folder):
        self.folder, self.database, self.started = folder, Database(), []

    def key_file(self, *keys):
        """Lines of a number and a key."""
        path = os.path.join(self.folder, f"key{len(self.started)}")
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.writelines(f"{number} {key}\n" for number, key in keys)
        return path

    def start(self, *keys):
        process = Process("intake", self.database.dsn, peers={"routing": free_port()},
                          args=[f"--key-file={self.key_file(*keys)}"]).start()
        self.started.append(process)
        return process

    def joins(self, *keys):
        return self.start(*keys).wait_ready()

    def refuses(self, words, *keys):
        process = self.start(*keys)
        status = process.process.wait(30)
        file = os.path.join(self.folder, f"key{len(self.started) - 1}")
        for word in (f"key file: {file} ", "HINT: put back the key file", "runbook.md", *words):
            if word not in process.log():
                raise AssertionError(f"it does not say {word!r}: {process.log()[-800:]}")
        if status == 0 or "event=ready" in process.log():
            raise AssertionError(f"it began to serve: {process.log()[-800:]}")

    def canaries(self):
        return self.database("SELECT count(*), min(get_byte(sealed, 0)) FROM intake.canary")[0]


@contextlib.contextmanager
def world():
    folder = tempfile.mkdtemp(prefix="kefu-canary-")
    made = World(folder)
    try:
        yield made
    finally:
        for process in made.started:
            if process.process.poll() is None:
                process.kill()
            os.unlink(process.log_path)
        made.database.drop()
        shutil.rmtree(folder)


def check(what, got, want):
    if got != want:
        raise AssertionError(f"{what}: got {got!r}, want {want!r}")


def record(replica):
    client = replica.client()
    client.do("policy.publish", files=POLICY)
    client.do("contact.record", **CONTACT)


def test_a_replica_with_the_same_key_joins_and_one_with_another_does_not():
    with world() as w:
        w.joins((1, ONE))
        w.joins((1, ONE))
        w.refuses(["does not open this database: sealed data is damaged"], (1, OTHER))
        w.refuses(["sealed with key 1, which is not in the key file"], (2, OTHER))
        check("canaries", w.canaries(), ["1", "1"])


def test_a_new_key_is_added_and_the_old_file_is_another_one_then():
    with world() as w:
        w.joins((1, ONE)).stop()
        w.joins((1, ONE), (2, OTHER)).stop()
        w.refuses(["sealed with key 2, which is not in the key file"], (1, ONE))
        w.refuses(["its first key is another one"], (2, OTHER), (1, ONE))
        w.joins((1, ONE), (2, OTHER), (3, THIRD))
        check("canaries", w.canaries(), ["1", "3"])


def test_records_from_before_there_was_a_canary_are_opened_first():
    with world() as w:
        first = w.joins((1, ONE))
        record(first)
        first.stop()
        w.database("DELETE FROM intake.canary")
        w.refuses(["none of 4 sealed records opens: sealed data is damaged"], (1, OTHER))
        check("canaries of another key", w.canaries()[0], "0")
        w.joins((1, ONE))
        check("canaries", w.canaries(), ["1", "1"])


def test_a_record_that_was_lost_before_stops_nobody():
    with world() as w:
        first = w.joins((1, ONE))
        record(first)
        first.stop()
        w.database("DELETE FROM intake.canary")
        w.database("UPDATE intake.customer SET person = 'lost'")
        again = w.joins((1, ONE))
        if "sealed_unreadable tried=4 opened=3" not in again.log():
            raise AssertionError(f"it does not say so: {again.log()[-800:]}")
        check("canaries", w.canaries(), ["1", "1"])


if __name__ == "__main__":
    run(test_a_replica_with_the_same_key_joins_and_one_with_another_does_not,
        test_a_new_key_is_added_and_the_old_file_is_another_one_then,
        test_records_from_before_there_was_a_canary_are_opened_first,
        test_a_record_that_was_lost_before_stops_nobody)
