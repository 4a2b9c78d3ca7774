#!/usr/bin/python3
"""deploy/examples/publisher.py, as another system would run it: one complaint said three times is one ticket; a wrong field is named."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from story import Story, equal, play  # noqa: E402
from system import ROOT  # noqa: E402

PROGRAM = f"{ROOT}/deploy/examples/publisher.py"
said = []


def it_is_short(_):
    with open(PROGRAM, encoding="utf-8") as file:
        lines = [line for line in file if line.strip()]
    assert len(lines) <= 30, f"{len(lines)} lines"


def it_says_a_complaint_three_times_and_then_something_wrong(centre):
    done = subprocess.run([sys.executable, PROGRAM, centre.child("intake")["endpoint"], centre.keys.folder], stdout=subprocess.PIPE, text=True, timeout=60)
    equal("status", done.returncode, 0)
    said.extend(done.stdout.splitlines())
    equal("lines", len(said), 4)


def three_answers_with_one_number(centre):
    equal("different answers", len(set(said[:3])), 1)
    verb, number = said[0].split(None, 1)
    equal("verb", verb, "answer")
    ticket = int(number.strip("[]"))
    centre.settle()
    equal("the ticket", centre.ask("routing", "ticket.get", ticket=ticket)["kind"], "complaint")
    equal("tickets", centre.sql("SELECT count(*) FROM intake.ticket"), [["1"]])
    equal("contacts", centre.sql("SELECT count(*) FROM intake.contact"), [["1"]])
    opened = [event for event in centre.journal("intake") if event["type"] == "ticket.opened"]
    equal("told others", [event["body"]["ticket"] for event in opened], [ticket])


def the_answer_came_after_commit(centre):
    """Kill intake: what was answered is still there."""
    os.kill(centre.child("intake")["pid"], 9)
    equal("tickets", centre.ask("intake", "source.list", source="pbx")["rows"][0]["ticket"], int(said[0].split(None, 1)[1].strip("[]")))


def the_wrong_field_is_named(_):
    verb, field = said[3].split()[:2]
    equal("verb", verb, "refused")
    equal("field", field, "channel")


if __name__ == "__main__":
    play(Story("publisher", "2026-03-18", opens="09:00"), it_is_short, it_says_a_complaint_three_times_and_then_something_wrong,
         three_answers_with_one_number, the_answer_came_after_commit, the_wrong_field_is_named)
