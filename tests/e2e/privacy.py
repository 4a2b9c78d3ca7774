#!/usr/bin/python3
"""Customers' names, numbers, addresses and words stay in intake's ciphertext. Marked data go in by every door; then everything that
the system keeps, writes or says is searched for the marks, in every form a byte can take on the way."""
import base64
import glob
import os
import subprocess
import sys
import threading
import urllib.parse

import msgpack
import zmq

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from story import Story, Words, equal, play, refused  # noqa: E402
from system import SERVICES  # noqa: E402

# What goes in; each value is unlike anything else in the system.
JADE = {"name": "欧阳翡翠砚", "phone": "000-7319-4682", "email": "zyxwv.markerson@example.com",
        "address": "云栖花园（演示）鹭鸶苑2701室", "honorific": "nvshi"}
QUILL = {"name": "Quillonbury Marchpane", "phone": "000-8246-9153", "email": "quill.pomander@example.com",
         "address": "77 Zanzibarley Mews", "honorific": "xiansheng", "locale": "en"}
SAID = {"contact": "青鸾衔柿", "expected": "玄鹤偿漆", "english": "tangerine zeppelins", "follow-up": "朱雀踏藕", "facts": "白鹿叩铃",
        "measures": "sapphire gondolas", "reply": "墨麟回信", "refused": "金乌坠井", "unknown": "heliotrope walrus", "form": "赤狐越表",
        "withdrawn": "magenta ocelots", "answer": "turquoise trombones"}

MARKS = [*(person[key] for person in (JADE, QUILL) for key in ("name", "phone", "email", "address")), *SAID.values(),
         "00073194682", "00082469153", "Marchpane", "鹭鸶苑", "zyxwv.markerson", "quill.pomander"]

leak = lift = None
feed = []


# ---- the search --------------------------------------------------------------------------------------------------------------------


def base64_forms(mark):
    """Base64 of the mark inside something longer: at each of three offsets, without the ends that depend on the neighbours."""
    for offset in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            whole = encode(b"\0" * offset + mark)
            yield whole[(0, 2, 3)[offset]:len(whole) - (0, 4, 4)[(offset + len(mark)) % 3]]


def forms(text):
    """Name of the form -> bytes to look for; looked for without regard to case, which hex and mail do not keep."""
    mark = text.encode()
    found = {"plain": mark, "hex": mark.hex().encode(), "json": text.encode("unicode_escape"),
             "percent": urllib.parse.quote(text).encode(), "octal": "".join(f"\\{byte:03o}" for byte in mark).encode(),
             "escaped hex": "".join(f"\\x{byte:02x}" for byte in mark).encode(), "utf-16": text.encode("utf-16-le")}
    for number, form in enumerate(base64_forms(mark)):
        found[f"base64 {number}"] = form
    return found


FORMS = [(mark, name, form.lower()) for mark in MARKS for name, form in forms(mark).items() if len(form) >= 8]

def search(places):
    """(place, mark, form) of everything found in pairs (place, bytes)."""
    found = []
    for place, content in places:
        content = content.lower()
        found += [(place, mark, name) for mark, name, form in FORMS if form in content]
    return found


# ---- where to look -----------------------------------------------------------------------------------------------------------------


def tables(centre):
    """Every row of every table of every schema, as text; what is bytes is hex there. Intake's ciphertext too."""
    names = centre.sql("SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname NOT IN "
                       "('pg_catalog', 'information_schema') ORDER BY 1")
    rows = centre.sql(" UNION ALL ".join(f"SELECT '{name}', t::text FROM {name} t" for name, in names))
    for name, in names:
        yield f"table {name}", "\n".join("\t".join(row[1:]) for row in rows if row[0] == name).encode()


def cluster(centre):
    return centre.postgres("where").strip()


def logs(centre):
    for path in [*glob.glob(f"{centre.dir}/log/*"), *glob.glob(f"{centre.dir}/*.log"), f"{cluster(centre)}/log"]:
        with open(path, "rb") as file:
            yield f"log {os.path.basename(path)}", file.read()


def files(centre):
    """What PostgreSQL has on disk of our database: tables and indexes, also what was deleted from them, and the write-ahead log."""
    centre.sql("CHECKPOINT")
    number, = centre.sql("SELECT oid FROM pg_database WHERE datname = current_database()")[0]
    return glob.glob(f"{cluster(centre)}/data/base/{number}/*") + glob.glob(f"{cluster(centre)}/data/pg_wal/0*")


def files_with_marks(centre):
    """Bytes are stored on disk as they are, or in hex where a bytea was logged as text."""
    with open(f"{centre.dir}/marks", "wb") as file:
        file.write(b"\n".join(form for _, name, form in FORMS if name in ("plain", "hex")))
    done = subprocess.run(["grep", "-aliF", "-f", file.name, *files(centre)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, env={"LC_ALL": "C", "PATH": os.environ["PATH"]})
    complaints = [line for line in done.stderr.splitlines() if "No such file" not in line]  # PostgreSQL recycles some
    assert not complaints, complaints
    return done.stdout.split()


def journals(centre):
    for service in SERVICES:
        yield f"journal of {service}", b"\n".join(msgpack.packb(event) for event in centre.journal(service))


def answers(centre):
    """Every query that is not intake's own business."""
    asked = [("routing", "ticket.list", {}), ("routing", "staff.loads", {}), ("workforce", "staff.list", {}),
             ("notification", "message.list", {"limit": 1000}), ("reporting", "report.summary", {}),
             ("reporting", "feed.read", {"after": 0}), ("reporting", "report.tickets", {"topic": "tickets/complaint/REGISTERED"})]
    for ticket in (leak, lift):
        asked += [("routing", "ticket.get", {"ticket": ticket.number}), ("escalation", "clock.list", {"ticket": ticket.number}),
                  ("escalation", "clock.explain", {"ticket": ticket.number}), ("notification", "message.list", {"ticket": ticket.number})]
    asked += [("escalation", "clock.verdicts", {"name": name}) for name in ("SLA-02", "SLA-03", "CMP-02")]
    for service in SERVICES:
        asked += [(service, "runtime.hello", {"service": service}), (service, "runtime.quiet", {}), (service, "runtime.status", {}),
                  (service, "alarm.list", {}), (service, "dead.list", {})]
    for service, kind, body in asked:
        yield f"answer of {service} to {kind}", msgpack.packb(centre.ask(service, kind, **body))


def follow(centre):
    """A dashboard of which we keep every frame."""
    socket = centre.keys.join(zmq.Context.instance().socket(zmq.SUB), "reporting")
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.SUBSCRIBE, b"")
    socket.connect(centre.child("reporting")["feed"])

    def listen():
        while True:
            feed.append(b"\n".join(socket.recv_multipart()))

    threading.Thread(target=listen, daemon=True).start()


# ---- the story ---------------------------------------------------------------------------------------------------------------------


def everything_is_logged_that_can_be(centre):
    centre.sql("ALTER SYSTEM SET log_statement = 'all'")
    centre.sql("ALTER SYSTEM SET log_error_verbosity = 'default'")  # with the parameters of every statement
    centre.sql("SELECT pg_reload_conf()")
    follow(centre)
    centre.at("09:00")
    centre.on_duty("sp01", "su01", "as01", "ma01", "en01", "am01")


def personal_data_go_in_with_contacts(centre):
    global leak, lift
    leak, = centre.contact("call", "sp01", JADE, {"kind": "complaint", "topic": "leak", "words": f"书房漏水，{SAID['contact']}。",
                                                  "expected": f"赔偿，{SAID['expected']}。"})
    lift, = centre.contact("mail", "sp01", QUILL, {"kind": "inquiry", "topic": "facilities", "deferred": True,
                                                   "words": f"When will the lift run again, and the {SAID['english']}?"})
    equal("found by number", centre.ask("intake", "customer.find", phone=JADE["phone"])["customer_name"], JADE["name"])


def and_with_follow_ups_notes_replies_and_calls(centre):
    centre.do("intake", "contact.follow_up", by="sp01", ticket=leak.number, source=centre.name, source_id="f1", channel="call",
              words=f"还有，{SAID['follow-up']}。")
    leak.act("register", "sp01", apology=True, facts=Words(f"东南角渗水，{SAID['facts']}。"))
    leak.act("acknowledge", "su01", informed_by="sp01", acknowledged_by="su01", first_measures=Words(f"Send {SAID['measures']}."))
    note = centre.do("intake", "note.record", by="sp01", ticket=lift.number, name="answer", words=f"明天恢复，{SAID['reply']}。")["note"]
    centre.do("notification", "reply.send", by="sp01", ticket=lift.number, channel="file", note=note, gives="result")
    call = leak.plan_call("sp01", "progress")
    leak.call_made("sp01", call["call"], "reached", gives="progress", next_at=centre.us("15:00"))
    withdrawn, = centre.contact("call", "sp01", QUILL, {"kind": "inquiry", "topic": "fee", "words": "May I pay in two parts?",
                                                        "answer": f"Yes, with {SAID['answer']}."})
    withdrawn.act("withdraw", "sp01", withdraw_reason="settled_otherwise", customer_words=Words(f"I meant {SAID['withdrawn']}."))
    centre.at("12:00")


def and_with_what_is_refused(centre):
    refused("a complaint without the expected solution", None, centre.contact, "call", "sp01", JADE,
            {"kind": "complaint", "topic": "leak", "words": SAID["refused"]})
    refused("an unknown kind", None, centre.contact, "call", "sp01", JADE, {"kind": SAID["refused"], "words": SAID["refused"]})
    refused("a phone number that is none", None, centre.contact, "call", "sp01", dict(JADE, phone=SAID["unknown"]),
            {"kind": "inquiry", "words": SAID["unknown"], "deferred": True})
    refused("words in a form instead of a note's number", None, centre.do, "routing", "ticket.act", by="su01", ticket=leak.number,
            action="assess", fields=[{"name": "analysis", "value": SAID["form"]}])
    centre.settle()


def they_arrive_where_they_are_needed(centre):
    """Else nothing would be found for a bad reason."""
    record = leak.record()
    equal("name", record["customer_name"], JADE["name"])
    equal("address", record["address"], JADE["address"])
    assert SAID["contact"] in record["words"] and SAID["expected"] in record["expected"], record
    notes = "".join(note["words"] for note in record["notes"])
    assert SAID["facts"] in notes and SAID["measures"] in notes, notes
    inbox = b"".join(open(path, "rb").read() for path in glob.glob(f"{centre.dir}/inbox/*")).decode()
    assert SAID["reply"] in inbox, "the reply did not reach the customer"
    assert feed, "the feed said nothing"


def the_search_finds_what_is_planted(centre):
    """In a table, in each form, and in a log: a search that cannot fail proves nothing."""
    equal("marks in an empty place", search([("nowhere", b"Q** (***9153)")]), [])
    for mark in (JADE["name"], QUILL["email"], SAID["english"]):
        for name, form in forms(mark).items():
            if len(form) < 8:
                continue
            assert search([("planted", b"xx" + form + b"yy")]), f"{mark} as {name} was not found"
        for offset in range(3):
            assert search([("planted", base64.b64encode(b"-" * offset + mark.encode() + b"--"))]), f"{mark} as base64 {offset}"
    centre.sql(f"CREATE TABLE routing.planted AS SELECT '{SAID['facts']}'::text AS a, 1 AS b UNION SELECT encode("
               f"convert_to('{QUILL['name']}', 'UTF8'), 'base64'), 2 UNION SELECT convert_to('{JADE['phone']}', 'UTF8')::text, 3")
    found = {mark for place, mark, _ in search(tables(centre)) if place == "table routing.planted"}
    assert found >= {SAID["facts"], JADE["phone"]}, found
    assert search([("base64", b"".join(part for place, part in tables(centre) if place == "table routing.planted"))])
    assert {place for place, *_ in search(logs(centre))} == {"log log"}, "PostgreSQL logs statements, so these are in its log"
    assert files_with_marks(centre), "they are on disk too"
    centre.sql("DROP TABLE routing.planted")


def nothing_is_found_in(kind, places):
    places = list(places)
    size = sum(len(content) for _, content in places)
    assert size > 0, f"{kind}: there is nothing to search in"
    print(f"# {kind}: {len(places)} searched, {size} bytes")
    found = search(places)
    assert not found, f"{kind}: " + "; ".join(f"{mark} ({form}) in {place}" for place, mark, form in found[:10])


def nothing_is_in_any_table(centre):
    nothing_is_found_in("tables", tables(centre))


def nothing_is_in_any_journal(centre):
    nothing_is_found_in("journals", journals(centre))


def nothing_is_in_any_answer(centre):
    nothing_is_found_in("answers", answers(centre))


def nothing_is_in_the_feed(centre):
    nothing_is_found_in("feed", enumerate(list(feed)))


def nothing_is_in_any_log(centre):
    nothing_is_found_in("logs", logs(centre))


def nothing_is_on_disk(centre):
    equal("files with marks", files_with_marks(centre), [])


if __name__ == "__main__":
    play(Story("privacy", "2026-03-18"), everything_is_logged_that_can_be, personal_data_go_in_with_contacts,
         and_with_follow_ups_notes_replies_and_calls, and_with_what_is_refused, they_arrive_where_they_are_needed,
         nothing_is_in_any_table, nothing_is_in_any_journal, nothing_is_in_any_answer, nothing_is_in_the_feed,
         nothing_is_in_any_log, nothing_is_on_disk, the_search_finds_what_is_planted)
