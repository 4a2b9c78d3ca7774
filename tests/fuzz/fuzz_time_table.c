/* Tables of business-time cases and published holiday lists, whatever their bytes. */
#include "time/calendar_table.h"
#include "time/holiday.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    text from = {(const char *)data, size};
    struct buf out = {0}, faults = {0};
    struct arena *arena = arena_create();
    struct holidays holidays;
    (void)calendar_table_answer(from, "table", &out, &faults);
    if (holiday_read(from, arena, &holidays, NULL) == 0)
        holiday_write_yaml(&holidays, TEXT("09:00-18:00"), &out);
    buf_finish(&out);
    buf_finish(&faults);
    arena_destroy(arena);
    return 0;
}
