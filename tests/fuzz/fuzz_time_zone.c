/* Time zone files, whatever their bytes. */
#include "time/zone.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int64_t instants[] = {-2208988800, 0, 1774746000, 4102444800, 7258118399};
    struct zone *zone = zone_parse((text){(const char *)data, size}, NULL);
    for (size_t i = 0; zone != NULL && i < COUNT(instants); i++) {
        struct zone_era era = zone_era(zone, instants[i]);
        assert(era.from <= instants[i] && instants[i] < era.until);
    }
    zone_destroy(zone);
    return 0;
}
