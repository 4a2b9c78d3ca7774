/*
 * uuid: random identifiers (RFC 9562 version 4) as text.
 */
#ifndef KEFU_UUID_H
#define KEFU_UUID_H

#include "base/base.h"

enum { UUID_SIZE = 37 }; /* 36 characters and a NUL */

/* Write a new one, lower case. */
void uuid_new(char out[UUID_SIZE]);
/* True if the text has the form 8-4-4-4-12 of hexadecimal digits. */
bool uuid_valid(text value);
/* `n` random bytes as 2n lower-case hexadecimal digits and a NUL (trace ids, tokens). n is at most
   64. */
void uuid_hex(char *out, size_t n);

#endif
