#include "privileges.h"

#include "net/services.h"

#include <ctype.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

extern char **environ;

enum { NAME_SIZE = 128 };

/* --- the environment --- */

/* "KEFU_INTAKE_" for intake. */
static void prefix_of(const char *service, char prefix[static NAME_SIZE])
{
    snprintf(prefix, NAME_SIZE, "KEFU_%s_", service);
    for (char *at = prefix; *at != '\0'; at++) *at = (char)toupper((unsigned char)*at);
}

static bool is_foreign(const char *variable, text service)
{
    char prefix[NAME_SIZE];
    if (strncmp(variable, "KEFU_KEY=", strlen("KEFU_KEY=")) == 0) return true;
    for (size_t i = 0; i < services_n; i++) {
        prefix_of(services_list[i].name, prefix);
        if (strncmp(variable, prefix, strlen(prefix)) == 0)
            return !text_is(service, services_list[i].name);
    }
    return false;
}

void privileges_leave_environment(text service)
{
    char **kept = environ;
    for (char **at = environ; *at != NULL; at++)
        if (!is_foreign(*at, service)) *kept++ = *at;
    *kept = NULL;
}

/* --- the process --- */

/* The bounding set is for those who have CAP_SETPCAP; who has not has nothing to lose in it, since
   no program brings anything along any more. */
static int leave_bounds(void)
{
    for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; capability++)
        if (prctl(PR_CAPBSET_DROP, capability) < 0 && errno != EPERM) return -1;
    return 0;
}

static int leave_capabilities(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0 && errno != EINVAL) return -1;
    return (int)syscall(SYS_capset, &header, none);
}

int privileges_leave(struct err *err)
{
    struct rlimit none = {0};
    umask(077);
    if (setrlimit(RLIMIT_CORE, &none) < 0) return err_set(err, "core files: %s", strerror(errno));
    if (leave_bounds() < 0 || leave_capabilities() < 0)
        return err_set(err, "capabilities: %s", strerror(errno));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_set(err, "no new privileges: %s", strerror(errno));
    return 0;
}
