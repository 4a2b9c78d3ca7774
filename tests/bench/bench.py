#!/usr/bin/python3
"""`make bench`: what the product does, as ratios to what PostgreSQL alone does in the same run. See README.md.

--short: one round with small numbers (under 3 minutes); otherwise medians of three interleaved rounds (under 15).
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time

os.chdir(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
os.environ["B"] = os.path.abspath(os.environ.get("B", "build"))
os.environ["KEFU_BIN"] = os.path.join(os.environ["B"], "bin")
sys.path.insert(0, "tests/bench")

from floors import BATCH, Bare, Replay, best, table_counts, written  # noqa: E402
from world import BUILD, SERVICES, Cluster, Services  # noqa: E402

SHORT = "--short" in sys.argv[1:]
ROUNDS = 1 if SHORT else 3
CLIENTS = (1, 2) if SHORT else (1, 2, 4)    # of pgbench: the best counts
TICKETS = BATCH * (16 if SHORT else 32)     # of the chain, and of the replay
CONTACTS = {1: 100, 100: 2000, 1000: 4000} if SHORT else {1: 400, 100: 8000, 1000: 10000}  # by window
IDLE = 40 if SHORT else 120
PER_SECOND, PACED_SECONDS = 200, 5 if SHORT else 15
STAGES = (("accepted", "intake", "ticket.opened"), ("routed", "routing", "ticket.started"), ("assigned", "routing", "ticket.assigned"),
          ("clocks armed", "escalation", "clock.started"), ("notifications planned", "notification", "message.planned"),
          ("notifications sent", "notification", "message.sent"), ("on the feed", "reporting", "feed.due"))


def say(text=""):
    print(text, flush=True)


def per_ticket(seconds, tickets):
    return tickets / seconds if seconds > 0 else 0.0


class Round:
    """The figures of one round, by name; `Bench.median` brings the rounds together."""

    def __init__(self):
        self.figures = {}

    def note(self, name, value):
        self.figures[name] = value


class Bench:
    def __init__(self, cluster):
        self.cluster, self.rounds, self.replay = cluster, [], None
        self.tables, self.top, self.memory, self.stages, self.replay_seconds, self.bare_seconds = {}, [], {}, {}, {}, {}

    # databases ready for a run

    def prepare(self):
        """Two databases to copy from: with the policy, and with staff on duty; so every run starts from the same state."""
        self.with_people = self.cluster.create()
        services = Services(self.cluster, self.with_people)
        try:
            services.publish().people()
        finally:
            services.stop()

    def capture(self):
        """One run with all statements logged; its statements become the replay."""
        before = self.cluster.create(self.with_people)
        captured = self.cluster.create(self.with_people)
        log = os.path.join(self.cluster.where, "log")
        self.cluster.sql(f"ALTER DATABASE {captured} SET log_statement = 'all'; ALTER DATABASE {captured} SET log_error_verbosity = 'default'; ALTER DATABASE {captured} SET log_parameter_max_length = -1")
        services = Services(self.cluster, captured)
        try:
            services.quiet()
            offset = os.path.getsize(log)
            services.load("burst", "contact.record", TICKETS, 1000)
            services.quiet(300)
            backends = {pid: name.removeprefix("kefu-") for pid, name in self.cluster.sql(
                f"SELECT pid, application_name FROM pg_stat_activity WHERE datname = '{captured}'")}
        finally:
            services.stop()
        self.replay = Replay(self.cluster, before, log, offset, backends, TICKETS, self.cluster.folder)
        self.cluster.drop(captured)

    # (a)

    def measure_intake(self, figures):
        database = self.cluster.create(self.with_people)
        services = Services(self.cluster, database, ("intake",))
        try:
            services.quiet()
            for window, count in CONTACTS.items():
                figures.note(f"intake {window}", services.load("burst", "contact.record", count, window)["rate"])
        finally:
            services.stop()
            self.cluster.drop(database)

    # (b), (e) and the floors

    def measure_chain(self, figures):
        database = self.cluster.create(self.with_people)
        services = Services(self.cluster, database)
        try:
            services.quiet()
            figures.note("memory idle", services.memory())
            before, events = table_counts(self.cluster, database), self.events(database)
            self.cluster.sql("SELECT pg_stat_statements_reset()")
            cpu, server = sum(services.seconds().values()), self.cluster.seconds()
            load = services.load("burst", "contact.record", TICKETS, 1000)
            services.quiet(300)
            spent = time.monotonic() - load["began_s"]
            events = self.events(database) - events
            figures.note("chain", TICKETS / spent)
            figures.note("cpu services", (sum(services.seconds().values()) - cpu) / events * 1e6)
            figures.note("cpu server", (self.cluster.seconds() - server) / events * 1e6)
            figures.note("events", events / TICKETS)
            figures.note("memory after", services.memory())
            self.look_at_stages(database)
            figures.note("planned", TICKETS / self.stages["notifications planned"][1])
            self.look_at_statements(database)
            self.check(database)
        finally:
            services.stop()
        self.tables = written(before, table_counts(self.cluster, database), TICKETS)  # counts are whole when connections have ended
        return database

    def measure_floors(self, figures, database):
        bare = Bare(self.cluster, database, self.tables, TICKETS, self.cluster.folder)
        self.bare_rows = bare.rows
        self.bare_seconds = best({clients: bare.run(clients) for clients in CLIENTS})
        self.replay_seconds = best({clients: self.replay.run(clients) for clients in CLIENTS})
        for name, spent in (("bare", self.bare_seconds), ("replay", self.replay_seconds)):
            figures.note(f"{name} intake", TICKETS / spent["intake"])
            figures.note(f"{name} chain", TICKETS / sum(spent.values()))
        p50, p99 = bare.one("intake", self.cluster.folder, IDLE * 2)
        figures.note("commit p50", p50)
        figures.note("commit p99", p99)
        self.cluster.drop(database)

    def events(self, database):
        return sum(int(self.cluster.sql(f"SELECT count(*) FROM {name}.journal", database)[0][0]) for name in SERVICES)

    def check(self, database):
        """What was measured was done: every ticket has a handler, a clock, a message, and stands in the numbers of the feed."""
        for what, sql in (("assigned", "SELECT count(*) FROM routing.ticket WHERE handler IS NOT NULL"),
                          ("with clocks", "SELECT count(DISTINCT ticket) FROM escalation.clock"),
                          ("with messages", "SELECT count(DISTINCT ticket) FROM notification.message"),
                          ("on the feed", "SELECT sum(count) FROM reporting.topic WHERE topic LIKE 'held/%'")):
            n = int(self.cluster.sql(sql, database)[0][0] or 0)
            if n != TICKETS:
                say(f"CHECK FAILED: {n} of {TICKETS} tickets {what}")
                self.failed = True

    failed = False

    def look_at_stages(self, database):
        begin = self.cluster.sql("SELECT extract(epoch FROM min(at)) FROM intake.journal WHERE type = 'ticket.opened'", database)[0][0]
        for name, schema, kind in STAGES:
            first, last = self.cluster.sql(f"SELECT coalesce(extract(epoch FROM min(at)) - {begin}, 0), coalesce(extract(epoch FROM max(at))"
                                           f" - {begin}, 0) FROM {schema}.journal WHERE type = '{kind}'"
                                           f" AND at >= to_timestamp({begin})", database)[0]
            self.stages[name] = (float(first), float(last))

    def look_at_statements(self, database):
        """Where PostgreSQL's time goes."""
        rows = self.cluster.sql(
            f"SELECT r.rolname, sum(total_exec_time) AS ms, sum(calls), sum(rows), left(regexp_replace(query, '\\s+', ' ', 'g'), 76)"
            f" FROM pg_stat_statements AS s JOIN pg_roles AS r ON r.oid = s.userid JOIN pg_database AS d ON d.oid = s.dbid"
            f" WHERE d.datname = '{database}' GROUP BY 1, 5 ORDER BY 2 DESC LIMIT 12")
        self.top = [(float(ms), int(calls), int(n), query) for _, ms, calls, n, query in rows]

    # (c), (d)

    def measure_latency(self, figures):
        database = self.cluster.create(self.with_people)
        services = Services(self.cluster, database)
        try:
            services.quiet()
            services.load("idle", "contact.record", 10, 20)
            services.quiet()
            idle = services.load("idle", "contact.record", IDLE, 100)["answer_ms"]
            figures.note("idle p50", idle["p50"])
            figures.note("idle p99", idle["p99"])
            services.quiet()
            paced = services.load("paced", "contact.record", PER_SECOND * PACED_SECONDS, PER_SECOND, f"held/={services.feed}")
            figures.note("paced answer", paced["answer_ms"])
            figures.note("paced feed", paced["feed_ms"])
            services.quiet()
            figures.note("memory after latency", services.memory())
        finally:
            services.stop()
            self.cluster.drop(database)

    def round(self):
        figures = Round()
        self.rounds.append(figures)
        figures.note("fsyncs", self.cluster.fsyncs())
        self.measure_intake(figures)
        database = self.measure_chain(figures)
        self.measure_floors(figures, database)
        self.measure_latency(figures)

    # the report

    def median(self, name, part=None):
        values = [figures.figures[name] for figures in self.rounds]
        return statistics.median(value if part is None else value[part] for value in values)

    def spread(self, name):
        values = [figures.figures[name] for figures in self.rounds]
        return f"{min(values):,.0f}–{max(values):,.0f}"

    def report(self):
        m = self.median
        say(f"\n{ROUNDS} round{'s' if ROUNDS > 1 else ''}, medians. {os.cpu_count()} CPUs, shared by the load generator, the services and"
            f" PostgreSQL; load of the machine {os.getloadavg()[0]:.1f}")
        say(f"fdatasync of 8 KiB: {m('fsyncs'):,.0f} /s ({self.spread('fsyncs')})\n")
        say("(a) durable intake: contact.record of 600 bytes, answered after commit, intake alone")
        for window in CONTACTS:
            name = f"intake {window}"
            say(f"    window {window:>5}   {m(name):>9,.0f} /s   ({self.spread(name)})   "
                f"{m(name) / m('replay intake'):5.2f} of replay   {m(name) / m('bare intake'):5.2f} of bare")
        say(f"    floors          replay {m('replay intake'):,.0f} /s, bare {m('bare intake'):,.0f} /s")
        say("(b) full chain: opened, assigned, clocks armed, notifications planned and sent to files, on the feed; until all is quiet")
        say(f"    chain          {m('chain'):>9,.0f} tickets/s   ({self.spread('chain')})   {m('chain') / m('replay chain'):5.2f} of replay"
            f"   {m('chain') / m('bare chain'):5.2f} of bare")
        say(f"    all planned    {m('planned'):>9,.0f} tickets/s   ({self.spread('planned')})   that is without the sending that is left then")
        say(f"    floors          replay {m('replay chain'):,.0f} /s, bare {m('bare chain'):,.0f} /s")
        say(f"    CPU seconds per million events: services {m('cpu services'):,.0f}, PostgreSQL {m('cpu server'):,.0f};"
            f" {m('events'):.1f} events a ticket")
        say("(c) one command on an idle system")
        say(f"    answer          p50 {m('idle p50'):.2f} ms, p99 {m('idle p99'):.2f} ms")
        say(f"    one commit      p50 {m('commit p50'):.2f} ms, p99 {m('commit p99'):.2f} ms"
            f"     ratio of the p50s {m('idle p50') / m('commit p50'):.2f}")
        say(f"(d) {PER_SECOND} tickets/s, on a timetable")
        say(f"    answer          p50 {m('paced answer', 'p50'):.1f} ms, p99 {m('paced answer', 'p99'):.1f} ms"
            f"     {m('paced answer', 'p50') / m('commit p50'):.1f} commits")
        say(f"    on the feed     p50 {m('paced feed', 'p50'):.1f} ms, p99 {m('paced feed', 'p99'):.1f} ms"
            f"     {m('paced feed', 'p50') / m('commit p50'):.1f} commits")
        say("(e) memory, KiB resident: idle, after the chain, after (c) and (d)")
        for name in SERVICES:
            say(f"    {name:<14} {m('memory idle', name):>8,.0f} {m('memory after', name):>8,.0f} {m('memory after latency', name):>8,.0f}")
        say("(f) the calendar")
        for line in subprocess.run([f"{BUILD}/bench/bench_escalation_calendar"], capture_output=True, text=True, check=True).stdout.splitlines():
            say(f"    {line}")
        self.report_details()

    def report_details(self):
        say("\nLast round in detail")
        say("  stages of the chain, seconds after the first ticket was accepted: first … last")
        for name, (first, last) in self.stages.items():
            say(f"    {name:<24}{first:7.2f} … {last:6.2f}")
        say(f"  floors, milliseconds for each 1,000 tickets (best of {', '.join(map(str, CLIENTS))} clients), service by service")
        for name in SERVICES:
            cells = [f"{spent[name] / TICKETS * 1e6:8.1f}" if name in spent else "       –" for spent in (self.replay_seconds, self.bare_seconds)]
            say(f"    {name:<16}replay {cells[0]}   bare {cells[1]}")
        say("  rows for each ticket, as PostgreSQL counted them: inserted, updated, deleted; there at the end = inserted by the bare floor")
        for (schema, table), (inserted, updated, deleted) in self.tables.items():
            say(f"    {schema + '.' + table:<32}{inserted:7.2f}{updated:7.2f}{deleted:7.2f}{self.bare_rows.get((schema, table), 0):9.2f}")
        say("  statements with the most time in PostgreSQL: ms for each 1,000 tickets, calls, rows")
        for ms, calls, rows, query in self.top:
            say(f"    {ms / TICKETS * 1000:8.1f} {calls:7} {rows:8}  {query}")
        say(f"  replayed: {len(self.replay.used)} statements; left out: {len(self.replay.left_out)}")
        for schema, text, calls in self.replay.left_out:
            say(f"    {schema}: {calls / TICKETS:.2f} calls a ticket: {' '.join(text.split())[:90]}")


def main():
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="kefu-bench-") as folder:
        os.chmod(folder, 0o755)
        cluster = Cluster(os.path.join(folder, "world"))
        bench = Bench(cluster)
        try:
            bench.prepare()
            bench.capture()
            say(f"# captured after {time.monotonic() - begun:.0f} s")
            for number in range(ROUNDS):
                bench.round()
                say(f"# round {number + 1} of {ROUNDS} done after {time.monotonic() - begun:.0f} s")
            bench.report()
        finally:
            cluster.stop()
    say(f"\n{time.monotonic() - begun:.0f} s")
    return 1 if bench.failed else 0


if __name__ == "__main__":
    sys.exit(main())
