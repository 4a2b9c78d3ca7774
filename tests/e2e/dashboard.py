#!/usr/bin/python3
"""deploy/examples/dashboard.py while a day goes by: a snapshot, then every change, and in the end what `kefu ask` says too."""
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from story import Story, Words, equal, play  # noqa: E402
from system import ROOT, wait_until  # noqa: E402

PROGRAM = f"{ROOT}/deploy/examples/dashboard.py"
PERSON = {"name": "测试住户戊", "phone": "000-0000-0905", "honorific": "nvshi"}
COLUMNS = ("seq", "topic", "count", "of", "value", "p50", "p90")
boards = []


def it_is_short(_):
    with open(PROGRAM, encoding="utf-8") as file:
        lines = [line for line in file if line.strip() and not line.startswith("#!")]
    assert len(lines) <= 25, f"{len(lines)} lines"


def start_board(centre, name):
    child = centre.child("reporting")
    out = open(f"{centre.dir}/{name}.tsv", "wb")
    boards.append(subprocess.Popen([sys.executable, PROGRAM, child["feed"], child["endpoint"], "", centre.keys.folder], stdout=out))


def shown(centre, name):
    """What the board printed: rows of text, without one that it is in the middle of."""
    return [dict(zip(COLUMNS, line.split("\t"))) for line in centre.read(f"{name}.tsv").split("\n")[:-1]]


def last_values(rows):
    return {row["topic"]: tuple(number(row[column]) for column in COLUMNS[2:]) for row in rows}


def number(word):
    return None if word in ("", None) else round(float(word), 6)


def summary(centre):
    topics = centre.json("ask", "report.summary")["topics"]
    return {topic["topic"]: tuple(number(topic.get(column)) for column in COLUMNS[2:]) for topic in topics}


def a_board_is_up_before_anything_happens(centre):
    centre.at("09:00")
    start_board(centre, "early")
    centre.on_duty("sp01", "su01", "am01", "am02")


def the_morning_goes_by(centre):
    for minute in range(6):
        centre.at(f"09:{minute + 10}")
        ticket, = centre.contact("call", "sp01", PERSON, {"kind": "complaint", "topic": "noise", "words": "楼上很吵。",
                                                          "expected": "安静。"})
        ticket.act("register", "sp01", apology=True, facts=Words("每晚十点以后。"))


def another_board_comes_later_and_gets_a_snapshot(centre):
    start_board(centre, "late")
    wait_until("the snapshot", lambda: last_values(shown(centre, "late")).get("tickets/complaint/REGISTERED"))
    topics = [row["topic"] for row in shown(centre, "late")]
    equal("topics said twice in a snapshot", len(topics) - len(set(topics)), 0)


def the_day_goes_on(centre):
    for minute in range(6):
        centre.at(f"10:{minute + 10}")
        centre.contact("call", "am01", PERSON, {"kind": "repair", "topic": "lift", "class": "normal", "words": "电梯门关得慢。"})
    centre.at("12:00")


def both_boards_end_with_the_numbers_of_the_summary(centre):
    want = summary(centre)
    assert len(want) > 10, want
    counts = {topic: values[0] for topic, values in want.items()}
    equal("complaints registered", counts.get("tickets/complaint/REGISTERED"), 6)
    for name in ("early", "late"):
        wait_until(f"board {name} to end equal", lambda: last_values(shown(centre, name)) == want, 15)


def no_change_was_missed_or_came_out_of_order(centre):
    """The early board saw each entry of the feed; the late one each from its snapshot on."""
    entries = [(entry["seq"], entry["topic"]) for entry in read_feed(centre)]
    for name in ("early", "late"):
        rows = [(int(row["seq"]), row["topic"]) for row in shown(centre, name)]
        seqs = [seq for seq, _ in rows]
        equal(f"{name}: twice", len(seqs) - len(set(seqs)), 0)
        snapshot = max(seqs[:next((n for n in range(1, len(seqs)) if rows[n][1] in {topic for _, topic in rows[:n]}), len(seqs))])
        missed = [entry for entry in entries if entry[0] > snapshot and entry not in rows]
        equal(f"{name}: missed", missed, [])


def read_feed(centre):
    """All that followed the first entry, over rpc."""
    entries, after = [], 1
    while True:
        page = centre.ask("reporting", "feed.read", after=after, limit=1000)
        entries += page.get("entries") or []
        if not page.get("entries") or entries[-1]["seq"] >= page["seq"]:
            return entries
        after = entries[-1]["seq"]


def the_boards_are_switched_off(_):
    for board in boards:
        board.terminate()
        board.wait()


if __name__ == "__main__":
    try:
        play(Story("dashboard", "2026-03-18"), it_is_short, a_board_is_up_before_anything_happens, the_morning_goes_by,
             another_board_comes_later_and_gets_a_snapshot, the_day_goes_on, both_boards_end_with_the_numbers_of_the_summary,
             no_change_was_missed_or_came_out_of_order, the_boards_are_switched_off)
    finally:
        for board in boards:
            board.kill()
