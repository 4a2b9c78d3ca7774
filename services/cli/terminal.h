/*
 * terminal: the one door to standard output and standard error. What a customer, a file or a
 * service says may hold characters that command a terminal, stand there unseen or turn the
 * direction of writing: they are written out (legible.h), so that no data can do so. JSON stays
 * JSON.
 */
#ifndef KEFU_CLI_TERMINAL_H
#define KEFU_CLI_TERMINAL_H

#include "base/buf.h"

/* To standard output; empties the buffer. -1 if it cannot be written. */
int terminal_print(struct buf *out);
/* Something could not be written to standard output: on a full disk, or nobody reads it any
   more. */
bool terminal_cut_off(void);
/* To standard error, as a line of its own. */
void terminal_say(const char *format, ...) PRINTF(1, 2);
/* How far a long work has come, on standard error: each line takes the place of the one before; the
   last one stays. Where that is no terminal they follow each other. */
void terminal_progress(text line, bool last);
bool terminal_is_there(void); /* somebody may be watching standard error */

#endif
