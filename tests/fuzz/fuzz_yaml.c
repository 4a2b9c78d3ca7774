/* Any bytes as a policy file, and as a flow: refused or read, never a crash. */
#include "policy/flow_draw.h"
#include "policy/flow_load.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char words[] = "settings: {flow.step_due: {is: 4wh, rule: R}}\n"
                            "roles: [system, specialist]\nflags: [repeat]\nfields: {}\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_create();
    struct err err = {0};
    text body = {(const char *)data, size};
    const struct policy_file files[] = {{TEXT("flows/_words.yaml"), TEXT(words)},
                                        {TEXT("flows/_exits.yaml"), TEXT("steps: []\n")},
                                        {TEXT("flows/x.yaml"), body}};
    const struct yaml *top = yaml_read(body, "x.yaml", arena, &err);
    const struct flows *flows = flow_load(&(struct policy_files){files, COUNT(files)}, arena, &err);
    assert(top != NULL || flows == NULL);
    struct buf out = {0};
    if (flows != NULL) flow_mermaid(&flows->at[0], &out);
    if (flows != NULL) flow_table(&flows->at[0], &out);
    buf_finish(&out);
    arena_destroy(arena);
    return 0;
}
