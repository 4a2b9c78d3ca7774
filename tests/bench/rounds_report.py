"""What the rounds say, in full."""
import os
import subprocess

from world import BUILD, SERVICES


def say(text=""):
    print(text, flush=True)


def report(rounds):
    figures, sizes = rounds.figures, rounds.sizes
    m, n = figures.median, sizes["rounds"]
    say(f"\nRounds: {n} round{'s' if n > 1 else ''}, medians. {os.cpu_count()} CPUs, shared by the load generator, the services and"
        f" PostgreSQL; load of the machine {os.getloadavg()[0]:.1f}")
    say(f"fdatasync of 8 KiB: {m('fsyncs'):,.0f} /s ({figures.spread('fsyncs')})\n")
    say("(a) durable intake: contact.record of 600 bytes, answered after commit, intake alone")
    for window in sizes["contacts"]:
        name = f"intake {window}"
        say(f"    window {window:>5}   {m(name):>9,.0f} /s   ({figures.spread(name)})   "
            f"{m(name) / m('replay intake'):5.2f} of replay   {m(name) / m('bare intake'):5.2f} of bare")
    say(f"    floors          replay {m('replay intake'):,.0f} /s, bare {m('bare intake'):,.0f} /s")
    say("(b) full chain: opened, assigned, clocks armed, notifications planned and sent to files, on the feed; until all is quiet")
    say(f"    chain          {m('chain'):>9,.0f} tickets/s   ({figures.spread('chain')})   {m('chain of replay'):5.2f} of replay"
        f"   {m('chain of bare'):5.2f} of bare")
    say(f"    all planned    {m('planned'):>9,.0f} tickets/s   ({figures.spread('planned')})   that is without the sending that is left then")
    say(f"    floors          replay {m('replay chain'):,.0f} /s, bare {m('bare chain'):,.0f} /s")
    say(f"    CPU seconds per million events: services {m('cpu services'):,.0f}, PostgreSQL {m('cpu server'):,.0f};"
        f" {m('events'):.1f} events a ticket; fdatasync {m('fsyncs'):,.0f} /s")
    say("(c) one command on an idle system")
    say(f"    answer          p50 {m('idle p50'):.2f} ms, p99 {m('idle p99'):.2f} ms")
    say(f"    one commit      p50 {m('commit p50'):.2f} ms, p99 {m('commit p99'):.2f} ms     ratio of the p50s {m('idle of commit'):.2f}")
    for rate in (sizes["rate"] // 5, sizes["rate"]):
        say(f"(d) {rate} tickets/s, on a timetable")
        for what, name in (("answer", "answer"), ("feed", "on the feed")):
            p50, p99 = m(f"{what} {rate} p50"), m(f"{what} {rate} p99")
            say(f"    {name:<15} p50 {p50:.1f} ms, p99 {p99:.1f} ms     {p50 / m('commit p50'):.1f} commits")
    say("(e) memory, KiB resident, of the last round: idle, after the chain, after (c) and (d)")
    for name in SERVICES:
        say(f"    {name:<14} " + "".join(f"{rounds.memory[when][name]:>9,.0f}" for when in ("idle", "chain", "timetable")))
    report_details(rounds)


def report_details(rounds):
    tickets = rounds.tickets
    say("\nLast round in detail")
    say("  stages of the chain, seconds after the first ticket was accepted: first … last")
    for name, (first, last) in rounds.stages.items():
        say(f"    {name:<24}{first:7.2f} … {last:6.2f}")
    clients = ", ".join(map(str, rounds.sizes["clients"]))
    say(f"  floors, milliseconds for each 1,000 tickets (best of {clients} clients), service by service")
    for name in SERVICES:
        cells = [f"{spent[name] / tickets * 1e6:8.1f}" if name in spent else "       –" for spent in (rounds.replay_seconds, rounds.bare_seconds)]
        say(f"    {name:<16}replay {cells[0]}   bare {cells[1]}")
    say("  rows for each ticket, as PostgreSQL counted them: inserted, updated, deleted; there at the end = inserted by the bare floor")
    for (schema, table), (inserted, updated, deleted) in rounds.tables.items():
        say(f"    {schema + '.' + table:<32}{inserted:7.2f}{updated:7.2f}{deleted:7.2f}{rounds.bare_rows.get((schema, table), 0):9.2f}")
    say("  statements with the most time in PostgreSQL: ms for each 1,000 tickets, calls, rows")
    for ms, calls, rows, query in rounds.top:
        say(f"    {ms / tickets * 1000:8.1f} {calls:7} {rows:8}  {query}")
    replay = rounds.replay
    say(f"  replayed: {len(replay.used)} statements; left out: {len(replay.left_out)}")
    for schema, text, calls in replay.left_out:
        say(f"    {schema}: {calls / tickets:.2f} calls a ticket: {' '.join(text.split())[:90]}")


def report_calendar():
    say("\nThe calendar")
    done = subprocess.run([f"{BUILD}/bench/bench_time_calendar"], capture_output=True, text=True, check=True)
    for line in done.stdout.splitlines():
        say(f"    {line}")
