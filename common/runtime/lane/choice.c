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

struct choice {
    struct lane *lane;
    struct queue *chosen;
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

/* Of one command id only one in a batch: the second one finds the kept reply of the first. */
static bool has_id(const struct queue *chosen, const struct work *command)
{
    for (const struct work *m = chosen->first; m != NULL; m = m->next)
        if (m->origin == ORIGIN_COMMAND && text_equal(m->header.id, command->header.id) &&
            text_equal(m->principal, command->principal))
            return true;
    return false;
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
    if (m->origin == ORIGIN_COMMAND) return !has_id(choice->chosen, m);
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

/* At most n, and no more once there are so many bytes. A job's report and a letter tried again may
   come when their partition has gone: whoever holds it now has them, too. */
static void take(struct choice *choice, struct queue *from, size_t n, size_t bytes)
{
    size_t upto = choice->chosen->bytes + bytes;
    struct queue all = *from, left = {0}, gone = {0};
    while (n > 0 && all.n > 0 && choice->chosen->bytes < upto) {
        struct work *m = queue_take(&all);
        bool held = lane_holds(choice->lane, m->partition), goes = held && may_go(choice, m);
        if (held && !goes) stay(choice, m);
        queue_add(!held ? &gone : goes ? choice->chosen : &left, m);
        n -= goes;
    }
    queue_join(&left, &all);
    *from = left;
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

static void take_portions(struct choice *choice, size_t room)
{
    struct lane *lane = choice->lane;
    struct queue *const queues[KINDS] = {
        [RESULTS] = &lane->results,
        [COMMANDS] = &lane->commands,
        [EVENTS] = &lane->events,
        [ALARMS] = &lane->alarms,
    };
    size_t waiting[KINDS], portions[KINDS];
    bool wanted[KINDS] = {true, true, true, may_begin_jobs()};
    for (int kind = 0; kind < KINDS; kind++) waiting[kind] = wanted[kind] ? queues[kind]->n : 0;
    portions_divide(waiting, KINDS, room, (size_t)lane->turn, portions);
    for (int kind = 0; kind < KINDS; kind++)
        take(choice, queues[kind], portions[kind], BATCH_BYTES_MAX / KINDS);
    for (int kind = 0; kind < KINDS; kind++) { /* what could not go has left room */
        size_t used = choice->chosen->bytes;
        if (wanted[kind] && used < BATCH_BYTES_MAX)
            take(choice, queues[kind], room - choice->chosen->n, BATCH_BYTES_MAX - used);
    }
    lane->turn = (lane->turn + 1) % KINDS;
}

/* What lost a race is tried again as a whole, a few times: it would lose its speed just when others
   send the same. */
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
