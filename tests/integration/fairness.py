"""Nothing that waits is kept waiting by others without a bound."""
import contextlib

from kefu import Database, Process, run, wait_for
from played import partition_of

EVENTS = 4000


@contextlib.contextmanager
def slow_probe():
    """Hears some three hundred events a second."""
    database = Database()
    probe = Process("probe", database.dsn, args=("--lanes=1",)).start().wait_ready()
    try:
        database("CREATE FUNCTION probe.slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                 " IF NEW.cause <> 'alarm' THEN PERFORM pg_sleep(0.003); END IF; RETURN NEW; END $$;"
                 "CREATE TRIGGER slow BEFORE INSERT ON probe.effect FOR EACH ROW EXECUTE FUNCTION probe.slow()")
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


run(*[test for name, test in list(globals().items()) if name.startswith("test_")])
