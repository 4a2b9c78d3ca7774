/* Any bytes as a greeting, the head of a frame, metadata: refused with a reason, or understood
   within their bounds. */
#include "net/zmtp.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    text bytes = {(const char *)data, size}, value;
    struct zmtp_head head;
    struct err err = {0};
    if (zmtp_check_greeting(bytes, &err) < 0 && err.message[0] == '\0') abort();
    if (zmtp_read_head(bytes, &head) && head.len > size) abort();
    err = (struct err){0};
    if (zmtp_find_property(bytes, "Socket-Type", &value, &err) < 0) {
        if (err.message[0] == '\0') abort();
    } else if (value.at != NULL &&
               (value.at < bytes.at || value.at + value.len > bytes.at + bytes.len)) {
        abort();
    }
    return 0;
}
