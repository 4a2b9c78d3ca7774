"""The chain after two million tickets, over the chain at the start.

The old tickets did not go through the chain: what stands in every table for those of the first measurement is copied set-based under
other numbers (copies.py), closed, with ended clocks and sent messages, as old tickets are; their events are in the journals, and every
service has handled them.
"""
from statistics import mean

from copies import Copies, skip
from world import SERVICES, Services

DONE = {"closed_at": "received_at + interval '1 day'"}
ENDED = {"verdict": "coalesce(nullif(verdict, 'running'), 'met')", "stopped_at": "coalesce(stopped_at, started_at + interval '1 hour')"}
# What an old ticket leaves in each table. Replies are kept for three days: here none is older.
OLD = {
    "intake.contact": {"source_id": "'copy/' || tickets"},
    "intake.ticket": {},
    "intake.reply": {"where": "id LIKE 'load-%'", "id": "'copy/' || (SELECT tickets FROM intake.contact AS c WHERE c.source_id = reply.id)"},
    "routing.ticket": {"state": "'CLOSED'", **DONE},
    "routing.move": {},
    "escalation.ticket_copy": {"state": "'CLOSED'", "ended_at": "received_at + interval '1 day'"},
    "escalation.clock": {"state": "'ended'", **ENDED},
    "notification.message": {},
    "notification.ticket_copy": {"state": "'CLOSED'"},
    "reporting.ticket_fact": {"state": "'CLOSED'", **DONE},
    "reporting.clock_fact": ENDED,
    "reporting.message_fact": {},
    "reporting.contact_fact": {},
}
STAYS = {"intake.customer", "escalation.alarm", "reporting.journal", "reporting.feed"}  # not of old tickets, or as many as there are people


def measure(bench):
    cluster, figures, sizes = bench.cluster, bench.figures, bench.sizes
    database, tickets = cluster.create(bench.people), sizes["tickets"]
    fresh = rates(cluster, database, sizes)
    there = tickets * (sizes["bursts"] + 1)
    copies = -(-sizes["aged"] // there)
    fill(cluster, database, there, copies, figures)
    old = rates(cluster, database, sizes)
    sql = "SELECT count(*), count(*) FILTER (WHERE closed_at IS NULL AND handler IS NOT NULL) FROM routing.ticket"
    figures.check("tickets and open ones", list(map(int, cluster.sql(sql, database)[0])), [there * (copies + 2), there * 2])
    figures.note("aged of fresh", mean(old) / mean(fresh))
    size = cluster.sql("SELECT pg_size_pretty(pg_database_size(current_database()))", database)[0][0]
    print(f"\nThe chain after {there * (copies + 1):,} tickets ({size}): {', '.join(f'{rate:,.0f}' for rate in old)} tickets/s;"
          f" at the start {', '.join(f'{rate:,.0f}' for rate in fresh)}", flush=True)
    cluster.drop(database)


def rates(cluster, database, sizes):
    """Of some bursts; one goes before that warms everything up."""
    services = Services(cluster, database)
    try:
        services.quiet()
        return [services.chain(sizes["tickets"]) for _ in range(sizes["bursts"] + 1)][1:]
    finally:
        services.stop()


def fill(cluster, database, there, copies, figures):
    tables = Copies(cluster, database)
    for table, differs in OLD.items():
        tables.add(table, **differs)
    tables.add_journals()
    large = cluster.sql(f"SELECT schemaname || '.' || relname FROM pg_stat_user_tables WHERE relname !~ '_[0-9]+$' AND n_live_tup > {there // 2}", database)
    figures.check("tables that a ticket fills and the copies leave out", [name for name, in large if name not in {*tables.tables, *STAYS}], [])
    tables.fill(copies)
    skip(cluster, database, SERVICES)
