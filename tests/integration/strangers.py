"""Who is not on the list of keys is turned away at the handshake, before a single byte of a message is read."""
import zmq
from zmq.utils.monitor import recv_monitor_message

from kefu import Database, Process, keys, run, wait_for

VERDICTS = {zmq.EVENT_HANDSHAKE_SUCCEEDED: "let in", zmq.EVENT_HANDSHAKE_FAILED_AUTH: "turned away"}


def verdict_on(probe, public, secret):
    """What the probe does with a client of this key."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        keys().join(socket, "probe")
        socket.curve_publickey, socket.curve_secretkey = public, secret
        monitor = socket.get_monitor_socket(sum(VERDICTS))
        socket.connect(probe.address)

        def seen():
            if probe.process.poll() is not None:
                raise AssertionError(f"the probe has ended: {probe.log()[-300:]}".replace("\n", " "))
            return monitor.poll(50) and VERDICTS[recv_monitor_message(monitor)["event"]]

        try:
            return wait_for("the handshake", seen)
        finally:
            socket.disable_monitor()


def test_a_stranger_is_turned_away_at_the_door():
    database = Database()
    probe = Process("probe", database.dsn).start()
    try:
        for who, pair, want in (("a stranger", zmq.curve_keypair(), "turned away"),
                                ("the operator", (keys().public("operator"), keys().secret("operator")), "let in")):
            got = verdict_on(probe, *pair)
            if got != want:
                raise AssertionError(f"{who} is {got}")
        probe.wait_ready()
    finally:
        probe.kill()
        database.drop()


run(test_a_stranger_is_turned_away_at_the_door)
