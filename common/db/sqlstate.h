/*
 * sqlstate: how PostgreSQL's error codes are taken: whether to try again later, or to look for the
 * message at fault.
 */
#ifndef KEFU_SQLSTATE_H
#define KEFU_SQLSTATE_H

enum pg_outcome {
    PG_OK,
    PG_TRANSIENT, /* connection lost, shutdown, lock time-out, disk full … try again later */
    PG_FENCED,    /* a duplicate position: another owner holds the partition */
    PG_FAILED     /* the statement's own fault: a batch is taken apart until the message is found */
};

/* `table` is the one that the error names; NULL: none. Never PG_OK. */
enum pg_outcome sqlstate_outcome(const char *state, const char *table);

#endif
