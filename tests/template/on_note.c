#include "handlers.h"

#include "sample.msg.h"
#include "store.h"

void on_sample_note(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct sample_note *m = message;
    const struct sample_note_row *before = facts_one(facts, &note_lock);
    struct sample_note_row row = {
        .key = m->key, .note = m->note, .count = before == NULL ? 1 : before->count + 1};
    if (m->note.len == 0) {
        plan_refuse(plan, "note", NULL, "a note has words");
        return;
    }
    plan_write(plan, &note_put, &row);
    plan_say(plan, &sample_noted_shape, &(struct sample_noted){.key = m->key, .note = m->note});
    plan_answer(plan, &(struct sample_kept){.count = row.count});
}
