"""Many tickets without their way through the chain: rows that the services have written for some, copied set-based under other numbers
(clone.c). What stands in the copies is what the services wrote, but for the columns that a caller gives.
"""
import contextlib
import os
import subprocess
import time

from world import BUILD, SERVICES

READ = ("intake", "routing", "escalation", "notification")  # the journals that tickets fill
DAY = 10**9  # numbers are yymmdd and nine digits
NUMBERS = ("intake.contact", "intake.ticket", "escalation.clock", "notification.message")


class Copies:
    """Of a database whose services are stopped."""

    def __init__(self, cluster, database):
        self.cluster, self.database, self.tables = cluster, database, {}
        ends = " UNION ALL ".join(f"SELECT id FROM {table}" for table in NUMBERS)
        low, high = map(int, self.sql(f"SELECT min(id), max(id) FROM ({ends}) AS numbers")[0])
        self.low, self.high = low // DAY * DAY, high // DAY * DAY + DAY

    def sql(self, sql):
        return self.cluster.sql(sql, self.database)

    def add(self, table, where="true", **differs):
        """`differs`: what a copy has in a column, as SQL over the row that is copied."""
        columns = [row[0] for row in self.sql("SELECT attname FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped AND attgenerated = ''"
                                              f" AND attidentity = '' AND attrelid = '{table}'::regclass ORDER BY attnum")]
        assert set(differs) <= set(columns), f"{table} has no such column: {differs}"
        order = " ORDER BY seq" if table.endswith(".journal") else ""
        if order:
            columns.remove("seq")
        values = ", ".join(differs.get(name, f'"{name}"') for name in columns)
        names = ", ".join(f'"{name}"' for name in columns)
        self.tables[table] = f"SELECT {values} FROM {table} WHERE {where}{order}\t{table} ({names})"
        return self

    def add_journals(self):
        """Events in their order; a copy draws its seq as it comes."""
        for service in READ:
            self.add(f"{service}.journal", "key IN (SELECT id::text FROM intake.ticket)")
        return self

    def fill(self, copies):
        """That many copies of every row, by two writers at a time."""
        begun, half = time.monotonic(), copies // 2
        with self.loading():
            writers = [self.write(first, n) for first, n in ((0, half), (half, copies - half)) if n > 0]
            try:
                for writer in writers:
                    writer.stdout.readline()  # it has read all; only then may anybody write
                for writer in writers:
                    writer.stdin.write("go\n")
                    writer.stdin.close()
                for writer in writers:
                    if writer.wait() != 0:
                        raise RuntimeError(f"clone: {writer.stderr.read()}")
            finally:
                for writer in writers:
                    writer.kill()
        print(f"# {copies} copies of {len(self.tables)} tables in {time.monotonic() - begun:.0f} s", flush=True)

    def write(self, first, copies):
        environment = dict(os.environ, PGOPTIONS="-c synchronous_commit=off")
        command = [f"{BUILD}/bench/clone", self.cluster.of(self.database), str(self.low), str(self.high), str(first), str(copies)]
        writer = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
        writer.stdin.write("".join(f"{line}\n" for line in self.tables.values()) + "\n")
        writer.stdin.flush()
        return writer

    @contextlib.contextmanager
    def loading(self):
        """Without indexes, which are made anew afterwards, and without waiting for the disk; all is on the disk in the end."""
        with self.hurrying():
            journals = [table for table in self.tables if table.endswith(".journal")]
            for table in journals:
                self.sql(f"ALTER TABLE {table} ALTER seq SET DEFAULT nextval('{table}_seq')")
            dropped = self.drop_indexes()
            yield
            for table in journals:
                self.sql(f"ALTER TABLE {table} ALTER seq DROP DEFAULT")
            for statement in dropped:
                self.sql(f"SET maintenance_work_mem = '256MB'; {statement}")
            self.sql("VACUUM ANALYZE")

    def set_all(self, *statements):
        for statement in statements:
            self.cluster.sql(statement)

    @contextlib.contextmanager
    def hurrying(self):
        settings = ("fsync", "full_page_writes", "autovacuum")
        self.set_all(*(f"ALTER SYSTEM SET {setting} = off" for setting in settings), "SELECT pg_reload_conf()")
        try:
            yield
        finally:
            self.set_all(*(f"ALTER SYSTEM RESET {setting}" for setting in settings), "SELECT pg_reload_conf()")
            os.sync()
            self.cluster.sql("CHECKPOINT")

    def drop_indexes(self):
        """The statements that make them again."""
        again = []
        for table in self.tables:
            for name, definition in self.sql(f"SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
                                             f" WHERE conrelid = '{table}'::regclass AND contype IN ('p', 'u')"):
                self.sql(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
                again.append(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
            for name, definition in self.sql(f"SELECT indexrelid::regclass, pg_get_indexdef(indexrelid) FROM pg_index"
                                             f" WHERE indrelid = '{table}'::regclass"):
                self.sql(f"DROP INDEX {name}")
                again.append(definition)
        return again


def move(position, partition, heads):
    """source=seq@journal, the seq being that of the journal's last event now."""
    source, rest = position.split("=")
    seq, mark, journal = rest.partition("@")
    return f"{source}={max(int(seq), int(heads[source].get(partition, 0)))}{mark}{journal}"


def skip(cluster, database, services):
    """As if these services had handled all that stands in the journals now."""
    heads = {source: dict(cluster.sql(f"SELECT partition, max(seq) FROM {source}.journal GROUP BY 1", database)) for source in SERVICES}
    for service in services:
        rows = cluster.sql(f"SELECT DISTINCT ON (partition) partition, n, seqs FROM {service}.position ORDER BY partition, n DESC", database)
        moved = []
        for partition, n, seqs in rows:
            moved_seqs = " ".join(move(part, partition, heads) for part in seqs.split())
            moved.append(f"({partition}, {int(n) + 1}, '', '{moved_seqs}', now() - interval '1 hour')")
        cluster.sql(f"INSERT INTO {service}.position (partition, n, owner, seqs, expires_at) VALUES {', '.join(moved)}", database)
