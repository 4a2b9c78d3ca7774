"""The chain at half its top rate for ten minutes while another session holds a snapshot, so that no dead row can be cleaned away.

Two things are looked at, before, early, late, and after the release: what stands on the feed a second at half the top rate, and the top
rate itself (a burst). Memory: what the services grow by between the early and the late look.
"""
import subprocess
import time

from world import Services

CHUNK = 60  # seconds of load at a time


class Held:
    """A session that holds a snapshot."""

    def __init__(self, dsn):
        self.session = subprocess.Popen(["psql", dsn, "-qAtX"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.session.stdin.write("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT pg_current_snapshot();\n")
        self.session.stdin.flush()
        self.session.stdout.readline()
        self.since = time.monotonic()

    def release(self):
        if self.session.poll() is None:
            self.session.communicate("ROLLBACK;\n")


class Soak:
    def __init__(self, bench, services, database):
        self.cluster, self.sizes, self.services, self.database = bench.cluster, bench.sizes, services, database
        self.rate, self.looks, self.began = 0, {}, time.monotonic()

    def paced(self, seconds):
        """Half the top rate for so long; what was seen."""
        count = max(1, int(self.rate * seconds))
        cpu = sum(self.services.seconds().values()) + self.cluster.seconds()
        load = self.services.load("paced", "contact.record", count, self.rate, f"held/={self.services.feed}")
        cpu = sum(self.services.seconds().values()) + self.cluster.seconds() - cpu
        feed, answer = load["feed_ms"], load["answer_ms"]
        print(f"    {time.monotonic() - self.began:5.0f} s   {count / (count / self.rate + feed['most'] / 1000):7.0f} /s   answer p50 {answer['p50']:7.1f}"
              f" p99 {answer['p99']:7.1f}   on the feed p50 {feed['p50']:7.1f} p99 {feed['p99']:7.1f} ms   CPU {cpu / count * 1000:.2f} ms a ticket", flush=True)
        return count / (count / self.rate + feed["most"] / 1000)

    def load_until(self, end):
        while end - time.monotonic() > 1:
            self.paced(min(CHUNK, end - time.monotonic()))

    def look(self, name, end):
        """Load until `end`, the last seconds of it looked at; then a burst."""
        self.load_until(end - self.sizes["look"])
        feed = self.paced(self.sizes["look"])
        self.looks[name] = (feed, self.services.chain(self.sizes["tickets"]), self.services.memory())
        print(f"    {time.monotonic() - self.began:5.0f} s   {name}: top rate {self.looks[name][1]:,.0f} tickets/s; dead rows: {self.dead_rows()}", flush=True)

    def dead_rows(self):
        rows = self.cluster.sql("SELECT schemaname || '.' || relname, n_dead_tup FROM pg_stat_user_tables ORDER BY n_dead_tup DESC LIMIT 4", self.database)
        return ", ".join(f"{name} {int(n):,}" for name, n in rows)

    def run(self):
        early, late, after = self.sizes["held"]
        self.services.chain(self.sizes["tickets"])  # the first is slower: nothing is warm yet
        self.rate = max(2, round(self.services.chain(self.sizes["tickets"]) / 2))
        self.look("before", time.monotonic() + self.sizes["look"])
        held = Held(self.cluster.of(self.database))
        try:
            self.look("early", held.since + early)
            self.look("late", held.since + late)
        finally:
            held.release()
        self.look("released", time.monotonic() + after)


def measure(bench):
    cluster, figures = bench.cluster, bench.figures
    database = cluster.create(bench.people)
    services = Services(cluster, database)
    print(f"\nA snapshot held for {bench.sizes['held'][1]} s over the chain at half its top rate", flush=True)
    try:
        services.quiet()
        soak = Soak(bench, services, database)
        soak.run()
    finally:
        services.stop()
    opened = int(cluster.sql("SELECT count(*) FROM intake.ticket", database)[0][0])
    for what, sql in (("assigned", "SELECT count(*) FROM routing.ticket WHERE handler IS NOT NULL"),
                      ("on the feed", "SELECT sum(count) FROM reporting.topic WHERE topic LIKE 'held/%'")):
        figures.check(f"tickets {what}", int(cluster.sql(sql, database)[0][0]), opened)
    feed, top, _ = soak.looks["before"]
    for name in ("early", "late", "released"):
        figures.note(f"snapshot {name}", soak.looks[name][1] / top)
        figures.note(f"snapshot {name} feed", soak.looks[name][0] / feed)
    grown = {name: kb / soak.looks["early"][2][name] for name, kb in soak.looks["late"][2].items()}
    figures.note("memory growth", max(grown.values()))
    print("    memory, KiB: " + ", ".join(f"{name} {soak.looks['early'][2][name]:,} → {kb:,}" for name, kb in soak.looks["late"][2].items()), flush=True)
    cluster.drop(database)
