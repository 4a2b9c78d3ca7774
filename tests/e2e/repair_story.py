#!/usr/bin/python3
"""A pipe bursts at 21:30. Ten minutes later somebody is named, two hours later somebody is there, and the customer is rung at
night because water is a reason (REP-11, NTF-02). A dripping tap of the same evening has to wait until eight."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from story import Story, Words, between, check_explanation, equal, play, refused  # noqa: E402

FLOODED = {"name": "测试住户丙", "phone": "000-0000-0903", "email": "resident.c@example.com", "honorific": "nvshi"}
DRIPPING = {"name": "测试住户丁", "phone": "000-0000-0904", "email": "resident.d@example.com", "honorific": "xiansheng"}

burst = tap = None


def the_night_roster_is_on(centre):
    centre.at("20:00")
    centre.on_duty("am03", "bu01", roster="emergency")
    centre.on_duty("am01", "su01")


def a_tap_drips_in_the_evening(centre):
    global tap
    centre.at("20:40")
    tap, = centre.contact("call", "am01", DRIPPING, {"kind": "repair", "topic": "water", "class": "normal", "words": "厨房水龙头滴水。"})
    equal("clocks", {clock["name"] for clock in tap.clocks()} >= {"SLA-02", "REP-11"}, True)
    equal("no emergency", [clock for clock in tap.clocks() if clock["name"].startswith("REP-11-")], [])
    centre.at("21:00")
    centre.off_duty("am01")


def at_half_past_nine_a_pipe_bursts(centre):
    global burst
    centre.at("21:30")
    burst, = centre.contact("call", "am03", FLOODED, {"kind": "repair", "topic": "leak", "danger": "water", "agitated": True,
                                                      "words": "厨房水管爆了，水流到楼道里了！"})
    equal("priority", burst.view()["priority"], 1)
    due = {name: centre.wall(burst.clock(name)["due_at"]) for name in ("REP-11-handler", "REP-11-site", "SLA-02")}
    equal("on natural time, by night", due, {"REP-11-handler": "21:40", "REP-11-site": "23:30", "SLA-02": "23:30"})


def somebody_of_the_night_roster_is_named_within_ten_minutes(centre):
    centre.at("21:33")
    named = burst.said("routing", "ticket.assigned")
    assert named, "nobody was named"
    equal("handler", burst.view()["handler"], "am03")
    clock = burst.clock("REP-11-handler")
    equal("REP-11-handler", clock["state"], "met")
    assert centre.wall(clock["stopped_at"]) <= "21:40", centre.wall(clock["stopped_at"])


def it_is_dispatched_and_the_customer_is_called_at_night(centre):
    burst.act("enter", "am03", **{"class": "emergency"})
    burst.act("dispatch", "am03", unit=Words("工程部夜间抢修"))
    burst.act("accept", "bu01", appointment=centre.iso("22:15"))
    centre.at("21:40")
    call = burst.plan_call("am03", "progress", urgency="water")
    equal("at once, though it is night", centre.wall(call["at"]), "21:40")
    burst.call_made("am03", call["call"], "reached", gives="progress", next_at=centre.us("23:30"), urgency="water")
    equal("rung", [outcome["urgent"] for outcome in burst.said("notification", "call.outcome")], [True])


def the_dripping_tap_waits_for_the_morning(centre):
    centre.at("21:45")
    call = tap.plan_call("am03", "progress")
    between("when it may be made", centre.wall(call["at"]), "+1 08:00", "+1 08:10")
    refusal = refused("a routine call at night", "urgency", tap.call_made, "am03", call["call"], "reached", gives="progress",
                      next_at=centre.us("+1 10:00"))
    equal("rule", refusal.rule, "NTF-02")
    refused("a reason that is none", "urgency", tap.call_made, "am03", call["call"], "reached", gives="progress",
            next_at=centre.us("+1 10:00"), urgency="impatience")


def people_are_on_site_before_half_past_eleven(centre):
    centre.at("22:11")
    burst.act("start_work", "bu01")
    clock = burst.clock("REP-11-site")
    equal("REP-11-site", (clock["state"], centre.wall(clock["stopped_at"])), ("met", "22:11"))


def it_is_repaired_told_and_closed(centre):
    centre.at("23:06")
    burst.act("finish", "bu01", result=Words("总阀关闭，更换爆裂的软管。"), proof=Words("照片四张"))
    call = burst.plan_call("am03", "check", urgency="water")
    burst.call_made("am03", call["call"], "reached", gives="result", urgency="water")
    burst.act("inform", "am03", delivery="call_reached")
    burst.act("verify", "am03")
    burst.act("close", "am03")
    equal("state", burst.view()["state"], "CLOSED")
    equal("breached", [clock["name"] for clock in burst.clocks() if clock["state"] == "breached"], [])
    for line in burst.explained():
        check_explanation(line)


def in_the_morning_the_other_call_is_made(centre):
    centre.at("+1 08:00")
    planned = [message for message in tap.messages() if message["channel"] == "call"]
    assert planned, "the call was forgotten"
    for call in planned:
        assert centre.wall(call["send_at"]).removesuffix("~") >= "+1 08:00", centre.wall(call["send_at"])


if __name__ == "__main__":
    play(Story("repair_story", "2026-03-18", opens="19:00"), the_night_roster_is_on, a_tap_drips_in_the_evening,
         at_half_past_nine_a_pipe_bursts, somebody_of_the_night_roster_is_named_within_ten_minutes,
         it_is_dispatched_and_the_customer_is_called_at_night, the_dripping_tap_waits_for_the_morning,
         people_are_on_site_before_half_past_eleven, it_is_repaired_told_and_closed, in_the_morning_the_other_call_is_made)
