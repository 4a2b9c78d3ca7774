#include "base/err.h"

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set_name(char *to, size_t size, const char *from)
{
    snprintf(to, size, "%s", from == NULL ? "" : from);
}

int err_set(struct err *err, const char *format, ...)
{
    if (err == NULL) return -1;
    va_list args;
    va_start(args, format);
    vsnprintf(err->message, sizeof(err->message), format, args);
    va_end(args);
    err->field[0] = err->rule[0] = '\0';
    return -1;
}

int err_field(struct err *err, const char *field, const char *rule, const char *format, ...)
{
    if (err == NULL) return -1;
    va_list args;
    va_start(args, format);
    vsnprintf(err->message, sizeof(err->message), format, args);
    va_end(args);
    set_name(err->field, sizeof(err->field), field);
    set_name(err->rule, sizeof(err->rule), rule);
    return -1;
}

int err_prefix(struct err *err, const char *format, ...)
{
    if (err == NULL) return -1;
    char prefix[200], old[sizeof(err->message)];
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof(prefix), format, args);
    va_end(args);
    memcpy(old, err->message, sizeof(old));
    int room = (int)(sizeof(err->message) - strlen(prefix) - 3);
    snprintf(err->message, sizeof(err->message), "%s: %.*s", prefix, room, old);
    return -1;
}

void fatal(const char *hint, const char *format, ...)
{
    char message[600];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    log_line(LOG_ERROR, "fatal", "reason=%s", log_quoted(message));
    if (hint != NULL) fprintf(stderr, "HINT: %s\n", hint);
    exit(1);
}
