#!/usr/bin/python3
"""Two complaints on the test clock. In the first everybody does what the rules ask, and still it takes three rounds until the
customer is content (rules 3.3, SLA-39). In the second the supervisor is not asked, and the ladder is climbed (SLA-38)."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from story import Story, Words, between, check_explanation, equal, play, refused  # noqa: E402

RESIDENT = {"name": "测试住户甲", "phone": "000-0000-0901", "email": "resident.a@example.com", "honorific": "xiansheng"}
NEIGHBOUR = {"name": "测试住户乙", "phone": "000-0000-0902", "email": "resident.b@example.com", "honorific": "nvshi"}

leak = forgotten = None


# ---- Wednesday: the first complaint ------------------------------------------------------------------------------------------------


def the_centre_is_staffed(centre):
    centre.at("08:30")
    centre.on_duty("sp01", "sp02", "su01", "as01", "ma01", "dg01", "en01")


def a_resident_complains_at_ten_past_nine(centre):
    global leak
    centre.at("09:10")
    leak, = centre.contact("call", "sp01", RESIDENT, {
        "kind": "complaint", "topic": "leak", "agitated": True, "words": "书房天花板又漏水了，上个月才修过！",
        "expected": "彻底修好，并赔偿泡坏的书柜。"})
    equal("state", leak.view()["state"], "RECEIVED")
    equal("contact owner", leak.view()["owner"], "sp01")


def the_supervisor_is_alerted_at_once(centre):
    """CMP-02: the alert leaves on receipt; it does not wait for the specialist to fill in anything."""
    alert = leak.message("complaint_alert")
    equal("who is alerted", alert["to"], "su01")
    equal("when", centre.wall(alert["sent_at"]), "09:10")


def the_customer_gets_an_acknowledgement_and_the_24_hours_run_on(centre):
    """SLA-30: an automatic acknowledgement is no reply."""
    acknowledgement = leak.message("ack_complaint")
    equal("to", acknowledgement["audience"], "customer")
    equal("state", acknowledgement["state"], "sent")
    reply = leak.clock("SLA-03")
    equal("SLA-03", (reply["state"], centre.wall(reply["due_at"])), ("running", "+1 09:10"))


def it_is_registered(centre):
    centre.at("09:13")
    leak.act("register", "sp01", apology=True, facts=Words("书房天花板东南角渗水，书柜背板受潮。"))
    equal("CMP-02", leak.clock("CMP-02")["state"], "running")


def half_an_acknowledgement_does_not_stop_the_15_minutes(centre):
    """CMP-02 asks for three things: the supervisor's own word, both names, and the first measures."""
    centre.at("09:16")
    refused("no measures", "first_measures", leak.act, "acknowledge", "su01", informed_by="sp01", acknowledged_by="su01")
    refused("only one name", "informed_by", leak.act, "acknowledge", "su01", acknowledged_by="su01",
            first_measures=Words("先关楼上浴室的水。"))
    refused("the other name missing", "acknowledged_by", leak.act, "acknowledge", "su01", informed_by="sp01",
            first_measures=Words("先关楼上浴室的水。"))
    refused("a specialist instead of the supervisor", "acknowledged_by", leak.act, "acknowledge", "sp01", informed_by="sp01",
            acknowledged_by="sp02", first_measures=Words("先关楼上浴室的水。"))
    clock = leak.clock("CMP-02")
    equal("CMP-02", (clock["state"], clock.get("stopped_at")), ("running", None))
    equal("due", centre.wall(clock["due_at"]), "09:25")


def the_supervisor_acknowledges_and_first_measures_are_agreed(centre):
    centre.at("09:20")
    leak.act("acknowledge", "su01", informed_by="sp01", acknowledged_by="su01",
             first_measures=Words("先关楼上浴室的水，上午派人看。"))
    clock = leak.clock("CMP-02")
    equal("CMP-02", (clock["state"], centre.wall(clock["stopped_at"])), ("met", "09:20"))
    move = leak.said("routing", "ticket.moved")[-1]
    form = {field["name"]: field["value"] for field in move["fields"]}
    equal("both names", (form["informed_by"], form["acknowledged_by"]), ("sp01", "su01"))
    notes = {f"note:{note['note']}": note["words"] for note in leak.record()["notes"]}
    equal("the measures", notes[form["first_measures"]], "先关楼上浴室的水，上午派人看。")
    equal("SLA-03 all the while", leak.clock("SLA-03")["state"], "running")


def the_department_gets_a_work_order(centre):
    centre.at("09:30")
    refused("not yet calmed", "pacified", leak.act, "assess", "su01", analysis=Words("疑楼上防水层破损。"))
    leak.act("assess", "su01", pacified=True, analysis=Words("上次只补了表面，疑楼上防水层破损。"))
    centre.at("09:40")
    leak.act("assign", "su01", handler="en01", department="engineering", plan=Words("闭水试验，确定漏点后修补。"))
    equal("SLA-02", leak.clock("SLA-02")["state"], "met")
    equal("CMP-04", leak.clock("CMP-04")["state"], "running")
    equal("order to", leak.message("work_order")["to"], "en01")
    centre.at("09:50")
    leak.act("accept", "en01")


def the_result_of_round_one_is_presented(centre):
    centre.at("10:40")
    leak.act("finish_plan", "en01", findings=Words("楼上浴室地漏处渗水。"), measures=Words("更换地漏并补涂防水。"))
    leak.act("submit", "en01", result=Words("今天下午换地漏，三天后复查。"))
    equal("CMP-04", leak.clock("CMP-04")["state"], "met")
    centre.at("11:00")
    refused("by who made the plan", None, leak.act, "approve", "en01")
    leak.act("approve", "su01")
    equal("SLA-03 before the customer has heard anything", leak.clock("SLA-03")["state"], "running")


def a_named_person_replies_and_only_now_the_24_hours_stop(centre):
    """SLA-30: reached on the phone, by a named person, with the result."""
    centre.at("11:20")
    call = leak.plan_call("sp01", "result")
    equal("when it may be made", centre.wall(call["at"]), "11:20")
    centre.at("11:21")
    leak.call_made("sp01", call["call"], "reached", gives="result")
    clock = leak.clock("SLA-03")
    equal("SLA-03", (clock["state"], centre.wall(clock["stopped_at"])), ("met", "11:21"))
    equal("by whom", leak.said("notification", "reply.delivered")[-1]["person"], "sp01")
    centre.at("11:25")
    leak.act("tell", "sp01", delivery="call_reached", explanation=Words("说明了漏点和做法。"), opinion=Words("不满意，没有提书柜。"))
    equal("state", leak.view()["state"], "COMMUNICATED")


def dissatisfied_and_the_manager_owns_round_two(centre):
    """SLA-39: the manager becomes handler; the department's and the reply's clocks start anew (SLA-33)."""
    centre.at("11:30")
    leak.act("dissatisfied", "su01", customer_words=Words("书柜怎么办？你们只字不提！"))
    view = leak.view()
    equal("round, state, handler", (view["round"], view["state"], view["handler"]), (2, "REPROCESSING", "ma01"))
    equal("the manager is told", leak.message("round_manager")["to"], "ma01")
    equal("the deputy general manager is not, yet", leak.messages("round_deputy_gm"), [])
    equal("SLA-03 of round 2", centre.wall(leak.clock("SLA-03", 2)["due_at"]), "+1 11:30")
    equal("CMP-04 of round 2", leak.clock("CMP-04", 2)["state"], "running")


def the_second_result_is_ready_in_the_noon_break(centre):
    """NTF-01: nobody rings a customer between 12:00 and 14:00 on routine business."""
    centre.at("11:50")
    leak.act("finish_plan", "en01", findings=Words("书柜背板两块受潮。"), measures=Words("更换背板，墙面重刷。"))
    leak.act("submit", "en01", result=Words("一周内换背板并重刷。"))
    centre.at("12:10")
    leak.act("approve", "su01")
    call = leak.plan_call("sp01", "result")
    between("when it may be made", centre.wall(call["at"]), "14:00", "14:10")  # released spread out (NTF-03)
    centre.at("12:30")
    refusal = refused("rung at half past twelve", "urgency", leak.call_made, "sp01", call["call"], "reached", gives="result")
    equal("rule", refusal.rule, "NTF-02")
    equal("SLA-03 of round 2", leak.clock("SLA-03", 2)["state"], "running")
    centre.at("14:05")
    leak.call_made("sp01", call["call"], "reached", gives="result")
    equal("SLA-03 of round 2, after the call", leak.clock("SLA-03", 2)["state"], "met")


def dissatisfied_again_and_the_deputy_general_manager_is_told(centre):
    centre.at("14:10")
    leak.act("tell", "sp01", delivery="call_reached", explanation=Words("说明换背板和重刷。"), opinion=Words("一周太久。"))
    centre.at("14:15")
    leak.act("dissatisfied", "su01", customer_words=Words("周末家里来客人，一周我等不了。"))
    view = leak.view()
    equal("round and handler", (view["round"], view["handler"]), (3, "ma01"))
    told = leak.message("round_deputy_gm")
    equal("told", (told["to"], centre.wall(told["sent_at"])), ("dg01", "14:15"))


def round_three_contents_the_customer(centre):
    centre.at("15:10")
    leak.act("finish_plan", "en01", findings=Words("仓库有同色背板。"), measures=Words("明天上午换好，下午重刷。"))
    leak.act("submit", "en01", result=Words("明天内全部完成。"))
    centre.at("15:30")
    leak.act("approve", "su01")
    centre.at("15:40")
    call = leak.plan_call("sp01", "result")
    leak.call_made("sp01", call["call"], "reached", gives="result")
    leak.act("tell", "sp01", delivery="call_reached", explanation=Words("明天完工，副总会到场。"), opinion=Words("可以接受。"))
    centre.at("+1 16:20")
    leak.act("satisfied", "sp01")


def it_is_summarised_and_closed(centre):
    centre.at("+1 16:50")
    refused("without a root cause", "root_cause", leak.act, "summarise", "su01", improvement=Words("先做闭水试验。"))
    leak.act("summarise", "su01", root_cause=Words("首次维修未做闭水试验。"), improvement=Words("渗漏维修一律先做闭水试验。"))
    centre.at("+1 17:10")
    leak.act("finish_follow_up", "su01", follow_up="done")
    equal("state", leak.view()["state"], "CLOSED")
    running = [clock["name"] for clock in leak.clocks() if clock["running"]]
    equal("clocks that still run", running, [])
    breached = [clock["name"] for clock in leak.clocks() if clock["state"] == "breached"]
    equal("clocks breached", breached, [])


def every_call_fell_outside_quiet_hours(centre):
    calls = [message for message in leak.messages() if message["channel"] == "call"]
    assert len(calls) >= 6, f"only {len(calls)} calls were planned"
    for call in calls:
        when = centre.moment(centre.wall(call["send_at"]).removesuffix("~")).time().isoformat()
        assert "08:00" <= when < "12:00" or "14:00" <= when < "21:00", f"call {call['message']} at {when}"


def every_clock_explains_itself(centre):
    """Why is the deadline what it is? `kefu ask clock.explain` lists the spans of working time that add up to the limit."""
    lines = leak.explained()
    names = {line["name"] for line in lines}
    assert names >= {"SLA-02", "SLA-03", "CMP-02", "CMP-04"}, names
    equal("rounds of the reply", len([line for line in lines if line["name"] == "SLA-03"]), 3)
    for line in lines:
        check_explanation(line)


# ---- Friday: the second complaint, which nobody takes to the supervisor ------------------------------------------------------------


def on_friday_a_complaint_is_left_lying(centre):
    global forgotten
    centre.at("+2 08:30")
    centre.off_duty("en01")
    centre.at("+2 10:00")
    forgotten, = centre.contact("visit", "sp02", NEIGHBOUR, {
        "kind": "complaint", "topic": "parking", "words": "我的固定车位连着三天被别人占。", "expected": "以后不再被占。"})
    centre.at("+2 10:04")
    forgotten.act("register", "sp02", apology=True, facts=Words("B2层118号，三天内被两辆访客车占用。"))
    refused("names without measures", "first_measures", forgotten.act, "acknowledge", "sp02", informed_by="sp02",
            acknowledged_by="su01")


def at_half_and_at_80_per_cent_those_who_have_it_are_warned(centre):
    centre.at("+2 10:14")
    at = [(centre.wall(level["at"]).removesuffix("~"), level["level"], level["breached"])
          for level in forgotten.said("escalation", "clock.level") if level["name"] == "CMP-02"]
    equal("levels", at, [("+2 10:07:30", "L1_50", False), ("+2 10:12", "L1_80", False)])
    assert {message["to"] for message in forgotten.messages("clock_warning")} <= {"sp01", "sp02"}, forgotten.messages("clock_warning")
    assert forgotten.messages("clock_warning"), "nobody was warned"


def exactly_at_the_due_time_it_is_no_breach(centre):
    centre.at("+2 10:15")
    equal("CMP-02", forgotten.clock("CMP-02")["state"], "running")
    centre.at("+2 10:15:01")
    equal("CMP-02 a second later", forgotten.clock("CMP-02")["state"], "breached")
    breach, = forgotten.said("escalation", "clock.breached")
    equal("breach of", (breach["name"], centre.wall(breach["due_at"])), ("CMP-02", "+2 10:15"))


def then_the_ladder_is_climbed_each_level_once(centre):
    """SLA-38: supervisor at 100 %, assistant manager at 150 %, manager at 200 %, deputy general manager at 300 %. SLA-43: once."""
    told = []
    for minute in ("10:16", "10:23", "10:31", "10:46", "13:00"):
        centre.at(f"+2 {minute}")
        told.append([message["to"] for message in forgotten.messages("clock_breach") if "CMP-02" in ladder_of(message)])
    equal("told after 100, 150, 200 and 300 %, and at one o'clock", told, [
        ["su01"], ["su01", "as01"], ["su01", "as01", "ma01"], ["su01", "as01", "ma01", "dg01"], ["su01", "as01", "ma01", "dg01"]])
    levels = [level["level"] for level in forgotten.said("escalation", "clock.level") if level["name"] == "CMP-02"]
    equal("levels", levels, ["L1_50", "L1_80", "L2", "L2_150", "L3", "L4"])


def ladder_of(message):
    """The clock's name stands in escalation's words; a message's cause names the clock by number."""
    number = int(message["cause"].split("/")[1])
    return {clock["name"] for clock in forgotten.clocks() if clock["clock"] == number}


def late_measures_end_the_clock_but_not_the_breach(centre):
    centre.at("+2 13:05")
    forgotten.act("acknowledge", "su01", informed_by="sp02", acknowledged_by="su01", first_measures=Words("马上请车主挪车。"))
    clock = forgotten.clock("CMP-02")
    equal("CMP-02", (clock["state"], clock["running"], centre.wall(clock["stopped_at"])), ("breached", False, "+2 13:05"))
    equal("withdrawn", forgotten.said("escalation", "breach.withdrawn"), [])
    line, = [line for line in forgotten.explained() if line["name"] == "CMP-02"]
    check_explanation(line)


if __name__ == "__main__":
    play(Story("complaint_story", "2026-03-18"), the_centre_is_staffed, a_resident_complains_at_ten_past_nine,
         the_supervisor_is_alerted_at_once, the_customer_gets_an_acknowledgement_and_the_24_hours_run_on, it_is_registered,
         half_an_acknowledgement_does_not_stop_the_15_minutes, the_supervisor_acknowledges_and_first_measures_are_agreed,
         the_department_gets_a_work_order, the_result_of_round_one_is_presented,
         a_named_person_replies_and_only_now_the_24_hours_stop, dissatisfied_and_the_manager_owns_round_two,
         the_second_result_is_ready_in_the_noon_break, dissatisfied_again_and_the_deputy_general_manager_is_told,
         round_three_contents_the_customer, it_is_summarised_and_closed, every_call_fell_outside_quiet_hours,
         every_clock_explains_itself, on_friday_a_complaint_is_left_lying,
         at_half_and_at_80_per_cent_those_who_have_it_are_warned, exactly_at_the_due_time_it_is_no_breach,
         then_the_ladder_is_climbed_each_level_once, late_measures_end_the_clock_but_not_the_breach)
