#!/usr/bin/python3
"""A deadline that has passed is not breached before escalation has heard what was said in time. The reader of notification's journal is
slow here: what was said reaches it only when it asks anew because an alarm is due."""
import os
import sys
import time

from escalation_service import FAILED, HOUR, MINUTE, World, check, psql, DATABASE


def make_slow(source):
    """From now on only a fresh question is told what is new; the others see the journal as it is at this moment."""
    seen, as_of, page = len(source.events), source.now, source.page

    def slow_page(ask):
        if ask.get("fresh"):
            return page(ask)
        answer = page(ask)
        return {**answer, "as_of": as_of, "events": [e for e in answer["events"] if e["seq"] <= seen]}

    source.page = slow_page


def test_stop_in_time_heard_late(world):
    begun = world.now
    world.started(201)
    world.advance(begun + 23 * HOUR)
    make_slow(world.notification)
    world.notification.say(begun + 23 * HOUR + MINUTE, "reply.delivered",
                           {"ticket": 201, "person": "sp01", "channel": "mail", "gives": "result"})
    world.set_clock(begun + 24 * HOUR + MINUTE)
    world.quiet()
    check("a_reply_in_time_is_heard_before_the_breach", [s for s in world.said(201) if "SLA-03" in s and "level" not in s],
          ["clock.started SLA-03", "clock.stopped SLA-03 met"])


def main():
    os.environ["TZ"] = "UTC"
    time.tzset()
    world = World()
    try:
        test_stop_in_time_heard_late(world)
    except RuntimeError as error:
        check("a_reply_in_time_is_heard_before_the_breach", str(error), "")
    finally:
        world.kill()
        psql(f"DROP DATABASE {DATABASE}", "postgres")
    return 1 if FAILED else 0


if __name__ == "__main__":
    sys.exit(main())
