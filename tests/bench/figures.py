"""The figures with their targets, and the table at the end of the report."""
import statistics

# key of the figure, what it is, how its values are written, how it compares, the target (None: printed only)
TARGETS = (
    ("intake 100 of floor", "durable intake, window 100, over its own set-based floor", "{:.2f}", ">=", 0.6),
    ("intake 1000 of floor", "durable intake, window 1000, over its own set-based floor", "{:.2f}", ">=", 0.6),
    ("intake 1 of rabbit", "durable intake over RabbitMQ quorum queue, window 1", "{:.2f}", ">=", 0.5),
    ("intake 100 of rabbit", "durable intake over RabbitMQ quorum queue, window 100", "{:.2f}", ">=", 0.5),
    ("intake 1000 of rabbit", "durable intake over RabbitMQ quorum queue, window 1000", "{:.2f}", ">=", 0.5),
    ("chain of replay", "full chain over its own statements, 256 a batch", "{:.2f}", ">=", 0.5),
    ("chain of bare", "full chain over bare inserts of the same rows", "{:.2f}", ">=", 0.2),
    ("idle of commit", "one command on an idle system, p50 over one commit's", "{:.2f}", "<=", 2.0),
    ("feed p50", "opened to assigned and on the feed at {rate:,} tickets/s, p50", "{:.1f} ms", "<=", 10.0),
    ("feed p99", "opened to assigned and on the feed at {rate:,} tickets/s, p99", "{:.1f} ms", "<=", 50.0),
    ("alarm lateness", "{armed:,} armed alarms, {fired:,} over {spread} s: lateness p99", "{:.1f} ms", "<=", 100.0),
    ("alarm memory", "{armed:,} armed alarms: memory of escalation", "{:,.0f} MB", "<=", 256.0),
    ("alarm burst", "{fired:,} alarms due at one instant: all fired after", "{:.2f} s", "<=", 5.0),
    ("behind of chain", "reporting {behind:,} events behind: catching up over the chain's events/s", "{:.2f}", ">=", 1.5),
    ("snapshot early", "chain with a snapshot held: top rate after {held[0]} s over before", "{:.2f}", ">=", 0.8),
    ("snapshot late", "chain with a snapshot held: top rate after {held[1]} s over before", "{:.2f}", ">=", 0.5),
    ("snapshot released", "chain {held[2]} s after the snapshot's release: top rate over before", "{:.2f}", ">=", 0.95),
    ("snapshot early feed", "half the top rate: on the feed a second, after {held[0]} s over before", "{:.2f}", ">=", 0.8),
    ("snapshot late feed", "half the top rate: on the feed a second, after {held[1]} s over before", "{:.2f}", ">=", 0.5),
    ("snapshot released feed", "half the top rate: on the feed a second, {held[2]} s after release", "{:.2f}", ">=", 0.95),
    ("aged of fresh", "chain rate after {aged:,} tickets over the rate at the start", "{:.2f}", ">=", 0.9),
    ("memory idle", "the largest service, idle", "{:.1f} MB", "<=", 32.0),
    ("memory growth", "the soak, from {held[0]} to {held[1]} s: most growth of a service", "{:.2f} times", "<=", 1.1),
)


class Figures:
    """Values by key, as many as there were rounds; and why a figure is missing."""

    def __init__(self, sizes):
        self.sizes, self.values, self.missing, self.failed = sizes, {}, {}, False

    def note(self, key, value):
        self.values.setdefault(key, []).append(value)

    def miss(self, why, *keys):
        for key in keys:
            self.missing[key] = why

    def check(self, what, have, want):
        """What was measured must have been done: say so if not, and fail the run."""
        if have != want:
            self.failed = True
            print(f"CHECK FAILED: {what}: {have}, not {want}", flush=True)

    def median(self, key):
        return statistics.median(self.values[key])

    def spread(self, key):
        return f"{min(self.values[key]):,.0f}–{max(self.values[key]):,.0f}"

    def cells(self, key, form, compare, target):
        if key not in self.values:
            return "–", self.missing.get(key, "not measured")
        value = self.median(key)
        if target is None:
            return form.format(value), ""
        reached = value >= target if compare == ">=" else value <= target
        return form.format(value), "reached" if reached else "not reached"

    def table(self, parts, whole):
        """Everything if all parts were run, otherwise what they noted."""
        print(f"\n{'figure':<84}{'measured':>14}  {'target':>12}  ", flush=True)
        for key, what, form, compare, target in TARGETS:
            if not whole and key not in self.values and key not in self.missing:
                continue
            value, verdict = self.cells(key, form, compare, target)
            wanted = "" if target is None else f"{'≥' if compare == '>=' else '≤'} {form.format(target)}"
            print(f"{what.format(**self.sizes):<84}{value:>14}  {wanted:>12}  {verdict}", flush=True)
        print(f"\nfdatasync of 8 KiB: {self.median('fsyncs'):,.0f} /s ({self.spread('fsyncs')})", flush=True)
        if "cpu services" in self.values:
            print(f"CPU seconds per million events of the chain: services {self.median('cpu services'):,.0f},"
                  f" PostgreSQL {self.median('cpu server'):,.0f}", flush=True)
        if self.failed:
            print(f"CHECK FAILED: see above; the figures of {', '.join(parts)} are not to be trusted", flush=True)
