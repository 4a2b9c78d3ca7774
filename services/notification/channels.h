/*
 * channels: by which way a message goes, and what an operator can set about it.
 *
 *   mail     SMTP through a relay
 *   webhook  signed HTTP POST to a person's own system
 *   file     a line in a directory: the in-app inbox, and what a demo shows
 *   null     nothing is done
 *   call     a task for a person to ring the customer; told to that person by one of the others
 */
#ifndef KEFU_NOTIFICATION_CHANNELS_H
#define KEFU_NOTIFICATION_CHANNELS_H

#include "notification_rows.msg.h"
#include "reach.h"
#include "notify_rules.h"
#include "base/settings.h"

struct channel_settings {
    const char *standard; /* file or null */
    const char *inbox;
    const char *smtp_url;
    const char *smtp_tls;
    const char *smtp_user;
    const char *smtp_password;
    const char *mail_from;
    const char *webhook_secret;
    const char *webhook_allow;
    struct reach webhook_reach; /* from webhook_allow */
    int64_t timeout_ms;
    int64_t retry_ms;
    int64_t retry_most_ms;
    int64_t attempts;
};

extern struct channel_settings channels;
extern const struct setting channel_settings_rows[];
extern const size_t channel_settings_n;
/* At start: what is set must make sense; ends the process if not. */
void channels_start(void);

bool channels_have_mail(void);
/* The channel for a person (NULL: the customer) of those that a rule allows. */
text channels_choose(const struct yaml_texts *allowed, const struct person_row *person);
/* The person's address for that channel: an e-mail, a webhook, or absent (the inbox). */
text channels_address(text channel, const struct person_row *person);
/* After `attempt` tries: the pause before the next, with full jitter drawn from the message's
   number. */
time_us channels_pause(int64_t message, int64_t attempt);

#endif
