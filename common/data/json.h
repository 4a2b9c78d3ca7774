/*
 * json: the same shapes as JSON, for the CLI, policy and logs. The only user of jansson.
 * Times are ISO 8601 in UTC ("2026-11-22T03:04:05Z", with microseconds if they are not 0); bytes
 * are base64.
 */
#ifndef KEFU_JSON_H
#define KEFU_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "data/iso_time.h"
#include "data/shape.h"

/* One line, fields in the shape's order. */
void json_write(struct buf *out, const struct shape *shape, const void *body);
/* Also accepts integers for times. Unknown fields are an error that names them (people mistype;
   machines use MessagePack). */
MUST_CHECK void *json_read(text json, const struct shape *shape, struct arena *arena,
                           struct err *err);
void json_quote(struct buf *out, text value); /* with the quotes */

#endif
