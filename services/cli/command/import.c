#include "commands.h"

#include "cli/world/world_clock.h"
#include "data/json.h"
#include "intake.msg.h"
#include "base/loop.h"
#include "cli/import/pending.h"
#include "cli/import/people.h"
#include "cli/import/timeline.h"
#include "cli/client/console.h"
#include "cli/client/step_path.h"
#include "workforce.msg.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum exit_status import(const struct words *words);

static struct {
    const char *map, *staff, *until;
    bool clock, windows;
    int64_t patience_ms;
} given = {.patience_ms = 180000};

static const struct option options[] = {
    {"map", OPTION_TEXT, &given.map, "FILE", "how rows become commands (deploy/import/NAME.yaml)"},
    {"staff", OPTION_TEXT, &given.staff, "FILE",
     "who is on duty when (the mapping's name with -staff)"},
    {"clock", OPTION_FLAG, &given.clock, NULL, "on the test clock, everything at its own time"},
    {"windows", OPTION_FLAG, &given.windows, NULL,
     "with --clock: many moments at once (faster; journals are then not in the order of time)"},
    {"until", OPTION_TEXT, &given.until, "TIME",
     "what happens later does not happen (the mapping's `until`)"},
    {"timeout", OPTION_SPAN, &given.patience_ms, "TIME", "how long to go on asking one thing (3m)"},
};

const struct command command_import = {
    .name = "import",
    .args = "FILE.csv",
    .least = 1,
    .most = 1,
    .usage =
        "Bring the requests of a CSV file in through the flows' own commands. Importing a file"
        " again changes nothing. Rows that will\n"
        "not do are listed with line, field and rule at the end (exit status 1); the others are"
        " imported.",
    .examples =
        "  kefu import requests.csv --map deploy/import/baltimore.yaml\n"
        "  kefu import requests.csv --map deploy/import/baltimore.yaml --clock --until '03/01/2019"
        " 12:00:00 AM'",
    .options = options,
    .options_n = COUNT(options),
    .exec = import};

enum { SHOWN_PROBLEMS = 50, AT_ONCE = 256, WINDOW_MAX = 2000 };

struct importing {
    struct client *client;
    struct clockwork *clockwork; /* NULL: on the real clock */
    const struct mapping *mapping;
    const struct people *people;
    const struct flows *flows;
    struct arena *arena;
    struct import_rows rows;
    struct problems problems;
    struct timeline timeline;
    time_us until, began; /* began: what the clock said at the start */
    int64_t shown_ms, started_ms, finished;
    struct err lost; /* somebody did not answer: the import ends */
    bool stopped;
};

/* --- replies --- */

static void lose(struct importing *in, const struct err *err)
{
    in->stopped = true;
    in->lost = *err;
}

static void take_failure(struct importing *in, const struct import_row *row,
                         const struct reply *reply)
{
    if (reply->kind == REPLY_REFUSED)
        problems_add(&in->problems, row != NULL ? row->line : 0, &reply->err);
    else if (reply->kind == REPLY_AGAIN || reply->kind == REPLY_UNREACHABLE)
        lose(in, &reply->err);
}

struct opening {
    struct importing *in;
    struct import_row *row;
};

static void opened(void *ctx, const struct reply *reply)
{
    struct opening *opening = ctx;
    const struct contact_recorded *recorded = reply->body;
    if (reply->kind == REPLY_ANSWERED && recorded->tickets.n > 0)
        opening->row->ticket = LIST(recorded->tickets, int64_t)[0];
    take_failure(opening->in, opening->row, reply);
    opening->in->finished++;
}

static void duty_set(void *ctx, const struct reply *reply)
{
    take_failure(ctx, NULL, reply);
}

/* --- commands --- */

static void ask(struct importing *in, const char *service, const struct shape *shape,
                const void *body, text step, time_us at,
                void (*fn)(void *ctx, const struct reply *reply), void *ctx)
{
    client_ask(in->client,
               &(struct question){.shape = shape,
                                  .body = body,
                                  .service = client_service(in->client, service),
                                  .replica = ANY_REPLICA,
                                  .step = step,
                                  .actor = in->mapping->acting,
                                  .at = at,
                                  .patience_ms = given.patience_ms},
               fn, ctx);
}

static void open_row(struct importing *in, struct import_row *row)
{
    const struct mapping *m = in->mapping;
    struct contact_item item = {.kind = m->kind,
                                .topic = row->topic,
                                .words = row->words,
                                .promised_at = row->promised,
                                .class = m->class};
    struct contact_record body = {.source = m->source,
                                  .source_id = row->source_id,
                                  .channel = row->channel,
                                  .received_at = row->opened,
                                  .recorder = m->recorder,
                                  .org_unit = m->org_unit,
                                  .address = row->address,
                                  .locale = m->locale,
                                  .items = {&item, 1}};
    struct opening *opening = ARENA_NEW(in->arena, struct opening);
    *opening = (struct opening){in, row};
    text step = arena_printf(in->arena, "import/%s/%s/open", m->source.at, row->source_id.at);
    ask(in, "intake", &contact_record_shape, &body, step, row->opened, opened, opening);
}

static void set_duty(struct importing *in, const struct moment *moment)
{
    bool on = moment->group == GROUP_ON_DUTY;
    struct duty_set body = {.staff = moment->person->set.staff, .on = on};
    text step = arena_printf(in->arena, "import/%s/duty/%s/%" PRId64 "/%s", in->mapping->source.at,
                             body.staff.at, moment->at, on ? "on" : "off");
    ask(in, "workforce", &duty_set_shape, &body, step, moment->at, duty_set, in);
}

struct walking {
    struct importing *in;
    struct import_row *row;
    time_us at;
    struct arena *arena;
};

/* "@moment", "@stand_in", and "the department of the row" stand for values; all else is itself. */
static text value_of(const struct walking *walking, text written)
{
    if (text_is(written, "@stand_in"))
        return arena_printf(walking->arena, "%" PRId64, walking->in->timeline.stand_in.ticket);
    if (text_is(written, "the department of the row")) return walking->row->department;
    if (!text_is(written, "@moment")) return written;
    struct buf time = {0};
    json_add_time(&time, walking->at);
    text value = arena_text(walking->arena, buf_text(&time));
    buf_finish(&time);
    return value;
}

static void fill(void *ctx, struct deed *deed)
{
    const struct walking *walking = ctx;
    const struct form *form = mapping_form(walking->in->mapping, deed->action);
    for (size_t i = 0; form != NULL && i < form->fields.n; i++) {
        text value = value_of(walking, form->fields.at[i].value);
        (void)deed_add(deed, form->fields.at[i].key, value, !deed_is_code(value));
    }
    if (text_is(deed->action, "dispatch")) deed->handler = deed->actor;
}

static void walked(void *ctx, const struct reply *end)
{
    struct walking *walking = ctx;
    take_failure(walking->in, walking->row, end);
    arena_destroy(walking->arena);
    free(walking);
}

static void walk_row(struct importing *in, const struct moment *moment)
{
    const struct path *path = moment->row->status->path;
    if (moment->row->ticket == 0) return; /* it was refused */
    struct walking *walking = mem_alloc(sizeof(*walking));
    *walking = (struct walking){in, moment->row, moment->at, arena_create()};
    bool leaves = path->exit.len > 0;
    trail_start(&(struct trail_plan){.client = in->client,
                                     .flows = in->flows,
                                     .kind = in->mapping->kind,
                                     .ticket = moment->row->ticket,
                                     .actions = leaves ? &path->exit : path->steps.at,
                                     .n = leaves ? 1 : path->steps.n,
                                     .actor = leaves ? in->mapping->acting : (text){0},
                                     .acting = in->mapping->acting,
                                     .step = arena_printf(walking->arena, "import/%s/%s",
                                                          in->mapping->source.at,
                                                          moment->row->source_id.at),
                                     .at = moment->at,
                                     .patience_ms = given.patience_ms,
                                     .fill = fill,
                                     .done = walked,
                                     .ctx = walking});
}

/* --- going through the timeline --- */

static void show(struct importing *in, time_us at, bool last)
{
    int64_t now = loop_now_ms();
    if (!last && now - in->shown_ms < (terminal_is_there() ? 200 : 10000)) return;
    in->shown_ms = now;
    struct buf line = {0};
    json_add_time(&line, at);
    buf_printf(&line, "  %" PRId64 " of %zu opened", in->finished,
               in->rows.n + (in->timeline.stand_in.source_id.len > 0));
    if (in->clockwork != NULL)
        buf_printf(&line, ", clock set %" PRId64 " times", clockwork_work(in->clockwork).steps);
    buf_printf(&line, ", %zu problems, %" PRId64 " s", in->problems.n,
               (now - in->started_ms) / 1000);
    terminal_progress(buf_text(&line), last);
    buf_finish(&line);
}

/* Of duty in the past only the last word of each person counts. */
static bool is_stale(const struct importing *in, size_t i)
{
    if (!moment_is_duty(&in->timeline.at[i]) || in->clockwork == NULL ||
        in->timeline.at[i].at >= in->began)
        return false;
    for (size_t k = i + 1; k < in->timeline.n && in->timeline.at[k].at <= in->began; k++)
        if (in->timeline.at[k].person == in->timeline.at[i].person) return true;
    return false;
}

/* All of one group at one instant, side by side. Returns where the next group begins. */
static size_t do_group(struct importing *in, size_t from)
{
    size_t i = from;
    for (; i < in->timeline.n && in->timeline.at[i].at == in->timeline.at[from].at &&
           in->timeline.at[i].group == in->timeline.at[from].group;
         i++) {
        const struct moment *moment = &in->timeline.at[i];
        if (moment->group == GROUP_OPEN)
            open_row(in, moment->row);
        else if (!moment_is_duty(moment))
            walk_row(in, moment);
        else if (!is_stale(in, i))
            set_duty(in, moment);
        client_wait(in->client, AT_ONCE);
    }
    client_wait(in->client, 0);
    return i;
}

/* On the test clock, and not before its own beginning. */
static bool is_live(const struct importing *in, time_us at)
{
    return in->clockwork != NULL && at >= in->began;
}

/* All that happens at one instant, group by group. */
static int do_instant(struct importing *in, size_t *i, struct err *err)
{
    time_us at = in->timeline.at[*i].at;
    bool live = is_live(in, at);
    if (live && clockwork_advance(in->clockwork, at, err) < 0) return -1;
    while (*i < in->timeline.n && in->timeline.at[*i].at == at && !in->stopped) {
        *i = do_group(in, *i);
        if (in->clockwork != NULL) clockwork_stir(in->clockwork);
        if (live && *i < in->timeline.n && in->timeline.at[*i].at == at &&
            clockwork_settle(in->clockwork, err) < 0)
            return -1;
    }
    return 0;
}

/* --- many moments at once --- */

/*
 * Between two changes of duty no ticket minds what happens to another. So all that happens in such
 * a stretch is sent at once, each command with its own time, in a window of the test clock: first
 * what is opened, then what is walked. Only what happens to one ticket keeps its order: a walk
 * waits until the alarms of its ticket that are due before it have fired. Alarms of routing and
 * reporting concern more than what is sent here: a window ends at the first of them.
 */
struct window {
    struct importing *in;
    size_t from, upto; /* moments */
    time_us to;
    size_t left; /* not done */
};

/* 0 is none. */
static time_us earlier(time_us a, time_us b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

static time_us barrier(const struct importing *in)
{
    time_us routing = clockwork_next_of(in->clockwork, "routing");
    return earlier(earlier(in->until, routing), clockwork_next_of(in->clockwork, "reporting"));
}

/* False: what comes next cannot be in a window. */
static bool find_window(struct importing *in, size_t i, struct window *window)
{
    time_us end = barrier(in);
    *window = (struct window){.in = in, .from = i, .upto = i};
    while (window->upto < in->timeline.n && window->upto - i < WINDOW_MAX &&
           !moment_is_duty(&in->timeline.at[window->upto]) &&
           in->timeline.at[window->upto].at < end)
        window->upto++;
    window->to =
        window->upto < in->timeline.n ? earlier(end, in->timeline.at[window->upto].at) : end;
    while (window->upto > i && in->timeline.at[window->upto - 1].at >= window->to) window->upto--;
    window->left = window->upto - i;
    return window->left > 0;
}

static int settle_window(struct window *window, struct err *err)
{
    client_wait(window->in->client, 0);
    clockwork_stir(window->in->clockwork);
    return clockwork_settle(window->in->clockwork, err);
}

static void do_moment(struct window *window, struct moment *moment)
{
    if (moment->group == GROUP_OPEN)
        open_row(window->in, moment->row);
    else
        walk_row(window->in, moment);
    moment->done = true;
    window->left--;
    client_wait(window->in->client, AT_ONCE);
}

static int open_all(struct window *window, struct err *err)
{
    for (size_t i = window->from; i < window->upto; i++)
        if (window->in->timeline.at[i].group == GROUP_OPEN)
            do_moment(window, &window->in->timeline.at[i]);
    return settle_window(window, err);
}

/* Walks whose time has come for their tickets. Gives the first that must wait, 0 if none does. */
static int walk_some(struct window *window, time_us *first, struct err *err)
{
    struct arena *arena = arena_create();
    struct pending pending;
    size_t left = window->left;
    int bad = pending_ask(window->in->client, given.patience_ms, arena, &pending, err);
    *first = 0;
    for (size_t i = window->from; bad == 0 && i < window->upto; i++) {
        struct moment *moment = &window->in->timeline.at[i];
        if (moment->done) continue;
        if (moment->at < barrier(window->in) &&
            !pending_by(&pending, moment->row->ticket, moment->at))
            do_moment(window, moment);
        else
            *first = earlier(*first, moment->at);
    }
    arena_destroy(arena);
    return bad < 0 || left == window->left ? bad : settle_window(window, err);
}

/* The clock goes on as far as alarms of the window may fire before the next walk. */
static int pass_to(struct window *window, time_us first, struct err *err)
{
    struct importing *in = window->in;
    time_us to = earlier(earlier(window->to, first), barrier(in));
    if (clockwork_set(in->clockwork, to, err) < 0) return -1;
    return clockwork_settle(in->clockwork, err);
}

static int do_window(struct window *window, struct err *err)
{
    struct importing *in = window->in;
    time_us first;
    if (clockwork_open_window(in->clockwork, window->to, err) < 0 || open_all(window, err) < 0)
        return -1;
    while (!in->stopped && (window->left > 0 || clockwork_now(in->clockwork) < window->to))
        if (walk_some(window, &first, err) < 0 || pass_to(window, first, err) < 0) return -1;
    return 0;
}

static int go_on(struct importing *in, size_t *i, struct err *err)
{
    struct window window;
    bool live = is_live(in, in->timeline.at[*i].at);
    if (!live || !given.windows || !find_window(in, *i, &window)) return do_instant(in, i, err);
    *i = window.upto;
    return do_window(&window, err);
}

static int go_through(struct importing *in, struct err *err)
{
    for (size_t i = 0; i < in->timeline.n;) {
        time_us at = in->timeline.at[i].at;
        if (go_on(in, &i, err) < 0) return -1;
        if (in->stopped) {
            *err = in->lost;
            return -1;
        }
        show(in, at, false);
    }
    if (in->clockwork == NULL) return 0;
    if (given.windows && clockwork_close_window(in->clockwork, err) < 0) return -1;
    return clockwork_advance(in->clockwork, in->until, err);
}

/* --- all of it --- */

static const char *staff_file(struct arena *arena)
{
    size_t len = strlen(given.map);
    bool yaml = len > 5 && strcmp(given.map + len - 5, ".yaml") == 0;
    return given.staff != NULL
               ? given.staff
               : arena_printf(arena, "%.*s-staff.yaml", (int)(yaml ? len - 5 : len), given.map).at;
}

static int read_files(struct importing *in, const char *file, struct err *err)
{
    in->mapping = mapping_read(given.map, in->arena, err);
    if (in->mapping == NULL) return -1;
    in->people = people_read(staff_file(in->arena), in->arena, err);
    if (in->people == NULL) return -1;
    in->until = in->mapping->until;
    if (given.until != NULL &&
        !wall_read_american(in->mapping->zone, text_of(given.until), &in->until) &&
        !talk_time(given.until, &in->until))
        return err_set(err, "--until: '%s' is not a time", given.until);
    return import_rows_read(file, in->mapping, in->until, in->arena, &in->rows, &in->problems, err);
}

static int run(struct importing *in, struct err *err)
{
    const struct run_file *running = client_run(in->client);
    in->flows = trail_flows(running->home.at, in->arena, err);
    if (in->flows == NULL) return -1;
    if (given.clock &&
        (in->clockwork = clockwork_create(in->client, given.patience_ms, err)) == NULL)
        return -1;
    in->began = in->clockwork != NULL ? clockwork_now(in->clockwork) : 0;
    timeline_make(&in->timeline, &in->rows, in->mapping, in->clockwork != NULL ? in->people : NULL,
                  in->until);
    if (in->clockwork != NULL && in->timeline.n > 0 &&
        clockwork_advance(in->clockwork, in->timeline.at[0].at, err) < 0)
        return -1;
    if (people_send(in->people, in->client, given.patience_ms, err) < 0) return -1;
    if (in->clockwork != NULL && clockwork_settle(in->clockwork, err) < 0) return -1;
    return go_through(in, err);
}

static void list_problems(const struct problems *problems)
{
    for (size_t i = 0; i < problems->n && i < SHOWN_PROBLEMS; i++) {
        const struct problem *p = &problems->at[i];
        terminal_say("line %" PRId64 ": %s%s%s%s%s%s", p->line, p->err.field,
                     p->err.field[0] ? ": " : "", p->err.message, p->err.rule[0] ? " (" : "",
                     p->err.rule, p->err.rule[0] ? ")" : "");
    }
    if (problems->n > SHOWN_PROBLEMS) terminal_say("… and %zu more", problems->n - SHOWN_PROBLEMS);
}

static void sum_up(const struct importing *in)
{
    struct clockwork_work work =
        in->clockwork != NULL ? clockwork_work(in->clockwork) : (struct clockwork_work){0};
    size_t open = 0;
    for (size_t i = 0; i < in->rows.n; i++) open += in->rows.at[i].ticket != 0;
    const char *format =
        common_options.json ? "{\"tickets\":%zu,\"problems\":%zu,\"late\":%zu,\"steps\":%" PRId64
                              ",\"looks\":%" PRId64 "}\n"
                            : "tickets: %zu\nproblems: %zu\nafter the end: %zu\nclock set: %" PRId64
                              "\nlooks: %" PRId64 "\n";
    struct buf out = {0};
    buf_printf(&out, format, open, in->problems.n, in->rows.late, work.steps, work.looks);
    (void)terminal_print(&out);
}

static enum exit_status import(const struct words *words)
{
    if (given.map == NULL) return misuse("--map is missing");
    struct importing in = {.arena = arena_create(), .started_ms = loop_now_ms()};
    struct err err = {0};
    enum exit_status status = STATUS_OK;
    if (read_files(&in, words->at[0], &err) < 0) status = complain(STATUS_FAILED, &err);
    if (status == STATUS_OK && (in.client = talk_open()) == NULL) status = STATUS_UNREACHABLE;
    if (status == STATUS_OK) {
        if (run(&in, &err) < 0)
            status = complain(in.stopped ? STATUS_UNREACHABLE : STATUS_FAILED, &err);
        show(&in, in.clockwork != NULL ? clockwork_now(in.clockwork) : in.until, true);
        sum_up(&in);
    }
    list_problems(&in.problems);
    if (status == STATUS_OK && in.problems.n > 0) status = STATUS_FAILED;
    client_close(in.client); /* what is still open ends, and looks at what follows */
    clockwork_destroy(in.clockwork);
    people_finish(in.people);
    mapping_finish(in.mapping);
    import_rows_finish(&in.rows);
    problems_finish(&in.problems);
    timeline_finish(&in.timeline);
    arena_destroy(in.arena);
    return status;
}
