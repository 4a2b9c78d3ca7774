#include "kpi.h"

enum { SECONDS_PER_HOUR = 3600 };

time_us kpi_result_due(const struct kpi_policy *policy, time_us received_at)
{
    if (received_at == 0 || policy->service == NULL || policy->business == NULL) return 0;
    time_us assigned = calendar_add(policy->service, received_at, policy->result_service, NULL);
    if (assigned == CALENDAR_NEVER) return 0;
    time_us due = calendar_add(policy->business, assigned, policy->result_business, NULL);
    return due == CALENDAR_NEVER ? 0 : due;
}

struct sums {
    int64_t met, of, apart;
};

static const struct figure_row *find(struct list figures, const char *name)
{
    for (size_t i = 0; i < figures.n; i++) {
        const struct figure_row *row = &LIST(figures, struct figure_row)[i];
        if (text_is(row->figure, name)) return row;
    }
    static const struct figure_row none;
    return &none;
}

static bool is_among(struct yaml_texts kinds, text kind)
{
    for (size_t i = 0; i < kinds.n; i++)
        if (text_equal(kinds.at[i], kind)) return true;
    return kinds.n == 0;
}

/* All clocks of that name; no kinds named: of every kind. */
static struct sums sum_clocks(struct list figures, text clock, struct yaml_texts kinds,
                              bool with_answered)
{
    struct sums sums = {0};
    for (size_t i = 0; i < figures.n; i++) {
        const struct figure_row *row = &LIST(figures, struct figure_row)[i];
        if (!text_is(row->figure, "clock") || !text_equal(row->clock, clock)) continue;
        if (!is_among(kinds, row->kind) || (row->answered.is && !with_answered)) continue;
        sums.met += row->met;
        sums.of += row->of;
        sums.apart += row->apart;
    }
    return sums;
}

struct writer {
    struct kpi_value *at;
    size_t n;
};

static struct kpi_value *add(struct writer *out, const char *topic, int64_t count)
{
    assert(out->n < KPI_VALUES);
    out->at[out->n] = (struct kpi_value){.topic = topic, .count = count};
    return &out->at[out->n++];
}

static void add_rate(struct writer *out, const char *topic, int64_t count, struct maybe_int of,
                     double scale)
{
    struct kpi_value *value = add(out, topic, count);
    if (of.is <= 0) return;
    value->of = of;
    value->value = given_real((double)count * scale / (double)of.is);
}

static void add_interval(struct writer *out, const char *topic, const struct figure_row *row,
                         double unit)
{
    struct kpi_value *value = add(out, topic, row->of);
    if (row->of == 0) return;
    value->value = given_real(row->mean.is / unit);
    value->p50 = given_real(row->p50.is / unit);
    value->p90 = given_real(row->p90.is / unit);
}

size_t kpi_values(const struct kpi_policy *policy, struct list figures, struct kpi_value *at)
{
    struct writer out = {at, 0};
    const struct figure_row *timely = find(figures, "timely"),
                            *complaints = find(figures, "complaints");
    struct sums replies = sum_clocks(figures, policy->reply_clock, policy->reply_kinds, true);
    struct sums assigned = sum_clocks(figures, policy->assign_clock, (struct yaml_texts){0}, false);
    add_rate(&out, "kpi/KPI-03", timely->met, given_int(timely->of), 100);
    add(&out, "kpi/KPI-03/apart", timely->apart);
    add_interval(&out, "kpi/KPI-04", find(figures, "result"), SECONDS_PER_HOUR);
    add_interval(&out, "kpi/KPI-04/satisfied", find(figures, "satisfied"), SECONDS_PER_HOUR);
    add_rate(&out, "kpi/KPI-10", complaints->met, given_int(complaints->of), 100);
    add_rate(&out, "kpi/KPI-10/per_1000_units", complaints->met, policy->units_in_charge, 1000);
    add(&out, "kpi/KPI-10/apart", complaints->apart);
    add_rate(&out, "kpi/KPI-11", replies.met, given_int(replies.of), 100);
    add(&out, "kpi/KPI-11/apart", replies.apart);
    add_rate(&out, "kpi/KPI-12", assigned.met, given_int(assigned.of), 100);
    add(&out, "kpi/KPI-12/apart", assigned.apart);
    add_interval(&out, "kpi/WAIT-ASSIGN", find(figures, "wait"), 1);
    return out.n;
}

const struct kpi_rule *kpi_rule_of(const struct kpi_policy *policy, text topic)
{
    text first = text_take(&topic, '/'), id = text_take(&topic, '/');
    for (size_t i = 0; text_is(first, "kpi") && i < policy->n; i++)
        if (text_equal(policy->at[i].id, id)) return &policy->at[i];
    return NULL;
}
