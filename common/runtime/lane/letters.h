/*
 * letters: the dead letters of a lane's partitions. The table is the truth: a letter is `dead`
 * until somebody mends what it failed at; then it is `parked`, as are those behind it, and run as
 * soon as no other letter of its key stands before it. So what an operator has asked for is
 * neither forgotten nor done twice, whoever dies or takes over.
 */
#ifndef KEFU_LETTERS_H
#define KEFU_LETTERS_H

#include "runtime/core/lane.h"

/* A chore: which keys have letters, and which letters are to be run. */
void letters_look(struct lane *lane);
bool letters_due(const struct lane *lane);

#endif
