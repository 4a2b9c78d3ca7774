/* flow: the bundle in deploy/policy is complete, faults are told with their place, and steps are
   found as the rules say. */
#include "test.h"

#include "policy/flow_draw.h"
#include "policy/flow_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- reading the bundle, with one replacement for tests of faults --- */

struct change {
    const char *file, *from, *to;
};

static text read_whole(const char *path, struct arena *arena)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) test_skip(path);
    char *body = arena_alloc(arena, 256 * 1024);
    size_t len = fread(body, 1, 256 * 1024 - 1, file);
    fclose(file);
    return (text){body, len};
}

static text replaced(text body, const char *from, const char *to, struct arena *arena)
{
    const char *at = strstr(body.at, from);
    CHECK_ROW(at != NULL, "the bundle lacks what the row changes");
    if (at == NULL) return body;
    return arena_printf(arena, "%.*s%s%s", (int)(at - body.at), body.at, to, at + strlen(from));
}

static const char *const files[] = {"flows/_words.yaml",    "flows/_exits.yaml",
                                    "flows/complaint.yaml", "flows/inquiry.yaml",
                                    "flows/repair.yaml",    "flows/suggestion.yaml"};

static const struct flows *load(const struct change *change, struct arena *arena, struct err *err)
{
    struct policy_file read[COUNT(files)];
    for (size_t i = 0; i < COUNT(files); i++) {
        text path = arena_printf(arena, "deploy/policy/%s", files[i]);
        read[i] = (struct policy_file){text_of(files[i]), read_whole(path.at, arena)};
        if (change != NULL && strcmp(change->file, files[i]) == 0)
            read[i].body = replaced(read[i].body, change->from, change->to, arena);
    }
    return flow_load(&(struct policy_files){read, COUNT(files)}, arena, err);
}

static const struct flow *load_kind(const char *kind, struct arena *arena)
{
    struct err err = {0};
    const struct flows *flows = load(NULL, arena, &err);
    CHECK_ROW(flows != NULL, "%s", err.message);
    if (flows == NULL) exit(1);
    return flow_find(flows, text_of(kind));
}

/* --- complete --- */

static const struct rows_row {
    const char *kind, *prefix;
    int steps; /* rows of the table in the rules */
} tables[] = {{"inquiry", "INQ", 10},
              {"complaint", "CMP", 22},
              {"suggestion", "SUG", 7},
              {"repair", "REP", 12}};

TEST(flows_have_every_row)
{
    struct arena *arena = arena_create();
    for (size_t i = 0; i < COUNT(tables); i++) {
        const struct flow *flow = load_kind(tables[i].kind, arena);
        if (flow == NULL) continue;
        for (int n = 1; n <= tables[i].steps; n++) {
            text id = arena_printf(arena, "%s-T%02d", tables[i].prefix, n);
            CHECK_ROW(flow_step(flow, id) != NULL, "%s is missing", id.at);
        }
        for (int n = 1; n <= 4; n++) {
            text id = arena_printf(arena, "ALL-T%02d", n);
            CHECK_ROW(flow_step(flow, id) != NULL, "%s: %s is missing", tables[i].kind, id.at);
        }
    }
    arena_destroy(arena);
}

TEST(every_step_has_role_and_time)
{
    struct arena *arena = arena_create();
    for (size_t i = 0; i < COUNT(tables); i++) {
        const struct flow *flow = load_kind(tables[i].kind, arena);
        for (size_t k = 0; flow != NULL && k < flow->steps_n; k++) {
            const struct flow_step *step = &flow->steps[k];
            const struct flow_due *due = &step->due;
            bool timed =
                due->span.n > 0 || due->clock.len > 0 || due->field.len > 0 || due->cycle.len > 0;
            CHECK_ROW(step->by.n > 0 && timed, "%s (ORG-21)", step->id.at);
        }
    }
    arena_destroy(arena);
}

static const struct due_row {
    const char *kind, *step;
    enum flow_due_kind due;
    int64_t n;
    enum span_unit unit;
    const char *as;
} dues[] = {
    {"complaint", "CMP-T05", FLOW_DUE_SPAN, 4, SPAN_WORKING_HOURS, ""},
    {"complaint", "CMP-T08", FLOW_DUE_CLOCK, 0, SPAN_NONE, "CMP-T07"},
    {"complaint", "CMP-T12", FLOW_DUE_SPAN, 5, SPAN_WORKING_DAYS, ""},
    {"complaint", "CMP-T15", FLOW_DUE_SPAN, 5, SPAN_WORKING_DAYS, "CMP-T12"},
    {"complaint", "ALL-T01", FLOW_DUE_SPAN, 15, SPAN_MINUTES, ""},
    {"inquiry", "INQ-T04", FLOW_DUE_BEFORE, 2, SPAN_WORKING_HOURS, ""},
    {"inquiry", "INQ-T06", FLOW_DUE_SPAN, 4, SPAN_WORKING_HOURS, ""},
    {"suggestion", "SUG-T01", FLOW_DUE_CYCLE, 0, SPAN_NONE, ""},
    {"repair", "REP-T04", FLOW_DUE_FIELD, 0, SPAN_NONE, ""},
    {"repair", "REP-T02", FLOW_DUE_SPAN, 2, SPAN_HOURS, ""},
    {"repair", "REP-T08", FLOW_DUE_SPAN, 4, SPAN_WORKING_HOURS, ""},
};

TEST(time_nodes)
{
    struct arena *arena = arena_create();
    for (size_t i = 0; i < COUNT(dues); i++) {
        test_row(dues[i].step);
        const struct flow *flow = load_kind(dues[i].kind, arena);
        const struct flow_step *step = flow == NULL ? NULL : flow_step(flow, text_of(dues[i].step));
        if (!CHECK(step != NULL)) continue;
        CHECK_INT(step->due.kind, dues[i].due);
        CHECK_INT(step->due.span.n, dues[i].n);
        CHECK_INT(step->due.span.unit, dues[i].unit);
        CHECK_TEXT(step->due.as, dues[i].as);
    }
    test_row(NULL);
    arena_destroy(arena);
}

/* --- faults --- */

static const char *const complaint = "flows/complaint.yaml", *const repair = "flows/repair.yaml";

static const struct fault_row {
    const char *what;
    struct change change;
    const char *want;
} faults[] = {
    {"no time node", {complaint, "due: complaint.accept_h, ", ""}, "due is missing"},
    {"no role",
     {complaint, "by: manager,\n     needs: [root", "\n     needs: [root"},
     "by is missing"},
    {"unknown role", {complaint, "by: supervisor,", "by: overseer,"}, "by: overseer is not known"},
    {"unknown state",
     {complaint, "to: AWAITING,", "to: WAITING,"},
     "CMP-T15: to: there is no state WAITING"},
    {"unknown clock",
     {complaint, "starts: [CMP-04]", "starts: [CMP-99]"},
     "starts: CMP-99 is not known"},
    {"unknown setting",
     {complaint, "due: complaint.tell_h", "due: complaint.told_h"},
     "complaint.told_h is neither"},
    {"unknown field",
     {complaint, "needs: [refusal_reason]", "needs: [reason]"},
     "needs: reason is not among"},
    {"unknown flag",
     {complaint, "sets: [work_order]", "sets: [worked]"},
     "sets: worked is not known"},
    {"unknown key",
     {complaint, "on: accept,", "on: accept, colour: red,"},
     "colour: is not a known key"},
    {"unknown kind",
     {"flows/inquiry.yaml", "opens: complaint", "opens: grievance"},
     "there is no flow grievance"},
    {"id twice", {complaint, "id: CMP-T05", "id: CMP-T04"}, "CMP-T04: this id stands twice"},
    {"one word, two steps",
     {complaint, "on: refuse,", "on: accept,"},
     "CMP-T06: on: means the same as in CMP-T05"},
    {"dead end", {repair, "from: VERIFIED,", "from: DONE,"}, "VERIFIED: is a dead end"},
    {"unreachable",
     {repair, "to: CLOSED_UNCONFIRMED", "to: CLOSED"},
     "CLOSED_UNCONFIRMED: no step leads to"},
    {"out of an end",
     {repair, "from: VERIFIED,", "from: [VERIFIED, CLOSED],"},
     "nothing leaves an end state: CLOSED"},
    {"no start", {repair, "start: true, opened: queue,", ""}, "none of them starts the flow"},
    {"first handler", {repair, "opened: queue, ", ""}, "opened is missing"},
    {"no handler",
     {repair, "handler: keep, needs: [class]", "needs: [class]"},
     "handler is missing"},
    {"as a step that is not",
     {complaint, "due: as CMP-T07", "due: as CMP-T77"},
     "there is no step CMP-T77"},
    {"missing key", {complaint, "what: the department accepts", "say: []"}, "what is missing"},
    {"no default", {"flows/_words.yaml", "flow.step_due:", "flow.step_did:"}, "flow.step_due"},
    {"fault in the exits",
     {"flows/_exits.yaml", "to: MERGED", "to: MARRIED"},
     "flows/_exits.yaml:"},
    {"other's own case",
     {complaint, "not_same_as: [CMP-T07", "not_same_as: [CMP-T70"},
     "there is no step CMP-T70"},
};

TEST(faults_are_told_with_their_place)
{
    for (size_t i = 0; i < COUNT(faults); i++) {
        test_row(faults[i].what);
        struct arena *arena = arena_create();
        struct err err = {0};
        CHECK(load(&faults[i].change, arena, &err) == NULL);
        CHECK_HAS(text_of(err.message), faults[i].want);
        CHECK_HAS(text_of(err.message), ".yaml:");
        arena_destroy(arena);
    }
    test_row(NULL);
}

/* --- finding steps --- */

static const struct find_row {
    const char *what, *kind, *state, *action;
    int64_t round, refusals, attempts;
    const char *step;  /* or NULL */
    const char *error; /* part of the message */
} finds[] = {
    {"plain", "complaint", "ASSIGNED", "accept", 1, 0, 0, "CMP-T05", NULL},
    {"first refusal", "complaint", "ASSIGNED", "refuse", 1, 0, 0, "CMP-T06", NULL},
    {"second refusal (RTE-31)", "complaint", "ASSIGNED", "refuse", 1, 1, 0, NULL,
     "second assignment is binding"},
    {"decline in round 1 (AMB-06)", "complaint", "COMMUNICATED", "decline", 1, 0, 0, NULL,
     "round 2 and later"},
    {"decline in round 2", "complaint", "COMMUNICATED", "decline", 2, 0, 0, "CMP-T17", NULL},
    {"no way around the review (CMP-05)", "complaint", "PLAN_READY", "tell", 1, 0, 0, NULL,
     "possible: submit"},
    {"await too early (OUT-03)", "complaint", "COMMUNICATED", "await", 1, 0, 2, NULL,
     "needs 3 attempts"},
    {"await", "complaint", "COMMUNICATED", "await", 1, 0, 3, "CMP-T15", NULL},
    {"inquiry again", "inquiry", "CONFIRMING", "dissatisfied", 1, 0, 0, "INQ-T08", NULL},
    {"inquiry turns (INQ-10)", "inquiry", "CONFIRMING", "dissatisfied", 2, 0, 0, "INQ-T09", NULL},
    {"exit", "repair", "IN_PROGRESS", "withdraw", 1, 0, 0, "ALL-T01", NULL},
    {"ended", "repair", "CLOSED", "withdraw", 1, 0, 0, NULL, "nothing leaves"},
    {"exit of a complaint", "complaint", "ASSESSING", "retype", 1, 0, 0, "ALL-T03", NULL},
    {"no such word", "complaint", "ASSIGNED", "fly", 1, 0, 0, NULL,
     "possible: accept, refuse, withdraw"},
    {"begins", "complaint", "", "open_repeat", 1, 0, 0, "CMP-T20", NULL},
    {"report", "suggestion", "CAPTURED", "report_theme", 1, 0, 0, "SUG-T07", NULL},
    {"no such state", "complaint", "DREAMING", "accept", 1, 0, 0, NULL, "DREAMING"},
};

TEST(steps_are_found)
{
    struct arena *arena = arena_create();
    for (size_t i = 0; i < COUNT(finds); i++) {
        const struct find_row *row = &finds[i];
        test_row(row->what);
        const struct flow *flow = load_kind(row->kind, arena);
        struct flow_at at = {text_of(row->state), row->round, row->refusals, row->attempts, {0}};
        struct err err = {0};
        const struct flow_step *step =
            flow == NULL ? NULL : flow_find_step(flow, &at, text_of(row->action), &err);
        CHECK_TEXT(step == NULL ? (text){0} : step->id, row->step == NULL ? "" : row->step);
        if (row->error != NULL) CHECK_HAS(text_of(err.message), row->error);
    }
    test_row(NULL);
    arena_destroy(arena);
}

TEST(automatic_steps)
{
    struct arena *arena = arena_create();
    const struct flow *flow = load_kind("complaint", arena);
    struct flow_at at = {.state = TEXT("REPROCESSING"), .round = 2};
    const struct flow_step *step = flow_automatic(flow, &at, FLOW_ON_ENTRY);
    CHECK(step != NULL && text_is(step->id, "CMP-T16"));
    CHECK(step != NULL && text_is(step->handler_role, "manager") && step->handler == FLOW_QUEUE);
    CHECK(flow_automatic(flow, &at, FLOW_ON_DUE) == NULL);
    CHECK(flow_automatic(flow, &at, FLOW_BY_HAND) == NULL);
    at.round = 1;
    CHECK(flow_automatic(flow, &at, FLOW_ON_ENTRY) == NULL);
    at.state = TEXT("SUMMARISED");
    step = flow_automatic(flow, &at, FLOW_ON_DUE);
    CHECK(step != NULL && text_is(step->id, "CMP-T19"));
    arena_destroy(arena);
}

static const struct actor_row {
    const char *what, *kind, *state, *action, *role, *flag, *took;
    bool owner, handler;
    const char *error; /* rule, or NULL if the person may */
} actors[] = {
    {"supervisor reviews", "complaint", "IN_REVIEW", "approve", "supervisor", "", "", false, false,
     NULL},
    {"specialist reviews", "complaint", "IN_REVIEW", "approve", "specialist", "", "", true, true,
     "ORG-69"},
    {"own case", "complaint", "IN_REVIEW", "approve", "supervisor", "", "CMP-T07", false, true,
     "ORG-70"},
    {"important: supervisor", "complaint", "IN_REVIEW", "approve", "supervisor", "important", "",
     false, false, "ORG-69"},
    {"important: deputy GM", "complaint", "IN_REVIEW", "approve", "deputy_gm", "important", "",
     false, false, NULL},
    {"not the owner", "complaint", "APPROVED", "tell", "specialist", "", "", false, true, "ORG-69"},
    {"the owner", "complaint", "APPROVED", "tell", "specialist", "", "", true, false, NULL},
    {"not the handler", "complaint", "ASSIGNED", "accept", "department", "", "", false, false,
     "ORG-69"},
    {"the handler", "complaint", "ASSIGNED", "accept", "department", "", "", false, true, NULL},
    {"contract staff", "complaint", "ASSIGNED", "accept", "contract_staff", "contract_clause", "",
     false, true, NULL},
    {"exit of own complaint", "complaint", "ASSESSING", "withdraw", "supervisor", "", "", false,
     true, "ORG-70"},
};

TEST(actors)
{
    struct arena *arena = arena_create();
    for (size_t i = 0; i < COUNT(actors); i++) {
        const struct actor_row *row = &actors[i];
        test_row(row->what);
        const struct flow *flow = load_kind(row->kind, arena);
        text role = text_of(row->role), flag = text_of(row->flag), took = text_of(row->took);
        struct flow_at at = {
            .state = text_of(row->state), .round = 1, .flags = {&flag, flag.len > 0}};
        struct flow_actor actor = {{&role, 1}, row->owner, row->handler, {&took, took.len > 0}};
        struct err err = {0};
        const struct flow_step *step = flow_find_step(flow, &at, text_of(row->action), &err);
        if (!CHECK_ROW(step != NULL, "%s", err.message)) continue;
        CHECK_INT(flow_check_actor(step, &at, &actor, &err), row->error == NULL ? 0 : -1);
        if (row->error != NULL) CHECK_STRING(err.rule, row->error);
    }
    test_row(NULL);
    arena_destroy(arena);
}

TEST(handlers_and_needs)
{
    struct arena *arena = arena_create();
    const struct flow *flow = load_kind("complaint", arena);
    text flags[] = {TEXT("important"), TEXT("agitated")};
    struct flow_at plain = {.state = TEXT("PLAN_READY"), .round = 1}, important = plain;
    important.flags = (struct yaml_texts){flags, 2};
    const struct flow_step *step = flow_step(flow, TEXT("CMP-T08"));
    CHECK_TEXT(flow_handler_role(step, &plain), "supervisor");
    CHECK_TEXT(flow_handler_role(step, &important), "deputy_gm");
    step = flow_step(flow, TEXT("CMP-T03"));
    CHECK_INT((int64_t)step->needs_n, 2);
    CHECK(flow_need_applies(&step->needs[0], &plain) &&
          !flow_need_applies(&step->needs[1], &plain));
    CHECK(flow_need_applies(&step->needs[1], &important)); /* CMP-10 */
    step = flow_step(flow, TEXT("CMP-T02"));
    CHECK_TEXT(step->handler_field, "acknowledged_by");
    step = flow_step(flow, TEXT("CMP-T13"));
    CHECK_INT((int64_t)step->to.n, 2);
    CHECK(step->next_round);
    arena_destroy(arena);
}

TEST(drawings)
{
    struct arena *arena = arena_create();
    const struct flow *flow = load_kind("complaint", arena);
    struct buf out = {0};
    flow_mermaid(flow, &out);
    CHECK_HAS(buf_text(&out), "stateDiagram-v2\n");
    CHECK_HAS(buf_text(&out),
              "    COMMUNICATED --> DISSATISFIED : CMP-T13 dissatisfied (supervisor)\n");
    CHECK_HAS(buf_text(&out), "    DISSATISFIED --> REPROCESSING : CMP-T13");
    CHECK_HAS(buf_text(&out), "ALL-T01 withdraw to WITHDRAWN");
    buf_clear(&out);
    flow_table(flow, &out);
    CHECK_HAS(buf_text(&out), "CMP-T05\tASSIGNED\taccept\tINVESTIGATING\tdepartment\t4wh\n");
    buf_finish(&out);
    arena_destroy(arena);
}

/* --- the rest of the bundle agrees with the flows --- */

static const struct yaml *read_policy(const char *name, struct arena *arena)
{
    struct err err = {0};
    const struct yaml *top = yaml_read(
        read_whole(arena_printf(arena, "deploy/policy/%s", name).at, arena), name, arena, &err);
    CHECK_ROW(top != NULL, "%s", err.message);
    return top;
}

static bool has_id(const struct yaml *list, text id)
{
    YAML_EACH(item, list)
    {
        const struct yaml *own = yaml_get(item, "id");
        if (own != NULL && text_equal(own->value, id)) return true;
    }
    return false;
}

static bool knows_step(const struct flows *flows, text id)
{
    for (size_t i = 0; i < flows->n; i++) {
        if (flow_step(&flows->at[i], id) != NULL) return true;
    }
    return false;
}

static void check_clock_steps(const struct flows *flows, const struct yaml *clock, const char *key)
{
    YAML_EACH(event, yaml_get(clock, key))
    {
        const struct yaml *step = yaml_get(event, "step");
        if (step != NULL)
            CHECK_ROW(knows_step(flows, step->value), "clocks.yaml:%d: no step %s", step->line,
                      step->value.at);
    }
}

TEST(clocks_and_roles_agree_with_the_flows)
{
    struct arena *arena = arena_create();
    struct err err = {0};
    const struct flows *flows = load(NULL, arena, &err);
    const struct yaml *clocks = yaml_get(read_policy("clocks.yaml", arena), "clocks");
    for (size_t i = 0; flows != NULL && i < flows->n; i++) {
        for (size_t k = 0; k < flows->at[i].clocks.n; k++)
            CHECK_ROW(has_id(clocks, flows->at[i].clocks.at[k]), "no clock %s",
                      flows->at[i].clocks.at[k].at);
    }
    YAML_EACH(clock, clocks)
    {
        check_clock_steps(flows, clock, "start");
        check_clock_steps(flows, clock, "stop");
        check_clock_steps(flows, clock, "restart");
    }
    const struct yaml *roles = yaml_get(read_policy("organisation.yaml", arena), "roles");
    YAML_EACH(role, yaml_get(read_policy("flows/_words.yaml", arena), "roles"))
    {
        if (!text_is(role->value, "system"))
            CHECK_ROW(yaml_get(roles, role->value.at) != NULL, "no role %s", role->value.at);
    }
    arena_destroy(arena);
}

TEST(waiting_states_agree_with_the_flows)
{
    struct arena *arena = arena_create();
    struct err err = {0};
    const struct flows *flows = load(NULL, arena, &err);
    const struct yaml *waiting =
        yaml_get(yaml_get(read_policy("clocks.yaml", arena), "waiting"), "states");
    for (size_t i = 0; flows != NULL && i < flows->n; i++) {
        for (size_t k = 0; k < flows->at[i].states_n; k++) {
            const struct flow_state *state = &flows->at[i].states[k];
            bool named = false;
            YAML_EACH(item, waiting) named |= text_equal(item->value, state->name);
            CHECK_ROW(named == state->waits, "clocks.yaml: waiting: %s", state->name.at);
        }
    }
    arena_destroy(arena);
}

TEST(outbound_attempts_stand_in_two_files)
{
    struct arena *arena = arena_create();
    struct yaml_reader reader = {0};
    const struct yaml *quiet = read_policy("quiet.yaml", arena);
    const struct flow *flow = load_kind("complaint", arena);
    int64_t attempts = yaml_int(&reader, yaml_get(quiet, "outbound"), "max_attempts", 1, 10);
    CHECK_INT(flow_setting_int(flow, "outbound.max_attempts", 0), attempts);
    arena_destroy(arena);
}
