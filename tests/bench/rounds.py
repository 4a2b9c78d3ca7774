"""Rounds: intake alone, the chain, the floors of both, a lone command, and a timetable; all parts one after the other in each round."""
import os
import time

from floors import Bare, Replay, best, table_counts, written
from world import SERVICES, Services

STAGES = (("accepted", "intake", "ticket.opened"), ("routed", "routing", "ticket.started"), ("assigned", "routing", "ticket.assigned"),
          ("clocks armed", "escalation", "clock.started"), ("notifications planned", "notification", "message.planned"),
          ("notifications sent", "notification", "message.sent"))


def events_of(cluster, database):
    return sum(int(cluster.sql(f"SELECT count(*) FROM {name}.journal", database)[0][0]) for name in SERVICES)


class Rounds:
    def __init__(self, bench):
        self.cluster, self.figures, self.sizes, self.people = bench.cluster, bench.figures, bench.sizes, bench.people
        self.tickets = self.sizes["tickets"]
        self.replay, self.stages, self.top, self.tables, self.memory = None, {}, [], {}, {}

    def run(self):
        self.capture()
        for number in range(self.sizes["rounds"]):
            print(f"# round {number + 1} of {self.sizes['rounds']}", flush=True)
            self.figures.note("fsyncs", self.cluster.fsyncs())
            self.measure_intake()
            database = self.measure_chain()
            self.measure_floors(database)
            self.measure_latency()
            self.compare()

    def capture(self):
        """One run with all statements logged; its statements become the replay."""
        before = self.cluster.create(self.people)
        captured = self.cluster.create(self.people)
        log = os.path.join(self.cluster.where, "log")
        self.cluster.sql(f"ALTER DATABASE {captured} SET log_statement = 'all'; ALTER DATABASE {captured} SET log_error_verbosity = 'default';"
                         f" ALTER DATABASE {captured} SET log_parameter_max_length = -1")
        services = Services(self.cluster, captured)
        try:
            services.quiet()
            offset = os.path.getsize(log)
            services.load("burst", "contact.record", self.tickets, 1000)
            services.quiet(300)
            backends = {pid: name.removeprefix("kefu-").split(" ")[0] for pid, name in self.cluster.sql(
                f"SELECT pid, application_name FROM pg_stat_activity WHERE datname = '{captured}'")}
        finally:
            services.stop()
        self.replay = Replay(self.cluster, before, log, offset, backends, self.tickets, self.cluster.folder)
        self.cluster.drop(captured)

    def measure_intake(self):
        database = self.cluster.create(self.people)
        services = Services(self.cluster, database, ("intake",))
        try:
            services.quiet()
            for window, count in self.sizes["contacts"].items():
                self.figures.note(f"intake {window}", services.load("burst", "contact.record", count, window)["rate"])
        finally:
            services.stop()
            self.cluster.drop(database)

    def measure_chain(self):
        database, note = self.cluster.create(self.people), self.figures.note
        services = Services(self.cluster, database)
        try:
            services.quiet()
            self.memory["idle"] = services.memory()
            note("memory idle", max(self.memory["idle"].values()) / 1024)
            before, events = table_counts(self.cluster, database), events_of(self.cluster, database)
            self.cluster.sql("SELECT pg_stat_statements_reset()")
            cpu, server = sum(services.seconds().values()), self.cluster.seconds()
            load = services.load("burst", "contact.record", self.tickets, 1000)
            services.quiet(300)
            spent = time.monotonic() - load["began_s"]
            events = events_of(self.cluster, database) - events
            note("chain", self.tickets / spent)
            note("cpu services", (sum(services.seconds().values()) - cpu) / events * 1e6)
            note("cpu server", (self.cluster.seconds() - server) / events * 1e6)
            note("events", events / self.tickets)
            self.memory["chain"] = services.memory()
            self.look_at_stages(database)
            note("planned", self.tickets / self.stages["notifications planned"][1])
            self.look_at_statements(database)
            check_chain(self.cluster, database, self.figures, self.tickets)
        finally:
            services.stop()
        self.tables = written(before, table_counts(self.cluster, database), self.tickets)  # counts are whole when connections have ended
        return database

    def measure_floors(self, database):
        note, clients = self.figures.note, self.sizes["clients"]
        bare = Bare(self.cluster, database, self.tables, self.tickets, self.cluster.folder)
        self.bare_rows = bare.rows
        self.bare_seconds = best({n: bare.run(n) for n in clients})
        self.replay_seconds = best({n: self.replay.run(n) for n in clients})
        for name, spent in (("bare", self.bare_seconds), ("replay", self.replay_seconds)):
            note(f"{name} intake", self.tickets / spent["intake"])
            note(f"{name} chain", self.tickets / sum(spent.values()))
        p50, p99 = bare.one("intake", self.cluster.folder, self.sizes["idle"] * 2)
        note("commit p50", p50)
        note("commit p99", p99)
        self.cluster.drop(database)

    def measure_latency(self):
        database, note, sizes = self.cluster.create(self.people), self.figures.note, self.sizes
        services = Services(self.cluster, database)
        try:
            services.quiet()
            services.load("idle", "contact.record", 10, 20)
            services.quiet()
            idle = services.load("idle", "contact.record", sizes["idle"], 100)["answer_ms"]
            note("idle p50", idle["p50"])
            note("idle p99", idle["p99"])
            for rate in (sizes["rate"] // 5, sizes["rate"]):
                services.quiet()
                paced = services.load("paced", "contact.record", rate * sizes["paced"], rate, f"held/={services.feed}")
                for what in ("answer", "feed"):
                    for share in ("p50", "p99"):
                        note(f"{what} {rate} {share}", paced[f"{what}_ms"][share])
            self.memory["timetable"] = services.memory()
        finally:
            services.stop()
            self.cluster.drop(database)

    def compare(self):
        """The ratios of this round."""
        last = {key: values[-1] for key, values in self.figures.values.items()}
        note, rate = self.figures.note, self.sizes["rate"]
        for window in (100, 1000):
            note(f"intake {window} of floor", last[f"intake {window}"] / last["replay intake"])
        for floor in ("replay", "bare"):
            note(f"chain of {floor}", last["chain"] / last[f"{floor} chain"])
        note("idle of commit", last["idle p50"] / last["commit p50"])
        note("feed p50", last[f"feed {rate} p50"])
        note("feed p99", last[f"feed {rate} p99"])

    def look_at_stages(self, database):
        begin = self.cluster.sql("SELECT extract(epoch FROM min(at)) FROM intake.journal WHERE type = 'ticket.opened'", database)[0][0]
        for name, schema, kind in STAGES:
            first, last = self.cluster.sql(f"SELECT coalesce(extract(epoch FROM min(at)) - {begin}, 0), coalesce(extract(epoch FROM max(at))"
                                           f" - {begin}, 0) FROM {schema}.journal WHERE type = '{kind}'"
                                           f" AND at >= to_timestamp({begin})", database)[0]
            self.stages[name] = (float(first), float(last))
        self.stages["on the feed"] = tuple(float(word) for word in self.cluster.sql(
            f"SELECT extract(epoch FROM min(at)) - {begin}, extract(epoch FROM max(at)) - {begin} FROM reporting.feed"
            f" WHERE topic LIKE 'held/%' AND at >= to_timestamp({begin})", database)[0])

    def look_at_statements(self, database):
        """Where PostgreSQL's time goes."""
        rows = self.cluster.sql(
            f"SELECT r.rolname, sum(total_exec_time) AS ms, sum(calls), sum(rows), left(regexp_replace(query, '\\s+', ' ', 'g'), 76)"
            f" FROM pg_stat_statements AS s JOIN pg_roles AS r ON r.oid = s.userid JOIN pg_database AS d ON d.oid = s.dbid"
            f" WHERE d.datname = '{database}' GROUP BY 1, 5 ORDER BY 2 DESC LIMIT 12")
        self.top = [(float(ms), int(calls), int(n), query) for _, ms, calls, n, query in rows]


def check_chain(cluster, database, figures, tickets):
    """What was measured was done: every ticket has a handler, a clock, a message, and stands in the numbers of the feed."""
    for what, sql in (("assigned", "SELECT count(*) FROM routing.ticket WHERE handler IS NOT NULL"),
                      ("with clocks", "SELECT count(DISTINCT ticket) FROM escalation.clock"),
                      ("with messages", "SELECT count(DISTINCT ticket) FROM notification.message"),
                      ("on the feed", "SELECT sum(count) FROM reporting.topic WHERE topic LIKE 'held/%'")):
        figures.check(f"tickets {what}", int(cluster.sql(sql, database)[0][0] or 0), tickets)
