#!/usr/bin/python3
"""Five residents wish for the same. A specialist notices, records the theme as a suggestion of its own and reports it to the manager;
their suggestions go on in their own flow (SUG-05, SUG-T07)."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
from story import Story, Words, equal, play, refused  # noqa: E402

COLLEAGUE = {"name": "测试员工", "phone": "000-0000-0920"}
wishes, theme = [], None


def five_residents_wish_for_the_same(centre):
    centre.at("09:00")
    centre.on_duty("sp01", "ma01")
    for n in range(5):
        customer = {"name": f"测试住户{n + 1}", "phone": f"000-0000-091{n}"}
        wish, = centre.contact("call", "sp01", customer, {"kind": "suggestion", "topic": "facilities", "words": "希望增加电动车充电桩。"})
        wish.act("classify", "sp01", category="facilities")
        wishes.append(wish)


def the_theme_needs_a_name_and_a_report(centre):
    global theme
    centre.at("10:00")
    theme, = centre.contact("visit", "sp01", COLLEAGUE, {"kind": "suggestion", "topic": "facilities", "words": "五户住户提出同一建议。"})
    refused("without a report", "report", theme.act, "report_theme", "sp01", theme=Words("充电桩"))
    refused("not by the manager", None, theme.act, "report_theme", "ma01", theme=Words("充电桩"), report=Words("五户"))


def the_manager_is_told(centre):
    theme.act("report_theme", "sp01", theme=Words("电动车充电桩不足"), report=Words("本季度五户住户提出，建议在东门增设十个。"))
    equal("state", theme.view()["state"], "REPORTED")
    equal("states passed", [(move["step"], move["from"], move["path"]) for move in theme.said("routing", "ticket.moved")],
          [("SUG-T07", "CAPTURED", ["AGGREGATED", "REPORTED"])])
    told = theme.message("theme_report")
    equal("told", told["to"], "ma01")
    equal("nobody waits for a reply any more", {clock["state"] for clock in theme.clocks()} & {"running", "breached"}, set())


def the_wishes_go_on_in_their_own_flow(centre):
    equal("states", {wish.view()["state"] for wish in wishes}, {"CLASSIFIED"})
    wishes[0].act("forward", "sp01", handler="en01", department="engineering")
    equal("state", wishes[0].view()["state"], "SENT_TO_DEPT")


if __name__ == "__main__":
    play(Story("theme_story", "2026-03-18"), five_residents_wish_for_the_same, the_theme_needs_a_name_and_a_report, the_manager_is_told,
         the_wishes_go_on_in_their_own_flow)
