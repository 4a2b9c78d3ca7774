#include "transport.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/loop.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/*
 * libcurl tells which sockets to watch and when to wake it (curl_multi's socket interface); a watch
 * is a uv_poll_t.
 */
enum { AT_ONCE_MAX = 32, ONE_HOST_MAX = 8, ANSWER_BYTES_MAX = 64 * 1024 };

struct watch {
    uv_poll_t poll;
    curl_socket_t socket;
};

struct transfer {
    struct transfer *next, **link; /* of all under way */
    CURL *easy;
    struct curl_slist *headers, *to;
    size_t sent;     /* of the body */
    size_t answered; /* bytes, with headers */
    text body;
    bool mail;
    const struct reach *reach;
    bool out_of_reach; /* an address that it led to */
    void (*fn)(void *ctx, enum send_outcome outcome, const char *reason);
    void *ctx;
};

static CURLM *multi;
static struct loop_timer timer;
static struct transfer *under_way;

enum send_outcome send_judge_http(long status)
{
    if (status >= 200 && status < 300) return SEND_DONE;
    if (status >= 500 || status == 408 || status == 425 || status == 429 || status < 200)
        return SEND_AGAIN;
    return SEND_REFUSED;
}

enum send_outcome send_judge_smtp(long status)
{
    if (status >= 200 && status < 300) return SEND_DONE;
    /* A name or password refused is our own fault: somebody mends it. */
    bool ours = status == 530 || status == 534 || status == 535 || status == 538;
    return status >= 500 && status < 600 && !ours ? SEND_REFUSED : SEND_AGAIN;
}

/* --- the end of a transfer --- */

/* Without an answer. */
static void give_reason(CURLcode result, char *reason, size_t room)
{
    if (result == CURLE_OPERATION_TIMEDOUT)
        snprintf(reason, room, "timeout");
    else
        snprintf(reason, room, "curl %d", (int)result);
}

static enum send_outcome judge_mail(CURLcode result, long status, char *reason, size_t room)
{
    snprintf(reason, room, "smtp %ld", status);
    if (result == CURLE_OK) return SEND_DONE;
    if (status >= 400 && result != CURLE_OPERATION_TIMEDOUT) return send_judge_smtp(status);
    give_reason(result, reason, room);
    return SEND_AGAIN;
}

static enum send_outcome judge_post(const struct transfer *transfer, CURLcode result, long status,
                                    char *reason, size_t room)
{
    bool cut = result == CURLE_WRITE_ERROR && transfer->answered > ANSWER_BYTES_MAX;
    bool nowhere = result == CURLE_COULDNT_RESOLVE_HOST ||
                   (result == CURLE_COULDNT_CONNECT && transfer->out_of_reach);
    snprintf(reason, room, "http %ld", status);
    if (result == CURLE_OK || (cut && status >= 200)) return send_judge_http(status);
    if (nowhere)
        snprintf(reason, room, "no_address");
    else
        give_reason(result, reason, room);
    return SEND_AGAIN;
}

static enum send_outcome judge(const struct transfer *transfer, CURLcode result, char *reason,
                               size_t room)
{
    long status = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (result == CURLE_URL_MALFORMAT || result == CURLE_UNSUPPORTED_PROTOCOL) {
        snprintf(reason, room, "bad_url");
        return SEND_REFUSED;
    }
    return transfer->mail ? judge_mail(result, status, reason, room)
                          : judge_post(transfer, result, status, reason, room);
}

static void enlist(struct transfer *transfer)
{
    transfer->next = under_way;
    transfer->link = &under_way;
    if (under_way != NULL) under_way->link = &transfer->next;
    under_way = transfer;
}

static void end_transfer(struct transfer *transfer)
{
    *transfer->link = transfer->next;
    if (transfer->next != NULL) transfer->next->link = transfer->link;
    curl_multi_remove_handle(multi, transfer->easy);
    curl_easy_cleanup(transfer->easy);
    curl_slist_free_all(transfer->headers);
    curl_slist_free_all(transfer->to);
    free(transfer);
}

static void collect(void)
{
    CURLMsg *message;
    int left;
    while ((message = curl_multi_info_read(multi, &left)) != NULL) {
        struct transfer *transfer;
        char reason[40];
        if (message->msg != CURLMSG_DONE) continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        enum send_outcome outcome = judge(transfer, message->data.result, reason, sizeof(reason));
        void (*fn)(void *, enum send_outcome, const char *) = transfer->fn;
        void *ctx = transfer->ctx;
        end_transfer(transfer);
        fn(ctx, outcome, reason);
    }
}

/* --- the loop --- */

static void on_socket(uv_poll_t *poll, int status, int events)
{
    struct watch *watch = poll->data;
    int running, flags = 0;
    if (status < 0) flags |= CURL_CSELECT_ERR;
    if (events & UV_READABLE) flags |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE) flags |= CURL_CSELECT_OUT;
    curl_multi_socket_action(multi, watch->socket, flags, &running);
    collect();
}

static void on_timer(void *ctx)
{
    int running;
    (void)ctx;
    curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect();
}

static int set_timer(CURLM *of, long ms, void *ctx)
{
    (void)of;
    (void)ctx;
    if (ms < 0)
        loop_timer_stop(&timer);
    else
        loop_timer_start(&timer, ms, 0, on_timer, NULL);
    return 0;
}

static void free_watch(uv_handle_t *handle)
{
    free(handle->data);
}

static int watch_socket(CURL *easy, curl_socket_t socket, int what, void *ctx, void *socket_ctx)
{
    struct watch *watch = socket_ctx;
    (void)easy;
    (void)ctx;
    if (what == CURL_POLL_REMOVE) {
        if (watch == NULL) return 0;
        uv_poll_stop(&watch->poll);
        uv_close((uv_handle_t *)&watch->poll, free_watch);
        curl_multi_assign(multi, socket, NULL);
        return 0;
    }
    if (watch == NULL) {
        watch = mem_alloc(sizeof(*watch));
        watch->socket = socket;
        if (uv_poll_init_socket(loop_get(), &watch->poll, socket) != 0) {
            free(watch);
            return -1;
        }
        watch->poll.data = watch;
        curl_multi_assign(multi, socket, watch);
    }
    int events = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    uv_poll_start(&watch->poll, events, on_socket);
    return 0;
}

static void open_multi(void)
{
    if (multi != NULL) return;
    curl_global_init(CURL_GLOBAL_DEFAULT);
    multi = curl_multi_init();
    if (multi == NULL) fatal(NULL, "libcurl does not start");
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)AT_ONCE_MAX);
    curl_multi_setopt(multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)ONE_HOST_MAX);
}

void send_stop(void)
{
    if (multi == NULL) return;
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): end_transfer() takes it off the list first. */
    while (under_way != NULL) end_transfer(under_way);
    curl_multi_cleanup(multi);
    multi = NULL;
    loop_timer_stop(&timer);
}

/* --- the beginning --- */

static size_t read_body(char *to, size_t size, size_t n, void *ctx)
{
    struct transfer *transfer = ctx;
    size_t left = transfer->body.len - transfer->sent;
    size_t take = size * n < left ? size * n : left;
    memcpy(to, transfer->body.at + transfer->sent, take);
    transfer->sent += take;
    return take;
}

/* The body of the receiver's answer is of no interest, and could be endless. */
static size_t drop_answer(char *at, size_t size, size_t n, void *ctx)
{
    struct transfer *transfer = ctx;
    (void)at;
    transfer->answered += size * n;
    return transfer->answered > ANSWER_BYTES_MAX ? 0 : size * n;
}

static void log_out_of_reach(const struct sockaddr *address)
{
    char name[INET6_ADDRSTRLEN] = "?";
    bool ipv4 = address->sa_family == AF_INET;
    const void *bytes = ipv4 ? (const void *)&((const struct sockaddr_in *)address)->sin_addr
                             : (const void *)&((const struct sockaddr_in6 *)address)->sin6_addr;
    if (ipv4 || address->sa_family == AF_INET6)
        inet_ntop(address->sa_family, bytes, name, sizeof(name));
    log_warn("webhook_out_of_reach", "address=%s hint=webhook-allow", name);
}

/* The address that the connection is made to, once its name has been looked up: a later look-up
   does not count. */
static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *to)
{
    struct transfer *transfer = ctx;
    (void)purpose;
    if (!reach_allows(transfer->reach, &to->addr)) {
        transfer->out_of_reach = true;
        log_out_of_reach(&to->addr);
        return CURL_SOCKET_BAD;
    }
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static void prepare_mail(struct transfer *transfer, const struct send_request *request)
{
    CURL *easy = transfer->easy;
    long tls = strcmp(request->tls, "must") == 0 ? CURLUSESSL_ALL
               : strcmp(request->tls, "no") == 0 ? CURLUSESSL_NONE
                                                 : CURLUSESSL_TRY;
    transfer->to = curl_slist_append(NULL, request->mail_to);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(easy, CURLOPT_MAIL_FROM, request->mail_from);
    curl_easy_setopt(easy, CURLOPT_MAIL_RCPT, transfer->to);
    curl_easy_setopt(easy, CURLOPT_USE_SSL, tls);
    curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, read_body);
    curl_easy_setopt(easy, CURLOPT_READDATA, transfer);
    if (request->user == NULL || request->user[0] == '\0') return;
    curl_easy_setopt(easy, CURLOPT_USERNAME, request->user);
    if (request->password != NULL) curl_easy_setopt(easy, CURLOPT_PASSWORD, request->password);
}

static void prepare_post(struct transfer *transfer, const struct send_request *request)
{
    CURL *easy = transfer->easy;
    for (size_t i = 0; i < COUNT(request->headers) && request->headers[i] != NULL; i++)
        transfer->headers = curl_slist_append(transfer->headers, request->headers[i]);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_PROXY, ""); /* one would look up the name anew */
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body.at);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
}

void send_start(const struct send_request *request,
                void (*fn)(void *ctx, enum send_outcome outcome, const char *reason), void *ctx)
{
    open_multi();
    struct transfer *transfer = mem_alloc(sizeof(*transfer));
    *transfer = (struct transfer){.easy = curl_easy_init(),
                                  .body = request->body,
                                  .mail = request->mail_to != NULL,
                                  .reach = request->reach,
                                  .fn = fn,
                                  .ctx = ctx};
    CURL *easy = transfer->easy;
    if (easy == NULL) fatal(NULL, "libcurl does not start");
    enlist(transfer);
    curl_easy_setopt(easy, CURLOPT_URL, request->url);
    curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, drop_answer);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, drop_answer);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
    if (transfer->mail)
        prepare_mail(transfer, request);
    else
        prepare_post(transfer, request);
    curl_multi_add_handle(multi, easy);
}
