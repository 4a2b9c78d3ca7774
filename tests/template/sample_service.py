#!/usr/bin/python3
"""sample for real, on PostgreSQL."""
import contextlib
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from kefu import Database, Process, Refused, run  # noqa: E402


@contextlib.contextmanager
def sample():
    database = Database()
    service = Process("sample", database.dsn).start().wait_ready()
    try:
        yield database, service.client()
        assert service.stop() == 0, service.log()
    finally:
        if service.process.poll() is None:
            service.kill()
        database.drop()


def test_a_note_is_kept_and_said():
    with sample() as (database, client):
        assert client.do("sample.note", key="k", note="first") == {"count": 1}
        assert client.do("sample.note", key="k", note="second") == {"count": 2}
        assert client.ask("sample.get", key="k") == {"key": "k", "note": "second", "count": 2}
        said = database("SELECT count(*) FROM sample.journal WHERE type = 'sample.noted'")
        assert said == [["2"]], said


def test_an_empty_note_is_refused():
    with sample() as (_, client):
        try:
            client.do("sample.note", key="k", note="")
        except Refused as error:
            assert error.field == "note", error
        else:
            raise AssertionError("an empty note was taken")


if __name__ == "__main__":
    run(test_a_note_is_kept_and_said, test_an_empty_note_is_refused)
