"""A million armed alarms: how late those are that come due, spread over a minute and all at one instant; what escalation needs for them.

The clocks are those of tickets that the chain has handled, copied with their alarms (the reminder at half of 24 hours). Some are then
moved so that they come due now; the services run meanwhile. An alarm has fired when what it said (clock.level) was committed.
"""
import time

from copies import Copies
from world import Services, wait_for

AHEAD = 12  # seconds from moving the alarms to the first that is due: a lane looks at what it did not set itself every 10
REMINDER = "base = 'natural' AND c.state = 'running' AND c.limit_n = 24"
ITS_ALARM = f"key IN (SELECT c.id::text FROM escalation.clock AS c WHERE c.{REMINDER})"


def measure(bench):
    cluster, figures, sizes = bench.cluster, bench.figures, bench.sizes
    database = cluster.create(bench.people)
    services = Services(cluster, database)
    try:
        services.quiet()
        services.chain(sizes["tickets"])
    finally:
        services.stop()
    arm(cluster, database, sizes["armed"])
    services = Services(cluster, database)
    try:
        services.quiet()
        armed = services.clients["escalation"].ask("runtime.status")["alarms"]
        memory = services.memory()["escalation"]
        spread = fire(cluster, database, services, sizes["fired"], sizes["spread"], figures)
        burst = fire(cluster, database, services, sizes["fired"], 0, figures)
        memory = max(memory, services.memory()["escalation"])
        said = services.clients["escalation"].ask("runtime.status")["lateness_p99_ms"]
    finally:
        services.stop()
    figures.check("alarms are armed as meant", int(armed) >= sizes["armed"] * 0.9, True)
    report(figures, sizes, spread, burst, memory, said)
    cluster.drop(database)


def arm(cluster, database, alarms):
    """Copies of the clocks that will remind somebody, of their alarms, and of what is known of their tickets."""
    copies = Copies(cluster, database)
    there = int(cluster.sql(f"SELECT count(*) FROM escalation.alarm WHERE {ITS_ALARM}", database)[0][0])
    copies.add("escalation.alarm", ITS_ALARM).add("escalation.clock", f"id IN (SELECT c.id FROM escalation.clock AS c WHERE c.{REMINDER})")
    copies.add("escalation.ticket_copy").add("notification.ticket_copy")
    copies.fill(-(-alarms // there))


def fire(cluster, database, services, alarms, seconds, figures):
    """Move so many alarms to the seconds that come now. Milliseconds by which each was late, ascending."""
    since = choose(cluster, database, alarms, seconds)
    fired = f"SELECT count(*) FROM escalation.journal WHERE type = 'clock.level' AND at > '{since}'"
    until = time.monotonic() + AHEAD + seconds + 60
    wait_for("the alarms", lambda: int(cluster.sql(fired, database)[0][0]) >= alarms or time.monotonic() > until, 600)
    services.quiet(300)
    figures.check("alarms fired", int(cluster.sql(fired, database)[0][0]), alarms)
    late = [float(row[0]) for row in cluster.sql(f"""
        SELECT extract(epoch FROM pg_xact_commit_timestamp(j.xmin) - m.at) * 1000 FROM escalation.journal AS j
            JOIN public.moved AS m ON j.key = m.ticket::text WHERE j.type = 'clock.level' AND j.at > '{since}' ORDER BY 1""", database)]
    figures.check("alarms that were to fire", len(late), alarms)
    return late


def choose(cluster, database, alarms, seconds):
    """An alarm fires where its clock has used up half its time: both are moved. From when on events count."""
    cluster.sql(f"""
        DROP TABLE IF EXISTS public.moved;
        CREATE TABLE public.moved AS SELECT a.partition, a.key, c.ticket, c.id, row_number() OVER (ORDER BY random()) AS n, now() AS at
            FROM escalation.alarm AS a JOIN escalation.clock AS c ON a.key = c.id::text
            WHERE c.{REMINDER} AND c.levels = 0 AND a.due_at > now() + interval '1 hour' LIMIT {alarms};
        ANALYZE public.moved""", database)
    since = cluster.sql("SELECT clock_timestamp()")[0][0]
    cluster.sql(f"""
        UPDATE public.moved SET at = date_trunc('second', now()) + interval '{AHEAD} s' + n * interval '{seconds} s' / {alarms};
        UPDATE escalation.clock AS c SET started_at = m.at - interval '12 hours 1 us', due_at = m.at + interval '12 hours' - interval '1 us'
            FROM public.moved AS m WHERE c.id = m.id;
        UPDATE escalation.alarm AS a SET due_at = m.at FROM public.moved AS m
            WHERE a.partition = m.partition AND a.name = 'clock.due' AND a.key = m.key""", database)
    return since


def report(figures, sizes, spread, burst, memory, said):
    p50, p99 = spread[len(spread) // 2], spread[len(spread) * 99 // 100]
    figures.note("alarm lateness", p99)
    figures.note("alarm memory", memory / 1024)
    figures.note("alarm burst", burst[-1] / 1000)
    print(f"\n{sizes['armed']:,} armed alarms; escalation's memory {memory / 1024:,.0f} MB", flush=True)
    print(f"    {len(spread):,} over {sizes['spread']} s: late by p50 {p50:.1f} ms, p99 {p99:.1f} ms, at most {spread[-1]:.1f} ms"
          f" (escalation says: p99 below {said} ms, both together)", flush=True)
    print(f"    {len(burst):,} at one instant: the first after {burst[0] / 1000:.2f} s, half after {burst[len(burst) // 2] / 1000:.2f} s,"
          f" all after {burst[-1] / 1000:.2f} s", flush=True)
