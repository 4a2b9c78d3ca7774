#include "runtime/lane/choice.h"

#include "base/log.h"
#include "runtime/core/lane_reset.h"
#include "runtime/lane/portions.h"

enum kind { RESULTS, COMMANDS, EVENTS, ALARMS, KINDS };

/* Messages that stay, and so hold back what must not overtake them. Keys by a bit of their hash: at
   worst one waits for a batch. */
enum { KEY_BITS = 1024 };
struct held_back {
    bool any;
    struct backlog events;
    uint64_t keys[KEY_BITS / 64];
};

/* Commands chosen, by principal and id; open addressing. */
enum { ID_SLOTS = 2 * BATCH_MAX };

struct choice {
    struct lane *lane;
    struct queue *chosen;
    const struct work *ids[ID_SLOTS];
    struct held_back behind;  /* what is run alone, and what stays */
    bool again;               /* alarms have been let through once */
    bool timed;               /* `said` is known */
    time_us said[PARTITIONS]; /* when the first event that stays was said */
};

static void hold_back_key(struct held_back *behind, text key)
{
    uint64_t bit = text_hash(key) % KEY_BITS;
    behind->any = true;
    behind->keys[bit / 64] |= UINT64_C(1) << bit % 64;
}

static void hold_back_event(struct held_back *behind, const struct work *m)
{
    behind->any = true;
    behind->events.sources[m->partition] |= (uint8_t)(1U << m->source);
}

static bool is_held_back(const struct held_back *behind, const struct work *m)
{
    if (!behind->any) return false;
    uint64_t bit = text_hash(m->header.key) % KEY_BITS;
    if (behind->keys[bit / 64] >> bit % 64 & 1) return true;
    return m->origin == ORIGIN_EVENT && behind->events.sources[m->partition] >> m->source & 1;
}

/* Where the command of this principal and id is, or would be. */
static const struct work **find_id(struct choice *choice, const struct work *command)
{
    uint64_t hash = text_hash(command->header.id) + text_hash(command->principal);
    const struct work **at = &choice->ids[hash % ID_SLOTS];
    while (*at != NULL && !(text_equal((*at)->header.id, command->header.id) &&
                            text_equal((*at)->principal, command->principal)))
        at = at + 1 < choice->ids + ID_SLOTS ? at + 1 : choice->ids;
    return at;
}

/* Alarms are taken last: these events stay for another batch. */
static void time_events(struct choice *choice)
{
    choice->timed = true;
    for (const struct work *m = choice->lane->events.first; m != NULL; m = m->next) {
        time_us *said = &choice->said[m->partition];
        if (*said == 0 || m->header.time < *said) *said = m->header.time;
    }
}

/* To a process that drains only reports of jobs count, and they stay behind nothing: they have no
   order. */
static bool may_go(struct choice *choice, const struct work *m)
{
    if (runtime.draining) return m->origin == ORIGIN_RESULT;
    if (!choice->again && is_held_back(&choice->behind, m)) return false;
    /* Of one command id only one in a batch: the second one finds the kept reply of the first. */
    if (m->origin == ORIGIN_COMMAND) return *find_id(choice, m) == NULL;
    if (m->origin != ORIGIN_ALARM || choice->again) return true;
    if (!choice->timed) time_events(choice);
    return alarm_gate_lets(&choice->lane->gate, runtime.sources_n, m->due,
                           choice->said[m->partition], loop_now_ms());
}

/* Events and commands keep their order, alarms and reports have none. */
static void stay(struct choice *choice, const struct work *m)
{
    if (m->origin == ORIGIN_EVENT) hold_back_event(&choice->behind, m);
    if (m->origin == ORIGIN_COMMAND) hold_back_key(&choice->behind, m->header.key);
}

enum way { GOES, STAYS, GONE };

/* A job's report and a letter tried again may come when their partition has gone: whoever holds it
   now has them, too. */
static enum way decide(struct choice *choice, struct work *m)
{
    if (!lane_holds(choice->lane, m->partition)) return GONE;
    if (!may_go(choice, m)) {
        stay(choice, m);
        return STAYS;
    }
    if (m->origin == ORIGIN_COMMAND) *find_id(choice, m) = m;
    queue_add(choice->chosen, m);
    return GOES;
}

/* At most n, and no more once there are so many bytes. */
static void take(struct choice *choice, struct queue *from, size_t n, size_t bytes)
{
    size_t upto = choice->chosen->bytes + bytes;
    struct queue all = *from, left = {0}, gone = {0};
    while (n > 0 && all.n > 0 && choice->chosen->bytes < upto) {
        struct work *m = queue_take(&all);
        enum way way = decide(choice, m);
        if (way != GOES) queue_add(way == GONE ? &gone : &left, m);
        n -= way == GOES;
    }
    queue_join(&left, &all);
    *from = left;
    lane_drop(&gone);
}

/* The same of commands, in the order of turns. */
static void take_commands(struct choice *choice, size_t n, size_t bytes)
{
    struct turns *commands = &choice->lane->commands;
    size_t upto = choice->chosen->bytes + bytes;
    struct work *left = NULL, *m; /* a stack */
    struct queue gone = {0};
    while (n > 0 && choice->chosen->bytes < upto && (m = turns_take(commands)) != NULL) {
        enum way way = decide(choice, m);
        n -= way == GOES;
        if (way == GONE) queue_add(&gone, m);
        if (way != STAYS) continue;
        m->next = left;
        left = m;
    }
    while ((m = left) != NULL) {
        left = m->next;
        turns_put_back(commands, m);
    }
    lane_drop(&gone);
}

static bool is_careful(struct lane *lane)
{
    if (runtime.isolating && loop_now_ms() > lane->isolate_until_ms) {
        log_info("careful_end", "lane=%d", lane->number);
        runtime.isolating = false;
    }
    return runtime.isolating;
}

/* In isolation a job runs alone: of two, nobody could tell which one killed the process. */
static bool may_begin_jobs(void)
{
    int jobs = 0;
    for (int i = 0; i < runtime.lanes_n && runtime.lanes[i] != NULL; i++)
        jobs += runtime.lanes[i]->jobs;
    return !runtime.isolating || jobs == 0;
}

static void take_kind(struct choice *choice, enum kind kind, size_t n, size_t bytes)
{
    struct lane *lane = choice->lane;
    struct queue *const queues[KINDS] = {
        [RESULTS] = &lane->results, [EVENTS] = &lane->events, [ALARMS] = &lane->alarms};
    if (kind == COMMANDS)
        take_commands(choice, n, bytes);
    else
        take(choice, queues[kind], n, bytes);
}

static void take_portions(struct choice *choice, size_t room)
{
    struct lane *lane = choice->lane;
    size_t portions[KINDS], waiting[KINDS] = {
                                [RESULTS] = lane->results.n,
                                [COMMANDS] = lane->commands.n,
                                [EVENTS] = lane->events.n,
                                [ALARMS] = may_begin_jobs() ? lane->alarms.n : 0,
                            };
    portions_divide(waiting, KINDS, room, (size_t)lane->turn, portions);
    for (enum kind kind = 0; kind < KINDS; kind++)
        take_kind(choice, kind, portions[kind], BATCH_BYTES_MAX / KINDS);
    for (enum kind kind = 0; kind < KINDS; kind++) { /* what could not go has left room */
        size_t used = choice->chosen->bytes;
        if (waiting[kind] > 0 && used < BATCH_BYTES_MAX)
            take_kind(choice, kind, room - choice->chosen->n, BATCH_BYTES_MAX - used);
    }
    lane->turn = (lane->turn + 1) % KINDS;
}

/* A batch that lost a race is retried as a whole a few times: splitting it would be slowest when
   contention is highest. */
static bool goes_together(const struct lane *lane)
{
    return lane->races > 0 && lane->races < ATTEMPTS_MAX && !runtime.isolating;
}

static void hold_back_behind(struct held_back *behind, const struct queue *queue)
{
    for (const struct work *m = queue->first; m != NULL; m = m->next) {
        hold_back_key(behind, m->header.key);
        if (m->origin == ORIGIN_EVENT) hold_back_event(behind, m);
    }
}

static void take_single(struct choice *choice)
{
    bool together = goes_together(choice->lane);
    choice->again = true;
    take(choice, &choice->lane->single, together ? BATCH_MAX : 1, BATCH_BYTES_MAX);
    choice->again = false;
    choice->lane->apart = !together;
}

static void take_letter(struct choice *choice)
{
    take(choice, &choice->lane->letters, 1, BATCH_BYTES_MAX);
    choice->lane->apart = true;
}

static void take_others(struct choice *choice)
{
    hold_back_behind(&choice->behind, &choice->lane->single);
    take_portions(choice, is_careful(choice->lane) ? 1 : BATCH_MAX);
    choice->lane->apart = false;
}

bool choice_make(struct lane *lane, struct queue *chosen)
{
    static void (*const lots[])(struct choice * choice) = {take_others, take_single, take_letter};
    struct choice choice = {.lane = lane, .chosen = chosen};
    for (size_t i = 0; i < COUNT(lots) && chosen->n == 0; i++) {
        lane->lot = (lane->lot + 1) % (int)COUNT(lots);
        lots[lane->lot](&choice);
    }
    return chosen->n > 0;
}
