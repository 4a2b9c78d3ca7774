/*
 * secure: a bus for tests, with a key that it made itself: it is its own only client, as the
 * service "test".
 */
#ifndef KEFU_TEST_SECURE_H
#define KEFU_TEST_SECURE_H

#include "net/bus.h"

struct bus *secure_bus(void);
/* Its keys. */
struct keys *secure_keys(void);

#endif
