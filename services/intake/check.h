/*
 * check: is what was sent a contact that can be taken in? Pure.
 */
#ifndef KEFU_INTAKE_CHECK_H
#define KEFU_INTAKE_CHECK_H

#include "base/err.h"
#include "intake.msg.h"
#include "policy.h"

enum {
    CHECK_CODE_MAX = 64,
    CHECK_ITEMS_MAX = 20,
};

/* A value that others may know in clear must look like a code: 1 to 64 bytes, no blank, no control
   character. */
bool check_is_code(text value);

/* Where a contact comes from: `source` without a slash, `source_id` without control characters. */
MUST_CHECK int check_origin(text source, text source_id, struct err *err);
MUST_CHECK int check_channel(text channel, struct err *err);

/* Everything that the rules require of a contact and of each of its items. An error names the
   field, such as items[2].kind, and the rule; it never repeats what a customer said. `recorder` is
   who took it, if anybody is known. */
MUST_CHECK int check_contact(const struct contact_record *m, text recorder,
                             const struct intake_policy *policy, time_us now, struct err *err);

/* The class of a repair (REP-11): the answer to the safety question, else what was said, else what
   is usual for the topic, else normal. */
text check_class(const struct contact_item *item, const struct intake_policy *policy);

#endif
