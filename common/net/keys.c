#include "net/keys.h"

#include "base/arena.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

enum { NAME_MAX = 40, FILE_MAX = 4 << 20, COLUMNS = 5 };

static const struct {
    const char *word;
    unsigned role;
} role_words[] = {
    {"service", ROLE_SERVICE}, {"publisher", ROLE_PUBLISHER}, {"subscriber", ROLE_SUBSCRIBER},
    {"gateway", ROLE_GATEWAY}, {"operator", ROLE_OPERATOR},
};

static const struct {
    const char *word;
    unsigned right;
} right_words[] = {
    {"tickets", RIGHT_TICKETS},
    {"customers", RIGHT_CUSTOMERS},
    {"recorders", RIGHT_RECORDERS},
};

/* --- the list --- */

struct keys_list {
    struct arena *arena;
    struct keys_client *clients; /* in the order of the file */
    const struct keys_client **by_key;
    size_t n;
};

bool keys_key_good(text key)
{
    static const char z85[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    if (key.len != KEY_SIZE - 1) return false;
    for (size_t i = 0; i < key.len; i++)
        if (memchr(z85, key.at[i], sizeof(z85) - 1) == NULL) return false;
    return true;
}

bool keys_name_good(text name)
{
    static const char extra[] = "-_.@";
    if (name.len == 0 || name.len > NAME_MAX || name.at[0] == '.') return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.at[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!plain && memchr(extra, c, sizeof(extra) - 1) == NULL) return false;
    }
    return true;
}

unsigned keys_roles(text words, struct err *err)
{
    unsigned roles = 0;
    do {
        text word = text_take(&words, ',');
        unsigned role = 0;
        for (size_t i = 0; i < COUNT(role_words); i++)
            if (text_is(word, role_words[i].word)) role = role_words[i].role;
        if (role == 0)
            return err_set(err,
                           "'%.*s' is no role: service, publisher, subscriber, gateway, operator",
                           TEXT_ARG(word)),
                   0;
        roles |= role;
    } while (words.len > 0);
    return roles;
}

const char *keys_roles_text(unsigned roles)
{
    static char words[80];
    size_t len = 0;
    words[0] = '\0';
    for (size_t i = 0; i < COUNT(role_words); i++)
        if (roles & role_words[i].role)
            len += (size_t)snprintf(words + len, sizeof(words) - len, "%s%s", len > 0 ? "," : "",
                                    role_words[i].word);
    return words;
}

int keys_rights(text words, unsigned *rights, struct err *err)
{
    *rights = 0;
    while (words.len > 0) {
        text word = text_take(&words, ',');
        unsigned right = 0;
        for (size_t i = 0; i < COUNT(right_words); i++)
            if (text_is(word, right_words[i].word)) right = right_words[i].right;
        if (right == 0)
            return err_set(err, "'%.*s' is no right: tickets, customers, recorders",
                           TEXT_ARG(word));
        *rights |= right;
    }
    return 0;
}

const char *keys_rights_text(unsigned rights)
{
    static char words[80];
    size_t len = 0;
    words[0] = '\0';
    for (size_t i = 0; i < COUNT(right_words); i++)
        if (rights & right_words[i].right)
            len += (size_t)snprintf(words + len, sizeof(words) - len, "%s%s", len > 0 ? "," : "",
                                    right_words[i].word);
    return words;
}

bool keys_has_source(const struct keys_client *client, text source)
{
    return text_lists(text_of(client->sources), source);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* How many words the line has; the first COLUMNS of them are kept. */
static size_t split_line(text line, text *words)
{
    size_t n = 0, i = 0;
    while (true) {
        while (i < line.len && is_blank(line.at[i])) i++;
        if (i == line.len) return n;
        size_t start = i;
        while (i < line.len && !is_blank(line.at[i])) i++;
        if (n < COLUMNS) words[n] = (text){line.at + start, i - start};
        n++;
    }
}

static int read_client(struct keys_client *client, text line, struct arena *arena, struct err *err)
{
    text words[COLUMNS] = {{0}};
    size_t n = split_line(line, words);
    if (n < 3 || n > COLUMNS)
        return err_set(err, "a line is: name, public key, roles and, of a publisher, sources"
                            " and rights");
    if (!keys_name_good(words[0])) return err_set(err, "'%.*s' is no name", TEXT_ARG(words[0]));
    if (!keys_key_good(words[1]))
        return err_set(err, "'%.*s' is no public key (Z85, %d characters)", TEXT_ARG(words[1]),
                       KEY_SIZE - 1);
    if ((client->roles = keys_roles(words[2], err)) == 0) return -1;
    bool publishes = client->roles & ROLE_PUBLISHER;
    if (publishes && n < 4)
        return err_set(err, "the publisher %.*s has no sources", TEXT_ARG(words[0]));
    if (!publishes && n > 3)
        return err_set(err, "%.*s has sources and is no publisher", TEXT_ARG(words[0]));
    if (keys_rights(words[4], &client->rights, err) < 0) return -1;
    client->name = arena_text(arena, words[0]).at;
    client->sources = n > 3 ? arena_text(arena, words[3]).at : "";
    memcpy(client->key, words[1].at, KEY_SIZE - 1);
    return 0;
}

static int by_key(const void *a, const void *b)
{
    const struct keys_client *const *one = a, *const *other = b;
    return memcmp((*one)->key, (*other)->key, KEY_SIZE);
}

static int sort_list(struct keys_list *list, struct err *err)
{
    list->by_key = ARENA_ARRAY(list->arena, const struct keys_client *, list->n + 1);
    for (size_t i = 0; i < list->n; i++) list->by_key[i] = &list->clients[i];
    qsort(list->by_key, list->n, sizeof(*list->by_key), by_key);
    for (size_t i = 1; i < list->n; i++)
        if (by_key(&list->by_key[i - 1], &list->by_key[i]) == 0)
            return err_set(err, "%s and %s have the same key", list->by_key[i - 1]->name,
                           list->by_key[i]->name);
    return 0;
}

static size_t count_lines(text file)
{
    size_t n = 1;
    for (size_t i = 0; i < file.len; i++) n += file.at[i] == '\n';
    return n;
}

struct keys_list *keys_list_parse(text file, const char *path, struct err *err)
{
    struct arena *arena = arena_create();
    struct keys_list *list = ARENA_NEW(arena, struct keys_list);
    list->arena = arena;
    list->clients = ARENA_ARRAY(arena, struct keys_client, count_lines(file));
    int bad = 0;
    for (size_t number = 1; file.len > 0 && bad == 0; number++) {
        text line = text_take(&file, '\n'), none[COLUMNS];
        if (split_line(line, none) == 0 || none[0].at[0] == '#') continue;
        bad = read_client(&list->clients[list->n++], line, arena, err);
        if (bad < 0) err_prefix(err, "%s:%zu", path, number);
    }
    if (bad == 0 && (bad = sort_list(list, err)) < 0) err_prefix(err, "%s", path);
    if (bad == 0) return list;
    keys_list_destroy(list);
    return NULL;
}

void keys_list_destroy(struct keys_list *list)
{
    if (list != NULL) arena_destroy(list->arena);
}

size_t keys_list_n(const struct keys_list *list)
{
    return list->n;
}

const struct keys_client *keys_list_at(const struct keys_list *list, size_t i)
{
    return &list->clients[i];
}

const struct keys_client *keys_list_find(const struct keys_list *list, text key)
{
    struct keys_client wanted = {0};
    const struct keys_client *at = &wanted;
    if (key.len != KEY_SIZE - 1) return NULL;
    memcpy(wanted.key, key.at, key.len);
    const struct keys_client **found =
        bsearch(&at, list->by_key, list->n, sizeof(*list->by_key), by_key);
    return found == NULL ? NULL : *found;
}

/* --- files --- */

static int read_secret(const char *path, char secret[KEY_SIZE], struct err *err)
{
    struct buf file = {0};
    int bad = file_secret(path, FILE_MAX, &file, err);
    text rest = buf_text(&file), line = text_take(&rest, '\n');
    if (bad == 0 && (!keys_key_good(line) || rest.len > 0))
        bad = err_set(err, "%s: must be one line with a secret key (Z85, %d characters)", path,
                      KEY_SIZE - 1);
    if (bad == 0) snprintf(secret, KEY_SIZE, "%.*s", TEXT_ARG(line));
    if (file.at != NULL) explicit_bzero(file.at, file.len);
    buf_finish(&file);
    return bad;
}

void keys_new_pair(char public_key[KEY_SIZE], char secret_key[KEY_SIZE])
{
    if (zmq_curve_keypair(public_key, secret_key) != 0)
        fatal("libzmq must be built with CURVE", "cannot make keys: %s", zmq_strerror(errno));
}

void keys_decode(const char *key, unsigned char bytes[KEY_BYTES])
{
    const uint8_t *decoded = zmq_z85_decode(bytes, key);
    assert(decoded != NULL);
    (void)decoded;
}

void keys_encode(const unsigned char bytes[KEY_BYTES], char key[KEY_SIZE])
{
    zmq_z85_encode(key, bytes, KEY_BYTES);
}

/* --- what a process knows --- */

struct keys {
    char *name;
    char *path; /* of the list; NULL: from memory */
    char public_key[KEY_SIZE], secret_key[KEY_SIZE];
    struct stat seen;
    struct keys_list *list;
};

static struct keys *create(const char *name, const char *secret, struct err *err)
{
    struct keys *keys = mem_alloc(sizeof(*keys));
    keys->name = mem_string(text_of(name));
    snprintf(keys->secret_key, sizeof(keys->secret_key), "%s", secret);
    if (zmq_curve_public(keys->public_key, keys->secret_key) == 0) return keys;
    err_set(err, "the secret key of %s is none", name);
    keys_destroy(keys);
    return NULL;
}

struct keys *keys_create(const char *name, const char *secret, text clients, struct err *err)
{
    struct keys *keys = create(name, secret, err);
    if (keys == NULL) return NULL;
    keys->list = keys_list_parse(clients, "clients", err);
    if (keys->list != NULL) return keys;
    keys_destroy(keys);
    return NULL;
}

/* A key that the list does not name is let in nowhere; one that it gives to another name is not
   this process's. */
static int check_own(const struct keys *keys, const char *dir, struct err *err)
{
    const struct keys_client *owner = keys_list_find(keys->list, text_of(keys->public_key));
    if (owner == NULL || strcmp(owner->name, keys->name) == 0) return 0;
    return err_set(err, "%s/%s.secret: is the secret key of %s", dir, keys->name, owner->name);
}

struct keys *keys_open(const char *dir, const char *name, struct err *err)
{
    char path[4096], secret[KEY_SIZE];
    enum keys_news news;
    snprintf(path, sizeof(path), "%s/%s.secret", dir, name);
    if (read_secret(path, secret, err) < 0) return NULL;
    struct keys *keys = create(name, secret, err);
    explicit_bzero(secret, sizeof(secret));
    if (keys == NULL) return NULL;
    snprintf(path, sizeof(path), "%s/clients", dir);
    keys->path = mem_string(text_of(path));
    int bad = keys_reload(keys, true, &news, err);
    if (bad == 0) bad = check_own(keys, dir, err);
    if (bad == 0) return keys;
    keys_destroy(keys);
    return NULL;
}

void keys_destroy(struct keys *keys)
{
    if (keys == NULL) return;
    keys_list_destroy(keys->list);
    explicit_bzero(keys->secret_key, sizeof(keys->secret_key));
    free(keys->name);
    free(keys->path);
    free(keys);
}

const char *keys_name(const struct keys *keys)
{
    return keys->name;
}

const char *keys_public(const struct keys *keys)
{
    return keys->public_key;
}

const char *keys_secret(const struct keys *keys)
{
    return keys->secret_key;
}

const char *keys_of_service(const struct keys *keys, const char *service)
{
    for (size_t i = 0; i < keys->list->n; i++) {
        const struct keys_client *client = &keys->list->clients[i];
        if ((client->roles & ROLE_SERVICE) && strcmp(client->name, service) == 0)
            return client->key;
    }
    return NULL;
}

const struct keys_client *keys_find(const struct keys *keys, text key)
{
    return keys_list_find(keys->list, key);
}

bool keys_admit(struct keys *keys, text key, unsigned roles)
{
    const struct keys_client *client = keys_list_find(keys->list, key);
    bool admitted = client != NULL && (client->roles & roles) != 0;
    return admitted;
}

static enum keys_news compare(const struct keys_list *old, const struct keys_list *fresh)
{
    for (size_t i = 0; old != NULL && i < old->n; i++) {
        const struct keys_client *was = &old->clients[i],
                                 *is = keys_list_find(fresh, text_of(was->key));
        if (is == NULL || (was->roles & ~is->roles) != 0) return KEYS_REVOKED;
    }
    return KEYS_CHANGED;
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

int keys_reload(struct keys *keys, bool always, enum keys_news *news, struct err *err)
{
    struct stat now;
    struct buf file = {0};
    *news = KEYS_SAME;
    if (keys->path == NULL) return 0;
    if (!always && stat(keys->path, &now) == 0 && is_same_file(&now, &keys->seen)) return 0;
    int bad = file_read(keys->path, FILE_MAX, &file, &now, err);
    if (bad == 0) bad = file_guard(keys->path, &now, S_IWGRP | S_IWOTH, err);
    if (bad == 0) keys->seen = now; /* a broken file is complained of once */
    struct keys_list *fresh = bad < 0 ? NULL : keys_list_parse(buf_text(&file), keys->path, err);
    buf_finish(&file);
    if (fresh == NULL) return -1;
    struct keys_list *old = keys->list;
    *news = compare(old, fresh);
    keys->list = fresh;
    keys_list_destroy(old);
    return 0;
}
