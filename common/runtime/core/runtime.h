/*
 * runtime: the inside of a service process, shared by the modules that make it: lane, lease,
 * journal, reader, alarm, dead, control, service. Services never include this.
 */
#ifndef KEFU_RUNTIME_H
#define KEFU_RUNTIME_H

#include "net/bus.h"
#include "net/gate.h"
#include "base/loop.h"
#include "runtime/core/work.h"
#include "net/peers.h"
#include "net/services.h"
#include "db/pg.h"
#include "runtime/api/plan_state.h"
#include "runtime/api/service.h"
#include "db/sql.h"

/* The table of numbers (design, section 2). */
enum {
    BATCH_MAX = 256,
    BATCH_BYTES_MAX = 1 << 20, /* of a batch's messages; the one that goes beyond it is its last */
    LANES_MAX = 8,
    SOURCES_MAX = 8,
    ATTEMPTS_MAX = 3, /* a message that fails so often is set aside */
    QUEUE_MAX = 1024, /* events waiting in a lane's memory, above which it asks for no more */
    QUEUE_BYTES_MAX = 4 << 20, /* … or of so many bytes */
    READ_MAX = 512,            /* events asked for at once */
    WAIT_MS = 2000,            /* how long journal.read waits for something */
    POLL_MS = 250,             /* the journal's tail is read at least so often */
    POLL_SHARED_MS = 20,       /* … when other replicas append to it as well */
    GATE_MS = 2000,            /* how long an alarm waits for its partition's readers */
    RESCAN_MS = 1000,          /* alarms are looked for at least so often */
    JOURNAL_MARK = 8,          /* so much of a journal's uuid stands in positions */
    JOB_LOST_S = 120,          /* a job not reported after this is run again */
    REPLY_KEPT_DAYS = 3,
};

struct runtime_settings {
    const char *database; /* libpq connection string */
    const char *schema;
    const char *endpoint; /* where rpc is bound */
    const char *instance;
    const char *home;
    const char *keys; /* directory */
    struct gate_limits limits;
    const char *log_level;
    int64_t lanes;
    int64_t lease_ms;
    int64_t wait_ms; /* how long a request may wait without a deadline of its own */
    int64_t isolate_after_crash_ms;
    int64_t batch_interval_ms;
    bool test_clock;
    const char *test_clock_start;
    bool migrate_only;
    bool health;
    const char *peers[SERVICES_MAX]; /* endpoint specs, by the services' numbers */
};

int runtime_service_number(void); /* of this service (net/services.h) */

/* One source of events: another service's journal, or the own one. */
struct source {
    const char *name;
    bool own;
    struct peers *peers;          /* of another service */
    char journal[40];             /* its uuid, once known, or how that begins */
    char trouble[LANES_MAX][160]; /* why a lane does not read on; empty: it does */
    int64_t handled;
};

struct lane;
struct policy_known {
    int64_t version;
    const void *compiled;
    struct arena *arena; /* what `compiled` lives in */
};

struct runtime {
    const struct service *service;
    struct runtime_settings settings;
    const char *owner; /* instance#life: leases are held by its lanes */
    struct keys *keys;
    struct bus *bus;
    struct bus_server *server;
    time_us up_since;

    struct lane *lanes[LANES_MAX];
    int lanes_n;
    struct source sources[SOURCES_MAX];
    int sources_n;

    struct sql **store; /* compiled, beside service->store */
    struct policy_known *policies;
    size_t policies_n, policies_room;
    int64_t policy_version; /* the newest one known */
    int64_t policy_newest;  /* the newest one stored, at start */
    bool policies_ready;

    bool draining; /* told to stop: jobs under way may report, nothing new begins */
    bool leaving;  /* leases are being given back: no lane begins anything */
    bool isolating;
    time_us clock_at;       /* the service's time when last heard from the database … */
    int64_t clock_heard_ms; /* … and when that was, by the loop */
    int64_t deadlocks;
};

extern struct runtime runtime;

time_us runtime_system_now(void); /* the machine's clock */
/* The service's clock, estimated between two looks at the database: for waking up, never for
   deciding. */
time_us runtime_now(void);
void runtime_heard_time(time_us now);
/* Name of the process's sessions in PostgreSQL: the service, and which life of which replica (after
   the # of its owner). */
enum { SESSION_NAME = 64 };
void runtime_session_name(char name[SESSION_NAME], text life);
/* SQL run on every new connection; the session of a lane (an owner of leases: instance#life/lane)
   is named after it. */
const char *runtime_setup(void);
const char *runtime_setup_of(const char *owner);
/* The compiled form of a statement of the store. */
struct sql *runtime_sql(const struct statement *statement);
/* neighbours.c: the peers of another service; NULL if there is none of that name in the
   settings. */
struct peers *runtime_peers(const char *service);
/* Settings "peer-NAME", one for each service: where it is reached. The rows live in the arena. */
struct settings_table peer_settings(struct arena *arena);
void others_stop(void);
const struct handler *runtime_handler(enum handler_kind kind, const char *from, text type,
                                      int64_t version);
struct lane *runtime_lane(int partition);
int runtime_source(text name); /* index, or -1 */

/* policy_store.c: compile the version in force if it is not known yet, then call `fn`. */
struct workline;
void policy_store_start(struct workline *line);
void policy_need(int64_t version, void (*fn)(void *ctx, bool known), void *ctx);
const void *policy_known(int64_t version);
/* May be decided under here: it is known, or the service owns no policy. */
bool policy_usable(int64_t version);
const void *runtime_policy_of(void *ctx, int64_t version);

/* ids.c */
int64_t ids_new(void *ctx, int partition, time_us now);
void ids_start(struct workline *line);

#endif
