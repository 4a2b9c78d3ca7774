#!/usr/bin/python3
"""The network between two services is cut: both ways, one way, again and again."""
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fault  # noqa: E402
import kefu  # noqa: E402
from _pair import Pair, at_host, source  # noqa: E402
from _world import HERE, THERE, Away, Network, in_a_world_of_its_own, pick, skip_without_world  # noqa: E402

ROUTING = 7102


def far_away(away):
    """A process that runs on the other side of the cable."""
    class There(at_host(THERE, ROUTING)):
        def start(self):
            words = [*away.enter(), os.path.join(os.environ["KEFU_BIN"], f"kefu-{self.name}"), *self.args]
            with open(self.log_path, "ab") as log:
                self.process = subprocess.Popen(words, stderr=log, stdout=log, env=dict(os.environ, KEFU_DATABASE=self.dsn))
            return self
    return There


class Scene:
    def __init__(self):
        self.pair, self.away, self.network = Pair(), Away(), Network()

    def __enter__(self):
        intake = self.pair.start_intake(make=at_host(HERE))
        self.routing = self.pair.start_routing(f"static:{HERE}:{intake.port}", make=far_away(self.away))
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
    spans, said = pick(2.5, 25), []
    with Scene() as scene:
        before = scene.descriptors()
        for what, ways in (("both ways", ("INPUT", "OUTPUT")), ("to routing", ("OUTPUT",)), ("to intake", ("INPUT",))):
            scene.network.cut(*ways)
            scene.record_for(spans)
            # what routing had asked for before may still have been answered
            assert len(scene.pair.tickets) - len(scene.pair.arrived()) > 0, f"cut {what}: nothing was cut"
            said.append(f"{what}: all there {scene.heal(30):.1f} s after")
        for _ in range(pick(2, 20)):
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
