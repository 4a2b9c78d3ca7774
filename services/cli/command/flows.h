/*
 * kefu flows: the state machines of a policy bundle, as tables or as diagrams. Needs no service.
 */
#ifndef KEFU_CLI_FLOWS_H
#define KEFU_CLI_FLOWS_H

/* argv[0] is "flows". Returns the exit status: 0 fine, 1 the bundle is bad, 2 wrong usage. */
int cli_flows(int argc, char **argv);

#endif
