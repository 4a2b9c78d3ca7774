/* Sending: a job outside any transaction, and what came of it. A customer's address and the words
   of notes are asked for here, used, and forgotten: they are neither stored nor logged. */
#include "handlers.h"

#include "base/address.h"
#include "channels.h"
#include "sign.h"
#include "file_channel.h"
#include "data/json.h"
#include "intake.msg.h"
#include "mail.h"
#include "notification.msg.h"
#include "compose.h"
#include "transport.h"
#include "store.h"

#include <inttypes.h>
#include <string.h>
#include <sys/time.h>

enum { ASK_MS = 5000 };

struct delivery {
    struct job *job;
    struct arena *arena; /* the job's */
    const struct message_due *m;
    text channel; /* what it really goes by */
    text address;
    text body;
};

/* --- one try --- */

static void report_delivery(struct delivery *delivery, enum send_outcome outcome,
                            const char *reason)
{
    static const char *const words[] = {
        [SEND_DONE] = "sent", [SEND_AGAIN] = "again", [SEND_REFUSED] = "refused"};
    job_done(delivery->job, &delivery_done_shape,
             &(struct delivery_done){.message = delivery->m->message,
                                     .outcome = text_of(words[outcome]),
                                     .channel = delivery->channel,
                                     .reason =
                                         outcome == SEND_DONE ? (text){NULL, 0} : text_of(reason)});
}

static void on_sent(void *ctx, enum send_outcome outcome, const char *reason)
{
    report_delivery(ctx, outcome, reason);
}

/* Mails and webhooks carry the real time: signatures and dates are compared with other machines'
   clocks. */
static time_us wall_time(void)
{
    struct timeval now;
    gettimeofday(&now, NULL);
    return now.tv_sec * SECOND_US + now.tv_usec;
}

static void send_mail(struct delivery *delivery)
{
    const struct message_due *m = delivery->m;
    if (address_mail_fault(delivery->address) != NULL) {
        report_delivery(delivery, SEND_REFUSED, "bad_address");
        return;
    }
    text to = arena_printf(delivery->arena, "<%.*s>", TEXT_ARG(delivery->address));
    text from = arena_printf(delivery->arena, "<%s>", channels.mail_from);
    const struct mail mail = {.from = text_of(channels.mail_from),
                              .to = delivery->address,
                              .subject = m->subject,
                              .body = delivery->body,
                              .message = m->message,
                              .at = wall_time(),
                              .automatic = !text_is(m->template, "reply")};
    const struct send_request request = {.url = channels.smtp_url,
                                         .mail_from = from.at,
                                         .mail_to = to.at,
                                         .tls = channels.smtp_tls,
                                         .user = channels.smtp_user,
                                         .password = channels.smtp_password,
                                         .body = mail_write(&mail, delivery->arena),
                                         .timeout_ms = channels.timeout_ms};
    send_start(&request, on_sent, delivery);
}

static text write_webhook(struct delivery *delivery)
{
    const struct message_due *m = delivery->m;
    struct buf out = {0};
    buf_printf(&out, "{\"message\":%" PRId64 ",\"ticket\":%" PRId64 ",\"template\":", m->message,
               m->ticket);
    json_quote(&out, m->template);
    buf_printf(&out, ",\"to\":");
    json_quote(&out, m->recipient);
    buf_printf(&out, ",\"subject\":");
    json_quote(&out, m->subject);
    buf_printf(&out, ",\"body\":");
    json_quote(&out, delivery->body);
    buf_add_char(&out, '}');
    text written = arena_text(delivery->arena, buf_text(&out));
    buf_finish(&out);
    return written;
}

/* Signed: HMAC-SHA256 of "<timestamp>.<body>", so that nobody else can send, and nobody can send
   again later. */
static void send_webhook(struct delivery *delivery)
{
    struct arena *arena = delivery->arena;
    if (address_web_fault(delivery->address) != NULL) {
        report_delivery(delivery, SEND_REFUSED, "bad_url");
        return;
    }
    text body = write_webhook(delivery);
    int64_t seconds = wall_time() / SECOND_US;
    text signed_text = arena_printf(arena, "%" PRId64 ".%.*s", seconds, TEXT_ARG(body));
    text sum = encode_hmac(text_of(channels.webhook_secret), signed_text, arena);
    const struct send_request request = {
        .url = arena_text(arena, delivery->address).at,
        .headers = {"Content-Type: application/json; charset=utf-8", "Expect:",
                    arena_printf(arena, "Idempotency-Key: %" PRId64, delivery->m->message).at,
                    arena_printf(arena, "Kefu-Timestamp: %" PRId64, seconds).at,
                    arena_printf(arena, "Kefu-Signature: sha256=%s", sum.at).at},
        .reach = &channels.webhook_reach,
        .body = body,
        .timeout_ms = channels.timeout_ms,
    };
    send_start(&request, on_sent, delivery);
}

static void put_in_inbox(struct delivery *delivery)
{
    const struct message_due *m = delivery->m;
    struct err err;
    const struct inbox_line line = {.at = wall_time(),
                                    .message = m->message,
                                    .ticket = m->ticket,
                                    .to = m->recipient,
                                    .template = m->template,
                                    .subject = m->subject,
                                    .body = delivery->body};
    if (inbox_add(channels.inbox, &line, &err) == 0)
        report_delivery(delivery, SEND_DONE, NULL);
    else
        report_delivery(delivery, SEND_AGAIN, arena_text(delivery->arena, text_of(err.message)).at);
}

/* A call task has no channel of its own: it reaches the caller by the address it got. */
static text real_channel(text channel, text address)
{
    if (!text_is(channel, "call")) return channel;
    if (address.len == 0) return text_of(channels.standard);
    return memmem(address.at, address.len, "://", 3) != NULL ? TEXT("webhook") : TEXT("mail");
}

static void transmit(struct delivery *delivery)
{
    text channel = real_channel(delivery->channel, delivery->address);
    bool configured = text_is(channel, "mail")      ? channels_have_mail()
                      : text_is(channel, "webhook") ? channels.webhook_secret != NULL
                                                    : true;
    if (!configured)
        report_delivery(delivery, SEND_AGAIN, "channel_not_set");
    else if (text_is(channel, "mail"))
        send_mail(delivery);
    else if (text_is(channel, "webhook"))
        send_webhook(delivery);
    else if (text_is(channel, "file"))
        put_in_inbox(delivery);
    else
        report_delivery(delivery, SEND_DONE, NULL); /* null */
}

/* --- what intake keeps --- */

static text join_words(struct list words, struct arena *arena)
{
    text joined = TEXT("");
    for (size_t i = 0; i < words.n; i++)
        joined = arena_printf(arena, "%.*s%s%.*s", TEXT_ARG(joined), i > 0 ? "\n" : "",
                              TEXT_ARG(LIST(words, text)[i]));
    return joined;
}

static void on_address(void *ctx, const void *answer, const struct err *err)
{
    struct delivery *delivery = ctx;
    const struct address_view *view = answer;
    (void)err;
    if (view == NULL) {
        report_delivery(delivery, SEND_AGAIN, "no_answer_of_intake");
        return;
    }
    text words = join_words(view->words, delivery->arena);
    if (template_has_mark(delivery->body) && words.len == 0) {
        report_delivery(delivery, SEND_REFUSED, "no_words");
        return;
    }
    delivery->body = template_fill(delivery->body, words, delivery->arena);
    delivery->address = arena_text(delivery->arena, view->email);
    if (text_is(delivery->channel, "mail") && delivery->address.len == 0)
        delivery->channel = text_of(channels.standard);
    transmit(delivery);
}

void run_message_due(struct job *job, const void *message)
{
    const struct message_due *m = message;
    struct delivery *delivery = ARENA_NEW(job_arena(job), struct delivery);
    *delivery = (struct delivery){.job = job,
                                  .arena = job_arena(job),
                                  .m = m,
                                  .channel = m->channel,
                                  .address = m->address,
                                  .body = m->body};
    bool ask = text_is(m->audience, "customer") &&
               (text_is(m->channel, "mail") || template_has_mark(m->body));
    if (!ask) {
        transmit(delivery);
        return;
    }
    service_ask("intake", &address_get_shape,
                &(struct address_get){.ticket = m->ticket, .notes = m->notes}, ASK_MS, on_address,
                delivery);
}

/* --- what came of it --- */

static void say_reply(struct plan *plan, const struct message_row *row)
{
    plan_say(plan, &reply_delivered_shape,
             &(struct reply_delivered){.ticket = row->ticket,
                                       .person = row->person,
                                       .channel = row->channel,
                                       .gives = row->gives,
                                       .next_at = row->next_at});
}

static void keep_sent(struct plan *plan, struct message_row *row)
{
    row->state = TEXT("sent");
    row->sent_at = plan->now;
    row->reason = (text){NULL, 0};
    plan_say(plan, &message_sent_shape,
             &(struct message_sent){.ticket = row->ticket,
                                    .message = row->id,
                                    .template = row->template,
                                    .channel = row->channel,
                                    .audience = row->audience,
                                    .to = row->recipient,
                                    .attempts = row->attempts});
    if (row->gives.len > 0 && row->person.len > 0) say_reply(plan, row);
}

static void keep_failed(struct plan *plan, struct message_row *row, const char *state)
{
    row->state = text_of(state);
    plan_say(plan, &message_failed_shape,
             &(struct message_failed){.ticket = row->ticket,
                                      .message = row->id,
                                      .template = row->template,
                                      .channel = row->channel,
                                      .audience = row->audience,
                                      .to = row->recipient,
                                      .attempts = row->attempts,
                                      .reason = row->reason});
}

void on_delivery_done(struct plan *plan, const void *message, const struct facts *facts)
{
    const struct delivery_done *m = message;
    const struct message_row *known = facts_one(facts, &message_lock);
    if (known == NULL || text_is(known->state, "sent")) return;
    struct message_row row = *known;
    row.attempts = plan->attempt > row.attempts ? plan->attempt : row.attempts + 1;
    row.reason = m->reason;
    row.channel = text_is(row.channel, "call") ? row.channel : m->channel;
    if (text_is(m->outcome, "sent")) {
        keep_sent(plan, &row);
    } else if (text_is(m->outcome, "refused")) {
        keep_failed(plan, &row, "failed");
    } else if (row.attempts >= channels.attempts) {
        keep_failed(plan, &row, "dead");
    } else {
        row.send_at = plan->now + channels_pause(row.id, row.attempts);
        post_job(plan, &row);
    }
    plan_write(plan, &message_update, &row);
}
