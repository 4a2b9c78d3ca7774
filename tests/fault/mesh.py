#!/usr/bin/python3
"""The network between two services is cut: both ways, one way, again and again."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fault  # noqa: E402
import kefu  # noqa: E402
from _pair import Pair, source  # noqa: E402
from _world import in_a_world_of_its_own, pick, run_quietly, skip_without_world  # noqa: E402

HERE, THERE, ROUTING = "10.77.0.1", "10.77.0.2", 7102


class Away:
    """A network namespace with a cable to this one."""

    def __init__(self):
        self.holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE)
        own = os.stat("/proc/self/ns/net").st_ino
        kefu.wait_for("the namespace", lambda: os.stat(f"/proc/{self.holder.pid}/ns/net").st_ino != own)
        run_quietly("ip", "link", "add", "cable", "type", "veth", "peer", "name", "far", "netns", str(self.holder.pid))
        run_quietly("ip", "addr", "add", f"{HERE}/24", "dev", "cable")
        run_quietly("ip", "link", "set", "cable", "up")
        for words in (("ip", "link", "set", "lo", "up"), ("ip", "addr", "add", f"{THERE}/24", "dev", "far"),
                      ("ip", "link", "set", "far", "up")):
            run_quietly(*self.enter(), *words)

    def enter(self):
        return ["nsenter", f"--net=/proc/{self.holder.pid}/ns/net"]

    def end(self):
        self.holder.stdin.close()
        self.holder.wait()


class Network:
    """What is dropped on the cable, seen from this side."""

    def cut(self, *ways):
        for chain, option in (("INPUT", "-i"), ("OUTPUT", "-o")):
            if chain in ways:
                run_quietly("iptables", "-A", chain, option, "cable", "-j", "DROP")

    def heal(self):
        run_quietly("iptables", "-F")


def routing_process(away):
    """routing, on the other side of the cable."""
    class There(kefu.Process):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            self.address = f"tcp://{THERE}:{ROUTING}"
            self.args[0] = f"--endpoint={self.address}"

        def start(self):
            enter, popen = away.enter(), subprocess.Popen
            with open(self.log_path, "ab") as log:
                environment = dict(os.environ, KEFU_DATABASE=self.dsn, **(self.environment or {}))
                program = os.path.join(os.environ["KEFU_BIN"], f"kefu-{self.name}")
                self.process = popen([*enter, program, *self.args], stderr=log, stdout=log, env=environment)
            return self
    return There


class Scene:
    def __init__(self):
        self.pair, self.away, self.network = Pair(), Away(), Network()

    def __enter__(self):
        class Here(kefu.Process):
            def __init__(self, *arguments, **options):
                super().__init__(*arguments, **options)
                self.address = f"tcp://{HERE}:{self.port}"
                self.args[0] = f"--endpoint={self.address}"
        intake = self.pair.start_intake(make=Here)
        self.routing = self.pair.start_routing(f"static:{HERE}:{intake.port}", make=routing_process(self.away))
        self.sender = intake.client()
        self.pair.record(self.sender)
        self.pair.wait_arrived(20)
        return self

    def __exit__(self, *error):
        self.network.heal()
        self.pair.__exit__(*error)
        self.away.end()

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.routing.process.pid}/fd"))

    def record_for(self, seconds):
        """Contacts while the cable is cut: intake answers all the same."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.pair.record(self.sender, timeout=10)
            time.sleep(0.1)

    def heal(self, patience):
        """The seconds until routing knows everything."""
        self.network.heal()
        begun = time.monotonic()
        self.pair.wait_arrived(patience)
        return time.monotonic() - begun


@fault.case("F7", "the network between intake and routing is cut: both ways, one way each, every second")
def the_cable_is_cut():
    spans, said = pick(4, 40), []
    with Scene() as scene:
        before = scene.descriptors()
        for what, ways in (("both ways", ("INPUT", "OUTPUT")), ("to routing", ("OUTPUT",)), ("to intake", ("INPUT",))):
            scene.network.cut(*ways)
            scene.record_for(spans)
            # what routing had asked for before may still have been answered
            assert len(scene.pair.tickets) - len(scene.pair.arrived()) > 5, f"cut {what}: nothing was cut"
            said.append(f"{what}: all there {scene.heal(30):.1f} s after")
        for _ in range(pick(3, 30)):
            scene.network.cut("INPUT", "OUTPUT")
            scene.record_for(1)
            scene.network.heal()
            scene.record_for(1)
        said.append(f"flapping: {scene.heal(30):.1f} s after")
        scene.pair.check()
        client = scene.routing.client()
        kefu.wait_for("one link", lambda: source(client, "intake")["connected"] == 1)
        after = scene.descriptors()
        assert after <= before + 4, f"I6: {before} descriptors before, {after} after"
        contacts = scene.pair.contacts
    return f"{contacts} contacts; {'; '.join(said)}"


if __name__ == "__main__":
    if not in_a_world_of_its_own():
        skip_without_world(the_cable_is_cut)
    fault.main(the_cable_is_cut)
