#!/usr/bin/python3
"""A journal is not what its readers have read: its beginning is gone, it is another one, it is shorter. They stop and say so; they skip
nothing; and they go on by themselves when it is right again."""
import json
import os
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import fault  # noqa: E402
import kefu  # noqa: E402
from _pair import Pair, source  # noqa: E402
from _world import pick  # noqa: E402
from system import BIN, ROOT  # noqa: E402


class Scene(Pair):
    """intake and routing; both can be stopped, and the journal of intake be damaged."""

    def __enter__(self):
        self.intake = self.start_intake()
        self.routing = self.start_routing(f"static:127.0.0.1:{self.intake.port}")
        for _ in range(3):
            self.record(self.intake.client())
        self.wait_arrived(20)
        return self

    def note(self, ticket):
        self.intake.client().call("command", "note.record", {"ticket": ticket, "name": "measures", "words": "演示"}, actor="sp01")

    def notes_heard(self):
        return int(self.session("SELECT count(*) FROM routing.note")[0][0])

    def behind(self):
        """routing stops; then two notes on its first ticket and another contact: what it has not heard."""
        fault.equal("exit status of routing", self.routing.stop(), 0)
        ticket = self.tickets[0]
        self.note(ticket)
        self.note(ticket)
        self.record(self.intake.client())
        return ticket

    def damage(self, *statements):
        """Done while intake is stopped."""
        fault.equal("exit status of intake", self.intake.stop(), 0)
        for statement in statements:
            self.session(statement)
        self.intake.start().wait_ready()

    def trouble(self):
        return source(self.routing.client(), "intake").get("trouble")

    def stands(self, words):
        """routing says why it does not read on, also to operators, and skips nothing."""
        before = self.positions()
        kefu.wait_for(f"routing to say {words}", lambda: words in (self.trouble() or ""), 20)
        time.sleep(pick(0.5, 10))
        fault.equal("positions while the journal is damaged", self.positions(), before)
        assert words in self.shown(), f"kefu status says nothing of it:\n{self.shown()}"

    def goes_on(self):
        kefu.wait_for("no more trouble", lambda: not self.trouble(), 20)
        self.check()

    def positions(self):
        return self.session("SELECT DISTINCT ON (partition) partition, substring(seqs FROM 'intake=([0-9]+)') FROM routing.position"
                            " ORDER BY partition, n DESC")

    def shown(self):
        """`kefu status`, of a system whose supervisor is this test."""
        with open(f"{self.folder.name}/run.json", "w", encoding="utf-8") as file:
            children = [{"service": p.name, "instance": p.name, "endpoint": p.address, "pid": p.process.pid, "restarts": 0, "log": ""}
                        for p in (self.intake, self.routing)]
            json.dump({"dsn": self.database.dsn, "supervisor": os.getpid(), "home": ROOT, "postgres": "", "key_file": self.key,
                       "base_port": 0, "test_clock": False, "children": children}, file)
        if not os.path.exists(f"{self.folder.name}/secrets"):
            os.symlink(kefu.keys().folder, f"{self.folder.name}/secrets")
        done = subprocess.run([f"{BIN}/kefu", "status", "--dir", self.folder.name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True)
        return done.stdout


@fault.case("F30", "the journal is cut off below a reader's position")
def the_beginning_is_gone():
    with Scene() as scene:
        ticket = scene.behind()
        scene.damage("CREATE TABLE saved AS SELECT * FROM intake.journal",
                     f"DELETE FROM intake.journal WHERE key = '{ticket}' AND seq < (SELECT max(seq) FROM intake.journal"
                     f" WHERE key = '{ticket}')")
        scene.routing.start().wait_ready()
        scene.stands("have been removed")
        fault.equal("notes heard", scene.notes_heard(), 0)
        scene.session("INSERT INTO intake.journal SELECT * FROM saved ON CONFLICT DO NOTHING")
        scene.goes_on()
        kefu.wait_for("both notes", lambda: scene.notes_heard() == 2, 10)
    return "refused, shown, nothing skipped, went on when the events were back"


@fault.case("F30", "the journal is another one than before")
def another_journal():
    with Scene() as scene:
        old = scene.session("SELECT id FROM intake.journal_self")[0][0]
        scene.behind()
        scene.damage("UPDATE intake.journal_self SET id = gen_random_uuid()")
        scene.routing.start().wait_ready()  # a new process knows it from its positions
        scene.stands("this journal is")
        scene.damage(f"UPDATE intake.journal_self SET id = '{old}'")
        scene.goes_on()
        scene.damage("UPDATE intake.journal_self SET id = gen_random_uuid()")
        scene.record(scene.intake.client())
        scene.stands("this journal is")  # and so does one that has seen it
        scene.damage(f"UPDATE intake.journal_self SET id = '{old}'")
        scene.goes_on()
    return "refused, shown, nothing skipped, went on when it was the right one again"


@fault.case("F30", "a reader asks beyond the head")
def beyond_the_head():
    with Scene() as scene:
        client = scene.intake.client()
        for after in (10**12, 10**6):
            try:
                client.ask("journal.read", reader="test", partitions=[5], after=[after], most=10, wait_ms=0, fresh=False)
                raise AssertionError(f"a position of {after} was served")
            except kefu.Refused as refused:
                fault.equal("field", refused.field, "after")
        # a backup from before is put back: the reader has read what is not there any more
        fault.equal("exit status of routing", scene.routing.stop(), 0)
        scene.damage("CREATE TABLE saved AS SELECT * FROM intake.journal",
                     "DELETE FROM intake.journal WHERE seq > (SELECT min(seq) FROM intake.journal)")
        scene.routing.start().wait_ready()
        scene.stands("beyond the head")
        scene.damage("INSERT INTO intake.journal SELECT * FROM saved ON CONFLICT DO NOTHING")
        scene.goes_on()
    return "refused, shown, nothing skipped, went on when the events were back"


if __name__ == "__main__":
    fault.main(the_beginning_is_gone, another_journal, beyond_the_head)
