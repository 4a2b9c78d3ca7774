"""The six services with two replicas of some, and what brackets a fault: load around it, the end
check after it. Shared by services.py and chaos.py."""
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fault  # noqa: E402
import kefu  # noqa: E402
from worlds import Six  # noqa: E402

PAIRS = ("intake", "routing", "escalation")  # these run twice
QUIET_WITHIN = 30.0                          # I7, from the end of the fault
LONG_RATE = 60                               # commands a second, so that minutes of load can be checked in as many
OPEN = []


def six():
    if OPEN and fault.LONG:
        close()
    if not OPEN:
        OPEN.append(Six("fault_services", scale={name: 2 for name in PAIRS}))
        OPEN[0].up()
    return OPEN[0]


class Phase:
    """Load around one fault; then the end check. `with phase("f1") as (world, load):`"""

    def __init__(self, name, **options):
        self.name, self.options, self.said = name, {"give_up": 0.02, **options}, ""
        self.more = []  # histories of other loads, for the check

    def __enter__(self):
        self.world = six()
        self.sampler = fault.Sampler(self.world.replicas(), fault.Session(self.world.run()["dsn"]))
        self.sampler.start()
        self.load = self.world.load(name=self.name, rate=LONG_RATE if fault.LONG else None, **self.options)
        kefu.wait_for("load", lambda: self.load.answered() > 20, 30)
        return self.world, self.load

    def __exit__(self, kind, *_):
        if kind is not None:
            self.load.abandoned = True
            self.sampler.ended.set()
            for replica in list(self.world.extra):
                self.world.remove(replica)
            self.world.log_tails(4)
            return
        healed = time.monotonic()
        history = self.load.end() + self.more
        self.world.settle()
        took = time.monotonic() - healed
        limits = self.sampler.end()
        self.world.check(history)
        refused = [sent for sent in history if sent.verb == "refused"]
        assert not refused, f"I8: {refused[0].kind} was refused: {refused[0].answer}"
        allowed = QUIET_WITHIN * fault.crowding()
        assert took < allowed, f"I7: quiet only {took:.0f} s after the fault"
        self.said = f"{len(history)} commands, quiet after {took:.1f} s, {limits}"


def close():
    """Everything ends well, and the sanitizers found nothing."""
    if not OPEN:
        return
    world = OPEN.pop()
    logs = "".join(world.read(f"log/{name}") for name in os.listdir(f"{world.dir}/log"))
    status = world.down()
    complaints = [line for line in logs.splitlines() if "AddressSanitizer" in line or "runtime error" in line or "Assertion" in line]
    good = status == 0 and not complaints
    world.destroy(keep=not good)
    if not good:
        print("\n".join(f"# {line}" for line in complaints[:10]))
        print(f"not ok the_services_end_well: status {status}, {len(complaints)} complaints")
        sys.exit(1)
