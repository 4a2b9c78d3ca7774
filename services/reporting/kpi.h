/*
 * kpi: the figures of a period (rules, section 8). The database sums up the facts of the period
 * (store.c, struct figure_row); here the formulas make values of the sums. Pure.
 *
 * Rates are in per cent, count ÷ of. A clock or limit counts in the period in which it fell due;
 * what is still open then is late. Intervals count in the period in which they ended; p50 and p90
 * are by nearest rank: the smallest value that at least that share of all values does not exceed. A
 * denominator, or a number of intervals, of zero means n/a: no value. What ended by an exit
 * (withdrawn, merged, retyped, recorded in error) is left out and shown apart.
 */
#ifndef KEFU_REPORTING_KPI_H
#define KEFU_REPORTING_KPI_H

#include "base/arena.h"
#include "data/yaml.h"

#include "time/calendar.h"
#include "facts.h"

struct kpi_rule {
    text id;
    text zh;
    text en;
    struct maybe_real target;
};

/* kpis.yaml and the calendars, compiled. */
struct kpi_policy {
    text zone; /* in which months are counted */
    const struct kpi_rule *at;
    size_t n;
    struct fact_steps steps;
    struct calendar *service, *business;
    int64_t result_service;  /* KPI-03's limit: first this much working time of `service` … */
    int64_t result_business; /* … then this much of `business` */
    text reply_clock;        /* KPI-11 */
    struct yaml_texts reply_kinds;
    text assign_clock;                /* KPI-12 */
    struct maybe_int units_in_charge; /* KPI-10 */
};

/* When the department's first result is due (KPI-03). 0 if nothing is known of working time. */
time_us kpi_result_due(const struct kpi_policy *policy, time_us received_at);

enum { KPI_VALUES = 16 };
struct kpi_value {
    const char *topic;
    struct maybe_real value;
    int64_t count;
    struct maybe_int of; /* of a rate; not given: n/a */
    struct maybe_real p50, p90;
};

/* The values of all KPIs, from rows of struct figure_row. Returns how many (at most KPI_VALUES);
   their order is fixed. */
size_t kpi_values(const struct kpi_policy *policy, struct list figures, struct kpi_value *out);

/* The rule behind a topic such as "kpi/KPI-04/satisfied"; NULL if there is none. */
const struct kpi_rule *kpi_rule_of(const struct kpi_policy *policy, text topic);

#endif
