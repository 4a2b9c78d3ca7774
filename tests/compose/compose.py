#!/usr/bin/python3
"""`make compose-test`: the system as docker-compose.yml runs it, through one day and a lot of trouble.

  COMPOSE=WORDS          how compose is called ("docker compose" if there is such a plugin, else docker-compose)
  KEFU_DOCKER_UP=FILE    what makes a Docker engine available where none answers (`FILE`), and stops it again (`FILE down`)
  KEEP=1                 leave everything running

Everything is in a project of its own, with secrets, volumes and ports of its own.
"""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import kefu  # noqa: E402
import zmq  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROJECT = "kefu-compose-test"
SERVICES = kefu.services("deployed")
ENGINE = os.environ.get("KEFU_DOCKER_UP", "../shared/tools/docker-up")


def run(*words, check=True, **options):
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False,
                          stdin=subprocess.DEVNULL, **options)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(words)}: status {done.returncode}: {(done.stdout + done.stderr).strip()[-1500:]}")
    return done


def answers(*words):
    return shutil.which(words[0]) is not None and run(*words, check=False).returncode == 0


class Refused(Exception):
    """There is no engine, and no way to one."""


class Engine:
    """Docker: there already, or started for us."""

    def __init__(self):
        self.ours = not answers("docker", "info")
        if self.ours:
            if not os.access(os.path.join(ROOT, ENGINE), os.X_OK):
                raise Refused("no Docker engine answers (docker info)\nHINT: start one, or name what does: KEFU_DOCKER_UP=FILE")
            print(f"# no Docker engine answers: {ENGINE} starts one", flush=True)
            run(ENGINE)
        given = os.environ.get("COMPOSE")
        self.compose = shlex.split(given) if given else \
            ["docker", "compose"] if answers("docker", "compose", "version") else ["docker-compose"]
        if not answers(*self.compose, "version"):
            raise Refused(f"there is no {' '.join(self.compose)}")
        print(f"# {' '.join(self.compose)}: {run(*self.compose, 'version').stdout.splitlines()[0]}", flush=True)

        self.find_images()

    @staticmethod
    def find_images():
        """Where those that are named cannot be had, what stands in for them: a later or earlier version, or one made by ENGINE."""
        for variable, stand_in, path in (("KEFU_POSTGRES_IMAGE", "postgres:15-bookworm", "docker-compose.yml"),
                                         ("KEFU_DEBIAN_IMAGE", "debian:bookworm-slim", "deploy/docker/Dockerfile")):
            with open(os.path.join(ROOT, path), encoding="utf-8") as file:
                named = re.search(variable + r"(?::-|=)([a-z][\w:.-]+)", file.read())[1]
            if variable not in os.environ and not answers("docker", "image", "inspect", named) and \
                    answers("docker", "image", "inspect", stand_in) and not answers("timeout", "60", "docker", "pull", "-q", named):
                print(f"# {named} cannot be pulled: {stand_in} stands in", flush=True)
                os.environ[variable] = stand_in

    def stop(self):
        if self.ours:
            run(ENGINE, "down", check=False)


class Load:
    """Publishers at the published port: each says one contact after another, each until it is answered. And once more, at the end."""

    def __init__(self, address, publishers=2, pause=0.05):
        self.address, self.pause, self.said, self.over, self.errors = address, pause, {}, threading.Event(), []
        self.longest = 0.0
        self.threads = [threading.Thread(target=self.publish, args=(n,), daemon=True) for n in range(publishers)]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def body(name):
        return {"source": "crm", "source_id": name, "channel": "call", "phone": "000-0000-0001",
                "items": [{"kind": "complaint", "topic": "lift", "words": "电梯又停了", "expected": "今天修好"}]}

    def say(self, client, name):
        """One contact, until it is answered. Without an answer, or from a replica that is being stopped: connect again, for the
        door leads to each replica in turn."""
        id, end = f"load/{name}", time.monotonic() + 120
        while time.monotonic() < end:
            frame = client.once("command", "contact.record", self.body(name), id, timeout=3)
            if frame is not None and frame[1] == "answer":
                return frame[3]["tickets"]
            if frame is not None and frame[1] == "refused":
                raise kefu.Refused(frame[3])
            client.connect()
            time.sleep(0.02)
        raise TimeoutError(f"{name} was not answered")

    def publish(self, publisher):
        client, n = kefu.Client(self.address, key="publisher"), 0
        while not self.over.is_set():
            n += 1
            name, begun = f"{publisher}-{n}", time.monotonic()
            try:
                self.said[name] = self.say(client, name)
            except Exception as error:  # noqa: BLE001 - told at the end
                self.errors.append(f"{name}: {error}")
                return
            self.longest = max(self.longest, time.monotonic() - begun)
            time.sleep(self.pause)

    def end(self):
        self.over.set()
        for thread in self.threads:
            thread.join(130)
        if self.errors:
            raise AssertionError(f"a publisher gave up: {self.errors}")

    def say_again(self):
        """Everything, with the same ids, as a publisher may at any time."""
        client = kefu.Client(self.address, key="publisher")
        for name, tickets in self.said.items():
            again = self.say(client, name)
            assert again == tickets, f"{name}: {tickets}, then {again}"


class Dashboard:
    """A subscriber at the published feed."""

    def __init__(self, address):
        self.topics, self.over = {}, threading.Event()
        self.thread = threading.Thread(target=self.listen, args=(address,), daemon=True)
        self.thread.start()

    def listen(self, address):
        socket = zmq.Context.instance().socket(zmq.SUB)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.HEARTBEAT_IVL, 2000)
        kefu.Keys(os.environ["KEFU_SECRETS"] + "/keys").join(socket, "reporting", "dashboard")
        socket.connect(address)
        socket.subscribe("")
        while not self.over.is_set():
            if socket.poll(200):
                topic, entry = socket.recv_multipart()
                self.topics[topic.decode()] = kefu.msgpack.unpackb(entry)["seq"]
        socket.close(0)

    def head(self):
        return max(self.topics.values(), default=0)


class System:
    def __init__(self, engine):
        self.compose_words = [*engine.compose, "-p", PROJECT, "-f", "docker-compose.yml", "-f", "tests/compose/test.yml"]
        self.folder = tempfile.mkdtemp(prefix="kefu-compose-")
        os.chmod(self.folder, 0o755)
        self.port, self.feed_port = kefu.free_port(), kefu.free_port()
        os.environ.update(KEFU_SECRETS=f"{self.folder}/secrets", KEFU_TEST_RUN=f"{self.folder}/run", KEFU_VERSION="test",
                          KEFU_BIND="127.0.0.1", KEFU_INTAKE_PORT=str(self.port), KEFU_FEED_PORT=str(self.feed_port))
        kefu.know(f"tcp://127.0.0.1:{self.port}", "intake", kefu.Keys(f"{self.folder}/secrets/keys"))
        self.write_run_files()
        self.load = self.dashboard = None

    def write_run_files(self):
        with open(f"{ROOT}/deploy/docker/run.json", encoding="utf-8") as file:
            names = dict(json.load(file), test_clock=True)
        door = json.loads(json.dumps(names).replace("tcp://intake:", "tcp://door:").replace("tcp://reporting:7206", "tcp://door:7206"))
        for name, content in (("names", names), ("door", door)):
            os.makedirs(f"{self.folder}/run/{name}")
            with open(f"{self.folder}/run/{name}/run.json", "w", encoding="utf-8") as file:
                json.dump(content, file)

    def compose(self, *words, **options):
        return run(*self.compose_words, *words, **options)

    def kefu(self, *words, check=True, timeout=600):
        return self.compose("run", "--rm", "-T", "kefu", *words, check=check, timeout=timeout)

    def containers(self, service):
        found = run("docker", "ps", "-q", "--no-trunc", "--filter", f"label=com.docker.compose.project={PROJECT}", "--filter",
                    f"label=com.docker.compose.service={service}", "--filter", "label=com.docker.compose.oneoff=False")
        return found.stdout.split()

    def inspect(self, *containers):
        return json.loads(run("docker", "inspect", *containers).stdout)

    def let_in(self, name, *rights):
        """A key, as deploy/runbook.md says it is made; nobody has one who was not let in."""
        assert not os.path.exists(os.path.join(os.environ["KEFU_SECRETS"], "keys", f"{name}.secret")), name
        self.compose("run", "--rm", "-T", "secrets", "key", "new", name, *rights)

    def health(self):
        """service -> the states of its running containers."""
        return {name: [each["State"].get("Health", {}).get("Status", "none") for each in self.inspect(*ids)] if ids else []
                for name, ids in ((name, self.containers(name)) for name in ("postgres", "door", *SERVICES))}

    def wait_healthy(self, timeout=180, **scale):
        def good():
            health = self.health()
            return all(states == ["healthy"] * scale.get(name, 1) for name, states in health.items())

        try:
            kefu.wait_for("healthy containers", good, timeout)
        except TimeoutError as error:
            raise TimeoutError(f"{error}: {self.health()}") from None

    def status(self):
        return [json.loads(line) for line in self.kefu("status", "--json", check=False).stdout.splitlines() if line.startswith("{")]

    def wait_shared(self, timeout=60, **scale):
        """Until every service's 32 partitions are leased, some by each replica."""
        def shared():
            held = {}
            for view in self.status():
                held.setdefault(view["service"], []).append(sum(lane["partitions"] for lane in view.get("lanes", [])))
            seen.append(held)
            return all(sum(held.get(name, [])) == 32 and len(held[name]) == scale.get(name, 1) and min(held[name]) > 0
                       for name in SERVICES) and held

        seen = []
        try:
            return kefu.wait_for("leases", shared, timeout)
        except TimeoutError as error:
            raise TimeoutError(f"{error}: {seen[-1:]}") from None

    def kill_program(self, container):
        """As a crash does: the program dies at once, inside; the engine's restart policy is what brings it back."""
        run("docker", "exec", container, "bash", "-c", "kill -9 -1", check=False)

    def started(self, container):
        return self.inspect(container)[0]["State"]["StartedAt"]

    def said_so_far(self):
        return len(self.load.said)

    def wait_progress(self, more=20, timeout=90):
        """The publishers are being answered."""
        at = self.said_so_far()
        kefu.wait_for("answers to publishers", lambda: self.said_so_far() >= at + more or self.load.errors, timeout)
        assert not self.load.errors, self.load.errors

    def log_tails(self):
        for name in SERVICES:
            lines = self.compose("logs", "--no-color", "--tail", "8", name, check=False).stdout.splitlines()
            for line in lines:
                print(f"# {line}")

    def clean(self):
        self.compose("down", "-v", "--remove-orphans", "-t", "5", check=False)

    def destroy(self):
        if self.load is not None:
            self.load.over.set()
        if self.dashboard is not None:
            self.dashboard.over.set()
        if os.environ.get("KEEP") == "1":
            print(f"# left running: project {PROJECT}, files in {self.folder}")
            return
        self.clean()
        shutil.rmtree(self.folder, ignore_errors=True)


# --- the steps; each gives a line of what was seen


def up_from_nothing(system):
    system.clean()
    system.compose("build", "kefu", "door")
    system.compose("up", "-d")
    system.let_in("publisher", "--roles", "publisher", "--source", "crm")
    system.let_in("dashboard", "--roles", "subscriber")
    system.wait_healthy()
    held = system.wait_shared()
    policies = {view["policy"] for view in system.status()}
    assert policies == {1}, policies
    return f"{len(held)} services healthy, policy published"


def containers_are_closed(system):
    published = {}
    for name in ("postgres", "door", *SERVICES):
        container = system.inspect(*system.containers(name))[0]
        published[name] = sorted(port for port, where in container["NetworkSettings"]["Ports"].items() if where)
        host = container["HostConfig"]
        assert host["ReadonlyRootfs"] and host["CapDrop"] == ["ALL"] and host["PidsLimit"] >= 64, f"{name}: {host}"
        assert "no-new-privileges:true" in host["SecurityOpt"], f"{name}: {host['SecurityOpt']}"
        if name != "postgres":
            user = run("docker", "exec", container["Id"], "id", "-u").stdout.strip()
            assert user != "0", f"{name}: user {user}"
        if name in SERVICES:
            assert container["Config"]["StopTimeout"] == 30 and container["HostConfig"]["Init"], name
            password = run("docker", "exec", container["Id"], "cat", "/run/secrets/database_password").stdout.strip()
            assert len(password) == 48 and password not in json.dumps(container), f"{name}: its password is in the container's settings"
    assert published.pop("door") == ["7101/tcp", "7206/tcp"] and not any(published.values()), published
    routing, = system.containers("routing")
    seen = run("docker", "exec", routing, "ls", "/run/secrets").stdout.split()
    assert seen == ["clients", "database_password", "routing.secret"], seen
    return f"2 ports, no root, routing sees {', '.join(seen)}"


def demo_day_through_the_door(system):
    system.dashboard = Dashboard(f"tcp://127.0.0.1:{system.feed_port}")
    system.kefu("play", "deploy/demo/day.yaml", "--dir", "door", "--timeout", "120s", timeout=1200)
    report = json.loads(system.kefu("report", "--json").stdout)
    done = system.kefu("check", check=False)
    assert done.returncode == 0, done.stdout
    kefu.wait_for("the feed", lambda: system.dashboard.head() >= report["seq"], 30)
    return f"{len(report['topics'])} topics, feed at {report['seq']}, checker ok"


def scale_up_under_load(system):
    system.load = Load(f"tcp://127.0.0.1:{system.port}")
    system.wait_progress()
    system.compose("up", "-d", "--scale", "routing=3", "--scale", "intake=2")
    system.wait_healthy(routing=3, intake=2)
    held = system.wait_shared(routing=3, intake=2)
    system.wait_progress()
    return f"routing {held['routing']}, intake {held['intake']}"


def every_program_killed(system):
    for name in SERVICES:
        container = system.containers(name)[0]
        before = system.started(container)
        system.kill_program(container)
        kefu.wait_for(f"{name} to be started again", lambda: system.started(container) != before, 30)
        system.wait_progress()
    system.wait_healthy(routing=3, intake=2)
    system.wait_shared(routing=3, intake=2)
    return "each started again by its restart policy"


def containers_killed(system):
    for name in ("routing", "intake"):
        container = system.containers(name)[0]
        run("docker", "kill", container)
        system.wait_progress()
        run("docker", "start", container)
    system.wait_healthy(routing=3, intake=2)
    held = system.wait_shared(routing=3, intake=2)
    return f"routing {held['routing']}, intake {held['intake']}"


def postgres_restarted(system):
    database, = system.containers("postgres")
    run("docker", "restart", database)
    system.wait_progress()
    run("docker", "kill", database)
    time.sleep(3)
    run("docker", "start", database)
    system.wait_progress()
    system.wait_healthy(routing=3, intake=2)
    return "once in order, once by SIGKILL"


def scale_down_under_load(system):
    leaving = {name: system.containers(name) for name in ("routing", "intake")}
    system.compose("up", "-d")
    system.wait_healthy()
    system.wait_progress()
    system.wait_shared()
    gone = sum(len(ids) for ids in leaving.values()) - 2
    return f"{gone} containers drained and gone"


def everything_said_counts_once(system):
    system.load.end()
    system.load.say_again()
    settled = system.kefu("clock", "advance", "1h", "--timeout", "240s")
    done = system.kefu("check", "--json", check=False)
    verdict = json.loads(done.stdout)
    assert done.returncode == 0 and verdict["ok"] and verdict["quiet"], verdict
    report = json.loads(system.kefu("report", "--json").stdout)
    kefu.wait_for("the feed", lambda: system.dashboard.head() >= report["seq"], 60)
    said = verdict["invariants"][0]["looked_at"]
    assert settled.stdout.startswith("now:"), settled.stdout
    return f"{len(system.load.said)} said twice, longest wait {system.load.longest:.1f} s; checker ok: {said}"


def stopped_in_order_and_up_again(system):
    before = {name: system.containers(name)[0] for name in SERVICES}
    system.compose("stop")
    ends = {name: system.inspect(id)[0]["State"]["ExitCode"] for name, id in before.items()}
    assert set(ends.values()) == {0}, f"exit codes {ends}"
    system.compose("up", "-d")
    system.wait_healthy()
    system.wait_shared()
    done = system.kefu("check", check=False)
    assert done.returncode == 0, done.stdout
    return "all ended with 0; checker ok after the start"


STEPS = (up_from_nothing, containers_are_closed, demo_day_through_the_door, scale_up_under_load, every_program_killed,
         containers_killed, postgres_restarted, scale_down_under_load, everything_said_counts_once, stopped_in_order_and_up_again)


def take(step, system):
    """(result, what was seen, seconds)"""
    begun = time.monotonic()
    try:
        seen, result = step(system), "ok"
        print(f"ok {step.__name__}", flush=True)
    except Exception as error:  # noqa: BLE001 - every failure is reported by name
        import traceback
        traceback.print_exc()
        system.log_tails()
        seen, result = f"{type(error).__name__}: {error}".splitlines()[0][:300], "FAILED"
        print(f"not ok {step.__name__}: {seen}", flush=True)
    return result, seen, time.monotonic() - begun


def main():
    rows = []
    try:
        engine = Engine()
    except Refused as error:
        print(f"compose-test: {error}", file=sys.stderr)
        return 1
    system = System(engine)
    try:
        for step in STEPS:
            if rows and rows[-1][1] != "ok":
                print(f"skip {step.__name__}: what comes before it failed")
                rows.append((step.__name__, "skipped", "", 0))
                continue
            rows.append((step.__name__, *take(step, system)))
    finally:
        system.destroy()
        if os.environ.get("KEEP") != "1":
            engine.stop()
    print(f"\n{'step':32} {'result':8} {'seconds':>7}  what was seen")
    for name, result, seen, seconds in rows:
        print(f"{name.replace('_', ' '):32} {result:8} {seconds:7.1f}  {seen}")
    good = all(row[1] == "ok" for row in rows)
    print(f"compose-test: {'passed' if good else 'FAILED'}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
