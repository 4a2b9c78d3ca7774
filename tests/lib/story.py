"""Stories: people of the demo day in a whole system on the test clock. A story is a list of chapters; each is a test."""
import datetime
import sys

import yaml

import kefu
from system import ROOT, System, report

ZONE = datetime.timezone(datetime.timedelta(hours=8))
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
LIMITS = {"min": 60, "h": 3600, "d": 86400, "wh": 3600, "wd": 9 * 3600}  # a working day is 9 h (calendars/business.yaml)


class Words(str):
    """What the customer or a colleague says: recorded with intake; a form holds only its number."""


class Story(System):
    """The centre on one day. Times are "08:52" of that day, "+1 08:52" of the next."""

    def __init__(self, name, day, opens="07:00", **options):
        self.day = datetime.date.fromisoformat(day)
        self.contacts, self.name = 0, name
        super().__init__(name, start=self.iso(opens), **options)

    # time

    def moment(self, words):
        days, clock = words.split() if words.startswith("+") else ("+0", words)
        fields = [int(part) for part in clock.split(":")] + [0]
        day = self.day + datetime.timedelta(days=int(days))
        return datetime.datetime(day.year, day.month, day.day, *fields[:3], tzinfo=ZONE)

    def iso(self, words):
        return self.moment(words).isoformat()

    def us(self, words):
        return int(self.moment(words).timestamp()) * SECOND

    def wall(self, us):
        """"08:52" or "+1 08:52:07" of an instant: for messages of assertions, and to compare."""
        when = datetime.datetime.fromtimestamp(us // SECOND, ZONE)
        days = (when.date() - self.day).days
        return (f"+{days} " if days else "") + when.strftime("%H:%M:%S").removesuffix(":00") + ("" if us % SECOND == 0 else "~")

    def at(self, words):
        """Let everything happen up to that time, and go on there."""
        self.kefu("clock", "advance", "--to", self.iso(words))

    def settle(self, timeout=60):
        self.kefu("clock", "get", "--timeout", f"{timeout}s")

    # people

    def hire(self):
        """Everybody of deploy/demo/staff.yaml."""
        with open(f"{ROOT}/deploy/demo/staff.yaml", encoding="utf-8") as file:
            staff = yaml.safe_load(file)
        for unit in staff["units"]:
            self.do("workforce", "unit.set", **unit)
        for person in staff["staff"]:
            self.do("workforce", "staff.set", email=staff["email"].format(staff=person["staff"]), locale=staff["locale"],
                    active=True, **person)

    def on_duty(self, *people, roster="day"):
        for person in people:
            self.do("workforce", "duty.set", staff=person, on=True, roster=roster)
        self.settle()

    def off_duty(self, *people):
        for person in people:
            self.do("workforce", "duty.set", staff=person, on=False, roster="day")
        self.settle()

    # customers

    def contact(self, channel, by, customer, *items, **more):
        """A customer turns to us. One ticket for each item."""
        self.contacts += 1
        who = {"customer_name" if key == "name" else key: value for key, value in customer.items()}
        answer = self.do("intake", "contact.record", by=by, source=self.name, source_id=str(self.contacts), channel=channel,
                         recorder=by, org_unit="service", items=list(items), **who, **more)
        self.settle()
        return [Ticket(self, number) for number in answer["tickets"]]


class Ticket:
    def __init__(self, story, number):
        self.story, self.number = story, number

    # what people do

    def act(self, action, by, handler=None, department=None, **form):
        fields = []
        for name, value in form.items():
            if isinstance(value, Words):
                note = self.story.do("intake", "note.record", by=by, ticket=self.number, name=name, words=str(value))["note"]
                value = f"note:{note}"
            fields.append({"name": name, "value": str(value).lower() if isinstance(value, bool) else str(value)})
        answer = self.story.do("routing", "ticket.act", by=by, ticket=self.number, action=action, fields=fields or None,
                               handler=handler, department=department)
        self.story.settle()
        return answer

    def plan_call(self, by, purpose, **more):
        answer = self.story.do("notification", "call.plan", by=by, ticket=self.number, caller=by, purpose=purpose, **more)
        self.story.settle()
        return answer

    def call_made(self, by, call, outcome, **more):
        answer = self.story.do("notification", "call.done", by=by, ticket=self.number, call=call, outcome=outcome, **more)
        self.story.settle()
        return answer

    # what can be seen

    def view(self):
        return self.story.ask("routing", "ticket.get", ticket=self.number)

    def record(self):
        return self.story.ask("intake", "ticket.record", ticket=self.number)

    def clocks(self, name=None):
        rows = self.story.ask("escalation", "clock.list", ticket=self.number).get("rows") or []
        return sorted((row for row in rows if name in (None, row["name"])), key=lambda row: (row["started_at"], row["clock"]))

    def clock(self, name, round=1):
        rows = [row for row in self.clocks(name) if row["round"] == round]
        assert len(rows) == 1, f"{len(rows)} clocks {name} in round {round} of {self.number}: {rows}"
        return rows[0]

    def messages(self, template=None, to=None):
        rows = self.story.ask("notification", "message.list", ticket=self.number, limit=1000).get("rows") or []
        return sorted((row for row in rows if template in (None, row["template"]) and to in (None, row.get("to"))),
                      key=lambda row: row["message"])

    def message(self, template, to=None):
        rows = self.messages(template, to)
        assert len(rows) == 1, f"{len(rows)} messages {template} to {to or 'anybody'} instead of one: {rows}"
        return rows[0]

    def said(self, service, kind):
        """Events of that type about this ticket."""
        return [event["body"] for event in self.story.journal(service)
                if event["type"] == kind and event["key"] == str(self.number)]

    def explained(self):
        return self.story.json("ask", "clock.explain", f"ticket={self.number}").get("rows") or []


def equal(what, got, want):
    assert got == want, f"{what}: {got!r}, expected {want!r}"


def between(what, got, first, last):
    assert first <= got.removesuffix("~") <= last, f"{what}: {got}, expected {first} to {last}"


def refused(what, field, act, *arguments, **named):
    """The act must be refused, naming the field (None: any)."""
    try:
        answer = act(*arguments, **named)
    except kefu.Refused as refusal:
        assert field is None or refusal.field == field, f"{what}: refused for {refusal.field} ({refusal}), expected {field}"
        return refusal
    raise AssertionError(f"{what}: not refused but answered {answer}")


def instant(value):
    """Microseconds of a time as JSON gives it."""
    return value if isinstance(value, int) else int(datetime.datetime.fromisoformat(value.replace("Z", "+00:00")).timestamp() * SECOND)


def limit_seconds(limit):
    number = limit.rstrip("abcdefghijklmnopqrstuvwxyz")
    return int(float(number) * LIMITS[limit[len(number):]])


def check_explanation(line):
    """The spans of a clock stand apart, in order, between start and due time, and add up to its limit."""
    where, spans = f"{line['name']} ({line['limit']})", line.get("spans") or []
    last, total = instant(line["started_at"]), 0
    for span in spans:
        start, end = instant(span["from"]), instant(span["to"])
        assert last <= start < end, f"{where}: span {span} is out of order"
        equal(f"{where}: length of {span}", span["seconds"], (end - start) // SECOND)
        last, total = end, total + span["seconds"]
    due, start = instant(line["due_at"]), instant(line["started_at"])
    assert line["rule"] and line["calendar"] and line["started_by"], f"{where}: {line} leaves something out"
    want = (due - start) // SECOND if line["limit"] == "promised" else limit_seconds(line["limit"])
    equal(f"{where}: sum of the spans", total, max(0, want))
    if spans:
        equal(f"{where}: end of the last span", last, due)


def play(story, *chapters):
    """Tell the chapters in order; when one fails those behind it have no ground to stand on and are not told."""
    passed = report("the_centre_opens", lambda: (story.up(), story.hire()))
    for chapter in chapters:
        if not passed:
            break
        passed = report(chapter.__name__, chapter, story)
    if not passed:
        story.log_tails()
    closed = report("the_centre_closes", lambda: equal("status of kefu up", story.down(), 0)) if story.process else False
    story.destroy(keep=not passed)
    sys.exit(0 if passed and closed else 1)
