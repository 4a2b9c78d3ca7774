#!/usr/bin/python3
"""intake for real, on PostgreSQL."""
import contextlib, os, sys, tempfile, time

import msgpack

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from kefu import PARTITIONS, Database, Process, Refused, free_port, keys, run, wait_for  # noqa: E402
from played import Played  # noqa: E402

POLICY = [{"name": name, "body": open(os.path.join("deploy/policy", name), encoding="utf-8").read()}
          for name in ("topics.yaml", "flows/complaint.yaml")]
SEED = {"name": "欧阳测试一", "phone": "000-7351-9264", "email": "seeded.person@example.com", "address": "演示路七号二单元九零一",
        "words": "天花板漏水滴到床上", "expected": "请在周末以前修好顶棚", "answer": "已请师傅上门查看顶棚", "note": "道歉并送一篮水果"}
SECONDS = 10**6


@contextlib.contextmanager
def intake(n=1, routing=None, environments=()):
    database = Database()
    with tempfile.TemporaryDirectory() as folder:
        key_file = os.path.join(folder, "key")
        with open(os.open(key_file, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="ascii") as file:
            file.write("1 " + os.urandom(32).hex() + "\n")
        args = [f"--key-file={key_file}"]
        peers = {"routing": routing.port if routing else free_port()}
        environments = [*environments, *[None] * n][:n]
        replicas = [Process("intake", database.dsn, peers=peers, args=args, environment=more).start().wait_ready() for more in environments]
        try:
            replicas[0].client().do("policy.publish", files=POLICY)
            yield (database, *replicas)
        finally:
            for replica in replicas:
                if replica.process.poll() is None:
                    replica.kill()
            for replica in replicas:
                if "AddressSanitizer" in replica.log() or "runtime error" in replica.log():
                    print(replica.log()[-4000:])
                    raise AssertionError("a sanitizer complained")
            database.drop()


def check(what, got, want):
    if got != want:
        raise AssertionError(f"{what}: got {got!r}, want {want!r}")


def events(database, kind):
    return int(database(f"SELECT count(*) FROM intake.journal WHERE type = '{kind}'")[0][0])


def contact(number, **changes):
    body = {"source": "pbx", "source_id": f"c{number}", "channel": "call", "customer_name": SEED["name"], "phone": SEED["phone"],
            "email": SEED["email"], "address": SEED["address"], "honorific": "nvshi", "recorder": "sp01",
            "items": [{"kind": "complaint", "topic": "leak", "words": SEED["words"], "expected": SEED["expected"]},
                      {"kind": "inquiry", "topic": "fee", "words": SEED["words"], "answer": SEED["answer"]}]}
    body.update(changes)
    return {key: value for key, value in body.items() if value is not None}


def test_one_contact_becomes_tickets_and_the_same_again_gives_the_same():
    with intake() as (database, service):
        client = service.client()
        first = client.do("contact.record", **contact(1))
        check("tickets", len(first["tickets"]), 2)
        check("repeated", first["repeated"], False)
        check("opened", events(database, "ticket.opened"), 2)
        for changes in ({}, {"items": [{"kind": "suggestion", "words": "x"}]}, {"channel": "nonsense"}):
            again = client.do("contact.record", **contact(1, **changes))
            check("again", again, dict(first, repeated=True))
        check("opened", events(database, "ticket.opened"), 2)
        slash = client.do("contact.record", **contact("1/2"))
        check("another source id", slash["repeated"], False)
        try:
            client.do("contact.record", **contact(2, source="pbx/c1", source_id="2"))
            raise AssertionError("a source with a slash was taken")
        except Refused as refused:
            check("field", refused.field, "source")


def test_refusals_name_field_and_rule():
    with intake() as (_database, service):
        client = service.client()
        cases = (
            ({"items": [{"kind": "repair", "words": "x"}, {"kind": "inquiry", "words": "x"}, {"kind": "wish"}]}, "items[2].kind", "INT-34"),
            ({"phone": None, "email": None}, "phone", "INT-03"),
            ({"received_at": int(time.time() + 3600) * SECONDS}, "received_at", "SLA-29"),
            ({"customer_name": "\u202e李华"}, "customer_name", None),
            ({"email": "li@exa\u200bmple.org"}, "email", None),
            ({"email": "li@例子.测试"}, "email", "INT-09"),
            ({"email": "root@localhost"}, "email", "INT-09"),
            ({"phone": "138+0013+8000"}, "phone", "INT-09"),
            ({"address": "7\u200b-2"}, "address", None),
            ({"source": "p\u2060bx"}, "source", None),
            ({"items": [{"kind": "suggestion", "words": "\x1b[2Jgone"}]}, "items[0].words", None),
            ({"items": [{"kind": "suggestion", "words": "\u200b"}]}, "items[0].words", "INT-21"),
        )
        for n, (changes, field, rule) in enumerate(cases):
            try:
                client.do("contact.record", **contact(f"r{n}", **changes))
                raise AssertionError(f"{changes} was taken")
            except Refused as refused:
                check("field and rule", (refused.field, refused.rule), (field, rule))
        broken = contact("utf8")
        broken["items"][0]["words"] = b"\xff\xfe"
        try:
            client.do("contact.record", **broken)
            raise AssertionError("bytes were taken for text")
        except Refused as refused:
            check("field", refused.field, "items[0].words")


def test_record_address_customer_and_source_pages():
    with intake() as (_database, service):
        client = service.client()
        first = client.do("contact.record", **contact(1))
        ticket = first["tickets"][0]
        note = client.do("note.record", actor="su01", ticket=ticket, name="measures", words=SEED["note"])["note"]
        follow = client.do("contact.follow_up", ticket=ticket, source="pbx", source_id="f1", channel="call", words="还在漏")
        again = client.do("contact.follow_up", ticket=ticket, source="pbx", source_id="f1", channel="call", words="还在漏")
        check("follow-up again", again, {"contact": follow["contact"], "repeated": True})
        view = client.ask("ticket.record", ticket=ticket)
        check("view", {key: view[key] for key in ("customer_name", "phone", "email", "address", "words", "expected", "kind")},
              {"customer_name": SEED["name"], "phone": SEED["phone"], "email": SEED["email"], "address": SEED["address"],
               "words": SEED["words"], "expected": SEED["expected"], "kind": "complaint"})
        check("notes", [(n["name"], n["words"], n.get("by")) for n in view["notes"]],
              [("measures", SEED["note"], "su01"), ("follow_up", "还在漏", None)])
        address = client.ask("address.get", ticket=ticket, notes=[follow["contact"], note])
        check("address", (address["phone"], address["words"]), (SEED["phone"], ["还在漏", SEED["note"]]))
        second = client.do("contact.record", **contact(2, phone="+86 000 7351 9264", customer_name="欧阳改名"))
        check("same customer", second["customer"], first["customer"])
        found = client.ask("customer.find", phone="00073519264")
        check("found", (found["customer"], found["customer_name"]), (first["customer"], "欧阳改名"))
        check("tickets", found["tickets"], second["tickets"] + first["tickets"])
        check("unknown", client.ask("customer.find", phone="000-0000-0000").get("customer"), None)
        page = client.ask("source.list", source="pbx", limit=1)
        check("page", (page["rows"], page["more"]), ([{"source_id": "c1", "ticket": t} for t in first["tickets"]], True))
        page = client.ask("source.list", source="pbx", limit=1, after="c1")
        check("last page", ([r["source_id"] for r in page["rows"]], page["more"]), (["c2", "c2"], False))


def refused(ask, *args, **fields):
    """(field, rule, message) of a refusal."""
    try:
        ask(*args, **fields)
    except Refused as refused:
        return refused.field, refused.rule, str(refused)
    raise AssertionError(f"{fields} was taken")


def publishers():
    """One publisher that may do nothing beyond its own, and one for each right."""
    if "narrow" not in open(keys().path("clients"), encoding="ascii").read():
        keys().add("narrow", "publisher", "web,chat").add("phone", "publisher", "phone", "tickets")
        keys().add("files", "publisher", "files", "customers").add("desk", "publisher", "desk", "recorders")
        keys().add("crm", "publisher", "pbx,crm")


def test_a_publisher_adds_to_its_own_tickets_only():
    publishers()
    with intake() as (_database, service):
        narrow, other = service.client("narrow"), service.client("publisher")
        own = narrow.do("contact.record", **contact(1, source="web", recorder=None, items=[contact(1)["items"][0]]))["tickets"][0]
        others = other.do("contact.record", **contact(1))["tickets"][0]
        nobody = others + PARTITIONS  # of the same partition
        said = [[str(part).replace(str(number), "N") for part in refused(narrow.do, "contact.follow_up", **follow_up(number, "f", source="web"))]
                for number in (others, nobody)]
        check("another's ticket is like none", said[0], said[1])
        check("its own, from another of its sources", narrow.do("contact.follow_up", **follow_up(own, "f1", source="chat"))["repeated"], False)
        check("with the right", service.client("phone").do("contact.follow_up", **follow_up(own, "f1", source="phone"))["repeated"], False)


def test_a_publisher_begins_a_customers_file_and_changes_it_only_with_the_right():
    publishers()
    with intake() as (_database, service):
        def named(): return service.client().ask("customer.find", phone=SEED["phone"])["customer_name"]
        def tell(key, source, name):
            body = contact(name, source=source, customer_name=name, recorder=None, items=[contact(1)["items"][0]])
            return service.client(key).do("contact.record", **body)["tickets"][0]
        tell("narrow", "web", "first")
        check("it begins the file", named(), "first")
        ticket = tell("narrow", "web", "second")
        check("it does not change it", named(), "first")
        check("the contact keeps what was said", service.client().ask("ticket.record", ticket=ticket)["customer_name"], "second")
        tell("files", "files", "third")
        check("with the right", named(), "third")


def test_contacts_of_one_transaction_change_a_file_as_their_keys_may():
    """While a first one is on its way, many gather: of two keys, about customers that are on file or not."""
    publishers()
    with intake(environments=[{"FAIL_AT": "inserted:1:sleep=300", "KEFU_LANES": "1"}]) as (database, service):
        keys_of = {source: service.client(key) for source, key in (("pbx", "publisher"), ("web", "narrow"), ("files", "files"))}

        def tell(source, phone, name):
            body = contact(f"{phone}/{name}", source=source, phone=f"000-0000-{phone}", customer_name=name, recorder=None, email=None,
                           items=[contact(1)["items"][0]])
            return keys_of[source], keys_of[source].send("command", "contact.record", body)

        def named(phone): return service.client().ask("customer.find", phone=f"000-0000-{phone}").get("customer_name")
        hear_all([tell("pbx", phone, "before") for phone in ("1001", "1002", "1003")])
        hear_all([tell("pbx", "1000", "first")] + [tell(source, phone, name) for phone, source, name in (
            ("1001", "web", "narrow"), ("1001", "files", "entitled"),
            ("1002", "files", "entitled"), ("1002", "web", "narrow"),
            ("1003", "web", "narrow"),
            ("1004", "web", "narrow"), ("1004", "files", "entitled"),
            ("1005", "web", "narrow"))])
        check("they were in one transaction", database("SELECT count(DISTINCT xmin::text) FROM intake.contact WHERE source IN ('web', 'files')"), [["1"]])
        check("names", {phone: named(phone) for phone in ("1001", "1002", "1003", "1004", "1005")},
              {"1001": "entitled", "1002": "entitled", "1003": "before", "1004": "entitled", "1005": "narrow"})


def test_a_publisher_names_who_took_a_contact_only_with_the_right():
    publishers()
    with intake() as (database, service):
        field, rule, _ = refused(service.client("narrow").do, "contact.record", **contact(1, source="web"))
        check("refused", (field, rule), ("recorder", "ORG-69"))
        check("nothing was taken", events(database, "ticket.opened"), 0)
        check("with the right", service.client("desk").do("contact.record", **contact(1, source="desk"))["repeated"], False)


def follow_up(about, id, **changes):
    return dict({"ticket": about, "source": "pbx", "source_id": id, "channel": "call", "words": SEED["words"]}, **changes)


def pages(client, ticket, **more):
    """The notes of ticket.record, page by page."""
    page, found = {"more": True}, []
    while page.get("more"):
        page = client.ask("ticket.record", ticket=ticket, **more, **({"after": found[-1][-1]["note"]} if found else {}))
        found.append(page["notes"])
    return found


def test_follow_ups_read_no_others():
    """A thousand on one ticket loaded the ticket's whole history a thousand times."""
    n = 200
    with intake() as (database, service):
        client = service.client()
        ticket = client.do("contact.record", **contact(1))["tickets"][0]
        numbers = {client.do("contact.follow_up", **follow_up(ticket, f"f{i}"))["contact"] for i in range(n // 2)}
        sent = [(client, client.send("command", "contact.follow_up", follow_up(ticket, f"f{i}"))) for i in range(n // 2, n)]
        numbers |= {answer["contact"] for answer in hear_all(sent).values()}
        check("notes", len(numbers), n)
        check("counted", database("SELECT notes FROM intake.ticket WHERE notes > 0"), [[str(n)]])
        check("stopped", service.stop(), 0)  # so that its sessions tell the server what they have done
        read = int(database("SELECT idx_tup_fetch + seq_tup_read FROM pg_stat_user_tables WHERE relname = 'note'")[0][0])
        assert read < 3 * n, f"{n} follow-ups read {read} notes"


def test_the_same_follow_up_is_known_by_its_origin():
    with intake() as (database, service):
        client = service.client()
        one, two = client.do("contact.record", **contact(1))["tickets"]
        first = client.do("contact.follow_up", **follow_up(one, "f\\1 还"))["contact"]
        for what, changes, repeated in (("the same", {}, True), ("other words", {"words": "x"}, True), ("another source", {"source": "crm"}, False),
                                        ("another id", {"source_id": "f\\1"}, False), ("another ticket", {"ticket": two}, False)):
            answer = client.do("contact.follow_up", **follow_up(one, "f\\1 还", **changes))
            check(what, (answer["repeated"], answer["contact"] == first), (repeated, repeated))
        sent = [(client, client.send("command", "contact.follow_up", follow_up(one, "at once"))) for _ in range(5)]
        answers = list(hear_all(sent).values())
        check("at once", sorted(answer.get("repeated", False) for answer in answers), [False] + 4 * [True])
        check("one number", len({answer["contact"] for answer in answers}), 1)
        check("told others", events(database, "ticket.followed_up"), 5)


def test_notes_of_a_ticket_are_limited():
    with intake() as (database, service):
        client = service.client()
        ticket = client.do("contact.record", **contact(1))["tickets"][0]
        client.do("contact.follow_up", **follow_up(ticket, "first"))

        def refused(kind, **body):
            try:
                client.do(kind, **body)
            except Refused as refusal:
                return refusal.field, refusal.rule
            return "taken"

        def note(words):
            return {"ticket": ticket, "name": "measures", "words": words}

        for notes, kind, last, beyond in ((999, "contact.follow_up", follow_up(ticket, "last"), follow_up(ticket, "beyond")),
                                          (1999, "note.record", note("last"), note("beyond"))):
            database(f"UPDATE intake.ticket SET notes = {notes} WHERE id = {ticket}")
            check(f"the last {kind}", refused(kind, **last), "taken")
            check(f"one {kind} more", refused(kind, **beyond), ("ticket", "INT-24"))
            check("the staff", refused("note.record", **note("x")), "taken" if notes == 999 else ("ticket", "INT-24"))
            check("again", client.do("contact.follow_up", **follow_up(ticket, "first"))["repeated"], True)


def test_the_record_of_a_ticket_comes_page_by_page():
    with intake() as (_database, service):
        client = service.client()
        short, long = client.do("contact.record", **contact(1))["tickets"]
        check("without notes", client.ask("ticket.record", ticket=short).get("notes"), None)
        for i in range(60):
            client.do("contact.follow_up", **follow_up(short, f"f{i}", words=f"{i}"))
        found = pages(client, short)
        check("pages", [len(page) for page in found], [50, 10])
        check("in order", [note["words"] for page in found for note in page], [f"{i}" for i in range(60)])
        check("smaller pages", [len(page) for page in pages(client, short, limit=25)], [25, 25, 10])
        for i in range(30):
            client.do("contact.follow_up", **follow_up(long, f"f{i}", words="漏" * 6666))
        found = pages(client, long)
        check("all", sum(len(page) for page in found), 30)
        check("no page is too long", max(len(page) for page in found) * 20000 < 300000, True)


def test_the_customer_file_is_written_when_it_changes():
    with intake() as (database, service):
        client = service.client()

        def come(n, **details):
            client.do("contact.record", **contact(n, phone="00073519264", **details))
            name = client.ask("customer.find", phone="00073519264")["customer_name"]
            return name, database("SELECT ctid FROM intake.customer")[0][0]

        first = come(1, customer_name="欧阳")
        check("again with the same details", come(2, customer_name="欧阳"), first)
        changed = come(3, customer_name="欧阳改名")
        check("another name", (changed[0], changed[1] != first[1]), ("欧阳改名", True))
        check("less is known this time", come(4, customer_name=None, items=contact(4)["items"][:1]), changed)


def test_no_column_holds_personal_data_in_clear():
    with intake() as (database, service):
        client = service.client()
        ticket = client.do("contact.record", **contact(1))["tickets"][0]
        client.do("note.record", ticket=ticket, name="measures", words=SEED["note"])
        client.do("contact.follow_up", ticket=ticket, source="pbx", source_id="f1", channel="call", words=SEED["words"])
        forms = {text.encode() for text in SEED.values()} | {b"00073519264"}
        looked = 0
        for (table,) in database("SELECT tablename FROM pg_tables WHERE schemaname = 'intake'"):
            if table.startswith("journal_") or table == "policy_file":
                continue
            for (row,) in database(f"SELECT encode(convert_to(t::text, 'UTF8'), 'hex') FROM intake.{table} t"):
                # bytea shows as \x…: look at what it holds as well
                shown = bytes.fromhex(row)
                looked += 1
                for form in forms:
                    if form in shown or form.hex().encode() in shown:
                        raise AssertionError(f"{table} holds {form.decode()}")
        check("rows were looked at", looked > 5, True)
        log = service.log().encode()
        check("log", [form.decode() for form in forms if form in log], [])


def test_without_its_key_file_it_does_not_start():
    database = Database()
    service = Process("intake", database.dsn, peers={"routing": free_port()}, args=["--key-file=/nowhere/key"]).start()
    try:
        check("status", service.process.wait(30), 1)
        check("hint", "HINT" in service.log() and "/nowhere/key" in service.log(), True)
    finally:
        database.drop()


@contextlib.contextmanager
def two_replicas(slow=0):
    """Both hold partitions. The first one waits so many ms with every round's rows in, so that the other meets them uncommitted."""
    with intake(2, environments=[{"FAIL_AT": f"inserted:1:sleep={slow}"} if slow else {}]) as (database, one, two):
        wait_for("both hold half", lambda: database(
            "SELECT count(*) FROM (SELECT DISTINCT ON (partition) owner FROM intake.position ORDER BY partition, n DESC) x"
            " WHERE owner <> '' GROUP BY split_part(owner, '#', 1)") == [["16"], ["16"]])
        yield database, one, two


def hear_all(sent):
    """(client, id) -> the answer's body. Nothing but answers may come."""
    heard = {}
    for client, id in sent:
        frame = client.receive(id, 30)
        check(f"the answer to {id}: {frame}", frame and frame[1], "answer")
        heard[client, id] = frame[3]
    return heard


def test_two_replicas_one_contact_once():
    """The same contact at once under two ids, each at another replica: who is second waits for the first and answers with its tickets."""
    with two_replicas(slow=100) as (database, one, two):
        first, second = one.client(), two.client()
        for n in range(10):
            sent = [(client, client.send("command", "contact.record", contact(n), f"{n}/{i}")) for i, client in enumerate((first, second))]
            heard = list(hear_all(sent).values())
            check("tickets", heard[1]["tickets"], heard[0]["tickets"])
            check("which is the first", sorted(answer.get("repeated", False) for answer in heard), [False, True])
        check("contacts", database("SELECT count(*) FROM intake.contact"), [["10"]])
        check("opened", events(database, "ticket.opened"), 20)
        check("answers kept", database("SELECT count(*) FROM intake.reply WHERE id LIKE '%/%'"), [["20"]])
        check("set aside", database("SELECT count(*) FROM intake.dead_letter"), [["0"]])
        assert "event=batch_raced" in one.log() + two.log(), "they never met"


def test_two_replicas_many_contacts_in_opposite_order():
    """They wait for each other in one direction only; the same id has the same answer wherever it is asked."""
    with two_replicas() as (database, one, two):
        database("CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.002); RETURN new; END $$;"
                 "CREATE TRIGGER dawdle BEFORE INSERT ON intake.contact FOR EACH ROW EXECUTE FUNCTION dawdle()")
        first, second, numbers = one.client(), two.client(), range(200)
        sent = [(client, client.send("command", "contact.record", contact(n), f"same/{n}"))
                for client, order in ((first, numbers), (second, numbers[::-1])) for n in order]
        heard = hear_all(sent)
        for n in numbers:
            check(f"the answer to same/{n}", heard[second, f"same/{n}"], heard[first, f"same/{n}"])
        check("contacts", database("SELECT count(*) FROM intake.contact"), [["200"]])
        logs = one.log() + two.log()
        assert "event=batch_raced" in logs, "they never met"
        assert "state=40P01" not in logs, "a deadlock"


def opened(database):
    return {int(ticket): msgpack.unpackb(bytes.fromhex(body)) for ticket, body in database(
        "SELECT key, encode(body, 'hex') FROM intake.journal WHERE type = 'ticket.opened'")}


def moved(ticket, kind="complaint", **changes):
    body = {"ticket": ticket, "kind": kind, "step": "CMP-T18", "action": "summarise", "from": "CLOSING", "to": "CLOSED",
            "path": ["CLOSED"], "round": 1, "priority": 2, "org_unit": "service", "replied": False, "acknowledged": False,
            "terminal": True, "received_at": 1}
    return dict(body, **changes)


def test_a_complaint_about_the_same_within_90_days_is_a_repetition():
    routing, now = Played("routing"), int(time.time()) * SECONDS
    hour, day = 3600 * SECONDS, 86400 * SECONDS
    with intake(routing=routing) as (database, service):
        client = service.client()

        def complain(number, **changes):
            return client.do("contact.record", **contact(number, **changes))["tickets"][0]

        closed, withdrawn = complain(1), complain(2, phone="000-0000-2222")
        stale = complain(3, phone="000-0000-3333")
        still_open = complain(4)
        routing.say("ticket.moved", closed, moved(closed), now - hour)
        routing.say("ticket.moved", withdrawn, moved(withdrawn, exit="withdrawn"), now - hour)
        routing.say("ticket.moved", stale, moved(stale), now - 91 * day)
        wait_for("closings", lambda: database("SELECT count(*) FROM intake.ticket WHERE closed_at IS NOT NULL") == [["2"]])
        again, other_customer = complain(5), complain(6, phone="000-0000-1111")
        other_topic = complain(7, items=[{"kind": "complaint", "topic": "lift", "words": "x", "expected": "y"}])
        after_exit, after_long = complain(8, phone="000-0000-2222"), complain(9, phone="000-0000-3333")
        before_closing = complain(10, received_at=now - 2 * hour)
        repeats = {ticket: event.get("repeat_of") for ticket, event in opened(database).items()}
        check("repeats", {ticket: repeat for ticket, repeat in repeats.items() if repeat}, {again: closed})
        for ticket in (still_open, other_customer, other_topic, after_exit, after_long, before_closing):
            check("is told", ticket in repeats, True)


def test_a_ticket_that_goes_on_from_another_has_its_contact_and_words():
    publishers()
    routing = Played("routing")
    with intake(routing=routing) as (database, service):
        client = service.client()
        first = client.do("contact.record", **contact(1))
        body = {"contact": first["contact"], "kind": "repair", "flow_version": 1, "state": "REPORTED", "priority": 3,
                "channel": "call", "org_unit": "service", "received_at": 1, "locale": "zh-CN", "important": False,
                "answered": False, "deferred": False, "reachable": True}
        second, third = 990101000000001, 990101000000002
        routing.say("ticket.started", first["tickets"][0], dict(body, ticket=first["tickets"][0], kind="complaint"))
        routing.say("ticket.started", second, dict(body, ticket=second, linked=first["tickets"][0]))
        wait_for("the second", lambda: database(f"SELECT 1 FROM intake.ticket WHERE id = {second}"))
        routing.say("ticket.started", third, dict(body, ticket=third, linked=second))
        wait_for("the third", lambda: database(f"SELECT 1 FROM intake.ticket WHERE id = {third}"))
        for ticket in (second, third):
            view = client.ask("ticket.record", ticket=ticket)
            check("view", (view["kind"], view["contact"], view["words"], view["phone"]),
                  ("repair", first["contact"], SEED["words"], SEED["phone"]))
        client.do("note.record", ticket=third, name="result", words="x")
        check("its publisher", service.client("crm").do("contact.follow_up", **follow_up(third, "f", source="crm"))["repeated"], False)
        check("another", refused(service.client("narrow").do, "contact.follow_up", **follow_up(third, "f", source="web"))[0], "ticket")


run(*[test for name, test in list(globals().items()) if name.startswith("test_")])
