/*
 * control_journal: journal.read, a page of this service's journal.
 */
#ifndef KEFU_CONTROL_JOURNAL_H
#define KEFU_CONTROL_JOURNAL_H

#include "runtime/door/control_reply.h"

void control_read_journal(struct control *c);

#endif
