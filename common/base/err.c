#include "base/err.h"

#undef err_set /* what stands for them where code is analysed */
#undef err_field
#undef err_prefix

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int err_set(struct err *err, const char *format, ...)
{
    if (err == NULL) return -1;
    va_list args;
    va_start(args, format);
    text_vformat(err->message, sizeof(err->message), format, args);
    va_end(args);
    err->field[0] = err->rule[0] = '\0';
    return -1;
}

int err_field(struct err *err, const char *field, const char *rule, const char *format, ...)
{
    if (err == NULL) return -1;
    va_list args;
    va_start(args, format);
    text_vformat(err->message, sizeof(err->message), format, args);
    va_end(args);
    text_fit(err->field, sizeof(err->field), text_of(field));
    text_fit(err->rule, sizeof(err->rule), text_of(rule));
    return -1;
}

int err_prefix(struct err *err, const char *format, ...)
{
    if (err == NULL) return -1;
    char prefix[200], old[sizeof(err->message)];
    va_list args;
    va_start(args, format);
    text_vformat(prefix, sizeof(prefix), format, args);
    va_end(args);
    memcpy(old, err->message, sizeof(old));
    text_format(err->message, sizeof(err->message), "%s: %s", prefix, old);
    return -1;
}

void fatal(const char *hint, const char *format, ...)
{
    char message[600];
    va_list args;
    va_start(args, format);
    text_vformat(message, sizeof(message), format, args);
    va_end(args);
    log_line(LOG_ERROR, "fatal", "reason=%s", log_quoted(message));
    if (hint != NULL) fprintf(stderr, "HINT: %s\n", hint);
    exit(1);
}
