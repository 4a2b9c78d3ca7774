#!/usr/bin/python3
"""kefu check: all is well after a busy day; then one row after another is broken and the check that must see it does, and only
as long as it is broken. Every check of audit_checks.c has its row in BREAKS."""
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import kefu  # noqa: E402
from story import Story, Words  # noqa: E402
from system import ROOT, report  # noqa: E402

CALLER = {"name": "测试住户丙", "phone": "000-0000-0903", "email": "resident.c@example.com", "honorific": "nvshi"}
CHECKS = f"{ROOT}/services/cli/audit/audit_checks.c"

# A ticket that has started and moved, and one that is left lying; one of each thing that can be broken.
MOVED = "(SELECT min(ticket) FROM routing.move GROUP BY ticket HAVING count(*) > 2 ORDER BY 1 LIMIT 1)"
CLOCK = "(SELECT min(id) FROM escalation.clock WHERE state = 'running' AND NOT breached)"
SENT = "(SELECT min(id) FROM notification.message WHERE state = 'sent')"
HELD = "(SELECT min(id) FROM notification.message WHERE state IN ('held', 'planned'))"
NOTE = "(SELECT min(id) FROM intake.note WHERE source IS NULL)"
WAITS = "(SELECT min(ticket) FROM routing.waiting)"


def event(service, kind, which="true"):
    """One event in a journal."""
    return (f"(partition, seq) = (SELECT partition, seq FROM {service}.journal WHERE type = '{kind}' AND {which}"
            " ORDER BY seq LIMIT 1)")


def again(table, which, **changes):
    """A row once more, with other values in some columns: the statement that copies it."""
    def statement(columns):
        values = ", ".join(changes.get(column, column) for column in columns)
        return f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} WHERE {which}"
    return table, statement


def gone(table, which):
    return table, f"DELETE FROM {table} WHERE {which}"


def changed(table, which, to):
    return table, f"UPDATE {table} SET {to} WHERE {which}"


def journal_again(service, kind, which="true", **changes):
    """An event once more, at the end of its partition, where everybody has read already."""
    return again(f"{service}.journal", event(service, kind, which), **dict({"seq": f"nextval('{service}.journal_seq')"}, **changes))


def swapped(service, kind, which, was, now):
    """A text in an event's body, replaced by one of the same length."""
    assert len(was) == len(now)
    return changed(f"{service}.journal", event(service, kind, which),
                   f"body = decode(replace(encode(body, 'hex'), '{was.encode().hex()}', '{now.encode().hex()}'), 'hex')")


FIRST_OPENED = event("intake", "ticket.opened")
ON_MOVED = f"key = {MOVED}::text"

# What the check must report -> what is broken: (table that is put back afterwards, the statement).
BREAKS = {
    "contact_tickets": gone("intake.ticket", "id = (SELECT min(id) FROM intake.ticket)"),
    "answered_tickets": gone("intake.journal", FIRST_OPENED),
    "answered_contacts": gone("intake.contact", "id = (SELECT min(id) FROM intake.contact)"),
    "stored_tickets": again("intake.ticket", "id = (SELECT min(id) FROM intake.ticket)", id="1"),
    "reached_routing": gone("routing.ticket", f"id = {MOVED}"),
    "reached_flow": gone("routing.journal", event("routing", "ticket.started")),
    "reached_escalation": gone("escalation.ticket_copy", f"ticket = {MOVED}"),
    "reached_notification": gone("notification.ticket_copy", f"ticket = {MOVED}"),
    "reached_reporting": gone("reporting.ticket_fact", f"ticket = {MOVED}"),
    "reached_reporting_later": gone("reporting.ticket_fact", f"ticket = {MOVED}"),
    "counted_contacts": gone("reporting.contact_fact", "contact = (SELECT min(id) FROM intake.contact)"),
    "notes": gone("routing.note", f"note = {NOTE}"),
    "I1 replies": gone("escalation.customer_reply", "true"),
    "planned_messages": gone("notification.message", f"id = {SENT}"),
    "started_clocks": gone("escalation.clock", f"id = {CLOCK}"),
    "told_staff": again("workforce.staff", "staff = 'sp01'", staff="'sp99'"),
    "readable": changed("routing.journal", event("routing", "ticket.moved"), "body = '\\x00'"),

    "causes": gone("intake.journal", FIRST_OPENED),
    "alarm_causes": changed("escalation.alarm", "name = 'clock.due'", "cause = 'routing/0/999999'"),
    "heard_causes": changed("routing.journal", event("routing", "ticket.started"),
                            "cause = (SELECT 'notification/' || partition || '/' || seq FROM notification.journal LIMIT 1)"),
    "before": changed("routing.journal", event("routing", "ticket.assigned"),
                      "cause = 'routing/' || partition || '/' || seq"),
    "opened": gone("intake.ticket", "id = (SELECT min(id) FROM intake.ticket)"),
    "started": gone("intake.journal", FIRST_OPENED),
    "routing_tickets": again("routing.ticket", f"id = {MOVED}", id="1"),
    "escalation_tickets": again("escalation.ticket_copy", f"ticket = {MOVED}", ticket="1"),
    "notification_tickets": again("notification.ticket_copy", f"ticket = {MOVED}", ticket="1"),
    "reporting_tickets": again("reporting.ticket_fact", f"ticket = {MOVED}", ticket="1"),
    "reporting_contacts": again("reporting.contact_fact", "contact = (SELECT min(id) FROM intake.contact)", contact="1"),
    "clocks": again("escalation.clock", f"id = {CLOCK}", id="1"),
    "I2 replies": again("escalation.customer_reply", "true", ticket="1"),
    "messages": again("notification.message", f"id = {SENT}", id="1", key="'another'", cause="'another'"),
    "moves": again("routing.move", f"ticket = {MOVED} AND n = 1", ticket="1"),

    "opened_once": journal_again("intake", "ticket.opened"),
    "started_once": journal_again("routing", "ticket.started"),
    "clock_started_once": journal_again("escalation", "clock.started", cause="'command/another'"),
    "planned_once": journal_again("notification", "message.planned"),
    "sent_once": journal_again("notification", "message.sent"),
    "said_once": journal_again("notification", "message.sent"),
    "told_once": again("notification.message", f"id = {SENT}", id="1", key="'another'"),
    "sent_is_said": changed("notification.message", f"id = {SENT}", "state = 'failed'"),
    "steps": gone("routing.journal", event("routing", "ticket.moved")),

    "moved_chain": swapped("routing", "ticket.moved", ON_MOVED, "RECEIVED", "RETURNED"),
    "started_first": changed("routing.journal", event("routing", "ticket.started", ON_MOVED),
                             "seq = nextval('routing.journal_seq')"),
    "rounds": journal_again("routing", "ticket.moved", ON_MOVED,
                            body="decode(replace(encode(body, 'hex'), 'a5726f756e6401', 'a5726f756e6400'), 'hex')"),
    "recorded_chain": gone("routing.move", f"ticket = {MOVED} AND n = 2"),
    "last_step": changed("routing.ticket", f"id = {MOVED}", "moves = moves + 1"),
    "last_said": changed("routing.ticket", f"id = {MOVED}", "state = 'NOWHERE'"),

    "positions": changed("routing.position", "partition = 3", "seqs = regexp_replace(seqs, 'intake=[0-9]+', 'intake=999999')"),
    "forward": again("routing.position", "partition = 3 AND n = (SELECT max(n) FROM routing.position WHERE partition = 3)", n="n - 1000",
                     seqs="regexp_replace(seqs, 'intake=[0-9]+', 'intake=999999')"),
    "escalation_copies": changed("escalation.ticket_copy", f"ticket = {MOVED}", "state = 'NOWHERE'"),
    "notification_copies": changed("notification.ticket_copy", f"ticket = {MOVED}", "round = 7"),
    "reporting_facts": changed("reporting.ticket_fact", f"ticket = {MOVED}", "handler = 'nobody'"),
    "clock_facts": changed("reporting.clock_fact", f"clock = {CLOCK}", "verdict = 'met'"),
    "message_facts": gone("reporting.message_fact", f"message = {SENT}"),
    "staff_copies": changed("routing.duty", "staff = 'sp01'", "on_duty = NOT on_duty"),
    "loads": changed("routing.staff_load", "staff = 'sp01'", "taken = taken + 1"),
    "queues": gone("routing.waiting", f"ticket = {WAITS}"),
    "places": again("routing.waiting", f"ticket = {WAITS}", wish="wish + 100"),
    "counters": changed("reporting.feed", "topic = 'tickets/open'", "count = count + 1"),
    "feed": gone("reporting.feed", "seq = 3"),
    "topics": gone("reporting.topic_name", "topic = 'tickets/open'"),

    "piled_up": ("routing.position", "INSERT INTO routing.position (partition, n, owner, seqs, expires_at) SELECT 3, -n, '', '', now()"
                 " FROM generate_series(1, 1001) AS n"),
    "unanswered": gone("intake.reply", "id = (SELECT substr(cause, 9) FROM intake.journal WHERE type = 'ticket.opened' LIMIT 1)"),
    "left_behind": ("routing.position", "INSERT INTO routing.position (partition, n, owner, seqs, expires_at) SELECT partition, n + 1,"
                    " (SELECT min(instance) FROM routing.member WHERE clean) || '#x', seqs, now() + interval '1 h'"
                    " FROM routing.position WHERE partition = 3 ORDER BY n DESC LIMIT 1"),

    "unhandled": journal_again("intake", "ticket.opened"),
    "running": changed("escalation.alarm", "name = 'clock.due'", "running = true"),
    "overdue": changed("escalation.alarm", "name = 'clock.due'", "due_at = '2020-01-01Z'"),
    "I7 clocks": changed("reporting.test_clock", "true", "at = at - interval '1 s'"),
    "set_aside": ("routing.dead_letter", "INSERT INTO routing.dead_letter (partition, key, state, source, seq, type, version, at, cause,"
                  " body, reason, set_aside_at) VALUES (0, 'x', 'dead', 'intake', 1, 'ticket.opened', 1, now(), '', '', 'broken', now())"),

    "alarm_of_clock": gone("escalation.alarm", f"key = {CLOCK}::text"),
    "clock_of_alarm": again("escalation.alarm", f"key = {CLOCK}::text", key="'1'"),
    "alarm_in_time": changed("escalation.alarm", f"key = {CLOCK}::text", "due_at = due_at + interval '30 days'"),
    "levels_once": journal_again("escalation", "clock.level", cause="'command/another'"),
    "levels_never_early": changed("escalation.journal", event("escalation", "clock.level", "cause LIKE 'alarm/%'"), "at = at - interval '1 h'"),
    "breaches_never_early": changed("escalation.journal", event("escalation", "clock.breached", "cause LIKE 'alarm/%'"),
                                    "at = at - interval '1 h'"),
    "breaches_once": journal_again("escalation", "clock.breached", cause="'command/another'"),
    "verdicts": changed("escalation.clock", "verdict = 'met'", "due_at = stopped_at - interval '1 s'"),
    "job_of_message": gone("notification.alarm", f"key = {HELD}::text"),
    "message_of_job": again("notification.alarm", f"key = {HELD}::text", key="'1'"),
    "step_of_alarm": ("routing.alarm", "INSERT INTO routing.alarm (partition, name, key, due_at, cause, body)"
                      " VALUES (0, 'step.due', '1', '2030-01-01Z', 'command/x', '')"),
    "time_forward": changed("routing.journal", event("routing", "ticket.moved"), "at = at - interval '2 days'"),
}

# Nothing can be set there from outside.
NOT_BROKEN_HERE = {"deadlocks"}


def check(centre, *words, dsn=None):
    where = ["--database", dsn] if dsn else ["--dir", centre.dir]
    done = subprocess.run([f"{centre.programs}/kefu", "check", "--json", *where, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                          text=True, timeout=120)
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert (done.returncode == 0) == found["ok"], f"status {done.returncode}, ok {found['ok']}"
    return {f"{part['invariant']} {item['check']}": item for part in found["invariants"] for item in part["broken"]}


# ---- a day on which everything happens ---------------------------------------------------------------------------------------


def people_come_in(centre):
    centre.at("08:30")
    centre.on_duty("sp01", "su01", "ma01", "en01", "am01")


def customers_turn_to_us(centre):
    centre.at("09:10")
    leak, = centre.contact("call", "sp01", CALLER, {"kind": "complaint", "topic": "leak", "words": "天花板漏水。", "expected": "修好。"})
    leak.act("register", "sp01", apology=True, facts=Words("东南角渗水。"))
    leak.act("acknowledge", "su01", informed_by="sp01", acknowledged_by="su01", first_measures=Words("先关阀门。"))
    centre.contact("mail", "sp01", CALLER, {"kind": "inquiry", "topic": "fee", "words": "物业费怎么算？"},
                   {"kind": "suggestion", "category": "service", "words": "多设几盏灯。"})
    centre.contact("call", "su01", CALLER, {"kind": "complaint", "topic": "noise", "words": "装修太吵。", "expected": "管一管。"})
    call = leak.plan_call("sp01", "progress")
    leak.call_made("sp01", call["call"], "reached", gives="progress", next_at=centre.us("+1 10:00"))


def some_wait_and_clocks_ring(centre):
    centre.at("13:00")
    centre.off_duty("am01")
    centre.contact("call", "sp01", CALLER, {"kind": "repair", "topic": "leak", "class": "normal", "words": "龙头滴水。"})
    centre.at("22:30")
    night, = centre.contact("call", "sp01", CALLER, {"kind": "inquiry", "topic": "fee", "words": "缴费。"})
    night.plan_call("sp01", "callback")


def all_is_well(centre):
    found = check(centre)
    assert not found, found


def the_list_of_what_is_heard_is_that_of_the_handlers(centre):
    handler = re.compile(r'(?:\.kind = )?ON_EVENT,\s*(?:\.from = )?"(\w+)",\s*(?:\.hears = )?&(\w+?)_shape')
    heard = set()
    for service in ("intake", "routing", "escalation", "notification", "reporting", "workforce"):
        folder = f"{ROOT}/services/{service}"
        for name in sorted(os.listdir(folder)):
            if name.endswith(".c"):
                with open(f"{folder}/{name}", encoding="utf-8") as file:
                    heard |= {(service, source, kind) for source, kind in handler.findall(file.read())}
    with open(CHECKS, encoding="utf-8") as file:
        text = re.sub(r'"\s*"', "", file.read())  # literals that stand side by side are one
    listed = re.findall(r"\('(\w+)', '(\w+)', '([\w.]+)'\)", text)
    listed = {(service, source, kind.replace(".", "_")) for service, source, kind in listed}
    assert listed == heard, f"only listed: {listed - heard}; only handled: {heard - listed}"


def every_check_is_broken_here(centre):
    with open(CHECKS, encoding="utf-8") as file:
        names = re.findall(r'^    \{"(I\d+)", "(\w+)", "', file.read(), re.M)
    covered = {name.split()[-1] for name in BREAKS} | NOT_BROKEN_HERE
    missing = {name for _, name in names} - covered
    assert names and not missing, f"no row for {missing}"


# ---- with the services stopped ------------------------------------------------------------------------------------------------


def the_services_stop(centre):
    """The supervisor ends with its PostgreSQL: that is started again alone."""
    dsn = centre.run()["dsn"]
    status = centre.down()
    assert status == 0, f"kefu up ended with {status}"
    centre.dsn = dsn
    centre.postgres("start", str(centre.base + 199))
    kefu.wait_for("PostgreSQL", lambda: subprocess.run(["psql", dsn, "-qc", ""], capture_output=True).returncode == 0)
    found = check(centre, dsn=dsn)
    assert not found, found
    centre.columns = columns_of(centre)


def columns_of(centre):
    """table -> the columns that one may set, in order."""
    rows = kefu.psql(centre.dsn, "SELECT table_schema || '.' || table_name, string_agg(column_name, ',' ORDER BY ordinal_position)"
                                 " FROM information_schema.columns WHERE is_generated = 'NEVER' GROUP BY 1")
    return {table: names.split(",") for table, names in rows}


def broken(centre, table, statement):
    """Break it, look, put it back."""
    columns = centre.columns[table]
    if callable(statement):
        statement = statement(columns)
    end = (f"DELETE FROM {table};"
           f" INSERT INTO {table} ({', '.join(columns)}) OVERRIDING SYSTEM VALUE SELECT {', '.join(columns)} FROM public.kept;"
           " DROP TABLE public.kept")
    touched = kefu.psql(centre.dsn, f"CREATE TABLE public.kept AS SELECT * FROM {table};"  # one transaction
                                    f" WITH broken AS ({statement} RETURNING 1) SELECT count(*) FROM broken")[0][0]
    try:
        assert touched != "0", f"nothing to break: {statement}"
        return check(centre, dsn=centre.dsn)
    finally:
        kefu.psql(centre.dsn, end)


def breaks(centre, wanted, table, statement):
    found = {name: item for name, item in broken(centre, table, statement).items() if wanted in (name, name.split()[1])}
    assert found, "not reported"
    for item in found.values():
        assert item["cases"] >= 1 and item["examples"], item


def all_is_well_again(centre):
    found = check(centre, dsn=centre.dsn)
    assert not found, found


def the_services_go_on(centre):
    centre.postgres("stop", "fast")
    centre.up()
    found = check(centre)
    assert not found, found


def main():
    centre = Story("check_bites", "2026-03-02")
    day = [("the_centre_opens", lambda _: (centre.up(), centre.hire()))]
    day += [(act.__name__, act) for act in (people_come_in, customers_turn_to_us, some_wait_and_clocks_ring, all_is_well,
                                            the_list_of_what_is_heard_is_that_of_the_handlers, every_check_is_broken_here,
                                            the_services_stop)]
    passed = all(report(name, act, centre) for name, act in day)
    if passed:  # each row is put back, so that one failure leaves the others their ground
        passed = all([report(f"breaks_{wanted.replace(' ', '_')}", breaks, centre, wanted, *how) for wanted, how in BREAKS.items()])
        passed = report("all_is_well_again", all_is_well_again, centre) and passed
        passed = report("the_services_go_on", the_services_go_on, centre) and passed
    if not passed:
        centre.log_tails()
    closed = centre.destroy(keep=not passed) in (0, None)
    sys.exit(0 if passed and closed else 1)


if __name__ == "__main__":
    main()
