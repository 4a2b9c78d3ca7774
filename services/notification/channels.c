#include "channels.h"

#include "base/address.h"

#include <string.h>

struct channel_settings channels;

const struct setting channel_settings_rows[] = {
    {"channel-default", SETTING_TEXT, &channels.standard, "file", 0, 0,
     "The way to people without an address of their own: file or null."},
    {"inbox", SETTING_TEXT, &channels.inbox, "var/inbox", 1, 0,
     "Directory of the file channel: one file of JSON lines a day."},
    {"smtp-url", SETTING_TEXT, &channels.smtp_url, "", 0, 0,
     "The mail relay, such as smtp://relay:25; empty: no mail."},
    {"smtp-tls", SETTING_TEXT, &channels.smtp_tls, "try", 0, 0,
     "STARTTLS with the relay: no, try (if it offers it) or must."},
    {"smtp-user", SETTING_TEXT, &channels.smtp_user, "", 0, 0,
     "Name at the relay, if it asks for one."},
    {"smtp-password", SETTING_SECRET, &channels.smtp_password, "", 0, 0,
     "File with the password at the relay."},
    {"mail-from", SETTING_TEXT, &channels.mail_from, "kefu@localhost", 3, 200,
     "Sender's address of mail."},
    {"webhook-secret", SETTING_SECRET, &channels.webhook_secret, "", 0, 0,
     "File with the key that signs webhooks; none: webhooks are not used."},
    {"webhook-allow", SETTING_TEXT, &channels.webhook_allow, "", 0, 500,
     "Networks besides the public internet that webhooks may reach, such as 10.1.0.0/16,fd00::/8."},
    {"send-timeout", SETTING_SPAN, &channels.timeout_ms, "20s", 100, 60000,
     "How long one try to send may take."},
    {"retry", SETTING_SPAN, &channels.retry_ms, "30s", 1, 3600000,
     "Pause before the second try; it doubles, and is drawn at random."},
    {"retry-most", SETTING_SPAN, &channels.retry_most_ms, "1h", 1, 86400000,
     "The longest pause between two tries."},
    {"send-attempts", SETTING_INT, &channels.attempts, "8", 1, 100,
     "Tries before a message is given up."},
};
const size_t channel_settings_n = COUNT(channel_settings_rows);

static bool is_one_of_words(const char *value, const char *const *words)
{
    for (; *words != NULL; words++)
        if (strcmp(value, *words) == 0) return true;
    return false;
}

/* The machine's own relay takes mail of its own. */
static const char *sender_fault(text from)
{
    text domain = from;
    text_take(&domain, '@');
    return text_is(domain, "localhost") ? NULL : address_mail_fault(from);
}

void channels_start(void)
{
    struct err err;
    if (reach_parse(text_of(channels.webhook_allow), &channels.webhook_reach, &err) < 0)
        fatal("set webhook-allow to networks with commas between them", "webhook-allow: %s",
              err.message);
    if (!is_one_of_words(channels.standard, (const char *const[]){"file", "null", NULL}))
        fatal("set channel-default to file or null", "there is no channel %s", channels.standard);
    if (!is_one_of_words(channels.smtp_tls, (const char *const[]){"no", "try", "must", NULL}))
        fatal("set smtp-tls to no, try or must", "smtp-tls cannot be %s", channels.smtp_tls);
    if (channels_have_mail() && sender_fault(text_of(channels.mail_from)) != NULL)
        fatal("set mail-from to an e-mail address", "mail-from %s",
              sender_fault(text_of(channels.mail_from)));
}

bool channels_have_mail(void)
{
    return channels.smtp_url != NULL && channels.smtp_url[0] != '\0';
}

text channels_choose(const struct yaml_texts *allowed, const struct person_row *person)
{
    bool hook = channels.webhook_secret != NULL && rules_have(allowed, TEXT("in_app"));
    bool mail = channels_have_mail() && rules_have(allowed, TEXT("mail"));
    if (rules_have(allowed, TEXT("call"))) return TEXT("call");
    if (person == NULL) return mail ? TEXT("mail") : text_of(channels.standard);
    if (hook && person->webhook.len > 0) return TEXT("webhook");
    if (mail && person->email.len > 0) return TEXT("mail");
    return text_of(channels.standard);
}

text channels_address(text channel, const struct person_row *person)
{
    if (text_is(channel, "webhook")) return person->webhook;
    if (text_is(channel, "mail")) return person->email;
    if (!text_is(channel, "call")) return (text){NULL, 0};
    if (channels.webhook_secret != NULL && person->webhook.len > 0) return person->webhook;
    return channels_have_mail() ? person->email : (text){NULL, 0};
}

time_us channels_pause(int64_t message, int64_t attempt)
{
    int64_t most = channels.retry_ms;
    for (int64_t i = 1; i < attempt && most < channels.retry_most_ms; i++) most *= 2;
    if (most > channels.retry_most_ms) most = channels.retry_most_ms;
    const int64_t seed[2] = {message, attempt};
    uint64_t draw = text_hash((text){(const char *)seed, sizeof(seed)});
    return (time_us)(draw % (uint64_t)(most + 1)) * 1000;
}
