#include "form.h"

#include "data/json.h"

#include <string.h>

enum { CODE_LONGEST = 40, DIGITS_LONGEST = 5 };

const struct person_row *people_find(struct list people, text staff)
{
    for (size_t i = 0; i < people.n; i++) {
        const struct person_row *person = &LIST(people, struct person_row)[i];
        if (text_equal(person->staff, staff)) return person->active ? person : NULL;
    }
    return NULL;
}

text form_get(const struct form *form, text name)
{
    for (size_t i = 0; i < form->fields.n; i++) {
        const struct form_value *value = &LIST(form->fields, struct form_value)[i];
        if (text_equal(value->name, name)) return value->value;
    }
    if (text_is(name, "handler")) return form->handler;
    if (text_is(name, "department")) return form->department;
    return (text){NULL, 0};
}

time_us form_time(const struct form *form, text name)
{
    time_us time;
    return json_time(form_get(form, name), &time) ? time : 0;
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A word without blanks that begins with a letter and holds no long number: no name in full, no
   phone, no sentence. */
static bool is_form_code(text value)
{
    size_t digits = 0;
    if (value.len == 0 || value.len > CODE_LONGEST || !is_letter(value.at[0])) return false;
    for (size_t i = 0; i < value.len; i++) {
        char c = value.at[i];
        if (!is_letter(c) && !is_digit(c) && strchr("_-./", c) == NULL) return false;
        digits = is_digit(c) ? digits + 1 : 0;
        if (digits > DIGITS_LONGEST) return false;
    }
    return true;
}

static enum form_verdict bad(struct err *err, const struct flow_need *need, const char *what)
{
    char name[sizeof(err->field)], rule[sizeof(err->rule)];
    text_fit(name, sizeof(name), need->name);
    text_fit(rule, sizeof(rule), need->rule);
    err_field(err, name, rule[0] == '\0' ? NULL : rule, "%s %s", name, what);
    return FORM_BAD;
}

static enum form_verdict check_text(const struct flow_need *need, const struct form *form,
                                    text value, struct err *err)
{
    int64_t number;
    if (!text_starts(value, "note:"))
        return is_form_code(value)
                   ? FORM_GOOD
                   : bad(err, need,
                         "must be note:<number> of words recorded with intake, or a code");
    if (!text_to_int((text){value.at + 5, value.len - 5}, &number) || number <= 0)
        return bad(err, need, "must be note:<number>");
    for (size_t i = 0; i < form->notes.n; i++)
        if (LIST(form->notes, struct note_row)[i].note == number) return FORM_GOOD;
    err_set(err, "note %lld is not yet known for ticket %lld", (long long)number,
            (long long)form->ticket);
    return FORM_EARLY;
}

static enum form_verdict check_staff(const struct flow_need *need, const struct form *form,
                                     text value, struct err *err)
{
    const struct person_row *person = people_find(form->people, value);
    if (person == NULL) return bad(err, need, "must be the code of an active person");
    if (need->role.len > 0 && !routing_acts(form->policy, form->which, person->roles, need->role)) {
        char what[100];
        text_format(what, sizeof(what), "must be a person with the role %.*s",
                    TEXT_ARG(need->role));
        return bad(err, need, what);
    }
    return FORM_GOOD;
}

static enum form_verdict check_choice(const struct flow_need *need, text value, struct err *err)
{
    for (size_t i = 0; i < need->choices.n; i++)
        if (text_equal(need->choices.at[i], value)) return FORM_GOOD;
    return bad(err, need, "is not one of the choices");
}

static enum form_verdict check_value(const struct flow_need *need, const struct form *form,
                                     text value, struct err *err)
{
    int64_t number;
    time_us time;
    switch (need->type) {
    case FLOW_NEED_TEXT: return check_text(need, form, value, err);
    case FLOW_NEED_STAFF: return check_staff(need, form, value, err);
    case FLOW_NEED_CHOICE: return check_choice(need, value, err);
    case FLOW_NEED_TICK: return text_is(value, "true") ? FORM_GOOD : bad(err, need, "must be true");
    case FLOW_NEED_TIME:
        return json_time(value, &time) && time_is_good(time)
                   ? FORM_GOOD
                   : bad(err, need, "must, in ISO 8601, be " TIME_RANGE_TEXT);
    case FLOW_NEED_ID:
        if (!text_to_int(value, &number) || number <= 0)
            return bad(err, need, "must be the number of a ticket");
        return number == form->ticket ? bad(err, need, "must be another ticket") : FORM_GOOD;
    }
    return FORM_GOOD;
}

static const struct flow_need *find_need(const struct flow_step *step, text name)
{
    for (size_t i = 0; i < step->needs_n; i++)
        if (text_equal(step->needs[i].name, name)) return &step->needs[i];
    return NULL;
}

/* Nothing is accepted that nobody asked for: it would be stored unchecked. */
static enum form_verdict check_known(const struct flow_step *step, const struct form *form,
                                     struct err *err)
{
    for (size_t i = 0; i < form->fields.n; i++) {
        text name = LIST(form->fields, struct form_value)[i].name;
        if (find_need(step, name) != NULL) continue;
        char field[sizeof(err->field)];
        text_fit(field, sizeof(field), name);
        err_field(err, field, NULL, "%.*s does not ask for %s", TEXT_ARG(step->id), field);
        return FORM_BAD;
    }
    return FORM_GOOD;
}

static enum form_verdict check_code(text value, const char *field, struct err *err)
{
    if (value.len == 0 || is_form_code(value)) return FORM_GOOD;
    err_field(err, field, NULL, "%s must be a code", field);
    return FORM_BAD;
}

/* Values the command gives outside its form are stored and said as well. */
static enum form_verdict check_own(const struct form *form, struct err *err)
{
    if (check_code(form->handler, "handler", err) == FORM_BAD) return FORM_BAD;
    for (size_t i = 0; i < form->assignees.n; i++)
        if (check_code(LIST(form->assignees, text)[i], "assignees", err) == FORM_BAD)
            return FORM_BAD;
    return check_code(form->department, "department", err);
}

enum form_verdict form_check(const struct flow_step *step, const struct flow_at *at,
                             const struct form *form, struct err *err)
{
    enum form_verdict verdict =
        check_own(form, err) == FORM_BAD ? FORM_BAD : check_known(step, form, err);
    bool early = false;
    for (size_t i = 0; i < step->needs_n && verdict != FORM_BAD; i++) {
        const struct flow_need *need = &step->needs[i];
        text value = form_get(form, need->name);
        if (value.len > 0)
            verdict = check_value(need, form, value, err);
        else if (!need->optional && flow_need_applies(need, at))
            verdict = bad(err, need, "is required");
        if (verdict == FORM_EARLY) early = true;
    }
    return verdict == FORM_BAD ? FORM_BAD : early ? FORM_EARLY : FORM_GOOD;
}

text form_reason(const struct flow_step *step, const struct form *form)
{
    for (size_t i = 0; i < step->needs_n; i++) {
        const struct flow_need *need = &step->needs[i];
        if (need->type != FLOW_NEED_CHOICE || need->name.len < 6) continue;
        if (memcmp(need->name.at + need->name.len - 6, "reason", 6) == 0)
            return form_get(form, need->name);
    }
    return (text){NULL, 0};
}

static text add_pair(text all, text name, text value, struct arena *arena)
{
    if (value.len == 0) return all;
    return arena_printf(arena, "%.*s%s%.*s=%.*s", TEXT_ARG(all), all.len > 0 ? " " : "",
                        TEXT_ARG(name), TEXT_ARG(value));
}

text form_write(const struct form *form, struct arena *arena)
{
    text all = {NULL, 0};
    for (size_t i = 0; i < form->fields.n; i++) {
        const struct form_value *value = &LIST(form->fields, struct form_value)[i];
        all = add_pair(all, value->name, value->value, arena);
    }
    all = add_pair(all, TEXT("department"), form->department, arena);
    return add_pair(all, TEXT("handler"), form->handler, arena);
}
