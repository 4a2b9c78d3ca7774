#include "cli/terminal.h"

#include "base/legible.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

static int put_text(FILE *file, text value)
{
    struct buf shown = {0};
    legible_show(&shown, value, LEGIBLE_WORDS);
    bool good = shown.len == 0 || fwrite(shown.at, 1, shown.len, file) == shown.len;
    buf_finish(&shown);
    return good && fflush(file) == 0 ? 0 : -1;
}

static bool cut_off;

int terminal_print(struct buf *out)
{
    int bad = put_text(stdout, buf_text(out));
    cut_off = cut_off || bad < 0;
    buf_finish(out);
    return bad;
}

bool terminal_cut_off(void)
{
    return cut_off;
}

void terminal_say(const char *format, ...)
{
    struct buf line = {0};
    va_list args;
    va_start(args, format);
    buf_vprintf(&line, format, args);
    va_end(args);
    buf_add_char(&line, '\n');
    (void)put_text(stderr, buf_text(&line));
    buf_finish(&line);
}

bool terminal_is_there(void)
{
    return isatty(STDERR_FILENO);
}

void terminal_progress(text line, bool last)
{
    if (terminal_is_there()) fputs("\r\033[K", stderr);
    (void)put_text(stderr, line);
    if (last || !terminal_is_there()) fputc('\n', stderr);
}
