#!/usr/bin/python3
"""An import that does many moments at once leaves behind, to the microsecond, what one leaves that sets the clock for every single moment:
each ticket's steps, clocks and messages. Who is named may differ, since tickets of one stretch of time come in any order; so messages are
compared without their recipients, and each kind once per ticket and instant.

    test_window.py [ROWS]       of the generated file, 160 if not given
"""
import collections
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import importing  # noqa: E402
import system  # noqa: E402

ROWS = sys.argv[1] if len(sys.argv) > 1 else "160"
SOURCE = """SELECT c.source_id, %s FROM intake.contact AS c JOIN intake.ticket AS t ON t.contact = c.id JOIN %s ORDER BY %s"""
WHAT = {
    "steps": ("m.n, m.step, m.before, m.after, m.round, m.at", "routing.move AS m ON m.ticket = t.id", "1, 2"),
    "clocks": ("k.name, k.round, k.state, k.verdict, k.levels, k.allowed, k.started_at, k.due_at, k.stopped_at, k.started_by, k.stopped_by",
               "escalation.clock AS k ON k.ticket = t.id", "1, 2, 3"),
    "messages": ("m.template, m.channel, m.audience, m.state, m.attempts, m.reason, m.planned_at, m.send_at, m.sent_at",
                 "notification.message AS m ON m.ticket = t.id GROUP BY c.source_id, 2, 3, 4, 5, 6, 7, 8, 9, 10", "1, 2, 8, 9, 3, 4, 5"),
    "figures": ("f.state, f.round, f.priority, f.received_at, f.assigned_at, f.replied_at, f.result_at, f.closed_at, f.exit", "reporting.ticket_fact AS f ON f.ticket = t.id", "1"),
}


class Run(importing.Import):
    """One import of the rows; `words` are further options of it."""

    def __init__(self, name, words, programs):
        self.more = words
        super().__init__(name, programs=programs)

    def words(self):
        return super().words() + self.more

    def outcome(self):
        return {name: [tuple(map(str, row)) for row in self.system.sql(SOURCE % what)] for name, what in WHAT.items()}


def import_with(name, words):
    run = Run(name, words, system.RELEASE)
    run.system.up()
    try:
        seconds = run.run()
        run.compare()
        said = collections.Counter(line.split(":")[0] for line in run.system.read("import.log").splitlines())
        assert said["tickets"] == 1, said
        steps = next(int(line.split()[-1]) for line in run.system.read("import.log").splitlines() if line.startswith("clock set:"))
        print(f"# {' '.join(words) or 'moment by moment'}: {seconds:.1f} s, clock set {steps} times", flush=True)
        return run.outcome(), steps
    finally:
        run.system.destroy()


def main():
    plain = importing.script
    importing.script = lambda name, *words: plain(name, *(words or ("--rows", ROWS)) if name == "generate.py" else words)
    slow, slow_steps = import_with("import_moments", [])
    fast, fast_steps = import_with("import_windows", ["--windows"])
    good = True
    for name in WHAT:
        def equal(name=name):
            assert len(slow[name]) >= int(ROWS), len(slow[name])
            differing = sorted(set(slow[name]) ^ set(fast[name]))
            assert not differing and len(slow[name]) == len(fast[name]), f"{len(differing)} differ, first {differing[:4]}"
        good = system.report(f"{name}_are_equal_to_the_microsecond", equal) and good

    def fewer():
        assert fast_steps < slow_steps, (fast_steps, slow_steps)
    good = system.report("the_clock_is_set_less_often", fewer) and good
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
