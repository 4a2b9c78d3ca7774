#include "flows.h"

#include <getopt.h>
#include <stdio.h>

#include "policy/flow.h"

enum { EXIT_FINE, EXIT_BAD_INPUT, EXIT_USAGE };

struct options {
    const char *directory;
    bool mermaid;
};

static const char usage[] = "usage: kefu flows [--mermaid] [--policy DIRECTORY] [KIND…]\n"
                            "Prints the steps of each flow: id, from, action, to, by, due.\n"
                            "  --mermaid           as stateDiagram-v2 for mermaid instead\n"
                            "  --policy DIRECTORY  the bundle to read (deploy/policy)\n";

static int read_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {{"mermaid", no_argument, NULL, 'm'},
                                          {"policy", required_argument, NULL, 'p'},
                                          {"help", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
    *options = (struct options){.directory = "deploy/policy"};
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        if (c == 'm') options->mermaid = true;
        if (c == 'p') options->directory = optarg;
        if (c != 'm' && c != 'p') return -1;
    }
    return 0;
}

static const struct flows *read_flows(const char *directory, struct arena *arena, struct err *err)
{
    static const char *const patterns[] = {"flows/", NULL};
    static const struct policy_owner owner = {.files = patterns};
    struct policy_files files = {0};
    if (policy_read(directory, &owner, arena, &files, err) < 0) return NULL;
    return flow_load(&files, arena, err);
}

static void print_flow(const struct flow *flow, bool mermaid)
{
    struct buf out = {0};
    if (mermaid) flow_mermaid(flow, &out);
    if (!mermaid)
        buf_printf(&out, "# %s %s (rules %s)\n", flow->kind.at, flow->zh.at, flow->rule.at);
    if (!mermaid) flow_table(flow, &out);
    buf_add_char(&out, '\n');
    fwrite(out.at, 1, out.len, stdout);
    buf_finish(&out);
}

/* Is the flow asked for? No names mean all. */
static bool is_wanted(const struct flow *flow, char *const *kinds, int n)
{
    for (int i = 0; i < n; i++) {
        if (text_is(flow->kind, kinds[i])) return true;
    }
    return n == 0;
}

static int print_flows(const struct flows *flows, bool mermaid, char *const *kinds, int n)
{
    for (int i = 0; i < n; i++) {
        if (flow_find(flows, text_of(kinds[i])) != NULL) continue;
        fprintf(stderr, "kefu flows: there is no flow %s\n", kinds[i]);
        return EXIT_USAGE;
    }
    for (size_t i = 0; i < flows->n; i++) {
        if (is_wanted(&flows->at[i], kinds, n)) print_flow(&flows->at[i], mermaid);
    }
    return fflush(stdout) == 0 ? EXIT_FINE : EXIT_BAD_INPUT;
}

int cli_flows(int argc, char **argv)
{
    struct options options;
    if (read_options(argc, argv, &options) < 0) {
        fputs(usage, stderr);
        return EXIT_USAGE;
    }
    struct arena *arena = arena_create();
    struct err err = {0};
    const struct flows *flows = read_flows(options.directory, arena, &err);
    int status = EXIT_BAD_INPUT;
    if (flows == NULL) fprintf(stderr, "kefu flows: %s\n", err.message);
    if (flows != NULL) status = print_flows(flows, options.mermaid, argv + optind, argc - optind);
    arena_destroy(arena);
    return status;
}
