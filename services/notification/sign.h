/*
 * encode: HMAC-SHA256 and base64, by libsodium.
 */
#ifndef KEFU_NOTIFICATION_SIGN_H
#define KEFU_NOTIFICATION_SIGN_H

#include "base/arena.h"

/* 64 hex digits. */
text encode_hmac(text key, text message, struct arena *arena);
text encode_base64(text from, struct arena *arena);

#endif
