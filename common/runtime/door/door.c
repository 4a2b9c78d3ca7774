#include "runtime/door/door.h"

#include "net/gate.h"
#include "runtime/core/reply.h"
#include "runtime/door/control.h"
#include "runtime/door/query.h"
#include "runtime/lane/place.h"
#include "runtime/lane/scheduler.h"

#include <endian.h>
#include <string.h>

enum { ARENA_ROOM = 17 << 10 }; /* an arena's first block, and what else a query needs */

/* Eight bytes at a time: bodies are long. It is kept with the reply, so it never changes. */
static uint64_t hash_body(text body)
{
    uint64_t hash = body.len, word;
    size_t i = 0;
    for (; i + sizeof(word) <= body.len; i += sizeof(word)) {
        memcpy(&word, body.at + i, sizeof(word));
        hash = (hash ^ le64toh(word)) * UINT64_C(0xff51afd7ed558ccd);
        hash ^= hash >> 32;
    }
    return hash * 31 + text_hash((text){body.at + i, body.len - i});
}

static int64_t hash_of(const struct envelope *envelope)
{
    return (int64_t)((text_hash(envelope->header.type) * 31 + hash_body(envelope->body)) >> 1);
}

static void take_command(const struct handler *handler, struct bus_request *request,
                         struct envelope *envelope, const void *body, struct arena *arena)
{
    text key = shape_key(handler->hears, body, arena);
    envelope->header.key = key.len > 0 ? key : envelope->header.id;
    struct work *m = work_create(ORIGIN_COMMAND, &envelope->header, envelope->body);
    m->handler = handler;
    m->request = request;
    m->since_ms = loop_now_ms();
    m->principal = gate_name(request);
    m->role = gate_role(request);
    m->sources = gate_sources(request);
    m->rights = gate_rights(request);
    m->hash = hash_of(envelope);
    lane_command(place_command(m), m);
}

/* Memory that a request takes while it waits. */
static size_t room_of(bool has_arena, size_t frame_size)
{
    return frame_size + (has_arena ? ARENA_ROOM : sizeof(struct work));
}

static enum gate_verdict no_such_type(const struct header *header, enum handler_kind kind,
                                      struct err *err)
{
    err_field(err, "type", NULL, "%s takes no %s %.*s version %lld", runtime.service->name,
              kind == ON_COMMAND ? "command" : "query", TEXT_ARG(header->type),
              (long long)header->version);
    return GATE_REFUSED;
}

static enum gate_verdict dispatch(struct bus_request *request, struct envelope *envelope,
                                  size_t frame_size, struct arena *arena, struct err *err)
{
    enum handler_kind kind = envelope->verb == VERB_COMMAND ? ON_COMMAND : ON_QUERY;
    const struct header *header = &envelope->header;
    const struct handler *handler = runtime_handler(kind, NULL, header->type, header->version);
    bool own = control_takes(header->type);
    const struct shape *shape = own               ? shape_find(header->type, (int)header->version)
                                : handler == NULL ? NULL
                                                  : handler->hears;
    if (envelope->verb != VERB_COMMAND && envelope->verb != VERB_QUERY) {
        err_set(err, "only commands and queries are heard here");
        return GATE_REFUSED;
    }
    if (shape == NULL) return no_such_type(header, kind, err);
    if (gate_allow(request, header, shape, err) < 0) return GATE_REFUSED;
    const void *body = pack_read(envelope->body, shape, arena, err);
    if (body == NULL || gate_allow_body(request, header, shape, body, err) < 0) return GATE_REFUSED;
    if (!control_is_instant(header->type) &&
        gate_admit(request, room_of(own || kind == ON_QUERY, frame_size), err) < 0)
        return GATE_BUSY;
    if (own)
        control_handle(request, envelope, body);
    else if (kind == ON_COMMAND)
        take_command(handler, request, envelope, body, arena);
    else
        query_handle(handler, request, envelope);
    return GATE_OPEN;
}

/* GATE_OPEN: it is on its way. Otherwise err says why not. */
static enum gate_verdict take(struct bus_request *request, text frame, struct envelope *envelope,
                              struct arena *arena, struct err *err)
{
    if (pack_scan(frame, &pack_limits_outside, err) < 0 ||
        pack_open(frame, arena, envelope, err) < 0)
        return GATE_REFUSED;
    enum gate_verdict verdict = gate_enter(request, &envelope->header, frame.len, err);
    if (verdict != GATE_OPEN) return verdict;
    if (runtime.draining) {
        err_set(err, "%s is being stopped", runtime.service->name);
        return GATE_BUSY;
    }
    return dispatch(request, envelope, frame.len, arena, err);
}

void door_on_request(void *ctx, struct bus_request *request, text frame)
{
    /* never entered again meanwhile: requests come from the loop alone */
    static struct arena *arena;
    struct envelope envelope = {0};
    struct err err;
    (void)ctx;
    if (arena == NULL) arena = arena_create();
    arena_reset(arena);
    enum gate_verdict verdict = take(request, frame, &envelope, arena, &err);
    if (verdict == GATE_OPEN) return;
    gate_note_refusal(request);
    text id = envelope.header.id.len > 0 ? envelope.header.id : pack_find_id(frame);
    reply_refuse(request, verdict == GATE_BUSY ? VERB_RETRY : VERB_REFUSED, id, &err);
}
