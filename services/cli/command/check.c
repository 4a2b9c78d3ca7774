#include "commands.h"

#include "cli/audit/audit.h"
#include "base/buf.h"
#include "data/json.h"
#include "cli/world/run_file.h"
#include "cli/client/console.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct {
    const char *database;
    int64_t timeout_ms;
} given = {.timeout_ms = 60000};

static const struct option options[] = {
    {"database", OPTION_TEXT, &given.database, "DSN",
     "the database, instead of that of the system in --dir"},
    {"timeout", OPTION_SPAN, &given.timeout_ms, "SPAN",
     "how long to wait until all is quiet (60s)"},
};

static enum exit_status check_command(const struct words *words);

const struct command command_check = {
    .name = "check",
    .most = 0,
    .usage = "Does the system hold what it promises? Invariants I1 (nothing lost),"
             " I2 (nothing without cause), I3 (once), I4 (order),\n"
             "I5 (positions and counters true), I6 (bounded), I7 (nothing undone),"
             " I8 (refused means not done), I10 (the feed), I11 (clocks),\n"
             "I12 (stopped means gone), over all schemas. Reads only. Waits until all is quiet.",
    .examples = "  kefu check\n  kefu check --json\n  kefu check --database 'host=/run/postgresql"
                " dbname=kefu'   # the services may be stopped",
    .options = options,
    .options_n = COUNT(options),
    .exec = check_command};

enum { PAUSE_MS = 100 };

/* --- what was found --- */

struct verdict {
    struct audit_finding *findings;
    text *looked_at;
};

static int64_t broken(const struct verdict *verdict, const char *invariant)
{
    int64_t n = 0;
    for (size_t i = 0; i < audit_checks_n; i++)
        if (invariant == NULL || strcmp(audit_checks[i].invariant, invariant) == 0)
            n += verdict->findings[i].cases > 0;
    return n;
}

/* Is something under way that would have gone away by itself? What it will still do counts as
   missing. */
static bool is_quiet(const struct verdict *verdict)
{
    bool quiet = true;
    for (size_t i = 0; i < audit_checks_n; i++)
        quiet = quiet && !(audit_checks[i].passes && verdict->findings[i].cases > 0);
    return quiet;
}

static void print_check(struct buf *out, const struct audit_check *check,
                        const struct audit_finding *finding)
{
    buf_printf(out, "     %s: %" PRId64 " × %s\n", check->name, finding->cases, check->explanation);
    for (size_t i = 0; i < finding->examples_n; i++)
        buf_printf(out, "       %.*s\n", TEXT_ARG(finding->examples[i]));
}

static void print_table(struct buf *out, const struct verdict *verdict)
{
    for (size_t i = 0; i < audit_invariants_n; i++) {
        const struct audit_invariant *invariant = &audit_invariants[i];
        bool good = broken(verdict, invariant->name) == 0;
        buf_printf(out, "%-4s %-8s  %s (%.*s)\n", invariant->name, good ? "ok" : "VIOLATED",
                   invariant->promise, TEXT_ARG(verdict->looked_at[i]));
        for (size_t k = 0; k < audit_checks_n; k++)
            if (verdict->findings[k].cases > 0 &&
                strcmp(audit_checks[k].invariant, invariant->name) == 0)
                print_check(out, &audit_checks[k], &verdict->findings[k]);
    }
    if (!is_quiet(verdict))
        buf_printf(out, "not quiet: what is still under way (I7) counts as missing above\n");
}

static void json_field(struct buf *out, const char *name, text value)
{
    buf_printf(out, "\"%s\":", name);
    json_quote(out, value);
}

static void json_check(struct buf *out, const struct audit_check *check,
                       const struct audit_finding *finding)
{
    buf_add_char(out, '{');
    json_field(out, "check", text_of(check->name));
    buf_printf(out, ",\"cases\":%" PRId64 ",", finding->cases);
    json_field(out, "explanation", text_of(check->explanation));
    buf_add_text(out, TEXT(",\"examples\":["));
    for (size_t i = 0; i < finding->examples_n; i++) {
        if (i > 0) buf_add_char(out, ',');
        json_quote(out, finding->examples[i]);
    }
    buf_add_text(out, TEXT("]}"));
}

static void json_invariant(struct buf *out, const struct audit_invariant *invariant, text looked_at,
                           const struct verdict *verdict)
{
    bool first = true;
    buf_add_char(out, '{');
    json_field(out, "invariant", text_of(invariant->name));
    buf_printf(out, ",\"ok\":%s,", broken(verdict, invariant->name) == 0 ? "true" : "false");
    json_field(out, "looked_at", looked_at);
    buf_add_text(out, TEXT(",\"broken\":["));
    for (size_t k = 0; k < audit_checks_n; k++) {
        if (verdict->findings[k].cases == 0 ||
            strcmp(audit_checks[k].invariant, invariant->name) != 0)
            continue;
        if (!first) buf_add_char(out, ',');
        first = false;
        json_check(out, &audit_checks[k], &verdict->findings[k]);
    }
    buf_add_text(out, TEXT("]}"));
}

static void print_json(struct buf *out, const struct verdict *verdict)
{
    buf_printf(out, "{\"ok\":%s,\"quiet\":%s,\"invariants\":[",
               broken(verdict, NULL) == 0 ? "true" : "false", is_quiet(verdict) ? "true" : "false");
    for (size_t i = 0; i < audit_invariants_n; i++) {
        if (i > 0) buf_add_char(out, ',');
        json_invariant(out, &audit_invariants[i], verdict->looked_at[i], verdict);
    }
    buf_add_text(out, TEXT("]}\n"));
}

/* --- looking --- */

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Take snapshots until one is quiet. What nobody is there to do is not waited for. */
static int wait_quiet(struct audit *audit, struct err *err)
{
    const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
    int64_t until = now_ms() + given.timeout_ms;
    bool waits = true, live = true;
    while (audit_look(audit, &waits, &live, err) == 0) {
        if (!waits || !live || now_ms() >= until) return 0;
        nanosleep(&pause, NULL);
    }
    return -1;
}

static const char *find_database(struct arena *arena, struct err *err)
{
    if (given.database != NULL) return given.database;
    const struct run_file *run = run_file_read(common_options.dir, arena, err);
    return run == NULL ? NULL : arena_printf(arena, "%s user=kefu_operator", run->dsn.at).at;
}

static int examine(const char *dsn, struct arena *arena, struct verdict *verdict, struct err *err)
{
    struct audit *audit = audit_open(dsn, err);
    int result = audit == NULL ? -1 : wait_quiet(audit, err);
    verdict->findings = ARENA_ARRAY(arena, struct audit_finding, audit_checks_n);
    verdict->looked_at = ARENA_ARRAY(arena, text, audit_invariants_n);
    if (result == 0)
        result = audit_examine(audit, arena, verdict->findings, verdict->looked_at, err);
    audit_close(audit);
    return result;
}

static enum exit_status check_command(const struct words *words)
{
    struct err err = {0};
    struct arena *arena = arena_create();
    struct verdict verdict;
    struct buf out = {0};
    enum exit_status status;
    (void)words;
    const char *dsn = find_database(arena, &err);
    if (dsn == NULL || examine(dsn, arena, &verdict, &err) < 0) {
        status = complain(STATUS_UNREACHABLE, &err);
    } else {
        if (common_options.json)
            print_json(&out, &verdict);
        else
            print_table(&out, &verdict);
        (void)terminal_print(&out);
        status = broken(&verdict, NULL) == 0 ? STATUS_OK : STATUS_FAILED;
    }
    arena_destroy(arena);
    return status;
}
