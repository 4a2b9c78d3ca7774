/*
 * lateness: how long after its due time an alarm was decided.
 */
#ifndef KEFU_LATENESS_H
#define KEFU_LATENESS_H

#include "base/base.h"

/* One alarm was decided so much after it was due. On the test clock, which jumps, nothing is
   counted. */
void lateness_count(time_us late);
/* Milliseconds, rounded up to a power of two, since start. */
int64_t lateness_p99(void);

#endif
