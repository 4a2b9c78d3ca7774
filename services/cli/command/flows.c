#include "commands.h"

#include <stdio.h>

#include "base/buf.h"
#include "cli/terminal.h"
#include "policy/flow_draw.h"
#include "policy/flow_load.h"

static enum exit_status flows_command(const struct words *words);

static const char *given_policy = "deploy/policy";
static bool given_mermaid;

static const struct option options[] = {
    {"mermaid", OPTION_FLAG, &given_mermaid, NULL, "as stateDiagram-v2 for mermaid instead"},
    {"policy", OPTION_TEXT, &given_policy, "DIR", "the bundle to read (deploy/policy)"},
};

const struct command command_flows = {
    .name = "flows",
    .args = "[KIND…]",
    .most = -1,
    .usage = "Print the state machines of a policy bundle, as tables or diagrams.\n"
             "A table has the steps of a flow: id, from, action, to, by, due.",
    .examples = "  kefu flows complaint\n  kefu flows --mermaid complaint >complaint.mmd",
    .options = options,
    .options_n = COUNT(options),
    .exec = flows_command};

static const struct flows *read_flows(struct arena *arena, struct err *err)
{
    static const char *const patterns[] = {"flows/", NULL};
    static const struct policy_owner owner = {.files = patterns};
    struct policy_files files = {0};
    if (policy_read(given_policy, &owner, arena, &files, err) < 0) return NULL;
    return flow_load(&files, arena, err);
}

static void add_flow(struct buf *out, const struct flow *flow)
{
    if (given_mermaid) {
        flow_mermaid(flow, out);
    } else {
        buf_printf(out, "# %s %s (rules %s)\n", flow->kind.at, flow->zh.at, flow->rule.at);
        flow_table(flow, out);
    }
    buf_add_char(out, '\n');
}

/* Is the flow asked for? No names mean all. */
static bool is_wanted(const struct flow *flow, const struct words *kinds)
{
    for (int i = 0; i < kinds->n; i++)
        if (text_is(flow->kind, kinds->at[i])) return true;
    return kinds->n == 0;
}

static enum exit_status print_flows(const struct flows *flows, const struct words *kinds)
{
    struct buf out = {0};
    for (int i = 0; i < kinds->n; i++)
        if (flow_find(flows, text_of(kinds->at[i])) == NULL)
            return misuse("there is no flow %s in %s", kinds->at[i], given_policy);
    for (size_t i = 0; i < flows->n; i++)
        if (is_wanted(&flows->at[i], kinds)) add_flow(&out, &flows->at[i]);
    return terminal_print(&out) == 0 ? STATUS_OK : STATUS_FAILED;
}

static enum exit_status flows_command(const struct words *words)
{
    struct arena *arena = arena_create();
    struct err err = {0};
    const struct flows *flows = read_flows(arena, &err);
    enum exit_status status =
        flows == NULL ? complain(STATUS_FAILED, &err) : print_flows(flows, words);
    arena_destroy(arena);
    return status;
}
