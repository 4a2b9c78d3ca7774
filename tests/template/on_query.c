#include "handlers.h"

#include "sample.msg.h"
#include "store.h"

void on_sample_get(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct sample_get *m = message;
    const struct sample_note_row *row = facts_one(facts, &note_read);
    plan_answer(plan, &(struct sample_state){.key = m->key,
                                             .note = row == NULL ? (text){0} : row->note,
                                             .count = row == NULL ? 0 : row->count});
}
