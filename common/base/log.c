#include "base/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    LINE_SIZE = 4096,
    QUOTED_SIZE = 1024,
    QUOTED_BUFFERS = 4,
    ALLOWANCES = 64,
    LEFT_OUT_SIZE = 32
};

static char who[160];
static enum log_level least_level = LOG_INFO;

static const char *const level_names[] = {
    [LOG_DEBUG] = "debug",
    [LOG_INFO] = "info",
    [LOG_WARN] = "warn",
    [LOG_ERROR] = "error",
};

void log_start(const char *service, const char *instance, enum log_level least)
{
    text_format(who, sizeof(who), " service=%s instance=%s", log_quoted(service),
                log_quoted(instance));
    least_level = least;
}

bool log_wants(enum log_level level)
{
    return level >= least_level;
}

/* How many lines of an event may be written; those that share a place share it. */
struct allowance {
    int64_t filled_ms; /* 0: never used */
    int64_t thousandths;
    unsigned left_out;
};

static int64_t coarse_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct allowance *allowance_of(enum log_level level, const char *event)
{
    static _Thread_local struct allowance allowances[LOG_ERROR + 1][ALLOWANCES];
    struct allowance *allowance = &allowances[level][text_hash(text_of(event)) % ALLOWANCES];
    int64_t now = coarse_ms();
    if (allowance->filled_ms == 0) allowance->thousandths = LOG_BURST * 1000;
    allowance->thousandths += (now - allowance->filled_ms) * LOG_RATE;
    if (allowance->thousandths > LOG_BURST * 1000) allowance->thousandths = LOG_BURST * 1000;
    allowance->filled_ms = now;
    return allowance;
}

static size_t write_head(char *line, enum log_level level, const char *event)
{
    struct timespec now;
    struct tm utc;
    clock_gettime(CLOCK_REALTIME, &now);
    (void)gmtime_r(&now.tv_sec, &utc);
    size_t len = strftime(line, LINE_SIZE, "ts=%Y-%m-%dT%H:%M:%S", &utc);
    int rest = snprintf(line + len, LINE_SIZE - len, ".%03ldZ level=%s%s event=%s",
                        now.tv_nsec / 1000000, level_names[level], who, event);
    return len + (size_t)rest;
}

void log_line(enum log_level level, const char *event, const char *fields, ...)
{
    if (!log_wants(level)) return;
    struct allowance *allowance = allowance_of(level, event);
    if (allowance->thousandths < 1000) {
        allowance->left_out++;
        return;
    }
    allowance->thousandths -= 1000;
    char line[LINE_SIZE];
    size_t len = write_head(line, level, event), most = LINE_SIZE - LEFT_OUT_SIZE;
    if (fields[0] != '\0' && len < most - 1) {
        line[len++] = ' ';
        va_list args;
        va_start(args, fields);
        len += text_vformat(line + len, most - len, fields, args); /* cut where it is long */
        va_end(args);
    }
    if (allowance->left_out > 0)
        len += text_format(line + len, LINE_SIZE - len, " left_out=%u", allowance->left_out);
    allowance->left_out = 0;
    line[len++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, len);
    (void)written; /* nowhere left to say it */
}

static bool is_plain(unsigned char c)
{
    return c > ' ' && c != '"' && c != '=' && c != '\\' && c != 0x7F;
}

static bool needs_quotes(text value)
{
    if (value.len == 0) return true;
    for (size_t i = 0; i < value.len; i++) {
        if (!is_plain((unsigned char)value.at[i])) return true;
    }
    return false;
}

/* Write one byte as it may stand between quotes; returns how many characters that took (4 at
   most). */
static size_t write_escaped(char *to, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    const char *simple = c == '\n'   ? "\\n"
                         : c == '\t' ? "\\t"
                         : c == '\r' ? "\\r"
                         : c == '"'  ? "\\\""
                                     : "\\\\";
    if (c == '\n' || c == '\t' || c == '\r' || c == '"' || c == '\\') {
        memcpy(to, simple, 2);
        return 2;
    }
    if (c >= ' ' && c != 0x7F) {
        to[0] = (char)c;
        return 1;
    }
    memcpy(to, (char[]){'\\', 'x', digits[c >> 4], digits[c & 15]}, 4);
    return 4;
}

const char *log_text(text value)
{
    static _Thread_local char buffers[QUOTED_BUFFERS][QUOTED_SIZE];
    static _Thread_local unsigned turn;
    char *out = buffers[turn++ % QUOTED_BUFFERS];
    bool quotes = needs_quotes(value);
    size_t len = 0;
    if (quotes) out[len++] = '"';
    for (size_t i = 0; i < value.len; i++) {
        bool begins = ((unsigned char)value.at[i] & 0xC0) != 0x80;
        /* room for a character of four bytes or an escape, dots, a quote and the end */
        if (begins && len > QUOTED_SIZE - 14) {
            memcpy(out + len, "...", 3);
            len += 3;
            break;
        }
        len += write_escaped(out + len, (unsigned char)value.at[i]);
    }
    if (quotes) out[len++] = '"';
    out[len] = '\0';
    return out;
}

const char *log_quoted(const char *value)
{
    return log_text(text_of(value));
}
