#include "runtime/core/alarm_gate.h"

#include <string.h>

void alarm_gate_forget(struct alarm_gate *gate, int64_t now_ms)
{
    memset(gate->as_of, 0, sizeof(gate->as_of));
    gate->since_ms = now_ms;
}

void alarm_gate_pass(struct alarm_gate *gate, int64_t now_ms)
{
    if (now_ms - gate->passed_ms > GATE_MS) gate->since_ms = now_ms;
    gate->passed_ms = now_ms;
}

void alarm_gate_hear(struct alarm_gate *gate, int source, time_us as_of)
{
    if (as_of > gate->as_of[source]) gate->as_of[source] = as_of;
}

void alarm_gate_find(struct alarm_gate *gate, time_us found_at, int64_t now_ms)
{
    gate->found_at = found_at;
    gate->found_ms = now_ms;
}

/* An alarm found late has waited already, as long as its partition had an owner. */
static int64_t waits_until(const struct alarm_gate *gate, time_us due)
{
    int64_t late_ms = gate->found_at > due ? (gate->found_at - due) / 1000 : 0;
    int64_t begun_ms = gate->found_ms - (late_ms < GATE_MS ? late_ms : GATE_MS);
    return (begun_ms > gate->since_ms ? begun_ms : gate->since_ms) + GATE_MS;
}

/* On the test clock nothing is late, and what waits in memory is soon done. */
bool alarm_gate_lets(const struct alarm_gate *gate, int sources_n, time_us due, time_us waiting,
                     int64_t now_ms)
{
    bool overdue = now_ms >= waits_until(gate, due), first = waiting == 0 || waiting > due;
    if (overdue) return first || gate->found_at != 0;
    for (int s = 0; s < sources_n; s++)
        if (gate->as_of[s] < due) return false;
    return first;
}
