/*
 * bundle: hands the policy files of a directory to every service of a running system; each takes
 * what it owns and checks it.
 */
#ifndef KEFU_CLI_BUNDLE_H
#define KEFU_CLI_BUNDLE_H

#include "client.h"

struct bundle_result {
    const char *service;
    int64_t version;
    bool changed;
};

struct bundle_results {
    struct bundle_result at[16];
    size_t n;
};

enum bundle_wish {
    BUNDLE_CHECK,
    BUNDLE_PUBLISH,
    BUNDLE_FIRST /* publish to whoever has no policy yet; what is in force stays */
};

/* Services that own no policy are left out of the results. -1 with err (which names service, file
   and line) at the first that refuses. */
MUST_CHECK int bundle_publish(struct client *client, const char *directory, enum bundle_wish wish,
                              int64_t patience_ms, struct bundle_results *results, struct err *err);

#endif
