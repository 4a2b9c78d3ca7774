/*
 * recipients: who is meant by a role, for one ticket. Pure.
 */
#ifndef KEFU_NOTIFICATION_RECIPIENTS_H
#define KEFU_NOTIFICATION_RECIPIENTS_H

#include "notification_rows.msg.h"
#include "notify_rules.h"

struct company {
    struct list people; /* struct person_row */
    struct list units;  /* struct unit_row */
    const struct notify_rules *rules;
};

/* An active person of that code, or NULL. */
const struct person_row *recipients_person(const struct company *company, text staff);

/*
 * Who is told instead of `role` about this ticket:
 *   handler, owner   that person (owner: else the handler, who becomes owner then); not active any
 *                    more: as supervisor
 *   any other role   the nearest holder to the ticket's org unit (own unit, then up the tree, then
 *                    anywhere), who is on duty; else a holder's deputy on duty; else the next role
 *                    up, on duty; else the nearest holder, although off duty
 *
 * In a property department the assistant manager acts as supervisor, for important customers the
 * manager (AMB-52). NULL if there is nobody at all.
 */
const struct person_row *recipients_find(const struct company *company,
                                         const struct ticket_copy_row *ticket, text role);
/* A role that need not exist: nobody is missed. */
bool recipients_optional(const struct company *company, text role);
/* Is the name in a list joined by commas? */
bool recipients_listed(text list, text name);

#endif
