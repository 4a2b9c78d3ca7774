"""The runtime, tested on the probe: exactly once, whatever happens."""
import contextlib, os, random, signal, time

from kefu import Client, Database, Process, Refused, run, wait_for, wait_quiet


@contextlib.contextmanager
def probes(n=1, args=(), environment=None):
    database = Database()
    replicas = [Process("probe", database.dsn, args=args, environment=environment).start().wait_ready()]
    replicas += [Process("probe", database.dsn, args=args).start().wait_ready() for _ in range(n - 1)]
    try:
        yield (database, *replicas)
    finally:
        for replica in replicas:
            if replica.process.poll() is None:
                replica.kill()
        for replica in replicas:
            if "AddressSanitizer" in replica.log() or "runtime error" in replica.log():
                print(replica.log()[-4000:])
                raise AssertionError("a sanitizer complained")
        database.drop()


def check(what, got, want):
    if got != want:
        raise AssertionError(f"{what}: got {got!r}, want {want!r}")


def settled(*replicas):
    wait_quiet({"probe": [Client(r.address) for r in replicas]})


def effects(database):
    return [tuple(row) for row in database("SELECT key, n FROM probe.effect WHERE cause LIKE 'command/%' ORDER BY key, n")]


def test_command_is_answered_after_commit_and_heard_once():
    with probes() as (database, probe):
        client = probe.client()
        check("answer", client.do("probe.say", key="a", n=1), {"key": "a", "n": 1, "seen": 0})
        check("count", database("SELECT count FROM probe.counted WHERE key = 'a'"), [["1"]])
        settled(probe)
        check("effects", effects(database), [("a", "1")])
        check("query", client.ask("probe.get", key="a")["count"], 1)


def test_same_id_gets_the_kept_answer_and_another_body_is_refused():
    with probes() as (database, probe):
        client = probe.client()
        first = client.do("probe.say", id="x1", key="a", n=1)
        check("second answer", client.do("probe.say", id="x1", key="a", n=1), first)
        try:
            client.do("probe.say", id="x1", key="a", n=2)
            raise AssertionError("another body under the same id was accepted")
        except Refused as refused:
            check("field", refused.field, "id")
        settled(probe)
        check("effects", effects(database), [("a", "1")])


def test_refusals_name_the_field_and_are_not_kept():
    with probes() as (database, probe):
        client = probe.client()
        for body, field in (({"key": "a"}, "n"), ({"n": 1}, "key"), ({"key": "a", "n": "one"}, "n"), ({"key": "a", "n": 1, "fail": "refuse"}, "fail")):
            try:
                client.call("command", "probe.say", body, id="same")
                raise AssertionError(f"{body} was accepted")
            except Refused as refused:
                check("field", refused.field, field)
        client.do("probe.say", id="same", key="a", n=1)  # a refusal uses up no id
        frame = client.once("command", "probe.nonsense", {})
        check("unknown type", (frame[1], frame[3]["field"]), ("refused", "type"))
        probe.client().socket.send(b"\xc1 not msgpack")
        check("alive", client.ask("probe.get", key="a")["count"], 1)


def test_a_statement_that_fails_hurts_only_its_own_command():
    with probes() as (database, probe):
        client = probe.client()
        ids = [client.send("command", "probe.say", {"key": f"k{i}", "n": 1, **({"fail": "constraint"} if i == 50 else {})}) for i in range(100)]
        verbs = [client.receive(id, 20)[1] for id in ids]
        check("refused", [i for i, verb in enumerate(verbs) if verb != "answer"], [50])
        settled(probe)
        check("effects", len(effects(database)), 99)


def test_a_dead_letter_parks_its_key_and_retry_runs_it_in_order():
    with probes() as (database, probe):
        client = probe.client()
        client.do("probe.say", key="good", n=1)
        client.do("probe.say", key="bad", n=1, fail="dead")
        wait_for("the dead letter", lambda: client.ask("dead.list").get("rows"))
        client.do("probe.say", key="good", n=2)
        frame = client.once("command", "probe.say", {"key": "bad", "n": 2})
        check("a command on the key", (frame[1], "parked" in frame[3]["message"]), ("retry", True))
        settled(probe)
        check("others flow", effects(database), [("good", "1"), ("good", "2")])
        check("discarded", client.do("dead.discard", key="bad", reason="test")["messages"], 0)
        client.do("probe.say", key="bad", n=3)
        settled(probe)
        check("the key works again", effects(database)[0], ("bad", "3"))


def batches(probe):
    """How many batches had at most so many messages, and how many there were in all."""
    lines = dict(line.rsplit(" ", 1) for line in probe.client().ask("runtime.metrics")["text"].splitlines() if line.startswith("kefu_batch_messages"))
    return {name.split('"')[1]: int(n) for name, n in lines.items() if "_bucket" in name}


def test_a_batch_is_bounded_in_bytes():
    """Messages of 20 kB wait for a slow commit: of small ones the next batch would take them all. A mebibyte has room for 52."""
    with probes(args=("--lanes=1", "--isolate-after-crash=0s"), environment={"FAIL_AT": "committing:1:sleep=300"}) as (_database, probe):
        client = probe.client()
        ids = [client.send("command", "probe.say", {"key": f"k{i}", "n": 1, "note": "x" * 20000}) for i in range(200)]
        check("answers", {client.receive(id, 30)[1] for id in ids}, {"answer"})
        sizes = batches(probe)
        check("batches of more than 64", sizes["+Inf"] - sizes["64"], 0)


def murmured(database):
    return int(database("SELECT count(*) FROM probe.journal WHERE type = 'probe.murmur'")[0][0])


def test_what_is_said_to_oneself_is_heard_in_the_same_transaction():
    with probes(args=("--lanes=2",)) as (database, probe):
        client = probe.client()
        client.do("probe.say", key="a", n=1, murmur=True)
        check("there with the answer", effects(database), [("a", "1")])
        check("not in the journal", murmured(database), 0)
        for n in range(20):
            client.do("probe.say", key="a", n=1, to=f"b{n}", murmur=True)
        settled(probe)
        check("each once", effects(database), sorted([("a", "1")] + [(f"b{n}", "1") for n in range(20)]))
        if not 0 < murmured(database) < 20:
            raise AssertionError(f"of 20 keys in two lanes {murmured(database)} went through the journal")


def test_messages_of_one_key_are_decided_together():
    with probes() as (database, probe):
        client = probe.client()
        bodies = [{"key": "a", "n": n, **({"fail": "refuse"} if n == 20 else {})} for n in range(1, 41)]
        ids = []
        for n, body in enumerate(bodies):
            ids.append(client.send("command", "probe.say", body))
            client.send("command", "probe.say", {"key": f"b{n}", "n": 1})
        answers = [client.receive(id, 20) for id in ids]
        check("refused", [n for n, answer in enumerate(answers, 1) if answer[1] != "answer"], [20])
        check("each saw the one before it", [answer[3]["seen"] for answer in answers if answer[1] == "answer"], list(range(39)))
        settled(probe)
        check("the row", database("SELECT count, last FROM probe.counted WHERE key = 'a'"), [["39", "40"]])
        check("effects", [n for key, n in sorted(effects(database), key=lambda e: int(e[1])) if key == "a"],
              [str(n) for n in range(1, 41) if n != 20])
        changed = wait_for("the statistics", lambda: database("SELECT n_tup_upd FROM pg_stat_user_tables"
                                                              " WHERE relname = 'counted' AND n_tup_ins = 41"))
        if int(changed[0][0]) > 10:
            raise AssertionError(f"38 messages that found their row changed it {changed[0][0]} times")


def test_what_cannot_be_heard_at_once_is_set_aside_alone():
    with probes() as (database, probe):
        client = probe.client()
        for n, fail in ((1, "dead"), (2, "later")):
            check(f"{fail}: who said it", client.do("probe.say", key=fail, n=n, murmur=True, fail=fail)["n"], n)
            wait_for("the dead letter", lambda: any(row["key"] == fail and row["type"] == "probe.murmur"
                                                    for row in client.ask("dead.list").get("rows", [])))
        check("both went through the journal", murmured(database), 2)
        check("refused at once, and once more by the journal's way", database(
            "SELECT count(*) FROM probe.dead_letter WHERE type = 'probe.murmur'"), [["2"]])
        check("no effect", effects(database), [])
        client.do("probe.say", key="good", n=1, murmur=True)
        check("others are heard", effects(database), [("good", "1")])


def test_a_dead_letter_is_settled_by_the_replica_that_holds_its_key():
    with probes(2) as (database, one, other):
        clients = [one.client(), other.client()]
        shares = lambda: [sum(lane["partitions"] for lane in client.ask("runtime.status")["lanes"]) for client in clients]
        wait_for("shared leases", lambda: shares() == [16, 16])
        for n in range(8):
            for kind, body in (("dead.retry", {}), ("dead.discard", {"reason": "test"})):
                said = sorted(client.once("command", kind, {"key": f"k{n}", **body})[1] for client in clients)
                check(f"{kind} of k{n}", said, ["answer", "retry"])


def test_a_service_ends_though_the_database_does_not_answer_any_more():
    with probes() as (database, probe):
        wait_for("leases", lambda: database("SELECT count(DISTINCT partition) FROM probe.position") == [["32"]])
        backends = [int(row[0]) for row in database("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'kefu-probe %'")]
        for backend in backends:
            os.kill(backend, signal.SIGSTOP)
        try:
            check("exit status", probe.stop(), 0)
        finally:
            for backend in backends:
                os.kill(backend, signal.SIGCONT)
        if "leases_not_released" not in probe.log():
            raise AssertionError("it did not say that it gave up")


def test_alarms_fire_once_and_jobs_report_once():
    with probes() as (database, probe):
        client = probe.client()
        for n in range(20):
            client.do("probe.say", key=f"k{n}", n=n + 1, fail="alarm" if n % 2 else "job")
        wait_for("20 effects", lambda: database("SELECT count(*) FROM probe.effect WHERE cause = 'alarm' OR cause = 'job 1'") == [["20"]])
        settled(probe)
        check("alarms left", database("SELECT count(*) FROM probe.alarm"), [["0"]])


def test_kill_at_any_moment_loses_and_doubles_nothing():
    seed = int(os.environ.get("SEED", time.time_ns() % 100000))
    print(f"# SEED={seed}")
    dice = random.Random(seed)
    with probes() as (database, probe):
        client, said = probe.client(), []
        for round in range(6):
            burst = [(f"r{round}/{i}", f"k{dice.randrange(40)}", round * 1000 + i) for i in range(300)]
            for id, key, n in burst:
                client.send("command", "probe.say", {"key": key, "n": n}, id)
            time.sleep(dice.random() * 0.15)
            probe.kill()
            probe.start()
            client.connect()
            for id, key, n in burst:  # a publisher retries until it is answered
                client.call("command", "probe.say", {"key": key, "n": n}, id)
            said += [(key, str(n)) for _, key, n in burst]
        settled(probe)
        check("effects", effects(database), sorted(said, key=lambda s: (s[0], int(s[1]))))
        counted = database("SELECT sum(count) FROM probe.counted")
        check("commands run", counted, [[str(len(said))]])


def test_a_message_that_kills_the_process_is_set_aside_and_innocents_are_not():
    with probes() as (database, probe):
        client = probe.client()
        client.send("command", "probe.say", {"key": "killer", "n": 1, "fail": "abort"}, "killer")  # the answer may die with the process
        for i in range(10):
            if probe.process.poll() is None:
                try:
                    wait_for("death", lambda: probe.process.poll() is not None, 3)
                except TimeoutError:
                    break
            probe.start()
            time.sleep(0.2)
        client = probe.client()
        for n in range(20):
            client.do("probe.say", key=f"innocent{n}", n=1)
        rows = wait_for("the dead letter", lambda: client.ask("dead.list").get("rows"))
        check("dead", [(row["key"], "died" in row["reason"]) for row in rows], [("killer", True)])
        settled(probe)
        check("innocents", len(effects(database)), 20)


def test_drain_exits_cleanly_and_a_second_signal_at_once():
    with probes() as (database, probe):
        client = probe.client()
        ids = [client.send("command", "probe.say", {"key": f"k{i}", "n": 1}, f"d{i}") for i in range(200)]
        check("exit", probe.stop(), 0)
        check("clean", database("SELECT clean FROM probe.member"), [["t"]])
        check("leases given back", database("SELECT count(*) FROM (SELECT DISTINCT ON (partition) owner FROM probe.position"
                                            " ORDER BY partition, n DESC) AS p WHERE owner <> ''"), [["0"]])
        probe.start().wait_ready()
        client.connect()
        for i in range(200):
            client.call("command", "probe.say", {"key": f"k{i}", "n": 1}, f"d{i}")
        settled(probe)
        check("effects", len(effects(database)), 200)
        probe.process.send_signal(signal.SIGTERM)
        probe.process.send_signal(signal.SIGTERM)
        wait_for("the end", lambda: probe.process.poll() is not None, 5)


def test_two_replicas_share_the_partitions_and_one_takes_over():
    with probes(2) as (database, one, two):
        def held():
            rows = database("SELECT owner, count(*) FROM (SELECT DISTINCT ON (partition) split_part(owner, '#', 1) AS owner"
                            " FROM probe.position ORDER BY partition, n DESC) AS p GROUP BY owner")
            return sorted(int(row[1]) for row in rows if row[0])
        wait_for("16 and 16", lambda: held() == [16, 16], 15)
        clients = [one.client(), two.client()]
        done = []
        for i in range(200):
            body = {"key": f"k{i}", "n": 1}
            for attempt in range(100):
                frame = clients[(i + attempt) % 2].once("command", "probe.say", body, f"m{i}", timeout=1)
                if frame is not None and frame[1] == "answer":
                    done.append(i)
                    break
                time.sleep(0.01)
        check("answered", len(done), 200)
        settled(one, two)
        check("effects", len(effects(database)), 200)
        one.kill()
        wait_for("takeover", lambda: held() == [32], 15)
        client = two.client()
        for i in range(50):
            client.do("probe.say", key=f"after{i}", n=1)
        settled(two)
        check("effects", len(effects(database)), 250)


def test_a_frozen_owner_wakes_up_fenced():
    with probes(2) as (database, one, two):
        def held(who):
            rows = database("SELECT owner, count(*) FROM (SELECT DISTINCT ON (partition) owner FROM probe.position"
                            " ORDER BY partition, n DESC) AS p GROUP BY owner")
            return sum(int(row[1]) for row in rows if row[0].startswith(f"probe@") and f":{who.port}#" in row[0])
        wait_for("a fair share", lambda: held(one) == 16 and held(two) == 16, 15)
        sender = one.client()
        for i in range(300):
            sender.send("command", "probe.say", {"key": f"k{i}", "n": 1}, f"f{i}")
        time.sleep(0.03)
        one.process.send_signal(signal.SIGSTOP)
        try:
            wait_for("takeover", lambda: held(two) == 32, 20)
            client = two.client()
            for i in range(300):
                client.do("probe.say", id=f"f{i}", key=f"k{i}", n=1)
        finally:
            one.process.send_signal(signal.SIGCONT)
        wait_for("a share again", lambda: held(one) == 16 and held(two) == 16, 20)
        settled(one, two)
        check("effects", effects(database), sorted((f"k{i}", "1") for i in range(300)))
        check("commands run", database("SELECT sum(count) FROM probe.counted"), [["300"]])


def test_postgres_may_crash_under_load():
    import subprocess, tempfile
    from kefu import free_port, psql
    with tempfile.TemporaryDirectory(prefix="kefu-pg-", dir="/tmp") as directory:
        os.chmod(directory, 0o755)
        started = subprocess.run(["deploy/postgres.sh", "start", f"{directory}/pg", str(free_port())], capture_output=True, text=True)
        server = started.stdout.strip().splitlines()[-1]
        psql(server, "CREATE DATABASE crash")
        dsn = server.replace("dbname=postgres", "dbname=crash")
        database = lambda sql: psql(dsn, sql)
        probe = Process("probe", dsn).start().wait_ready()
        try:
            client = probe.client()
            for round in range(3):
                ids = [client.send("command", "probe.say", {"key": f"k{i % 50}", "n": round * 1000 + i}, f"p{round}/{i}") for i in range(400)]
                time.sleep(0.03)
                subprocess.run(["deploy/postgres.sh", "restart", f"{directory}/pg", "immediate"], capture_output=True, check=True)
                for i in range(400):
                    client.call("command", "probe.say", {"key": f"k{i % 50}", "n": round * 1000 + i}, f"p{round}/{i}", timeout=60)
            check("the same process", probe.process.poll(), None)
            settled(probe)
            check("effects", len(effects(database)), 1200)
            check("commands run", database("SELECT sum(count) FROM probe.counted"), [["1200"]])
        finally:
            probe.stop()
            subprocess.run(["deploy/postgres.sh", "stop", f"{directory}/pg", "immediate"], capture_output=True)


run(*[test for name, test in list(globals().items()) if name.startswith("test_")])
