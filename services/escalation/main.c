#include "escalation.h"

int main(int argc, char **argv)
{
    return service_main(argc, argv, &escalation_service);
}
