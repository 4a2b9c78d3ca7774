/*
 * portions: who gets how much of a batch. Pure.
 */
#ifndef KEFU_PORTIONS_H
#define KEFU_PORTIONS_H

#include <stddef.h>

/* Divide `room` among `n` classes of messages, of which `waiting` wait: equal parts, and what a
   class does not need goes to the others. So each class gets at least min(waiting, room / n)
   whatever the others have; with less room than classes, those from `first` on. */
void portions_divide(const size_t *waiting, size_t n, size_t room, size_t first, size_t *portions);

#endif
