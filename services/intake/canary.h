/*
 * canary: is the key file the one that personal data in this database are sealed with? A row sealed
 * at the first start tells at every later one, in every replica.
 */
#ifndef KEFU_INTAKE_CANARY_H
#define KEFU_INTAKE_CANARY_H

#include "base/err.h"

/* At start, with the vault loaded. Without a row, one is sealed if records that are there can be
   opened, or if there are none. -1: it is another key file. A database that does not answer ends
   the process. */
MUST_CHECK int canary_check(struct err *err);

#endif
