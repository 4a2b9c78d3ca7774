/*
 * Publishes to a durable quorum queue of RabbitMQ with publisher confirms, as load.c sends commands
 * to a service.
 *
 *   rabbit PORT QUEUE COUNT WINDOW    persistent messages of 600 bytes, at most WINDOW unconfirmed
 *
 * Prints one line of JSON; fails if a message is refused (nack) or the broker ends the connection.
 */
#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/base.h"

enum { BYTES = 600, FRAME_MAX = 131072, CHANNEL = 1 };

static struct {
    amqp_connection_state_t broker;
    amqp_bytes_t queue;
    int64_t count, window, sent, confirmed;
    int64_t *begun, *ended; /* by number, nanoseconds */
} load;

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

static NORETURN void end_badly(const char *why)
{
    fprintf(stderr, "rabbit: %s\n", why);
    exit(1);
}

static void need(const char *what, amqp_rpc_reply_t reply)
{
    if (reply.reply_type != AMQP_RESPONSE_NORMAL) end_badly(what);
}

static void open_queue(int port, const char *name)
{
    amqp_table_entry_t type = {
        .key = amqp_cstring_bytes("x-queue-type"),
        .value = {.kind = AMQP_FIELD_KIND_UTF8, .value.bytes = amqp_cstring_bytes("quorum")}};
    amqp_table_t quorum = {.num_entries = 1, .entries = &type};
    load.broker = amqp_new_connection();
    amqp_socket_t *socket = amqp_tcp_socket_new(load.broker);
    if (socket == NULL || amqp_socket_open(socket, "127.0.0.1", port) != AMQP_STATUS_OK)
        end_badly("nobody listens there");
    need("login",
         amqp_login(load.broker, "/", 0, FRAME_MAX, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest"));
    amqp_channel_open(load.broker, CHANNEL);
    need("channel", amqp_get_rpc_reply(load.broker));
    load.queue = amqp_cstring_bytes(name);
    amqp_queue_declare(load.broker, CHANNEL, load.queue, 0, 1, 0, 0, quorum);
    need("queue", amqp_get_rpc_reply(load.broker));
    amqp_confirm_select(load.broker, CHANNEL);
    need("confirms", amqp_get_rpc_reply(load.broker));
}

static void send_one(void)
{
    static char bytes[BYTES];
    amqp_basic_properties_t properties = {._flags = AMQP_BASIC_DELIVERY_MODE_FLAG,
                                          .delivery_mode = AMQP_DELIVERY_PERSISTENT};
    amqp_bytes_t body = {.len = sizeof(bytes), .bytes = bytes};
    snprintf(bytes, sizeof(bytes), "%lld", (long long)load.sent);
    load.begun[load.sent++] = now_ns();
    if (amqp_basic_publish(load.broker, CHANNEL, amqp_empty_bytes, load.queue, 0, 0, &properties,
                           body) != AMQP_STATUS_OK)
        end_badly("publishing");
}

/* Tags count from 1; `multiple` confirms all up to this one. */
static void confirm(uint64_t tag, bool multiple)
{
    static int64_t low; /* all below are confirmed */
    int64_t now = now_ns(), last = (int64_t)tag - 1;
    if (last < 0 || last >= load.sent) end_badly("a confirm of what was not sent");
    for (int64_t n = multiple ? low : last; n <= last; n++) {
        if (load.ended[n] != 0) continue;
        load.ended[n] = now;
        load.confirmed++;
    }
    while (low < load.sent && load.ended[low] != 0) low++;
}

static void hear(void)
{
    amqp_frame_t frame;
    if (amqp_simple_wait_frame(load.broker, &frame) != AMQP_STATUS_OK) end_badly("connection lost");
    if (frame.frame_type != AMQP_FRAME_METHOD) return;
    if (frame.payload.method.id != AMQP_BASIC_ACK_METHOD) end_badly("refused by the broker");
    const amqp_basic_ack_t *ack = frame.payload.method.decoded;
    confirm(ack->delivery_tag, ack->multiple != 0);
    amqp_maybe_release_buffers(load.broker);
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

static void report(int64_t first, int64_t last)
{
    double seconds = (double)(last - first) / 1e9;
    for (int64_t i = 0; i < load.count; i++) load.ended[i] -= load.begun[i];
    qsort(load.ended, (size_t)load.count, sizeof(*load.ended), compare);
    printf("{\"count\": %lld, \"rate\": %.2f, \"p50\": %.4f, \"p99\": %.4f}\n",
           (long long)load.count, (double)load.count / seconds,
           (double)load.ended[load.count / 2] / 1e6,
           (double)load.ended[load.count * 99 / 100] / 1e6);
}

int main(int argc, char **argv)
{
    int64_t port;
    if (argc != 5 || !text_to_int(text_of(argv[1]), &port) ||
        !text_to_int(text_of(argv[3]), &load.count) ||
        !text_to_int(text_of(argv[4]), &load.window) || load.count < 1 || load.window < 1) {
        fprintf(stderr, "usage: rabbit PORT QUEUE COUNT WINDOW\n");
        return 2;
    }
    load.begun = calloc((size_t)load.count * 2, sizeof(*load.begun));
    if (load.begun == NULL) end_badly("out of memory");
    load.ended = load.begun + load.count;
    open_queue((int)port, argv[2]);
    int64_t first = now_ns();
    while (load.confirmed < load.count) {
        while (load.sent < load.count && load.sent - load.confirmed < load.window) send_one();
        hear();
    }
    report(first, now_ns());
    amqp_connection_close(load.broker, AMQP_REPLY_SUCCESS);
    amqp_destroy_connection(load.broker);
    return 0;
}
