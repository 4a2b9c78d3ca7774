/*
 * address: the addresses by which people are reached, in the one form that is both accepted at a
 * door and used when something is sent. Pure.
 */
#ifndef KEFU_ADDRESS_H
#define KEFU_ADDRESS_H

#include "base.h"

enum { ADDRESS_MAIL_MAX = 254, ADDRESS_WEB_MAX = 1000 };

/* NULL if mail can be sent there, else what is wrong, as the end of a sentence: "has no @". ASCII
   alone (a domain in other letters is written as its A-label, xn--…, and names in front of the @
   would need SMTPUTF8 at every relay on the way), no quotes, no comments, a domain of two labels at
   least. */
const char *address_mail_fault(text given);

/* NULL if it is an http or https URL that a request can be posted to, else what is wrong. A host
   name or a whole IP address in its usual form, no user, no fragment, and a port that web servers
   have: 80, 443, or 1024 and above. Which networks may be reached is not decided here. */
const char *address_web_fault(text given);

#endif
