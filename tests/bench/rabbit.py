"""The honest durable peer: a RabbitMQ quorum queue with publisher confirms, side by side with intake: the same bytes, the same windows.

The node is private: its own data, cookie, ports and port mapper (epmd) under the bench's directory, on 127.0.0.1 only, gone afterwards.
"""
import json
import os
import subprocess

from world import BUILD, Services, free_port, wait_for

SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"
LOADER = f"{BUILD}/bench/rabbit"
KEYS = tuple(f"intake {window} of rabbit" for window in (1, 100, 1000))


class Rabbit:
    def __init__(self, folder):
        self.folder, self.port, mapper = folder, free_port(), str(free_port())
        os.makedirs(folder)
        with open(f"{folder}/plugins", "w", encoding="ascii") as file:
            file.write("[].\n")
        own = {"HOME": folder, "RABBITMQ_MNESIA_BASE": f"{folder}/mnesia", "RABBITMQ_LOG_BASE": f"{folder}/log",
               "RABBITMQ_NODENAME": "bench@localhost", "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1", "RABBITMQ_NODE_PORT": str(self.port),
               "RABBITMQ_DIST_PORT": str(free_port()), "RABBITMQ_ENABLED_PLUGINS_FILE": f"{folder}/plugins",
               "RABBITMQ_CONF_ENV_FILE": f"{folder}/none", "RABBITMQ_CONFIG_FILE": f"{folder}/none",
               "RABBITMQ_ADVANCED_CONFIG_FILE": f"{folder}/none", "RABBITMQ_PID_FILE": f"{folder}/pid",
               "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
               "ERL_EPMD_PORT": mapper, "ERL_EPMD_ADDRESS": "127.0.0.1"}
        environment = {**{k: v for k, v in os.environ.items() if not k.startswith(("RABBITMQ_", "ERL_"))}, **own}
        with open(f"{folder}/out", "wb") as out:
            self.mapper = subprocess.Popen(["epmd", "-port", mapper, "-address", "127.0.0.1"], env=environment, stdout=out, stderr=out)
            self.server = subprocess.Popen([SERVER], env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)

    def wait_ready(self):
        """Until a message is confirmed."""
        def confirmed():
            if self.server.poll() is not None:
                with open(f"{self.folder}/out", encoding="utf-8", errors="replace") as file:
                    raise RuntimeError(f"RabbitMQ ended: {file.read()[-1000:]}")
            return subprocess.run([LOADER, str(self.port), "warm-up", "500", "100"], capture_output=True).returncode == 0
        wait_for("RabbitMQ", confirmed, 120)

    def load(self, queue, count, window):
        done = subprocess.run([LOADER, str(self.port), queue, str(count), str(window)], capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{LOADER}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def stop(self):
        for process in (self.server, self.mapper):
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def why_not():
    if not os.path.exists(SERVER):
        return "no rabbitmq-server here"
    if not os.path.exists(LOADER):
        return "built without librabbitmq"
    return None


def measure(bench):
    figures, missing = bench.figures, why_not()
    if missing:
        figures.miss(missing, *KEYS)
        print(f"\nRabbitMQ: {missing}", flush=True)
        return
    database = bench.cluster.create(bench.people)
    services = Services(bench.cluster, database, ("intake",))
    broker = Rabbit(os.path.join(bench.cluster.folder, "rabbit"))
    try:
        broker.wait_ready()
        services.quiet()
        times = side_by_side(bench, broker, services)
    finally:
        broker.stop()
        services.stop()
        bench.cluster.drop(database)
    report(figures, times)


def side_by_side(bench, broker, services):
    """Turn by turn. {window: the last times of both}"""
    times = {}
    for number in range(bench.sizes["rabbit_rounds"]):
        for window, count in bench.sizes["rabbit"].items():
            theirs = broker.load(f"queue-{number}-{window}", count, window)
            ours = services.load("burst", "contact.record", count, window)
            bench.figures.check("bytes of a message", ours["frame_bytes"], 600)
            bench.figures.note(f"rabbit {window}", theirs["rate"])
            bench.figures.note(f"intake beside {window}", ours["rate"])
            bench.figures.note(f"intake {window} of rabbit", ours["rate"] / theirs["rate"])
            times[window] = (theirs["p50"], theirs["p99"], ours["answer_ms"]["p50"], ours["answer_ms"]["p99"])
    return times


def report(figures, times):
    print("\nRabbitMQ: quorum queue of one node, persistent messages, publisher confirms; 600 bytes; beside it contact.record", flush=True)
    for window, (theirs50, theirs99, ours50, ours99) in times.items():
        print(f"    window {window:>5}   RabbitMQ {figures.median(f'rabbit {window}'):>9,.0f} /s p50 {theirs50:7.2f} p99 {theirs99:7.2f} ms"
              f"   intake {figures.median(f'intake beside {window}'):>9,.0f} /s p50 {ours50:7.2f} p99 {ours99:7.2f} ms", flush=True)
