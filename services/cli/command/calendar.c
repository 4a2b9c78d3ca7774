#include "commands.h"

#include <errno.h>
#include <string.h>

#include "base/file.h"
#include "base/buf.h"
#include "cli/terminal.h"
#include "time/calendar_table.h"
#include "time/holiday.h"
#include "cli/world/run_file.h"

static enum exit_status calendar(const struct words *words);

const struct command command_calendar = {
    .name = "calendar",
    .args = "eval FILE.tsv | import FILE [HOURS]",
    .least = 2,
    .most = 3,
    .usage =
        "Business time without a service: answer a table of cases; convert a holiday list.\n"
        "`eval` answers every row of a table (\"-\": standard input) with \"id<TAB>result\"."
        " Columns: id, op (add, sub, delta), tz,\n"
        "hours, holidays, special, pauses, start_utc, seconds, end_utc. `import` prints the dates"
        " of a holiday-cn JSON or\n"
        "iCalendar file as `holidays` and `special` of a calendar in YAML; HOURS are those of"
        " make-up workdays (09:00-18:00).",
    .examples = "  kefu calendar eval cases.tsv\n  kefu calendar import 2027.json 09:00-17:30",
    .exec = calendar};

enum { FILE_BYTES_MAX = 64 * MIB };

/* Bad rows are listed on standard error, the others answered all the same. */
static int answer_table(const char *name, text table, struct buf *out, struct err *err)
{
    struct buf faults = {0};
    int bad = calendar_table_answer(table, name, out, &faults);
    if (faults.len > 0) terminal_say("%.*s", (int)faults.len - 1, faults.at);
    buf_finish(&faults);
    return bad == 0 ? 0 : err_set(err, "%s: some rows are bad", name);
}

static int convert_holidays(const char *name, text file, text hours, struct buf *out,
                            struct err *err)
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
    return result == 0 ? 0 : err_prefix(err, "%s", name);
}

static enum exit_status calendar(const struct words *words)
{
    const char *verb = words->at[0], *name = words->at[1];
    bool eval = strcmp(verb, "eval") == 0;
    if (!eval && strcmp(verb, "import") != 0) return misuse("'%s' is not eval or import", verb);
    if (eval && words->n > 2) return misuse("eval takes one FILE.tsv");
    struct arena *arena = arena_create();
    struct buf out = {0};
    struct err err = {0};
    text hours = words->n > 2 ? text_of(words->at[2]) : TEXT("09:00-18:00");
    text file = file_given(name, FILE_BYTES_MAX, arena, &err);
    int bad = file.at == NULL ? -1
              : eval          ? answer_table(name, file, &out, &err)
                              : convert_holidays(name, file, hours, &out, &err);
    if (terminal_print(&out) < 0) bad = err_set(&err, "standard output: %s", strerror(errno));
    arena_destroy(arena);
    return bad < 0 ? complain(STATUS_FAILED, &err) : STATUS_OK;
}
