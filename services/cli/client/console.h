/*
 * talk: what send, ask, act and their like have in common: ask one service one thing, print what it
 * says, give the exit status.
 */
#ifndef KEFU_CLI_CONSOLE_H
#define KEFU_CLI_CONSOLE_H

#include "base/buf.h"
#include "client.h"
#include "cli/options.h"
#include "cli/terminal.h"

/* A client of the system in --dir; NULL after a complaint (exit with STATUS_UNREACHABLE). */
struct client *talk_open(void);
/* The number of the service; -1 after a complaint that names those that are here. */
int talk_service(struct client *client, const char *name);
/* Ask, within --timeout. The body of the answer, in the arena; NULL after a complaint, with *status
   set. */
const void *talk_call(struct client *client, struct question question, struct arena *arena,
                      enum exit_status *status);
/* The status for a reply that is no answer, after a complaint (with --json a refusal is printed as
   JSON). */
enum exit_status talk_complain(const struct reply *reply);
/* Print the answer for a person, or as one line of JSON. */
void talk_print(const struct shape *shape, const void *body);
/* That time stands still at this instant: one loud sentence, without a newline. */
void talk_add_test_clock(struct buf *out, time_us now);

/* A time as people type it on a command line: ISO 8601. False if it is none. */
bool talk_time(const char *word, time_us *out);

#endif
