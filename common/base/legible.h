/*
 * legible: which characters a text from outside may hold, so that people see what is there. Pure.
 *
 *   A line (a name, code, address or subject) holds no control character, none without a glyph and
 *   none that turns the direction of writing. A joiner or variation selector may stand behind a
 *   glyph beyond ASCII: names in some scripts, and emoji, need them.
 *   Words (a customer's, a colleague's) may also hold tabs, line ends and characters without a
 *   glyph, as pasted text does. They hold no other control character, and nothing that shows the
 *   words behind it in another order than they were written in.
 */
#ifndef KEFU_LEGIBLE_H
#define KEFU_LEGIBLE_H

#include "base/base.h"
#include "base/buf.h"

enum legible_form { LEGIBLE_LINE, LEGIBLE_WORDS };

/* True if the text holds only what its form allows; else `fault` is the first character that it
   does not. The text is UTF-8. */
bool legible_is(text value, enum legible_form form, uint32_t *fault);
/* Without blanks of any script and characters without a glyph at both ends. Absent if there is
   nothing else. */
text legible_trim(text value);
/* Blanks and characters without a glyph, and nothing else; or absent. */
bool legible_is_blank(text value);
/* Adds the text with everything in it that does not show as itself written out: \u001b, \u202e,
   \ud83c\udff4 beyond U+FFFF, \u009b for a byte that is no UTF-8. In a line so are line ends and
   tabs (\n, \t); in words they stay. Inside JSON the result is JSON, and means the same. */
void legible_show(struct buf *out, text value, enum legible_form form);

#endif
