#!/usr/bin/python3
"""workforce for real, on PostgreSQL."""
import contextlib, os, sys

import msgpack

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from kefu import Database, Process, Refused, run  # noqa: E402


@contextlib.contextmanager
def workforce():
    database = Database()
    service = Process("workforce", database.dsn, args=["--test-clock"]).start().wait_ready()
    try:
        client = service.client()
        with open("deploy/policy/organisation.yaml", encoding="utf-8") as file:
            client.do("policy.publish", files=[{"name": "organisation.yaml", "body": file.read()}])
        yield database, client
    finally:
        if service.process.poll() is None:
            service.kill()
        if "AddressSanitizer" in service.log() or "runtime error" in service.log():
            print(service.log()[-4000:])
            raise AssertionError("a sanitizer complained")
        database.drop()


def check(what, got, want):
    if got != want:
        raise AssertionError(f"{what}: got {got!r}, want {want!r}")


def said(database, kind):
    return [msgpack.unpackb(bytes.fromhex(row[0])) for row in database(
        f"SELECT encode(body, 'hex') FROM workforce.journal WHERE type = '{kind}' ORDER BY seq")]


def refused(client, kind, field, **body):
    try:
        client.do(kind, **body)
    except Refused as error:
        check(f"field of {body}", error.field, field)
        return
    raise AssertionError(f"{kind} {body} was taken")


def person(staff, **changes):
    return dict({"staff": staff, "name": "演示" + staff, "unit": "call-agents", "roles": ["客服代表"], "skills": ["inquiry"], "active": True},
                **changes)


def test_people_are_told_once_with_roles_and_department():
    with workforce() as (database, client):
        client.do("staff.set", **person("sp01", superior="su01"))
        client.do("staff.set", **person("sp01", superior="su01"))
        client.do("staff.set", **person("su01", unit="call", roles=["supervisor", "客服主管"]))
        events = said(database, "staff.changed")
        check("told", [(e["staff"], e["roles"], e["department"]) for e in events],
              [("sp01", ["specialist"], "call"), ("su01", ["supervisor"], "call")])
        check("units above are told", sorted(e["unit"] for e in said(database, "unit.changed")),
              ["call", "call-agents", "centre", "company", "group"])
        client.do("staff.set", **person("sp01", superior="su01", skills=["inquiry", "complaint"]))
        check("a change is told", said(database, "staff.changed")[-1]["skills"], ["inquiry", "complaint"])


def test_what_is_wrong_is_named():
    with workforce() as (_database, client):
        client.do("staff.set", **person("a1", superior="a2"))
        client.do("staff.set", **person("a2", superior="a3"))
        for field, changes in (("unit", {"unit": "nowhere"}), ("roles", {"roles": ["king"]}), ("roles", {"roles": []}),
                               ("staff", {"staff": "two words"}), ("superior", {"staff": "a3", "superior": "a1"}),
                               ("superior", {"staff": "a4", "superior": "a4"}), ("deputy", {"staff": "a4", "deputy": "a4"}),
                               ("active", {"staff": "a4", "active": False}), ("email", {"email": "nobody"}),
                               ("webhook", {"webhook": "ftp://x"}), ("email", {"email": "a@exa\u200bmple.org"}), ("email", {"email": "a@例子.测试"}),
                               ("webhook", {"webhook": "http://x/\r\nHost: y"}), ("webhook", {"webhook": "http://x:22/"}),
                               ("webhook", {"webhook": "http://a@x/"}), ("webhook", {"webhook": "http://2130706433/"}), ("skills", {"skills": ["a,b"]}), ("locale", {"locale": "xx"})):
            refused(client, "staff.set", field, **person("a1", **changes) if "staff" not in changes else {**person("x"), **changes})
        unit = {"unit": "u1", "parent": "call", "type": "team", "name_zh": "一组", "name_en": "One"}
        client.do("unit.set", **unit)
        for field, changes in (("parent", {"parent": "nowhere"}), ("type", {"type": "tower"}), ("parent", {"parent": "u1"}),
                               ("parent", {"unit": "call", "parent": "u1"}), ("name_zh", {"name_zh": ""})):
            refused(client, "unit.set", field, **dict(unit, **changes))
        refused(client, "duty.set", "staff", staff="nobody", on=True)
        refused(client, "duty.set", "roster", staff="a1", on=True, roster="night")


def test_duty_is_told_on_a_change_and_kept_as_stints():
    with workforce() as (database, client):
        client.do("staff.set", **person("sp01"))
        clock = 1893456000 * 10**6  # in the future: the clock goes forward only

        def at(hours):
            client.do("clock.set", now=clock + hours * 3600 * 10**6)

        at(8)
        for on in (True, True):
            client.do("duty.set", staff="sp01", on=on)
        at(12)
        client.do("duty.set", staff="sp01", on=True, roster="emergency")
        at(20)
        for on in (False, False):
            client.do("duty.set", staff="sp01", on=on)
        client.do("duty.set", staff="sp01", on=True)
        client.do("duty.set", staff="sp01", on=False)
        client.do("duty.set", staff="sp01", on=True)
        check("on duty", [row["staff"] for row in client.ask("staff.list", on_duty=True).get("rows", [])], ["sp01"])
        at(21)
        client.do("staff.set", **person("sp01", active=False))
        check("told", [(e["on"], e["roster"]) for e in said(database, "duty.changed")],
              [(True, "day"), (True, "emergency"), (False, "emergency"), (True, "day"), (False, "day"), (True, "day"), (False, "day")])
        hours = database("SELECT extract(epoch FROM began_at)::bigint % 86400 / 3600, extract(epoch FROM ended_at)::bigint % 86400 / 3600,"
                         " roster FROM workforce.stint ORDER BY began_at")
        check("stints", hours, [["8", "12", "day"], ["12", "20", "emergency"], ["20", "21", "day"]])
        refused(client, "duty.set", "staff", staff="sp01", on=True)
        check("nobody", client.ask("staff.list").get("rows", []), [])


def test_a_moved_unit_tells_its_people_anew():
    with workforce() as (database, client):
        client.do("staff.set", **person("sp01"))
        client.do("unit.set", unit="call-agents", parent="service", type="team", name_zh="坐席组", name_en="agent team")
        check("departments", [e["department"] for e in said(database, "staff.changed")], ["call", "service"])


run(*[test for name, test in list(globals().items()) if name.startswith("test_")])
