#include "runtime/lane/portions.h"

#include <string.h>

static size_t count_hungry(const size_t *waiting, const size_t *portions, size_t n)
{
    size_t hungry = 0;
    for (size_t i = 0; i < n; i++) hungry += portions[i] < waiting[i];
    return hungry;
}

void portions_divide(const size_t *waiting, size_t n, size_t room, size_t first, size_t *portions)
{
    size_t hungry;
    memset(portions, 0, sizeof(*portions) * n);
    while (room > 0 && (hungry = count_hungry(waiting, portions, n)) > 0) {
        size_t part = room / hungry > 0 ? room / hungry : 1;
        for (size_t k = 0; k < n && room > 0; k++) {
            size_t i = (first + k) % n, wants = waiting[i] - portions[i];
            size_t more = wants < part ? wants : part;
            portions[i] += more;
            room -= more;
        }
    }
}
