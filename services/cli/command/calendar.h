/*
 * kefu calendar: business time from the command line. Needs no service.
 */
#ifndef KEFU_CLI_CALENDAR_H
#define KEFU_CLI_CALENDAR_H

/* argv[0] is "calendar". Returns the exit status: 0 fine, 1 some row or the file is bad, 2 wrong
   usage. */
int cli_calendar(int argc, char **argv);

#endif
