#include "handlers.h"

#include "sample.msg.h"
#include "store.h"

void on_sample_get(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct sample_get *m = message;
    const struct sample_note_row *row = facts_one(facts, &note_read);
    struct sample_state state = {.key = m->key};
    if (row != NULL) state.note = row->note;
    if (row != NULL) state.count = row->count;
    plan_answer(plan, &state);
}
