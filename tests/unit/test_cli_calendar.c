#include "cli/command/commands.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char answer[4096];
static char complaint[4096];

/* Put the stream aside into a file; read what was written into `into`. */
static int divert(FILE *stream, FILE *file)
{
    fflush(stream);
    int kept = dup(fileno(stream));
    dup2(fileno(file), fileno(stream));
    return kept;
}

static void restore(FILE *stream, int kept, FILE *file, char *into, size_t room)
{
    fflush(stream);
    dup2(kept, fileno(stream));
    close(kept);
    rewind(file);
    into[fread(into, 1, room - 1, file)] = '\0';
    fclose(file);
}

static int run(const char *verb, const char *file)
{
    char *at[] = {(char *)verb, (char *)file};
    FILE *out = tmpfile(), *errors = tmpfile();
    if (out == NULL || errors == NULL) test_skip("a place for temporary files");
    int kept_out = divert(stdout, out), kept_errors = divert(stderr, errors);
    options_begin("calendar");
    int status = (int)command_calendar.exec(&(struct words){at, 2});
    restore(stdout, kept_out, out, answer, sizeof(answer));
    restore(stderr, kept_errors, errors, complaint, sizeof(complaint));
    return status;
}

static int eval(const char *table)
{
    char path[] = "/tmp/test_cli_calendar.XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, table, strlen(table)) != (ssize_t)strlen(table))
        test_skip("a place for temporary files");
    close(fd);
    int status = run("eval", path);
    unlink(path);
    return status;
}

#define HEAD "id\top\ttz\thours\tstart_utc\tseconds\tend_utc\n"

TEST(eval_answers_each_row)
{
    CHECK_INT(eval(HEAD
                   "a\tadd\tUTC\tmon 09:00-18:00\t2026-03-02T17:00:00Z\t3601\t\n"
                   "s\tsub\tUTC\tmon 09:00-18:00\t2026-03-09T09:00:00Z\t3600\t\n"
                   "n\tadd\tUTC\t\t2026-03-02T17:00:00Z\t1\t\n"
                   "d\tdelta\tUTC\tmon 09:00-18:00\t2026-03-02T10:00:00Z\t\t2026-03-02T09:00:00Z"),
              0);
    CHECK_STRING(
        answer,
        "id\tresult\na\t2026-03-09T09:00:01Z\ns\t2026-03-02T17:00:00Z\nn\tnever\nd\t-3600\n");
    CHECK_STRING(complaint, "");
}

TEST(eval_answers_the_good_rows_and_reports_the_bad)
{
    CHECK_INT(eval(HEAD "a\tadd\tUTC\tmon 9\t2026-03-02T17:00:00Z\t3601\t\n"
                        "b\tdelta\tUTC\t\t2026-03-02T10:00:00Z\t\t2026-03-02T09:00:00Z\n"),
              1);
    CHECK_STRING(answer, "id\tresult\nb\t0\n");
    CHECK_HAS(text_of(complaint), ":2: hours: mon: not hours");
}

TEST(eval_says_what_it_cannot_read)
{
    CHECK_INT(run("eval", "/no/such/file"), 1);
    CHECK_STRING(complaint, "kefu calendar: /no/such/file: No such file or directory\n");
    CHECK_INT(run("evaluate", "/no/such/file"), 2);
    CHECK_HAS(text_of(complaint), "'evaluate' is not eval or import");
}

TEST(import_prints_yaml)
{
    char path[] = "/tmp/test_cli_calendar.XXXXXX";
    static const char file[] = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20270101\nSUMMARY:元旦\n"
                               "END:VEVENT\nEND:VCALENDAR\n";
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, file, sizeof(file) - 1) != (ssize_t)sizeof(file) - 1)
        test_skip("a place for temporary files");
    close(fd);
    CHECK_INT(run("import", path), 0);
    CHECK_STRING(answer, "holidays:\n  - 2027-01-01   # 元旦\nspecial:\n  {}\n");
    unlink(path);
    CHECK_INT(run("import", path), 1);
    CHECK_HAS(text_of(complaint), "kefu calendar: /tmp/test_cli_calendar.");
}
