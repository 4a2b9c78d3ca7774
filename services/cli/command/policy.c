#include "commands.h"

#include "cli/client/bundle.h"
#include "cli/client/console.h"

#include <stdio.h>
#include <string.h>

static enum exit_status policy(const struct words *words);

static bool given_first;

static const struct option options[] = {
    {"first", OPTION_FLAG, &given_first, NULL,
     "publish only to services that have no policy yet: what is in force stays"},
};

const struct command command_policy = {
    .name = "policy",
    .args = "check|publish [DIR]",
    .least = 1,
    .most = 2,
    .usage = "Check a policy bundle with the services that own its files, or bring it into force.",
    .examples = "  kefu policy check deploy/policy\n  kefu policy publish",
    .options = options,
    .options_n = COUNT(options),
    .exec = policy};

static void print(const struct bundle_results *results, bool check_only)
{
    struct buf out = {0};
    for (size_t i = 0; i < results->n; i++) {
        const struct bundle_result *r = &results->at[i];
        const char *what = check_only ? "good" : r->changed ? "in force" : "unchanged";
        if (common_options.json)
            buf_printf(&out, "{\"service\":\"%s\",\"version\":%lld,\"result\":\"%s\"}\n",
                       r->service, (long long)r->version, what);
        else
            buf_printf(&out, "%-13s version %lld %s\n", r->service, (long long)r->version, what);
    }
    (void)terminal_print(&out);
}

static enum exit_status policy(const struct words *words)
{
    bool check_only = strcmp(words->at[0], "check") == 0;
    struct bundle_results results;
    struct err err = {0};
    if (!check_only && strcmp(words->at[0], "publish") != 0)
        return misuse("'%s' is not check or publish", words->at[0]);
    if (check_only && given_first) return misuse("--first is for publish");
    struct client *client = talk_open();
    if (client == NULL) return STATUS_UNREACHABLE;
    char directory[4096];
    snprintf(directory, sizeof(directory), "%s/deploy/policy", client_run(client)->home.at);
    enum bundle_wish wish = check_only ? BUNDLE_CHECK : given_first ? BUNDLE_FIRST : BUNDLE_PUBLISH;
    int bad = bundle_publish(client, words->n > 1 ? words->at[1] : directory, wish,
                             common_options.timeout_ms, &results, &err);
    if (bad == 0) print(&results, check_only);
    client_close(client);
    return bad < 0 ? complain(STATUS_FAILED, &err) : STATUS_OK;
}
