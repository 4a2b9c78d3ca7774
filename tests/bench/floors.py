"""The floors: what PostgreSQL alone does with the same rows and the same statements, driven by pgbench.

bare    the rows that the chain left behind, inserted set-based into empty copies of its tables with the same indexes.
replay  the statements that the services sent, with the parameters they sent, put together for 256 tickets at a time.
one     the rows of one ticket in one transaction, in one round trip: what a lone commit costs.
"""
import os
import re
import statistics

from world import SERVICES, psql

BATCH = 256
LINE = re.compile(r"^\d{4}-\d\d-\d\d \S+ \S+ \[(\d+)\] (?:\S*@\S+ )?(\w+):  (.*)$", re.S)
EXECUTE = re.compile(r"^execute [^:]+: (.*)$", re.S)
PARAMETER = re.compile(r"\$(\d+) = (NULL|'(?:[^']|'')*')")
COUNTS = """SELECT schemaname, relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables
    WHERE schemaname IN ('intake', 'routing', 'escalation', 'notification', 'workforce', 'reporting', 'probe')"""


def table_counts(cluster, database):
    """(schema, table): rows inserted, updated, deleted so far. The ranges of a journal count as one table."""
    cluster.sql("SELECT pg_stat_force_next_flush()", database)
    counts = {}
    for schema, table, *numbers in cluster.sql(COUNTS, database):
        key = (schema, re.sub(r"^journal_\d+$", "journal", table))
        counts[key] = [a + int(b) for a, b in zip(counts.get(key, [0, 0, 0]), numbers)]
    return counts


def written(before, after, tickets):
    """What the chain wrote: {(schema, table): [inserted, updated, deleted] for each ticket}, without what hardly happened."""
    deltas = {key: [b - a for a, b in zip(before.get(key, [0, 0, 0]), now)] for key, now in after.items()}
    return {key: [n / tickets for n in delta] for key, delta in sorted(deltas.items()) if sum(delta) > tickets / 50}


class Script:
    """A pgbench script of one service: what is done for each batch, in one transaction."""

    def __init__(self, folder, name, schema):
        self.path, self.schema, self.lines, self.hop = os.path.join(folder, name), schema, [], 0

    def write(self):
        lines = "".join(line + ";\n" for line in self.lines)
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(f"\\set i :i + 1\n\\set b :i * :clients + :client_id\nBEGIN;\n\\startpipeline\n{lines}COMMIT;\n\\endpipeline\n")
        return self


# Plans are made while the tables are still empty; without sequential scans they are the right ones for the full ones too.
def best_rate(cluster, database, script, batches, clients):
    os.environ["PGOPTIONS"] = f"-c search_path={script.schema} -c enable_seqscan=off"
    try:
        return cluster.pgbench(database, script.path, clients, batches // clients)
    finally:
        del os.environ["PGOPTIONS"]


class Bare:
    """Built in the database of a chain that has just run (its services are stopped)."""

    def __init__(self, cluster, database, tables, tickets, folder):
        self.cluster, self.database, self.tickets = cluster, database, tickets
        self.batches = tickets // BATCH
        self.rows, self.scripts, self.lone = {}, {}, []
        cluster.sql("CREATE SCHEMA src; CREATE SCHEMA floor", database)
        for schema in SERVICES:
            script = Script(folder, f"bare-{schema}.sql", schema)
            for table in [t for s, t in tables if s == schema]:
                self.add(schema, table, script)
            if script.lines:
                self.scripts[schema] = script.write()

    def add(self, schema, table, script):
        name, sql = f"{schema}_{table}", lambda text: self.cluster.sql(text, self.database)
        columns = ", ".join(f'"{row[0]}"' for row in sql(
            "SELECT attname FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped AND attgenerated = ''"
            f" AND attrelid = '{schema}.{table}'::regclass ORDER BY attnum"))
        rows = int(sql(f"SELECT count(*) FROM {schema}.{table}")[0][0])
        self.rows[schema, table] = rows / self.tickets
        if rows < self.tickets / 50:
            return
        sql(f"CREATE TABLE floor.{name} (LIKE {schema}.{table} INCLUDING ALL EXCLUDING IDENTITY EXCLUDING GENERATED)")
        sql(f"CREATE TABLE src.{name} AS SELECT (row_number() OVER () - 1) * {self.batches} / {rows} AS batch, {columns}"
            f" FROM {schema}.{table}")
        sql(f"CREATE INDEX ON src.{name} (batch)")
        sql(f"VACUUM ANALYZE src.{name}")  # so that reading it writes nothing
        script.lines.append(f"INSERT INTO floor.{name} ({columns}) SELECT {columns} FROM src.{name} WHERE batch = :b")
        self.lone.append((schema, name, columns, rows / self.tickets))

    def run(self, clients):
        """Seconds for each service."""
        spent = {}
        for schema, script in self.scripts.items():
            names = ", ".join(f"floor.{name}" for s, name, *_ in self.lone if s == schema)
            self.cluster.sql(f"TRUNCATE {names}", self.database)
            self.cluster.sql("CHECKPOINT", self.database)
            spent[schema] = self.batches / best_rate(self.cluster, self.database, script, self.batches, clients)
        return spent

    def one(self, schema, folder, times=300, gap_ms=10):
        """Milliseconds (p50, p99) of one commit of one ticket's rows of that service, alone on the machine."""
        script = Script(folder, f"one-{schema}.sql", schema)
        for s, name, columns, each in self.lone:
            if s != schema:
                continue
            self.cluster.sql(f"TRUNCATE floor.{name}; DROP TABLE IF EXISTS src.one_{name}; CREATE TABLE src.one_{name} AS SELECT"
                             f" (row_number() OVER () - 1) / {max(1, round(each))} AS batch, {columns} FROM src.{name}"
                             f" LIMIT {max(1, round(each)) * times}; CREATE INDEX ON src.one_{name} (batch)", self.database)
            self.cluster.sql(f"VACUUM ANALYZE src.one_{name}", self.database)
            script.lines.append(f"INSERT INTO floor.{name} ({columns}) SELECT {columns} FROM src.one_{name} WHERE batch = :b")
        script.write()
        log = os.path.join(folder, "one-log")
        self.cluster.pgbench(self.database, script.path, 1, times, "-l", f"--log-prefix={log}", f"--rate={1000 // gap_ms}")
        spent = []
        for name in [n for n in os.listdir(folder) if n.startswith("one-log")]:
            with open(os.path.join(folder, name), encoding="ascii") as file:
                spent += [(int(words[2]) - int(words[6])) / 1000 for words in map(str.split, file)]
            os.unlink(os.path.join(folder, name))
        spent.sort()
        return statistics.median(spent), spent[len(spent) * 99 // 100]


def read_log(path, offset):
    """(backend, level, text) of each message of the server's log from there on."""
    entry = None
    with open(path, encoding="utf-8", errors="replace") as file:
        file.seek(offset)
        for line in file:
            if line.startswith("\t"):
                entry[2] += "\n" + line[1:].rstrip("\n")
                continue
            if entry:
                yield entry
            match = LINE.match(line.rstrip("\n"))
            entry = list(match.groups()) if match else None
    if entry:
        yield entry


def read_calls(path, offset):
    """backend: [(statement, [parameters as text])], in order."""
    calls = {}
    for backend, level, text in read_log(path, offset):
        execute = EXECUTE.match(text)
        if level == "LOG" and execute:
            calls.setdefault(backend, []).append((execute.group(1), []))
        elif level == "DETAIL" and text.startswith("parameters: ") and calls.get(backend):
            values = [None if value == "NULL" else value[1:-1].replace("''", "'") for _, value in PARAMETER.findall(text)]
            calls[backend][-1][1].extend(values)
    return calls


ONE_ROW = re.compile(r"\(SELECT ((?:\$\d+::[a-z ]+ AS \w+(?:, )?)+)\) AS rows")


def as_many(text, values):
    """A statement over one row, as the runtime sends a lone one, in the form that it has for many."""
    match = ONE_ROW.search(text)
    if not match:
        return text, values
    columns = re.findall(r"(\$\d+)::([a-z ]+) AS (\w+)", match.group(1))
    source = (f"unnest({', '.join(f'{param}::{kind}[]' for param, kind, _ in columns)})"
              f" AS rows({', '.join(name for _, _, name in columns)})")
    arrays = ["{NULL}" if value is None else '{"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"}' for value in values]
    return text[:match.start()] + source + text[match.end():], arrays


def committed(calls):
    """The transactions that were committed, each a list of calls; what stands outside any is one by itself."""
    begun = None
    for statement, values in calls:
        word = statement.split(" ", 1)[0]
        if word == "BEGIN":
            begun = []
        elif word in ("COMMIT", "ROLLBACK"):
            if word == "COMMIT" and begun:
                yield begun
            begun = None
        elif begun is None:
            yield [(statement, values)]
        else:
            begun.append((statement, values))


class Statement:
    def __init__(self, schema, text):
        self.schema, self.text, self.calls, self.rank, self.transactions = schema, text, [], 0.0, 0
        names = re.search(r"AS rows\(([^)]*)\)", text)
        self.columns = [name.strip() for name in names.group(1).split(",")] if names else []
        self.arrays = re.findall(r"\$(\d+)::([a-z ]+)\[\]", text)
        self.params = len(set(re.findall(r"\$(\d+)", text)))
        conflict = re.search(r"ON CONFLICT \(([^)]*)\)", text)
        self.unique = [name.strip() for name in conflict.group(1).split(",")] if conflict else []
        self.tail = "FROM journal" in text and "LATERAL" in text
        if "INTO position" in text:
            self.unique = ["partition"]  # one row for each partition and batch
        elif "pg_advisory" in text:
            self.unique = self.columns

    def hop(self):
        """When a ticket comes along, its rows are inserted; when something happens to it, they are read and changed. Two transactions."""
        if self.tail:
            return 3
        ends = any(word in self.text for word in ("INTO journal", "INTO position", "pg_advisory"))
        return 2 if ends or not self.text.startswith("INSERT") else 1

    def whole(self):
        """All its parameters are arrays: calls can be put together."""
        return len({n for n, _ in self.arrays}) == self.params


class Replay:
    """Made from the log of a captured run: `before` is a copy of the database as it was before that run."""

    def __init__(self, cluster, before, log, offset, backends, tickets, folder):
        self.cluster, self.before, self.tickets = cluster, before, tickets
        self.batches, self.left_out, self.scripts, self.used = tickets // BATCH, [], {}, []
        statements = self.collect(read_calls(log, offset), backends)
        cluster.sql("CREATE SCHEMA replay", before)
        for number, statement in enumerate(statements):
            self.prepare(number, statement, folder)
        for script in self.scripts.values():
            script.write()

    def collect(self, calls, backends):
        found = {}
        for backend, some in calls.items():
            schema = backends.get(backend)
            for transaction in committed(some) if schema else ():
                for at, (text, values) in enumerate(as_many(*call) for call in transaction):
                    statement = found.setdefault((schema, text), Statement(schema, text))
                    if len(transaction) == 1 and not statement.tail:
                        continue
                    statement.calls.append(values)
                    statement.rank += at / len(transaction)
        used = [s for s in found.values() if s.calls]
        return sorted(used, key=lambda s: (SERVICES.index(s.schema), s.hop(), s.rank / len(s.calls)))

    def prepare(self, number, statement, folder):
        script = self.scripts.setdefault(statement.schema, Script(folder, f"replay-{statement.schema}.sql", statement.schema))
        if not statement.whole() or re.search(r"(?<!:):[a-z]", statement.text):
            self.left_out.append((statement.schema, statement.text, len(statement.calls)))
            return
        if statement.params > 0:
            self.load(number, statement)
        text = statement.text.replace("fenced(r.partition, r.n)", "r.n")  # clients overtake each other: no partition is theirs
        text = re.sub(r"\$(\d+)", rf"(SELECT p\1 FROM replay.s{number} WHERE batch = :b)", text)
        if statement.hop() > 1 and script.hop == 1:
            script.lines += ["COMMIT", "BEGIN"]
        script.hop = statement.hop()
        script.lines.append(text)
        self.used.append((statement.schema, statement.text, len(statement.calls)))

    def load(self, number, statement):
        """The table of its parameters: one row of arrays for each batch."""
        types = dict(statement.arrays)
        n = statement.params
        raw = f"raw{number}"
        columns = ", ".join(f"p{k} text" for k in range(1, n + 1))
        calls = statement.calls
        if statement.tail:
            calls = [calls[b * len(calls) // self.batches] for b in range(self.batches)]
        self.cluster.sql(f"CREATE UNLOGGED TABLE replay.{raw} (n bigint, {columns})", self.before)
        self.copy(raw, calls)
        if statement.tail:
            arrays = ", ".join(f"p{k}::{types[str(k)]}[] AS p{k}" for k in range(1, n + 1))
            make = f"SELECT n AS batch, {arrays} FROM replay.{raw}"
        else:
            make = self.chunks(statement, raw, types, n)
        stored = "; ".join(f"ALTER TABLE replay.s{number} ALTER p{k} SET STORAGE EXTERNAL" for k in range(1, n + 1))
        self.cluster.sql(f"CREATE TABLE replay.s{number} AS {make} WITH NO DATA; {stored}; INSERT INTO replay.s{number} {make};"
                         f" ALTER TABLE replay.s{number} ADD PRIMARY KEY (batch); DROP TABLE replay.{raw}", self.before)
        self.cluster.sql(f"VACUUM ANALYZE replay.s{number}", self.before)

    def chunks(self, statement, raw, types, n):
        """All rows of all calls, in order, dealt evenly to the batches; of rows that would meet in one upsert the last."""
        values = ", ".join(f"r.p{k}::{types[str(k)]}[]" for k in range(1, n + 1))
        names = ", ".join(f"c{k}" for k in range(1, n + 1))
        dealt = (f"SELECT (row_number() OVER (ORDER BY r.n, u.o) - 1) * {self.batches} / count(*) OVER () AS batch, r.n, u.o, {names}"
                 f" FROM replay.{raw} AS r, unnest({values}) WITH ORDINALITY AS u({names}, o)")
        unique, order = [], "n, o"
        if statement.columns and set(statement.unique) <= set(statement.columns) and statement.unique:
            unique = [f"c{statement.columns.index(name) + 1}" for name in statement.unique]
        elif not statement.columns:
            unique = [f"c{k}" for k in range(1, n + 1)]
        if unique:
            keys = order = ", ".join(unique)  # in the order of the keys, as the runtime sends them: no deadlocks
            dealt = f"SELECT DISTINCT ON (batch, {keys}) * FROM ({dealt}) AS d ORDER BY batch, {keys}, n DESC, o DESC"
        arrays = ", ".join(f"array_agg(c{k} ORDER BY {order}) AS p{k}" for k in range(1, n + 1))
        return f"SELECT batch, {arrays} FROM ({dealt}) AS dealt GROUP BY batch"

    def copy(self, raw, calls):
        path = os.path.join(self.cluster.folder, "calls.copy")
        with open(path, "w", encoding="utf-8") as file:
            for n, values in enumerate(calls):
                file.write("\t".join([str(n)] + ["\\N" if v is None else v.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")
                                                 for v in values]) + "\n")
        psql(self.cluster.of(self.before), f"\\copy replay.{raw} FROM '{path}'")
        os.unlink(path)

    def run(self, clients):
        """Seconds for each service, on a fresh copy of the database."""
        database, spent = self.cluster.create(self.before), {}
        try:
            for schema, script in self.scripts.items():
                self.cluster.sql("CHECKPOINT", database)
                spent[schema] = self.batches / best_rate(self.cluster, database, script, self.batches, clients)
        finally:
            self.cluster.drop(database)
        return spent


def best(runs):
    """{clients: {service: seconds}} -> {service: the least seconds of all numbers of clients}."""
    return {service: min(run[service] for run in runs.values()) for service in next(iter(runs.values()))}
