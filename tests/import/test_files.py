#!/usr/bin/python3
"""Files as people have them, brought in as the README shows it: without --clock, on the system's own time, by the sanitizer build."""
import csv
import io
import os
import shutil
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

    def ticket(self, name):
        """That came of the row."""
        rows = self.system.pages("intake", "source.list", "source_id", source="baltimore-311")
        return next(found["ticket"] for found in rows if found["source_id"] == name)

    def state(self, name):
        return self.system.ask("routing", "ticket.get", ticket=self.ticket(name))["state"]


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


def forms(content):
    """The same table as programs save it: what, bytes."""
    semicolons, tabs = content.replace(",", ";"), content.replace(",", "\t")
    return (("utf-8 with a mark", b"\xef\xbb\xbf" + content.encode()), ("utf-16 little", b"\xff\xfe" + content.encode("utf-16-le")),
            ("utf-16 big", b"\xfe\xff" + content.encode("utf-16-be")), ("utf-16 without a mark", content.encode("utf-16-le")),
            ("gb18030", content.encode("gb18030")), ("semicolons", semicolons.encode()), ("tabs, utf-16", b"\xff\xfe" + tabs.encode("utf-16-le")),
            ("sep=", ("sep=;\r\n" + semicolons).encode()), ("carriage returns", content.replace("\r\n", "\r").encode()),
            ("line feeds", content.replace("\r\n", "\n").encode()), ("empty lines behind", (content + "\r\n,,,,,,,,,\r\n\r\n").encode()),
            ("separators behind", content.replace("\r\n", ",,\r\n").encode()))


def whatever_a_spreadsheet_saves_is_read(files):
    """16"""
    for number, (what, _) in enumerate(forms("")):
        content = table(row(f"form-{number}", SRType="SW-落叶堆积", Address="云栖路1号\n二单元"))
        said = files.bring(forms(content)[number][1])
        equal(what, (said["tickets"], said["problems"]), (1, 0))
        record = files.system.ask("intake", "ticket.record", ticket=files.ticket(f"form-{number}"))
        equal(f"{what}: words", record["words"], "SW-落叶堆积")
        assert record["address"].split() == ["云栖路1号", "二单元"], f"{what}: {record['address']!r}"


def refusals():
    good = table(row("bad-1"))
    header = ",".join(COLUMNS)
    return (("nothing", "", "is empty"), ("a mark alone", b"\xef\xbb\xbf", "is empty"), ("empty lines alone", "\n\n\n", "is empty"),
            ("no such column", good.replace("Agency", "Office"), "line 1: there is no column Agency; the 10 columns are: SRRecordID | SRType"),
            ("a column twice", good.replace("Address", "Agency"), "the column Agency stands there twice (9 and 10)"),
            ("a quotation mark", header + '\n1,a"b', "line 2: a quotation mark stands inside a field"),
            ("a mark not closed", header + '\n1,"ab\n\n', "line 2: a quotation mark is not closed"),
            ("a row without an end", header + '\n1,"' + "x" * (2 << 20), "line 2: the row that begins here is longer than 1024 KiB"),
            ("columns without an end", "x," * 5000, "more than 1024 columns"),
            ("half a character", b"\xff\xfe" + good.encode("utf-16-le") + b"x", "are not utf-16le"))


def what_cannot_be_read_is_told_with_its_place(files):
    """16, D4"""
    for what, content, part in refusals():
        try:
            files.bring(content)
            raise AssertionError(f"{what}: was taken")
        except Failed as failed:
            equal(what, failed.status, 1)
            assert part in failed.complaint, f"{what}: {failed.complaint}"


def rows_that_will_not_do_are_told_and_the_others_go_on(files):
    lines = table(row("row-1"), row("row-2"), row("row-3")).split("\r\n")
    cut = lines[2].rsplit(",", 2)[0]
    wrong = (("a line cut off", cut, "line 3: has 8 fields, the header has 10 columns"),
             ("a separator too many", lines[2] + ",more", "line 3: has 11 fields, the header has 10 columns"),
             ("a zero byte", lines[2].replace("Phone", "Ph\0ne"), "line 3: MethodReceived: holds a zero byte"),
             ("not utf-8", lines[2].encode().replace(b"Phone", b"Ph\xffne"), "line 3: MethodReceived: is not UTF-8"),
             ("a field of two lines before", "\r\n".join([lines[1].replace("row-1", "row-4").replace("1 Kite Avenue", '"1\r\nKite Avenue"'), cut]),
              "line 5: has 8 fields"))
    for what, line, part in wrong:
        line = line if isinstance(line, bytes) else line.encode()
        content = b"\r\n".join([lines[0].encode(), lines[1].encode(), line, lines[3].encode(), b""])
        try:
            files.bring(content)
            raise AssertionError(f"{what}: was taken")
        except Failed as failed:
            equal(what, failed.status, 1)
            assert part in failed.complaint, f"{what}: {failed.complaint}"
        assert files.ticket("row-3"), what


def what_has_no_end_is_refused_at_once(files):
    """D4: devices, pipes, and files of many gigabytes: as the table, the mapping, the roster."""
    fifo, large = f"{files.system.dir}/fifo", f"{files.system.dir}/large"
    os.mkfifo(fifo)
    with open(large, "wb") as out:
        out.truncate(8 << 30)
    for path, part in (("/dev/zero", "is a device"), (fifo, "is a pipe"), (files.system.dir, "is a directory"), (large, "is larger than")):
        for words in ([path, "--map", MAPPING], [fifo, "--map", path], [fifo, "--map", MAPPING, "--staff", path]):
            try:
                files.system.kefu("import", *words, timeout=20)
                raise AssertionError(f"{words}: was taken")
            except Failed as failed:
                equal("status", failed.status, 1)
                assert part in failed.complaint, f"{words}: {failed.complaint}"


def a_mapping_may_be_saved_in_any_encoding(files):
    """16: and policy too."""
    with open(MAPPING, encoding="utf-8") as file:
        words = file.read()
    path = f"{files.system.dir}/mapping.yaml"
    for name in ("utf-8-sig", "utf-16", "gb18030"):
        with open(path, "w", encoding=name) as file:
            file.write(words.replace("2019", "2019", 1).replace("stands for the originals", "代表原件", 1))
        staff = MAPPING.replace(".yaml", "-staff.yaml")
        with open(f"{files.system.dir}/requests.csv", "w", encoding="utf-8") as file:
            file.write(table(row("mapped")))
        files.system.kefu("import", f"{files.system.dir}/requests.csv", "--map", path, "--staff", staff)
    bundle = f"{files.system.dir}/bundle"
    shutil.copytree(f"{ROOT}/deploy/policy", bundle)
    topics = f"{bundle}/topics.yaml"
    with open(topics, encoding="utf-8") as file:
        words = file.read()
    before = files.system.kefu("policy", "check", bundle)
    for name in ("gb18030", "utf-16"):
        with open(topics, "w", encoding=name) as file:
            file.write(words)
        equal(name, files.system.kefu("policy", "check", bundle), before)


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


TESTS = (whatever_a_spreadsheet_saves_is_read, what_cannot_be_read_is_told_with_its_place,
         rows_that_will_not_do_are_told_and_the_others_go_on, what_has_no_end_is_refused_at_once, a_mapping_may_be_saved_in_any_encoding,
         a_closed_row_ends_closed, the_same_file_again_changes_nothing, duplicates_of_a_second_file_are_merged,
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
