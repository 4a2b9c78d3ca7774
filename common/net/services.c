#include "net/services.h"

int services_number(text name)
{
    for (size_t i = 0; i < services_n; i++)
        if (text_is(name, services_list[i].name)) return (int)i;
    return -1;
}
