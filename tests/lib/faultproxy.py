"""tests/fault/proxy.c as an object: what a bad network does to the bytes between clients and a server."""
import subprocess
import tempfile

from system import BUILD


class Proxy:
    """tests/fault/proxy.c between clients and `target`: "127.0.0.1:7102", or the path of a unix socket."""

    def __init__(self, target, listen="127.0.0.1:0", enter=()):
        self.process = subprocess.Popen([*enter, f"{BUILD}/test/faultproxy", listen, target], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, bufsize=1)
        said = self.process.stdout.readline().split()
        if said[:1] != ["ready"]:
            raise RuntimeError(f"no fault proxy at {listen}")
        self.address = said[1]

    @property
    def port(self):
        return int(self.address.rsplit(":", 1)[1])

    def __call__(self, order):
        self.process.stdin.write(order + "\n")
        answer = self.process.stdout.readline().strip()
        if answer in ("", "unknown"):
            raise RuntimeError(f"fault proxy: {order}: {answer or 'it has died'}")
        return answer

    def connections(self):
        return int(self("list").split()[0])

    def end(self):
        self.process.stdin.close()
        status = self.process.wait(10)
        self.process.stdout.close()
        if status != 0:
            raise RuntimeError(f"the fault proxy ended with status {status}")


class PostgresProxy(Proxy):
    """In front of the unix socket that a DSN names; `dsn` leads through it."""

    def __init__(self, dsn):
        words = dict(word.split("=", 1) for word in dsn.split())
        self.folder = tempfile.TemporaryDirectory(prefix="kefu-way-", dir="/tmp")
        name = f".s.PGSQL.{words['port']}"
        super().__init__(f"{words['host']}/{name}", f"{self.folder.name}/{name}")
        self.dsn = " ".join(f"{key}={value}" for key, value in {**words, "host": self.folder.name}.items())

    def end(self):
        super().end()
        self.folder.cleanup()
