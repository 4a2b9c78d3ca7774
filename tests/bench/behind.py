"""Reporting far behind: how fast it catches up, over what the chain makes while it runs."""
import time

from copies import READ, Copies, skip
from world import SERVICES, Services


def count_events(cluster, database):
    """What stands in the journals that reporting reads about tickets."""
    return sum(int(cluster.sql(f"SELECT count(*) FROM {name}.journal", database)[0][0]) for name in READ)


def measure(bench):
    cluster, figures, tickets = bench.cluster, bench.figures, bench.sizes["tickets"]
    database = cluster.create(bench.people)
    before = count_events(cluster, database)
    services = Services(cluster, database)
    try:
        services.quiet()
        chain = services.chain(tickets)
    finally:
        services.stop()
    written = count_events(cluster, database)
    a_ticket = (written - before) / tickets
    copies = -(-bench.sizes["behind"] // (written - before))
    Copies(cluster, database).add_journals().fill(copies)
    waiting = count_events(cluster, database) - written
    figures.check("events behind are enough", waiting >= bench.sizes["behind"], True)
    skip(cluster, database, [name for name in SERVICES if name != "reporting"])
    rate, memory, cpu = catch_up(cluster, database, waiting)
    facts = int(cluster.sql("SELECT count(*) FROM reporting.ticket_fact", database)[0][0])
    figures.check("tickets that reporting knows in the end", facts, tickets * (copies + 1))
    figures.note("behind of chain", rate / (chain * a_ticket))
    print(f"\nReporting {waiting:,} events behind: {rate:,.0f} events/s; the chain made {chain * a_ticket:,.0f} events/s"
          f" ({chain:,.0f} tickets/s, {a_ticket:.1f} events each)\n    CPU seconds per million events: reporting {cpu[0]:,.0f},"
          f" PostgreSQL {cpu[1]:,.0f}; reporting's memory afterwards {memory:,} KiB", flush=True)
    cluster.drop(database)


def catch_up(cluster, database, waiting):
    """Events a second, from the start of the process until it has handled the last one; its memory then; CPU seconds for a million."""
    services = Services(cluster, database, [name for name in SERVICES if name != "reporting"])
    try:
        services.quiet()
        begun, server = time.monotonic(), cluster.seconds()
        services.start("reporting")
        services.quiet(1200)
        spent, cpu = time.monotonic() - begun, (services.seconds()["reporting"], cluster.seconds() - server)
        return waiting / spent, services.memory()["reporting"], [seconds / waiting * 1e6 for seconds in cpu]
    finally:
        services.stop()
