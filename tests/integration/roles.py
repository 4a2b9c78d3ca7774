#!/usr/bin/python3
"""Database roles (deploy/postgres/roles.sql): each service works with its own rows and with nothing else."""
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import kefu  # noqa: E402
from system import BIN, ROOT, SERVICES, System, report, wait_until  # noqa: E402

ALLOWED = "allowed"
DENIED = "42501"  # insufficient_privilege
# What nobody may do in another's schema; {t} is a table of it.
FOREIGN = ("SELECT count(*) FROM {s}.{t}", "INSERT INTO {s}.{t} DEFAULT VALUES", "DELETE FROM {s}.{t}", "LOCK TABLE {s}.{t}")
FOREIGN_ONCE = ("SELECT {s}.now_us()", "SELECT {s}.journal_extend()", "SELECT nextval('{s}.journal_seq')",
                "CREATE TABLE {s}.mine (n integer)")


class Room:
    """The whole system as `kefu up` runs it."""

    def __init__(self):
        self.system = System("roles", settings=("lease=1s", "isolate-after-crash=0s")).up()
        self.admin = self.system.run()["dsn"]

    def as_role(self, role):
        return f"{self.admin} user={role}"

    def rows(self, statement, role=None):
        return kefu.psql(self.as_role(role) if role else self.admin, statement)

    def outcomes(self, role, statements):
        """What becomes of each statement, as that role: ALLOWED, or its SQLSTATE. Nothing of it stays."""
        each = "".join(f"BEGIN EXECUTE $s${statement}$s$; RAISE SQLSTATE 'KF999'; EXCEPTION WHEN OTHERS THEN RAISE INFO '%', SQLSTATE; END;\n"
                       for statement in statements)
        done = subprocess.run(["psql", self.as_role(role), "-qAtX", "-v", "VERBOSITY=terse"], input=f"DO $do$ BEGIN {each} END $do$",
                              text=True, capture_output=True)
        states = re.findall("^(?:psql:.*: )?INFO: +(.....)$", done.stderr, re.M)
        assert len(states) == len(statements), (role, len(states), len(statements), done.stderr[-1000:])
        return [ALLOWED if state == "KF999" else state for state in states]

    def expect(self, role, statements, *wanted):
        wrong = [(statement, state) for statement, state in zip(statements, self.outcomes(role, statements)) if state not in wanted]
        assert not wrong, f"{role}: {len(wrong)} of {len(statements)} not {wanted}: {wrong[:5]}"

    def tables(self, schema):
        """The names of its tables, each with those of the columns that one may set."""
        found = self.rows("SELECT relname, string_agg(attname, ',') FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid WHERE"
                          " relkind IN ('r', 'p') AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity = ''"
                          f" AND relnamespace = '{schema}'::regnamespace GROUP BY 1 ORDER BY 1")
        return {table: columns.split(",") for table, columns in found}

    def service(self, name, role, *more, home=ROOT, **environment):
        """One more process of a service, as that role, which ends by itself or is stopped."""
        port = kefu.free_port()
        words = [f"{BIN}/kefu-{name}", f"--database={self.as_role(role)}", f"--endpoint=tcp://127.0.0.1:{port}", f"--home={home}",
                 f"--keys={kefu.keys().folder}", f"--instance=extra-{name}", *more]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ROOT,
                                   env=dict(os.environ, **environment))
        return process, kefu.Client(kefu.know(f"tcp://127.0.0.1:{port}", name))


def test_services_log_in_as_lesser_roles(room):
    seen = room.rows("SELECT DISTINCT split_part(application_name, ' ', 1), usename FROM pg_stat_activity WHERE application_name LIKE 'kefu-%'")
    assert sorted(seen) == sorted([f"kefu-{s}", f"kefu_{s}"] for s in SERVICES), seen
    able = room.rows("SELECT rolname FROM pg_roles WHERE rolname LIKE 'kefu\\_%' AND (rolsuper OR rolcreaterole OR rolcreatedb"
                     " OR rolreplication OR rolbypassrls OR rolinherit AND rolcanlogin OR rolconnlimit < 0 AND rolcanlogin)")
    assert able == [], able
    owners = room.rows("SELECT DISTINCT nspname, relowner::regrole, rolcanlogin FROM pg_class JOIN pg_roles AS r ON r.oid = relowner"
                       f" JOIN pg_namespace AS n ON n.oid = relnamespace WHERE nspname IN {SERVICES}")
    assert sorted(owners) == sorted([s, f"kefu_{s}_owner", "f"] for s in SERVICES), owners


def test_each_reads_and_writes_its_own(room):
    for service in SERVICES:
        role, tables = f"kefu_{service}", room.tables(service)
        assert len(tables) > 15, (service, tables)
        kept = [t for t in tables if t.startswith("journal") or t in ("policy_version", "policy_file", "schema_migration")]
        free = [t for t in tables if t not in kept]
        room.expect(role, [f"SELECT count(*) FROM {t}" for t in tables], ALLOWED)
        room.expect(role, [f"DELETE FROM {t} WHERE false" for t in free], ALLOWED)
        room.expect(role, [f"UPDATE {t} SET {tables[t][0]} = NULL WHERE false" for t in free], ALLOWED)
        room.expect(role, [f"INSERT INTO {t} ({','.join(columns)}) SELECT {','.join(columns)} FROM {t} WHERE false"
                           for t, columns in tables.items()], ALLOWED)
        # What has been said or published stays as it is, and nobody who is not the owner makes or changes tables.
        assert "journal" in kept and "journal_0" in kept, kept
        room.expect(role, [f"{verb} {t}{rest}" for t in kept for verb, rest in (("DELETE FROM", ""), ("TRUNCATE", ""))], DENIED)
        room.expect(role, [f"UPDATE {t} SET {tables[t][0]} = NULL" for t in kept], DENIED)
        room.expect(role, ["CREATE TABLE mine (n integer)", f"CREATE TABLE {service}.mine (n integer)", "CREATE SCHEMA mine",
                           "CREATE TABLE public.mine (n integer)", "DROP TABLE journal_0", "ALTER TABLE alarm ADD mine integer",
                           "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'", "CREATE ROLE mine",
                           f"SET ROLE kefu_{service}_owner", "SET ROLE kefu_migrate", "SET ROLE kefu_operator", "SET ROLE postgres",
                           "COPY alarm TO '/tmp/mine'", "CREATE SCHEMA extra"], DENIED, "3F000")


def test_nobody_touches_what_is_another_s(room):
    tried = 0
    for other in SERVICES:
        tables = room.tables(other)
        statements = [statement.format(s=other, t=t) for t in tables for statement in FOREIGN]
        statements += [f"UPDATE {other}.{t} SET {columns[0]} = NULL" for t, columns in tables.items()]
        statements += [statement.format(s=other) for statement in FOREIGN_ONCE] + [f"SELECT NULL::{other}.alarm", f"SET ROLE kefu_{other}",
                                                                                  f"SET ROLE kefu_{other}_owner"]
        for service in SERVICES:
            if service != other:
                room.expect(f"kefu_{service}", statements, DENIED)
                tried += len(statements)
    print(f"# {tried} statements refused")


def test_the_operator_only_reads(room):
    for service in SERVICES:
        tables = room.tables(service)
        room.expect("kefu_operator", [f"SELECT count(*) FROM {service}.{t}" for t in tables], ALLOWED)
        room.expect("kefu_operator", [f"{verb} {service}.{t}" for t in tables for verb in ("DELETE FROM", "TRUNCATE")] +
                    [statement.format(s=service) for statement in FOREIGN_ONCE], DENIED)
    done = subprocess.run(["pg_dump", room.as_role("kefu_operator")], capture_output=True, text=True)
    assert done.returncode == 0 and "CREATE TABLE routing.journal" in done.stdout, done.stderr
    room.system.kefu("check")


def test_kefu_migrate_sees_no_rows(room):
    room.expect("kefu_migrate", [f"SELECT count(*) FROM {s}.journal" for s in SERVICES], DENIED)
    room.expect("kefu_migrate", [f"SET ROLE kefu_{s}_owner" for s in SERVICES], ALLOWED)
    room.expect("kefu_migrate", ["SET ROLE postgres", "SET ROLE kefu_operator", "CREATE SCHEMA mine"], DENIED)


def test_a_service_makes_its_next_journal_range(room):
    ranges = lambda: [t for t in room.tables("routing") if t.startswith("journal_") and t[8:].isdigit()]
    begun = ranges()
    assert begun[:2] == ["journal_0", "journal_1"], begun
    room.rows("SELECT setval('routing.journal_seq', 9999990)")
    assert room.rows("SELECT journal_extend()", "kefu_routing") in ([["1"]], [["2"]], [["0"]])
    assert "journal_3" in ranges() and ranges() != begun, ranges()
    extended = ranges()
    # A name of one's own does not lead the owner astray: the function finds what it means, not what lies in front of it.
    room.rows("CREATE TEMPORARY TABLE journal_seq (last_value bigint); INSERT INTO pg_temp.journal_seq VALUES (99000000);"
              " SET search_path = pg_temp, routing; SELECT routing.journal_extend()", "kefu_routing")
    assert ranges() == extended, ranges()
    owners = room.rows("SELECT DISTINCT relowner::regrole FROM pg_class WHERE relname LIKE 'journal%' AND relnamespace = 'routing'::regnamespace")
    assert owners == [["kefu_routing_owner"]], owners
    room.expect("kefu_routing", ["SELECT count(*) FROM journal_3"], ALLOWED)
    room.expect("kefu_routing", ["DELETE FROM journal_3", "UPDATE journal_3 SET key = ''"], DENIED)


def newer_home(room):
    """The product with one migration more."""
    home = os.path.join(room.system.dir, "home")
    for folder in ("common/runtime/migrations", "services/workforce/migrations"):
        shutil.copytree(os.path.join(ROOT, folder), os.path.join(home, folder))
    with open(os.path.join(home, "services/workforce/migrations/999_later.sql"), "w", encoding="utf-8") as file:
        file.write("CREATE TABLE later (n integer);\n")
    return home


def test_only_the_owner_migrates(room):
    home = newer_home(room)
    process, _ = room.service("workforce", "kefu_workforce", "--migrate-only", home=home)
    said = process.communicate(timeout=20)[0]
    assert process.returncode != 0 and "lacks workforce/999_later.sql" in said and "HINT: " in said and "kefu_migrate" in said, said

    process, client = room.service("workforce", "kefu_workforce", "--lease=1s", home=home)
    line = wait_until("the warning", process.stdout.readline, 20)
    assert "schema_is_behind" in line and "999_later" in line, line
    assert client.once("query", "runtime.hello", {"service": "workforce"}, timeout=1) is None
    migration, _ = room.service("workforce", "kefu_migrate", "--migrate-only", home=home)
    said = migration.communicate(timeout=20)[0]
    assert migration.returncode == 0 and "file=workforce/999_later.sql" in said, said
    client.call("query", "runtime.hello", {"service": "workforce"}, timeout=20)
    process.terminate()
    process.communicate(timeout=20)
    assert process.returncode == 0
    room.expect("kefu_workforce", ["INSERT INTO later VALUES (1)"], ALLOWED)
    room.expect("kefu_routing", ["SELECT * FROM workforce.later"], DENIED)

    room.rows("DELETE FROM workforce.schema_migration WHERE name LIKE '%999%'; DROP TABLE workforce.later")
    process, _ = room.service("workforce", "postgres", "--migrate-only", home=home)  # a superuser makes nothing of its own either
    assert process.communicate(timeout=20) and process.returncode == 0
    assert room.rows("SELECT relowner::regrole FROM pg_class WHERE relname = 'later'") == [["kefu_workforce_owner"]]


def give_passwords(room, secrets):
    subprocess.run([f"{ROOT}/deploy/postgres/roles.sh", room.admin, "workforce"], check=True, env=dict(os.environ, SECRETS=secrets))


def entrance(room, role, password=None):
    """What the server says to who comes by the socket as that role: "" if it lets in. Passwords that this user has elsewhere do not count."""
    words = room.admin.replace("passfile=", "passfile=/nonexistent")
    given = {"PGPASSWORD": password} if password else {}
    done = subprocess.run(["psql", f"{words} user={role}", "-qAtXwc", "SELECT 1"], text=True, capture_output=True, env=dict(os.environ, **given))
    return done.stderr


def test_every_role_but_the_starter_s_is_asked_for_its_own_password(room):
    """Also in a cluster of before, which trusted whoever reached its socket."""
    roles = [f"kefu_{name}" for name in (*SERVICES, "migrate", "operator")]
    passwords = {role: room.system.read(f"secrets/{role}_password").strip() for role in roles}
    assert len(set(passwords.values())) == len(roles) and all(re.fullmatch("[0-9a-f]{48}", word) for word in passwords.values()), "passwords"
    server = room.system.postgres("where").strip()
    with open(f"{server}/data/pg_hba.conf", "w", encoding="utf-8") as file:
        file.write("local all all trust\n")
    room.system.postgres("restart", "fast")
    for role, other in zip(roles, roles[1:] + roles[:1]):
        assert "no password supplied" in entrance(room, role), role
        assert "password authentication failed" in entrance(room, role, passwords[other]), role
        assert entrance(room, role, passwords[role]) == "", role
    assert entrance(room, "postgres") == ""


def test_passwords_come_from_files(room):
    """As in docker compose: by TCP, with passwords in files, which show up nowhere."""
    secrets, password = os.path.join(room.system.dir, "given"), "it's \\ a $secret"
    os.makedirs(secrets)
    for role, words in (("kefu_workforce", password), ("kefu_migrate", "other")):
        with open(os.open(f"{secrets}/{role}_password", os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
            file.write(words + "\n")
    give_passwords(room, secrets)
    address = f" host=127.0.0.1 user=kefu_workforce password='{password}'".replace("\\", "\\\\").replace("it's", "it\\'s")
    assert kefu.psql(room.admin + address, "SELECT current_user, current_schema()") == [["kefu_workforce", "workforce"]]
    for given, good in ((f"{secrets}/kefu_workforce_password", True), (f"{secrets}/kefu_migrate_password", False)):
        process, client = room.service("workforce", "kefu_workforce host=127.0.0.1", "--lease=1s", KEFU_DATABASE_PASSWORD=given)
        answer = client.once("query", "runtime.hello", {"service": "workforce"}, timeout=10 if good else 2)
        process.terminate()
        said = process.communicate(timeout=20)[0]
        assert (answer is not None) == good, said
        assert good or "password authentication failed" in said, said
        assert "it's" not in said, said
    give_passwords(room, f"{room.system.dir}/secrets")


def test_roles_may_be_made_again(room):
    subprocess.run([f"{ROOT}/deploy/postgres/roles.sh", room.admin], check=True)
    room.expect("kefu_routing", ["SELECT count(*) FROM intake.journal", "CREATE TABLE mine (n integer)"], DENIED)
    room.expect("kefu_routing", ["SELECT count(*) FROM journal"], ALLOWED)


def main():
    tests = [test for name, test in globals().items() if name.startswith("test_")]
    room, good = None, True
    try:
        room = Room()
        for test in tests:
            if len(sys.argv) < 2 or any(word in test.__name__ for word in sys.argv[1:]):
                good = report(test.__name__, test, room) and good
    finally:
        if room is not None:
            stopped = room.system.destroy(keep="KEEP" in os.environ)
            good = good and stopped == 0
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
