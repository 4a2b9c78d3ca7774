/*
 * Fills a database with copies of rows that the services have written, so that a million tickets
 * need not go through the chain.
 *
 *   clone DSN LOW HIGH FIRST COPIES < LIST
 *
 * Each line of LIST is a query and, behind a tab, the table and columns that its rows are copied
 * to, COPIES times over (FIRST counts on where another run ends). An empty line ends the list; when
 * all is read it says "read" and waits for a line more. Numbers from LOW to below HIGH (yymmdd and
 * nine digits, as decimals in texts or as MessagePack in bytes) are exchanged for others: in each
 * copy the same for the same, in the same partition, of the same service, and under a day of its
 * own that no calendar has.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base.h"
#include "base/buf.h"
#include "runtime/api/plan_state.h"
#include "runtime/api/service.h"

enum { DIGITS = 15, HEX = 16, SERVICES = 8, CHUNK = 1 << 16, TABLES = 64 };

static const int64_t day_size = INT64_C(1000000000);
static const int64_t first_day = 100000;

/* Where a number stands in the rows of a table. */
struct spot {
    size_t at;
    int64_t id;
    size_t number; /* of the id, in order */
    bool hex;
};

struct table {
    char *from, *to;
    struct buf rows;
    struct spot *spots;
    size_t spots_n, spots_room;
};

static struct {
    PGconn *server;
    int64_t low, high, first, copies;
    struct table tables[TABLES];
    size_t tables_n;
    int64_t *ids;    /* ascending, each once */
    int64_t *values; /* what replaces each in the copy at hand, without its day */
    size_t ids_n;
} work;

static void end_badly(const char *what)
{
    fprintf(stderr, "clone: %s %s\n", what, work.server == NULL ? "" : PQerrorMessage(work.server));
    exit(1);
}

/* --- what there is --- */

static void read_list(void)
{
    static char line[1 << 14];
    while (fgets(line, sizeof(line), stdin) != NULL && line[0] != '\n') {
        char *tab = strchr(line, '\t'), *end = strchr(line, '\n');
        if (tab == NULL || end == NULL || work.tables_n == TABLES) end_badly("bad list");
        *tab = *end = 0;
        struct table *table = &work.tables[work.tables_n++];
        table->from = strdup(line);
        table->to = strdup(tab + 1);
    }
}

/* So that nobody reads what another has written already. */
static void wait_for_others(void)
{
    char line[16];
    printf("read\n");
    fflush(stdout);
    if (fgets(line, sizeof(line), stdin) == NULL) end_badly("nobody said go");
}

static void read_rows(struct table *table)
{
    struct buf sql = {0};
    char *row;
    int len;
    buf_printf(&sql, "COPY (%s) TO STDOUT", table->from);
    PGresult *result = PQexec(work.server, sql.at);
    if (PQresultStatus(result) != PGRES_COPY_OUT) end_badly(table->from);
    PQclear(result);
    while ((len = PQgetCopyData(work.server, &row, 0)) > 0) {
        buf_add(&table->rows, row, (size_t)len);
        PQfreemem(row);
    }
    result = PQgetResult(work.server);
    if (len != -1 || PQresultStatus(result) != PGRES_COMMAND_OK) end_badly(table->from);
    PQclear(result);
    PQclear(PQgetResult(work.server));
    buf_finish(&sql);
}

static void add_spot(struct table *table, size_t at, int64_t id, bool hex)
{
    if (id < work.low || id >= work.high) return;
    if (table->spots_n == table->spots_room) {
        table->spots_room = table->spots_room * 2 + 64;
        table->spots = realloc(table->spots, table->spots_room * sizeof(*table->spots));
        if (table->spots == NULL) end_badly("out of memory");
    }
    table->spots[table->spots_n++] = (struct spot){.at = at, .id = id, .hex = hex};
}

static void find_in_text(struct table *table, size_t begin, size_t end)
{
    const char *at = table->rows.at;
    for (size_t i = begin; i < end;) {
        size_t from = i;
        int64_t id = 0;
        while (i < end && at[i] >= '0' && at[i] <= '9' && i - from <= DIGITS)
            id = id * 10 + (at[i++] - '0');
        if (i - from == DIGITS) add_spot(table, from, id, false);
        while (i < end && at[i] >= '0' && at[i] <= '9') i++;
        if (i == from) i++;
    }
}

static int hex_digit(char c)
{
    return c <= '9' ? c - '0' : c - 'a' + 10;
}

/* 0xcf (or 0xd3) and eight bytes, the highest first. */
static void find_in_bytes(struct table *table, size_t begin, size_t end)
{
    const char *at = table->rows.at;
    for (size_t i = begin; i + 2 + HEX <= end; i += 2) {
        if (memcmp(at + i, "cf0000", 6) != 0 && memcmp(at + i, "d30000", 6) != 0) continue;
        int64_t id = 0;
        for (size_t k = 0; k < HEX; k++) id = id * 16 + hex_digit(at[i + 2 + k]);
        add_spot(table, i + 2, id, true);
    }
}

static void find_spots(struct table *table)
{
    const char *at = table->rows.at;
    for (size_t i = 0; i < table->rows.len; i++) {
        size_t begin = i;
        while (at[i] != '\t' && at[i] != '\n') i++;
        bool bytes = i - begin > 3 && memcmp(at + begin, "\\\\x", 3) == 0;
        if (bytes)
            find_in_bytes(table, begin + 3, i);
        else
            find_in_text(table, begin, i);
    }
}

static int compare(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* All numbers of all tables; every spot learns which it is. */
static void collect_ids(void)
{
    size_t n = 0;
    for (size_t t = 0; t < work.tables_n; t++) n += work.tables[t].spots_n;
    work.ids = mem_alloc(sizeof(int64_t) * (n + 1));
    work.values = mem_alloc(sizeof(int64_t) * (n + 1));
    n = 0;
    for (size_t t = 0; t < work.tables_n; t++)
        for (size_t i = 0; i < work.tables[t].spots_n; i++)
            work.ids[n++] = work.tables[t].spots[i].id;
    qsort(work.ids, n, sizeof(int64_t), compare);
    for (size_t i = 0; i < n; i++)
        if (work.ids_n == 0 || work.ids[i] != work.ids[work.ids_n - 1])
            work.ids[work.ids_n++] = work.ids[i];
    for (size_t t = 0; t < work.tables_n; t++) {
        struct table *table = &work.tables[t];
        for (size_t i = 0; i < table->spots_n; i++) {
            int64_t *found =
                bsearch(&table->spots[i].id, work.ids, work.ids_n, sizeof(int64_t), compare);
            table->spots[i].number = (size_t)(found - work.ids);
        }
    }
}

/* --- what replaces it --- */

static int partition_of_id(int64_t id)
{
    char digits[DIGITS];
    for (int i = DIGITS - 1; i >= 0; i--, id /= 10) digits[i] = (char)('0' + id % 10);
    return partition_of((text){digits, DIGITS});
}

/* Numbers of the services wait in line for their partition; the numbers of the day are dealt in
   their order. */
static void choose_values(int64_t day)
{
    static size_t *next, heads[SERVICES][PARTITIONS];
    size_t left[SERVICES] = {0};
    if (next == NULL) next = mem_alloc(sizeof(size_t) * (work.ids_n + 1));
    memset(heads, 0, sizeof(heads));
    for (size_t i = 0; i < work.ids_n; i++) {
        int64_t service = work.ids[i] % day_size % SERVICES;
        size_t *head = &heads[service][partition_of_id(work.ids[i])];
        next[i] = *head;
        *head = i + 1;
        left[service]++;
    }
    for (int64_t service = 0; service < SERVICES; service++) {
        for (int64_t id = day * day_size + service; left[service] > 0; id += SERVICES) {
            size_t *head = &heads[service][partition_of_id(id)];
            if (*head == 0) continue;
            work.values[*head - 1] = id;
            *head = next[*head - 1];
            left[service]--;
        }
    }
}

static void write_spots(struct table *table)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < table->spots_n; i++) {
        const struct spot *spot = &table->spots[i];
        int64_t value = work.values[spot->number], base = spot->hex ? 16 : 10;
        for (int k = (spot->hex ? HEX : DIGITS) - 1; k >= 0; k--, value /= base)
            table->rows.at[spot->at + (size_t)k] = digits[value % base];
    }
}

static void copy_rows(const struct table *table)
{
    struct buf sql = {0};
    buf_printf(&sql, "COPY %s FROM STDIN", table->to);
    PGresult *result = PQexec(work.server, sql.at);
    if (PQresultStatus(result) != PGRES_COPY_IN) end_badly(table->to);
    PQclear(result);
    for (size_t at = 0; at < table->rows.len; at += CHUNK) {
        size_t n = table->rows.len - at < CHUNK ? table->rows.len - at : CHUNK;
        if (PQputCopyData(work.server, table->rows.at + at, (int)n) < 1) end_badly(table->to);
    }
    if (PQputCopyEnd(work.server, NULL) < 1) end_badly(table->to);
    result = PQgetResult(work.server);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) end_badly(table->to);
    PQclear(result);
    PQclear(PQgetResult(work.server));
    buf_finish(&sql);
}

int main(int argc, char **argv)
{
    if (argc != 6 || !text_to_int(text_of(argv[2]), &work.low) ||
        !text_to_int(text_of(argv[3]), &work.high) || !text_to_int(text_of(argv[4]), &work.first) ||
        !text_to_int(text_of(argv[5]), &work.copies)) {
        fprintf(stderr, "usage: clone DSN LOW HIGH FIRST COPIES < LIST\n");
        return 2;
    }
    work.server = PQconnectdb(argv[1]);
    if (PQstatus(work.server) != CONNECTION_OK) end_badly("no database:");
    read_list();
    for (size_t t = 0; t < work.tables_n; t++) read_rows(&work.tables[t]);
    for (size_t t = 0; t < work.tables_n; t++) find_spots(&work.tables[t]);
    collect_ids();
    wait_for_others();
    for (int64_t copy = 0; copy < work.copies; copy++) {
        choose_values(first_day + work.first + copy);
        for (size_t t = 0; t < work.tables_n; t++) {
            write_spots(&work.tables[t]);
            copy_rows(&work.tables[t]);
        }
    }
    return 0;
}
