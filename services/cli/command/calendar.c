#include "calendar.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "time/calendar_table.h"
#include "time/holiday.h"

enum { EXIT_FINE, EXIT_BAD_INPUT, EXIT_USAGE, CHUNK = 64 * 1024, FILE_MOST = 256 * 1024 * 1024 };

static int read_stream(FILE *file, const char *name, struct buf *into, struct err *err)
{
    size_t n;
    do {
        n = fread(buf_reserve(into, CHUNK), 1, CHUNK, file);
        buf_grew(into, n);
    } while (n > 0 && into->len <= FILE_MOST);
    if (ferror(file)) return err_set(err, "%s: %s", name, strerror(errno));
    if (into->len > FILE_MOST)
        return err_set(err, "%s: longer than %d MiB", name, FILE_MOST / 1024 / 1024);
    return 0;
}

static int read_file(const char *name, struct buf *into, struct err *err)
{
    if (strcmp(name, "-") == 0) return read_stream(stdin, "standard input", into, err);
    FILE *file = fopen(name, "re");
    if (file == NULL) return err_set(err, "%s: %s", name, strerror(errno));
    int result = read_stream(file, name, into, err);
    fclose(file);
    return result;
}

static int write_all(FILE *file, text bytes)
{
    return fwrite(bytes.at, 1, bytes.len, file) == bytes.len && fflush(file) == 0 ? 0 : -1;
}

static int eval(const char *name)
{
    struct buf table = {0}, out = {0}, faults = {0};
    struct err err = {0};
    int status = EXIT_BAD_INPUT;
    if (read_file(name, &table, &err) < 0) {
        fprintf(stderr, "kefu calendar eval: %s\n", err.message);
        goto out;
    }
    if (calendar_table_answer(buf_text(&table), name, &out, &faults) == 0) status = EXIT_FINE;
    (void)write_all(stderr, buf_text(&faults));
    if (write_all(stdout, buf_text(&out)) < 0) {
        fprintf(stderr, "kefu calendar eval: standard output: %s\n", strerror(errno));
        status = EXIT_BAD_INPUT;
    }
out:
    buf_finish(&table);
    buf_finish(&out);
    buf_finish(&faults);
    return status;
}

static int convert(text file, text hours, struct buf *out, struct err *err)
{
    struct arena *arena = arena_create();
    struct calendar_rules *rules = calendar_rules_create();
    struct holidays holidays;
    int result = holiday_read(file, arena, &holidays, err);
    if (result == 0)
        result = holiday_apply(&holidays, rules, hours, err); /* proves that they fit */
    if (result == 0) holiday_write_yaml(&holidays, hours, out);
    calendar_rules_destroy(rules);
    arena_destroy(arena);
    return result;
}

static int import(const char *name, const char *hours)
{
    struct buf file = {0}, out = {0};
    struct err err = {0};
    int result = read_file(name, &file, &err);
    if (result == 0 && (result = convert(buf_text(&file), text_of(hours), &out, &err)) < 0)
        (void)err_prefix(&err, "%s", name);
    if (result == 0 && (result = write_all(stdout, buf_text(&out))) < 0)
        (void)err_set(&err, "standard output: %s", strerror(errno));
    if (result < 0) fprintf(stderr, "kefu calendar import: %s\n", err.message);
    buf_finish(&file);
    buf_finish(&out);
    return result < 0 ? EXIT_BAD_INPUT : EXIT_FINE;
}

static int usage(void)
{
    fputs("usage: kefu calendar eval FILE.tsv\n"
          "  Answers every row of a table of business-time cases (\"-\": standard input) with\n"
          "  \"id<TAB>result\". Columns: id, op (add, sub, delta), tz, hours, holidays, special,\n"
          "  pauses, start_utc, seconds, end_utc.\n"
          "       kefu calendar import FILE [HOURS]\n"
          "  Prints the dates of a holiday-cn JSON or iCalendar file as `holidays` and `special`\n"
          "  of a calendar in YAML; HOURS are those of make-up workdays (09:00-18:00).\n",
          stderr);
    return EXIT_USAGE;
}

int cli_calendar(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "eval") == 0) return eval(argv[2]);
    if ((argc == 3 || argc == 4) && strcmp(argv[1], "import") == 0)
        return import(argv[2], argc == 4 ? argv[3] : "09:00-18:00");
    return usage();
}
