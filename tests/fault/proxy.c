/*
 * A fault proxy: passes bytes between clients and one server, and does to them what a bad network
 * does.
 *
 *   faultproxy LISTEN TARGET
 *       an address is 127.0.0.1:7102 (port 0: any) or the path of a unix socket
 *
 * It prints `ready ADDRESS`, then obeys lines on standard input, answers each with one line, and
 * ends when the input ends.
 *
 *   [WHO] FAULT     WHO: all (those there and those to come; if left out), now, new, or a
 *                   connection's number
 *   delay MS        each piece, in both directions, waits so long
 *   stop            read no more from either side; `go` reads on, and nothing was lost
 *   hole            swallow everything. New connections are accepted, and nobody is there
 *   refuse          new connections are hung up on at once
 *   cut WAY N       pass N more bytes of that way (up: to the server, down: to the client), then
 *                   reset both sides
 *   cutat WAY WORD  pass what comes before WORD, not WORD itself, and reset both sides
 *   flip WAY N      invert the lowest bit of the byte that follows the next N
 *   go              no more faults. Connections that lost bytes in a hole are reset: what follows
 *                   would make no sense
 *   reset, close    end connections now: with RST (a unix socket cannot), in order
 *
 *   target ADDRESS  where new connections go from now on
 *   list            one answer line: `N connections, N ever` and for each its number and the bytes
 *                   passed up and down
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

enum { PIECE = 65536, WORD_SIZE = 64, LINE_SIZE = 512, BACKLOG = 512 };
enum { UP, DOWN, WAYS };

struct faults {
    int64_t delay_ms;
    bool stop, hole, refuse;
    int64_t cut[WAYS], flip[WAYS]; /* bytes to go; below 0: never */
    char word[WAYS][WORD_SIZE];    /* empty: none */
};

static const struct faults no_faults = {.cut = {-1, -1}, .flip = {-1, -1}};

union side {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
};

struct pair;

/* One direction: a piece is read, waits, and is written before the next is read. */
struct way {
    struct pair *pair;
    union side *from, *to;
    int number;
    char bytes[PIECE];
    size_t n, matched;
    int64_t passed;
    bool busy, last; /* a piece is under way; the connection ends behind it */
    uv_timer_t timer;
    uv_write_t write;
};

struct pair {
    struct pair *next;
    int number;
    int handles; /* not closed yet */
    bool connected, ended, gap;
    struct faults faults;
    union side client, server;
    struct way ways[WAYS];
    uv_connect_t connect;
};

static uv_loop_t *loop;
static union side listener;
static char target[LINE_SIZE];
static struct faults standing; /* of connections to come */
static struct pair *pairs;
static int ever;

static bool is_path(const char *address)
{
    return strchr(address, '/') != NULL;
}

static void side_init(union side *side, const char *address)
{
    if (is_path(address))
        uv_pipe_init(loop, &side->pipe, 0);
    else
        uv_tcp_init(loop, &side->tcp);
}

/* --- the end of a connection --- */

static void on_closed(uv_handle_t *handle)
{
    struct pair *pair = handle->data;
    if (--pair->handles > 0) return;
    struct pair **at = &pairs;
    while (*at != pair) at = &(*at)->next;
    *at = pair->next;
    free(pair);
}

static void close_side(union side *side, bool reset)
{
    if (reset && side->handle.type == UV_TCP && uv_tcp_close_reset(&side->tcp, on_closed) == 0)
        return;
    uv_close(&side->handle, on_closed);
}

static void end_pair(struct pair *pair, bool reset)
{
    if (pair->ended) return;
    pair->ended = true;
    close_side(&pair->client, reset);
    close_side(&pair->server, reset);
    for (int w = 0; w < WAYS; w++) uv_close((uv_handle_t *)&pair->ways[w].timer, on_closed);
}

/* --- passing on --- */

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf);

static void on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
    struct pair *pair = handle->data;
    struct way *way = &pair->ways[handle == &pair->client.handle ? UP : DOWN];
    (void)hint;
    *buf = uv_buf_init(way->bytes, sizeof(way->bytes));
}

/* Read, unless a fault or a piece under way is against it. */
static void read_on(struct pair *pair)
{
    if (pair->ended) return;
    for (int w = 0; w < WAYS; w++) {
        struct way *way = &pair->ways[w];
        bool readable = w == UP ? pair->connected || pair->faults.hole : pair->connected;
        if (way->busy || pair->faults.stop || !readable)
            uv_read_stop(&way->from->stream);
        else
            uv_read_start(&way->from->stream, on_alloc, on_read);
    }
}

static void on_written(uv_write_t *write, int status)
{
    struct way *way = write->data;
    if (way->pair->ended) return;
    way->passed += (int64_t)way->n;
    way->busy = false;
    if (status < 0 || way->last)
        end_pair(way->pair, true);
    else
        read_on(way->pair);
}

static void pass(uv_timer_t *timer)
{
    struct way *way = (struct way *)((char *)timer - offsetof(struct way, timer));
    uv_buf_t buf = uv_buf_init(way->bytes, (unsigned)way->n);
    if (uv_write(&way->write, &way->to->stream, &buf, 1, on_written) < 0) end_pair(way->pair, true);
}

/* How much of the piece comes before the end of the word's first appearance. */
static bool find_word(struct way *way, const char *word, size_t *end)
{
    for (size_t i = 0; i < way->n; i++) {
        if (way->bytes[i] != word[way->matched]) way->matched = 0;
        if (way->bytes[i] == word[way->matched]) way->matched++;
        if (word[way->matched] != '\0') continue;
        way->matched = 0;
        *end = i + 1;
        return true;
    }
    return false;
}

/* What the faults make of the piece. */
static void apply_faults(struct way *way)
{
    struct faults *faults = &way->pair->faults;
    int64_t *flip = &faults->flip[way->number], *cut = &faults->cut[way->number];
    const char *word = faults->word[way->number];
    int64_t n = (int64_t)way->n;
    size_t end;
    if (*flip >= 0 && *flip < n) way->bytes[*flip] ^= 1;
    if (*flip >= 0) *flip = *flip < n ? -1 : *flip - n;
    if (word[0] != '\0' && find_word(way, word, &end)) {
        way->last = true;
        way->n = end > strlen(word) ? end - strlen(word) : 0;
    }
    if (*cut >= 0 && *cut <= n) {
        way->last = true;
        way->n = (size_t)*cut;
    } else if (*cut >= 0) {
        *cut -= n;
    }
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct pair *pair = stream->data;
    struct way *way = &pair->ways[stream == &pair->client.stream ? UP : DOWN];
    (void)buf;
    if (pair->faults.hole) {
        pair->gap = true;
        if (n < 0) uv_read_stop(stream); /* the other side does not hear of it */
    } else if (n < 0) {
        end_pair(pair, n != UV_EOF);
    }
    if (pair->faults.hole || n <= 0) return;
    way->n = (size_t)n;
    way->busy = true;
    apply_faults(way);
    read_on(pair);
    uv_update_time(loop);
    uv_timer_start(&way->timer, pass, (uint64_t)pair->faults.delay_ms, 0);
}

/* --- new connections --- */

static void on_connected(uv_connect_t *connect, int status)
{
    struct pair *pair = connect->data;
    if (pair->ended) return;
    pair->connected = status == 0;
    if (status < 0)
        end_pair(pair, true);
    else
        read_on(pair);
}

static int parse_address(const char *address, struct sockaddr_in *to)
{
    char host[LINE_SIZE];
    snprintf(host, sizeof(host), "%s", address);
    char *colon = strrchr(host, ':');
    if (colon == NULL) return UV_EINVAL;
    *colon = '\0';
    return uv_ip4_addr(host, (int)strtol(colon + 1, NULL, 10), to);
}

static void connect_server(struct pair *pair)
{
    struct sockaddr_in to;
    pair->connect.data = pair;
    if (is_path(target))
        uv_pipe_connect(&pair->connect, &pair->server.pipe, target, on_connected);
    else if (parse_address(target, &to) < 0 ||
             uv_tcp_connect(&pair->connect, &pair->server.tcp, (struct sockaddr *)&to,
                            on_connected) < 0)
        end_pair(pair, true);
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct pair *pair = calloc(1, sizeof(*pair));
    if (pair == NULL || status < 0) abort();
    *pair = (struct pair){.next = pairs, .number = ++ever, .handles = 2 + WAYS, .faults = standing};
    pairs = pair;
    if (stream->type == UV_NAMED_PIPE)
        uv_pipe_init(loop, &pair->client.pipe, 0);
    else
        uv_tcp_init(loop, &pair->client.tcp);
    side_init(&pair->server, target);
    pair->client.handle.data = pair->server.handle.data = pair;
    for (int w = 0; w < WAYS; w++) {
        struct way *way = &pair->ways[w];
        way->pair = pair;
        way->number = w;
        way->from = w == UP ? &pair->client : &pair->server;
        way->to = w == UP ? &pair->server : &pair->client;
        way->write.data = way;
        uv_timer_init(loop, &way->timer);
        way->timer.data = pair;
    }
    if (uv_accept(stream, &pair->client.stream) < 0 || standing.refuse)
        end_pair(pair, false);
    else if (standing.hole)
        pair->gap = true;
    else
        connect_server(pair);
    read_on(pair);
}

/* --- orders --- */

static bool set_faults(struct faults *faults, char *const *words)
{
    const char *first = words[1], *second = words[2];
    int way = strcmp(first, "down") == 0 ? DOWN : UP;
    bool of_way = way == DOWN || strcmp(first, "up") == 0;
    if (strcmp(words[0], "go") == 0) {
        *faults = no_faults;
    } else if (strcmp(words[0], "delay") == 0) {
        faults->delay_ms = strtol(first, NULL, 10);
    } else if (strcmp(words[0], "stop") == 0) {
        faults->stop = true;
    } else if (strcmp(words[0], "hole") == 0) {
        faults->hole = true;
    } else if (strcmp(words[0], "refuse") == 0) {
        faults->refuse = true;
    } else if (of_way && strcmp(words[0], "cut") == 0) {
        faults->cut[way] = strtol(second, NULL, 10);
    } else if (of_way && strcmp(words[0], "flip") == 0) {
        faults->flip[way] = strtol(second, NULL, 10);
    } else if (of_way && strcmp(words[0], "cutat") == 0) {
        snprintf(faults->word[way], WORD_SIZE, "%s", second);
    } else {
        return false;
    }
    return true;
}

/* True if the order is one. */
static bool order_pair(struct pair *pair, char *const *words)
{
    bool reset = strcmp(words[0], "reset") == 0;
    if (reset || strcmp(words[0], "close") == 0) {
        end_pair(pair, reset);
        return true;
    }
    bool known = set_faults(&pair->faults, words);
    if (strcmp(words[0], "go") == 0 && pair->gap) end_pair(pair, true);
    read_on(pair);
    return known;
}

static bool order(const char *who, char *const *words)
{
    bool all = strcmp(who, "all") == 0;
    long number = strtol(who, NULL, 10);
    bool ends = strcmp(words[0], "reset") == 0 || strcmp(words[0], "close") == 0;
    bool known = ends || set_faults(&(struct faults){0}, words);
    if (known && !ends && (all || strcmp(who, "new") == 0)) set_faults(&standing, words);
    for (struct pair *pair = pairs; known && pair != NULL; pair = pair->next)
        if (all || strcmp(who, "now") == 0 || pair->number == number) order_pair(pair, words);
    return known;
}

static void list_pairs(void)
{
    int n = 0;
    for (struct pair *pair = pairs; pair != NULL; pair = pair->next) n += !pair->ended;
    printf("%d connections, %d ever", n, ever);
    for (struct pair *pair = pairs; pair != NULL; pair = pair->next)
        if (!pair->ended)
            printf(" %d:%" PRId64 "/%" PRId64, pair->number, pair->ways[UP].passed,
                   pair->ways[DOWN].passed);
    printf("\n");
}

static void obey(char *line)
{
    char *words[5] = {"", "", "", "", ""}, *rest = NULL;
    char *word = strtok_r(line, " ", &rest);
    for (int n = 0; word != NULL && n < 4; word = strtok_r(NULL, " ", &rest)) words[n++] = word;
    bool named = strchr("0123456789", words[0][0]) != NULL || strcmp(words[0], "all") == 0 ||
                 strcmp(words[0], "now") == 0 || strcmp(words[0], "new") == 0;
    if (strcmp(words[0], "list") == 0) {
        list_pairs();
    } else if (strcmp(words[0], "target") == 0) {
        snprintf(target, sizeof(target), "%s", words[1]);
        printf("ok\n");
    } else {
        bool known = order(named ? words[0] : "all", named ? words + 1 : words);
        printf("%s\n", known ? "ok" : "unknown");
    }
    fflush(stdout);
}

static void on_input(uv_poll_t *poll, int status, int events)
{
    static char line[LINE_SIZE];
    static size_t n;
    ssize_t got = status < 0 ? 0 : read(STDIN_FILENO, line + n, sizeof(line) - 1 - n);
    (void)poll, (void)events;
    if (got <= 0) exit(0);
    n += (size_t)got;
    line[n] = '\0';
    for (char *end = strchr(line, '\n'); end != NULL; end = strchr(line, '\n')) {
        *end = '\0';
        obey(line);
        n -= (size_t)(end + 1 - line);
        memmove(line, end + 1, n + 1);
    }
    if (n == sizeof(line) - 1) n = 0;
}

/* --- starting --- */

static int listen_at(const char *address)
{
    struct sockaddr_in at;
    side_init(&listener, address);
    int result =
        is_path(address) ? uv_pipe_bind(&listener.pipe, address) : parse_address(address, &at);
    if (result == 0 && !is_path(address))
        result = uv_tcp_bind(&listener.tcp, (struct sockaddr *)&at, 0);
    return result < 0 ? result : uv_listen(&listener.stream, BACKLOG, on_connection);
}

static void say_ready(const char *address)
{
    struct sockaddr_in at;
    char host[INET_ADDRSTRLEN];
    int size = sizeof(at);
    if (is_path(address)) {
        uv_pipe_chmod(&listener.pipe, UV_READABLE | UV_WRITABLE);
        printf("ready %s\n", address);
    } else {
        uv_tcp_getsockname(&listener.tcp, (struct sockaddr *)&at, &size);
        uv_ip4_name(&at, host, sizeof(host));
        printf("ready %s:%d\n", host, ntohs(at.sin_port));
    }
    fflush(stdout);
}

int main(int argc, char **argv)
{
    uv_poll_t input;
    signal(SIGPIPE, SIG_IGN); /* whoever is on the other side may be gone */
    loop = uv_default_loop();
    standing = no_faults;
    if (argc != 3) {
        fprintf(stderr, "usage: faultproxy LISTEN TARGET\n");
        return 2;
    }
    snprintf(target, sizeof(target), "%s", argv[2]);
    int result = listen_at(argv[1]);
    if (result < 0) {
        fprintf(stderr, "faultproxy: %s: %s\n", argv[1], uv_strerror(result));
        return 1;
    }
    uv_poll_init(loop, &input, STDIN_FILENO);
    uv_poll_start(&input, UV_READABLE | UV_DISCONNECT, on_input);
    say_ready(argv[1]);
    return uv_run(loop, UV_RUN_DEFAULT);
}
