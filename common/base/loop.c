#include "base/loop.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"

enum { SIGNALS = 8, FINISH_TURNS = 2000 };

struct loop_timing {
    uv_timer_t handle;
    struct loop_timer *owner; /* NULL once it is closing */
    void (*fn)(void *ctx);
    void *ctx;
};

struct soon {
    void (*fn)(void *ctx);
    void *ctx;
};

struct on_signal {
    uv_signal_t handle;
    int signo; /* 0: free */
    void (*fn)(void *ctx);
    void *ctx;
};

static struct {
    bool made, finishing;
    uv_loop_t loop;
    uv_idle_t soon_handle;
    uv_prepare_t turn_handle;
    void (*turn)(void *ctx);
    void *turn_ctx;
    struct soon *soons;
    size_t soons_n, soons_room;
    struct on_signal signals[SIGNALS];
} the;

static void must(int result, const char *what)
{
    if (result != 0)
        fatal("the machine may be out of file descriptors", "%s: %s", what, uv_strerror(result));
}

struct uv_loop_s *loop_get(void)
{
    if (!the.made) {
        must(uv_loop_init(&the.loop), "event loop");
        uv_idle_init(&the.loop, &the.soon_handle);
        uv_prepare_init(&the.loop, &the.turn_handle);
        uv_unref((uv_handle_t *)&the.turn_handle); /* the end of a turn is no reason for another */
        the.made = true;
    }
    return &the.loop;
}

void loop_run(void)
{
    uv_run(loop_get(), UV_RUN_DEFAULT);
}

void loop_stop(void)
{
    uv_stop(loop_get());
}

int64_t loop_now_ms(void)
{
    return (int64_t)(uv_hrtime() / 1000000);
}

int64_t loop_jitter(int64_t ms)
{
    if (ms < 2) return ms;
    return ms - (int64_t)arc4random_uniform((uint32_t)(ms / 2) + 1);
}

/* Timers */

static void free_timing(uv_handle_t *handle)
{
    free(handle->data);
}

void loop_timer_stop(struct loop_timer *timer)
{
    struct loop_timing *timing = timer->timing;
    if (timing == NULL) return;
    timer->timing = NULL;
    timing->owner = NULL;
    uv_close((uv_handle_t *)&timing->handle, free_timing);
}

static void on_timer(uv_timer_t *handle)
{
    struct loop_timing *timing = handle->data;
    void (*fn)(void *ctx) = timing->fn;
    void *ctx = timing->ctx;
    if (uv_timer_get_repeat(handle) == 0)
        loop_timer_stop(timing->owner); /* before: fn may free or restart it */
    fn(ctx);
}

void loop_timer_start(struct loop_timer *timer, int64_t ms, int64_t repeat_ms,
                      void (*fn)(void *ctx), void *ctx)
{
    assert(ms >= 0 && repeat_ms >= 0);
    struct loop_timing *timing = timer->timing;
    if (timing == NULL) {
        timing = timer->timing = mem_alloc(sizeof(*timing));
        uv_timer_init(loop_get(), &timing->handle);
        timing->handle.data = timing;
        timing->owner = timer;
    }
    timing->fn = fn;
    timing->ctx = ctx;
    uv_update_time(loop_get()); /* a long callback leaves the loop's idea of now behind */
    uv_timer_start(&timing->handle, on_timer, (uint64_t)ms, (uint64_t)repeat_ms);
}

bool loop_timer_runs(const struct loop_timer *timer)
{
    return timer->timing != NULL;
}

/* Soon */

static void run_soons(void)
{
    struct soon *soons = the.soons;
    size_t n = the.soons_n;
    the.soons = NULL;
    the.soons_n = the.soons_room = 0;
    for (size_t i = 0; i < n; i++) soons[i].fn(soons[i].ctx);
    free(soons);
}

static void on_soon(uv_idle_t *handle)
{
    uv_idle_stop(handle);
    run_soons();
}

void loop_soon(void (*fn)(void *ctx), void *ctx)
{
    loop_get();
    if (the.soons_n == the.soons_room) {
        the.soons_room = the.soons_room == 0 ? 16 : the.soons_room * 2;
        the.soons = mem_resize(the.soons, the.soons_room * sizeof(*the.soons));
    }
    the.soons[the.soons_n++] = (struct soon){fn, ctx};
    if (!the.finishing) uv_idle_start(&the.soon_handle, on_soon);
}

/* The end of each turn */

static void on_turn(uv_prepare_t *handle)
{
    (void)handle;
    the.turn(the.turn_ctx);
}

void loop_each_turn(void (*fn)(void *ctx), void *ctx)
{
    loop_get();
    if (the.finishing) return;
    the.turn = fn;
    the.turn_ctx = ctx;
    if (fn != NULL)
        uv_prepare_start(&the.turn_handle, on_turn);
    else
        uv_prepare_stop(&the.turn_handle);
}

/* Signals */

static void on_signal(uv_signal_t *handle, int signo)
{
    (void)signo;
    struct on_signal *on = handle->data;
    on->fn(on->ctx);
}

static struct on_signal *find_signal(int signo)
{
    for (size_t i = 0; i < SIGNALS; i++) {
        if (the.signals[i].signo == signo) return &the.signals[i];
    }
    return NULL;
}

void loop_on_signal(int signo, void (*fn)(void *ctx), void *ctx)
{
    loop_get();
    struct on_signal *on = find_signal(signo);
    if (on == NULL) {
        on = find_signal(0);
        assert(on != NULL);
        must(uv_signal_init(&the.loop, &on->handle), "signal handler");
        must(uv_signal_start(&on->handle, on_signal, signo), "signal handler");
        uv_unref((uv_handle_t *)&on->handle); /* waiting for a signal is no reason to run on */
        on->handle.data = on;
        on->signo = signo;
    }
    on->fn = fn;
    on->ctx = ctx;
}

/* Look-ups */

struct loop_lookup {
    uv_getaddrinfo_t request;
    void (*fn)(void *ctx, enum loop_found found, char **addresses, size_t n);
    void *ctx;
};

enum { ADDRESSES = 256, ADDRESS_SIZE = 16 };

static size_t add_address(char (*addresses)[ADDRESS_SIZE], size_t n, const struct sockaddr *from)
{
    if (n == ADDRESSES ||
        uv_ip4_name((const struct sockaddr_in *)from, addresses[n], ADDRESS_SIZE) != 0)
        return n;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(addresses[i], addresses[n]) == 0) return n;
    }
    return n + 1;
}

static void report_found(const struct loop_lookup *lookup, const struct addrinfo *info)
{
    char addresses[ADDRESSES][ADDRESS_SIZE];
    char *pointers[ADDRESSES];
    size_t n = 0;
    for (; info != NULL; info = info->ai_next) {
        if (info->ai_family == AF_INET) n = add_address(addresses, n, info->ai_addr);
    }
    for (size_t i = 0; i < n; i++) pointers[i] = addresses[i];
    lookup->fn(lookup->ctx, LOOP_FOUND, pointers, n);
}

static void on_lookup(uv_getaddrinfo_t *request, int status, struct addrinfo *info)
{
    struct loop_lookup *lookup = request->data;
    bool nobody = status == UV_EAI_NONAME || status == UV_EAI_NODATA;
    if (lookup->fn == NULL) {
        /* cancelled */
    } else if (status == 0) {
        report_found(lookup, info);
    } else {
        lookup->fn(lookup->ctx, nobody ? LOOP_NO_SUCH_NAME : LOOP_NOT_ANSWERED, NULL, 0);
    }
    uv_freeaddrinfo(info);
    free(lookup);
}

struct loop_lookup *
loop_lookup(const char *name,
            void (*fn)(void *ctx, enum loop_found found, char **addresses, size_t n), void *ctx)
{
    static const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
    struct loop_lookup *lookup = mem_alloc(sizeof(*lookup));
    *lookup = (struct loop_lookup){.fn = fn, .ctx = ctx};
    lookup->request.data = lookup;
    int result = uv_getaddrinfo(loop_get(), &lookup->request, on_lookup, name, NULL, &hints);
    if (result == 0) return lookup;
    free(lookup);
    return NULL;
}

void loop_lookup_cancel(struct loop_lookup *lookup)
{
    if (lookup == NULL) return;
    lookup->fn = NULL;
    uv_cancel((uv_req_t *)&lookup->request);
}

/* The end */

static void close_signals(void)
{
    for (size_t i = 0; i < SIGNALS; i++) {
        if (the.signals[i].signo != 0) uv_close((uv_handle_t *)&the.signals[i].handle, NULL);
        the.signals[i].signo = 0;
    }
}

void loop_finish(void)
{
    if (!the.made) return;
    the.finishing = true;
    close_signals();
    uv_close((uv_handle_t *)&the.soon_handle, NULL);
    uv_close((uv_handle_t *)&the.turn_handle, NULL);
    int result = UV_EBUSY;
    for (int i = 0; i < FINISH_TURNS && result == UV_EBUSY; i++) {
        run_soons();
        uv_run(&the.loop, UV_RUN_NOWAIT);
        result = the.soons_n > 0 ? UV_EBUSY : uv_loop_close(&the.loop);
        if (result == UV_EBUSY && i > 2) usleep(1000);
    }
    if (result != 0) log_warn("loop_still_busy", "reason=%s", uv_err_name(result));
    if (result == 0) memset(&the, 0, sizeof(the));
}
