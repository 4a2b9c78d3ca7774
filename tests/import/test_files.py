#!/usr/bin/python3
"""Files as people have them, brought in as the README shows it: without --clock, on the system's own time, by the sanitizer build."""
import csv
import io
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import system  # noqa: E402
from system import ROOT, Failed, System  # noqa: E402

MAPPING = f"{ROOT}/deploy/import/baltimore.yaml"
COLUMNS = ("SRRecordID", "SRType", "MethodReceived", "CreatedDate", "SRStatus", "StatusDate", "DueDate", "CloseDate", "Agency", "Address")
DAY = "03/01/2018"


def row(name, status="Open", opened="10:00:00 AM", closed="", **more):
    fields = {"SRRecordID": name, "SRType": "SW-Leaf Pile", "MethodReceived": "Phone", "CreatedDate": f"{DAY} {opened}", "SRStatus": status,
              "StatusDate": f"{DAY} {opened}", "CloseDate": closed and f"{DAY} {closed}", "Agency": "Solid Waste", "Address": "1 Kite Avenue"}
    return dict(fields, **more)


def table(*rows, **dialect):
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="", **dialect)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


class Files:
    def __init__(self):
        self.system = System("import_files")

    def bring(self, content, *more):
        """`kefu import` of these bytes; what it says."""
        path = f"{self.system.dir}/requests.csv"
        with open(path, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
        return self.system.json("import", path, "--map", MAPPING, *more)

    def state(self, name):
        """Of the ticket that came of the row."""
        rows = self.system.pages("intake", "source.list", "source_id", source="baltimore-311")
        ticket = next(found["ticket"] for found in rows if found["source_id"] == name)
        return self.system.ask("routing", "ticket.get", ticket=ticket)["state"]


def equal(what, got, want):
    assert got == want, f"{what}: {got!r} instead of {want!r}"


def a_closed_row_ends_closed(files):
    """17: the import ended while the path of its last row was waiting for routing to hear of the ticket."""
    said = files.bring(table(row("closed-1", "Closed", closed="11:00:00 AM")))
    equal("said", (said["tickets"], said["problems"]), (1, 0))
    equal("state", files.state("closed-1"), "CLOSED")


def the_same_file_again_changes_nothing(files):
    files.bring(table(row("closed-1", "Closed", closed="11:00:00 AM")))
    equal("tickets", files.system.sql("SELECT count(*) FROM intake.contact WHERE source_id LIKE 'closed-%'"), [["1"]])


def duplicates_of_a_second_file_are_merged(files):
    """18: the stand-in's command had the same id and, as the second file begins at another time, another body."""
    for number, hour in ((1, "09:00:00 AM"), (2, "08:00:00 AM")):
        name = f"double-{number}"
        said = files.bring(table(row(name, "Closed (Duplicate)", opened=hour, closed="11:00:00 AM")))
        equal("problems", said["problems"], 0)
        equal("state", files.state(name), "MERGED")


def a_row_that_goes_on_in_a_later_file_goes_on(files):
    """18: the same request, first open, then closed with other words."""
    files.bring(table(row("later-1")))
    said = files.bring(table(row("later-1", "Closed", closed="11:30:00 AM", Address="2 Kite Avenue")))
    equal("problems", said["problems"], 0)
    equal("state", files.state("later-1"), "CLOSED")


def an_import_that_gives_up_ends_well_and_goes_on_later(files):
    """S10: what was open when a service did not answer in time went on after the connections were gone."""
    rows = [row(f"given-up-{n}", "Closed", closed="11:00:00 AM") for n in range(8)]
    os.kill(files.system.child("routing")["pid"], signal.SIGSTOP)
    try:
        files.bring(table(*rows), "--timeout", "1s")
        raise AssertionError("it did not give up")
    except Failed as failed:
        equal("status", failed.status, 3)
        assert "AddressSanitizer" not in failed.complaint, failed.complaint
    finally:
        os.kill(files.system.child("routing")["pid"], signal.SIGCONT)
    equal("problems", files.bring(table(*rows))["problems"], 0)
    for n in range(8):
        equal("state", files.state(f"given-up-{n}"), "CLOSED")


TESTS = (a_closed_row_ends_closed, the_same_file_again_changes_nothing, duplicates_of_a_second_file_are_merged,
         a_row_that_goes_on_in_a_later_file_goes_on, an_import_that_gives_up_ends_well_and_goes_on_later)


def main():
    files = Files()
    good = system.report("the_system_starts", files.system.up)
    only = sys.argv[1:]
    for test in [test for test in TESTS if not only or test.__name__ in only] if good else ():
        good = system.report(test.__name__, test, files) and good
    if not good:
        files.system.log_tails(5)
    files.system.destroy(keep=not good)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
