/*
 * control_dead_letters: dead.list, dead.retry, dead.discard.
 */
#ifndef KEFU_CONTROL_DEAD_LETTERS_H
#define KEFU_CONTROL_DEAD_LETTERS_H

#include "runtime/door/control_reply.h"

void control_list_dead(struct control *c);
void control_retry_dead(struct control *c);
void control_discard_dead(struct control *c);

#endif
