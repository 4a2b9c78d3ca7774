#include "runtime/door/control_journal.h"

#include "runtime/core/reply.h"
#include "runtime/core/reply.h"
#include "runtime/journal/journal.h"

#include <string.h>

static void give_page(void *ctx, const struct journal_event *const *events, size_t n, time_us as_of)
{
    struct control *c = ctx;
    struct err err;
    if (as_of == JOURNAL_GONE) {
        err_field(&err, "after", NULL, "events behind this position have been removed");
        control_refuse(c, VERB_REFUSED, &err);
        return;
    }
    struct journal_event *copies = ARENA_ARRAY(c->arena, struct journal_event, n);
    for (size_t i = 0; i < n; i++) copies[i] = *events[i];
    struct journal_page page = {
        .journal = text_of(journal_id()), .as_of = as_of > 0 ? as_of : 1, .events = {copies, n}};
    control_answer(c, &journal_page_shape, &page);
    if (n > 0) reply_fail_at("page");
}

static bool is_this_journal(text named)
{
    const char *id = journal_id();
    return named.len == 0 || id[0] == '\0' ||
           (named.len <= strlen(id) && memcmp(named.at, id, named.len) == 0);
}

static void read_again(void *ctx)
{
    control_read_journal(ctx);
}

void control_read_journal(struct control *c)
{
    const struct journal_read *m = c->body;
    struct journal_ask ask = {.most = m->most > 0 && m->most <= 2048 ? (size_t)m->most : READ_MAX,
                              .fresh = m->fresh,
                              .keeps = m->journal.len > 0,
                              .wait_ms = m->wait_ms < 0       ? 0
                                         : m->wait_ms > 30000 ? 30000
                                                              : m->wait_ms,
                              .fn = give_page,
                              .ctx = c};
    struct err err;
    if (!is_this_journal(m->journal)) {
        err_field(&err, "journal", NULL, "this journal is %s, not %.*s", journal_id(),
                  TEXT_ARG(m->journal));
        control_refuse(c, VERB_REFUSED, &err);
        return;
    }
    if (m->partitions.n == 0 || m->partitions.n > PARTITIONS || m->after.n != m->partitions.n) {
        err_field(&err, "partitions", NULL,
                  "partitions and after must be lists of the same length, 1 to %d", PARTITIONS);
        control_refuse(c, VERB_REFUSED, &err);
        return;
    }
    for (size_t i = 0; i < m->partitions.n; i++) {
        int64_t p = LIST(m->partitions, int64_t)[i], after = LIST(m->after, int64_t)[i];
        bool known = p >= 0 && p < PARTITIONS;
        if (known && after > journal_head((int)p) && !c->looked) {
            c->looked = true; /* another replica may have appended it */
            journal_refresh(read_again, c);
            return;
        }
        if (!known || after > journal_head((int)p)) {
            err_field(&err, "after", NULL, "position %lld of partition %lld is beyond the head",
                      (long long)after, (long long)p);
            control_refuse(c, VERB_REFUSED, &err);
            return;
        }
        ask.partitions[ask.n] = (int)p;
        ask.after[ask.n++] = after;
    }
    journal_serve(&ask);
}
