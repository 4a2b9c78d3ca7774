"""Nothing that waits is kept waiting by others without a bound."""
import contextlib

from kefu import Database, Process, keys, run, wait_for
from played import partition_of

EVENTS = 4000
FLOOD = 2000  # as many as may be sent at once
BATCH = 256


@contextlib.contextmanager
def slow_probe(table="probe.effect", *args):
    """Writes some three hundred rows of the table a second: effects of events, or replies to commands."""
    database = Database()
    probe = Process("probe", database.dsn, args=("--lanes=1", *args)).start().wait_ready()
    try:
        database("CREATE FUNCTION probe.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                 " IF to_jsonb(NEW)->>'cause' IS DISTINCT FROM 'alarm' THEN PERFORM pg_sleep(0.003); END IF; RETURN NEW; END $$;"
                 f"CREATE TRIGGER slow BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION probe.slow()")
        yield database, probe
    finally:
        probe.kill()
        database.drop()


def test_alarms_go_off_while_events_wait():
    """Thousands of events wait, also in the alarm's partition. An alarm waits two seconds for what was said in time, and no more."""
    with slow_probe() as (database, probe):
        client = probe.client()
        for n in range(EVENTS):
            client.send("command", "probe.say", {"key": f"k{n % 400}", "n": n})
        count = lambda table, where: int(database(f"SELECT count(*) FROM probe.{table} WHERE {where}")[0][0])
        wait_for("events", lambda: count("journal", "type = 'probe.heard'") > EVENTS / 2)
        database("INSERT INTO probe.alarm (partition, name, key, due_at, cause, body) VALUES"
                 f" ({partition_of('al')}, 'probe.wake', 'al', clock_timestamp(), 'x', '\\x82a36b6579a2616ca16e01')")
        wait_for("the alarm", lambda: count("effect", "cause = 'alarm'"), 60)
        heard = count("effect", "cause <> 'alarm'")
        print(f"# when the alarm went off {heard} of {EVENTS} events had been heard")
        if heard > EVENTS * 3 / 4:
            raise AssertionError(f"the alarm waited for {heard} of {EVENTS} events")


def test_a_newcomers_command_is_decided_before_what_another_has_waiting():
    """Counted in what is decided before it: the batch under way when it is sent, that which may begin before it is read, and its own."""
    keys().add("flooder", "publisher", "pbx").add("honest", "publisher", "crm")
    with slow_probe("probe.reply", "--client-in-flight=2000") as (database, probe):
        flooder, honest = probe.client("flooder"), probe.client("honest")
        honest.do("probe.say", key="warm", n=1)
        decided = lambda: int(database("SELECT count(*) FROM probe.reply WHERE principal = 'flooder'")[0][0])
        for n in range(FLOOD):
            flooder.send("command", "probe.say", {"key": f"k{n % 400}", "n": n})
        before = wait_for("the flood", decided)
        honest.do("probe.say", key="new", n=1)
        ahead = decided() - before
        print(f"# {before} of {FLOOD} had been decided when it was sent, {ahead} more when it was answered")
        if ahead > 3 * BATCH:
            raise AssertionError(f"{ahead} commands of another were decided before it")


run(*[test for name, test in list(globals().items()) if name.startswith("test_")])
