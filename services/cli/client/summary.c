#include "summary.h"

#include "fields.h"

#include <inttypes.h>
#include <string.h>

enum { PARTS = 4, CLOCKS_MAX = 64 };

/* A topic cut at its slashes. */
struct topic {
    text part[PARTS];
    int n;
    const struct topic_value *value;
};

static struct topic cut(const struct topic_value *value)
{
    struct topic topic = {.value = value};
    text rest = value->topic;
    while (rest.len > 0 && topic.n < PARTS) topic.part[topic.n++] = text_take(&rest, '/');
    return topic;
}

#define EACH_TOPIC(topic, view)                                                                    \
    for (size_t i_ = 0; i_ < (view)->topics.n; i_++)                                               \
        for (struct topic topic = cut(&LIST((view)->topics, struct topic_value)[i_]),              \
                          *once_ = &topic;                                                         \
             once_ != NULL; once_ = NULL)

static bool is_ticket(const struct topic *topic)
{
    return topic->n == 3 && text_is(topic->part[0], "tickets") &&
           !text_is(topic->part[1], "department");
}

static void add_tickets(struct buf *out, const struct report_summary_view *view)
{
    text kind = {0};
    int64_t all = 0, open = 0;
    buf_printf(out, "TICKETS        state                   count\n");
    EACH_TOPIC(topic, view)
    {
        if (text_is(topic.value->topic, "tickets/open")) open = topic.value->count;
        if (!is_ticket(&topic) || topic.value->count == 0) continue;
        bool same = text_equal(kind, topic.part[1]);
        kind = topic.part[1];
        all += topic.value->count;
        buf_printf(out, "%-14.*s %-22.*s %6" PRId64 "\n", same ? 0 : (int)kind.len, kind.at,
                   TEXT_ARG(topic.part[2]), topic.value->count);
    }
    buf_printf(out, "%-37s %6" PRId64 "  (open: %" PRId64 ")\n\n", "all", all, open);
}

static void add_people(struct buf *out, const struct report_summary_view *view)
{
    int column = 0;
    buf_printf(out, "WHO HOLDS WHAT (open tickets)\n");
    EACH_TOPIC(topic, view)
    {
        if (topic.n != 2 || !text_is(topic.part[0], "held") || topic.value->count == 0) continue;
        buf_printf(out, "%-10.*s%4" PRId64 "%s", TEXT_ARG(topic.part[1]), topic.value->count,
                   ++column % 5 == 0 ? "\n" : "    ");
    }
    if (column % 5 != 0) buf_add_char(out, '\n');
    EACH_TOPIC(topic, view)
    if (topic.n == 2 && text_is(topic.part[0], "waiting") && topic.value->count > 0)
        buf_printf(out, "waiting for somebody: %.*s %" PRId64 "\n", TEXT_ARG(topic.part[1]),
                   topic.value->count);
    buf_add_char(out, '\n');
}

struct clock_sum {
    text name;
    int64_t met, breached, running, none;
};

static struct clock_sum *clock_of(struct clock_sum *clocks, size_t *n, text name)
{
    for (size_t i = 0; i < *n; i++)
        if (text_equal(clocks[i].name, name)) return &clocks[i];
    if (*n == CLOCKS_MAX) return &clocks[0];
    clocks[*n] = (struct clock_sum){.name = name};
    return &clocks[(*n)++];
}

static void add_clocks(struct buf *out, const struct report_summary_view *view)
{
    struct clock_sum clocks[CLOCKS_MAX];
    size_t n = 0;
    EACH_TOPIC(topic, view)
    {
        if (topic.n != 3 || !text_is(topic.part[0], "clocks")) continue;
        struct clock_sum *clock = clock_of(clocks, &n, topic.part[1]);
        if (text_is(topic.part[2], "met")) clock->met += topic.value->count;
        if (text_is(topic.part[2], "breached")) clock->breached += topic.value->count;
        if (text_is(topic.part[2], "running")) clock->running += topic.value->count;
        if (text_is(topic.part[2], "none")) clock->none += topic.value->count;
    }
    buf_printf(out, "CLOCKS           met  breached   running  no verdict\n");
    for (size_t i = 0; i < n; i++)
        buf_printf(out, "%-12.*s %7" PRId64 " %9" PRId64 " %9" PRId64 " %11" PRId64 "\n",
                   TEXT_ARG(clocks[i].name), clocks[i].met, clocks[i].breached, clocks[i].running,
                   clocks[i].none);
    buf_add_char(out, '\n');
}

static void add_messages(struct buf *out, const struct report_summary_view *view)
{
    buf_printf(out, "MESSAGES\n");
    EACH_TOPIC(topic, view)
    {
        if (topic.n < 2 || !text_is(topic.part[0], "messages")) continue;
        bool held = text_is(topic.part[1], "held");
        buf_printf(out, "%-22.*s %7" PRId64 "%s\n",
                   (int)(topic.value->topic.len - strlen("messages/")),
                   topic.value->topic.at + strlen("messages/"), topic.value->count,
                   held ? "  (for quiet hours)" : "");
    }
    buf_add_char(out, '\n');
}

static void add_figure(struct buf *out, const struct topic_value *value)
{
    buf_printf(out, "%-26.*s %-32.*s", (int)(value->topic.len - strlen("kpi/")),
               value->topic.at + strlen("kpi/"), TEXT_ARG(value->label));
    if (value->of.is > 0)
        buf_printf(out, " %8.1f  (%" PRId64 " of %" PRId64 ")", value->value.is, value->count,
                   value->of.is);
    else
        buf_printf(out, " %8.1f  (of %" PRId64 ")", value->value.is, value->count);
    if (value->p90.given) buf_printf(out, "  p50 %.1f  p90 %.1f", value->p50.is, value->p90.is);
    buf_add_char(out, '\n');
}

static void add_figures(struct buf *out, const struct report_summary_view *view)
{
    buf_printf(out, "KEY FIGURES\n");
    EACH_TOPIC(topic, view)
    if (topic.n >= 2 && text_is(topic.part[0], "kpi") &&
        (topic.value->count > 0 || topic.value->of.is > 0))
        add_figure(out, topic.value);
}

void summary_write(struct buf *out, const struct report_summary_view *view)
{
    add_tickets(out, view);
    add_people(out, view);
    add_clocks(out, view);
    add_messages(out, view);
    add_figures(out, view);
}
