/* Keys: the list and its errors, secret files, reloading. */
#include "net/keys.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "test.h"

#define K1 "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define K2 "D:)Q[IlAW!ahhC2ac:9*A}h:p?([40wOTJ0JR0cs"

TEST(a_list)
{
    struct err err = {0};
    struct keys_list *list = keys_list_parse(TEXT("# comment\n\n  \t\n"), "f", &err);
    assert(list != NULL);
    CHECK_INT(keys_list_n(list), 0);
    keys_list_destroy(list);
    list = keys_list_parse(
        TEXT("# name key\r\n\n  routing\t" K1 " service\r\ncrm " K2 " publisher,operator crm,mail"),
        "f", &err);
    assert(list != NULL);
    CHECK_INT(keys_list_n(list), 2);
    const struct keys_client *crm = keys_list_find(list, TEXT(K2));
    assert(crm != NULL);
    CHECK_STRING(crm->name, "crm");
    CHECK_INT(crm->roles, ROLE_PUBLISHER | ROLE_OPERATOR);
    CHECK(keys_has_source(crm, TEXT("crm")) && keys_has_source(crm, TEXT("mail")));
    CHECK(!keys_has_source(crm, TEXT("mai")) && !keys_has_source(crm, TEXT("")));
    CHECK(!keys_has_source(crm, TEXT("crm,mail")));
    CHECK(keys_list_find(list, TEXT("")) == NULL);
    CHECK_STRING(keys_roles_text(crm->roles), "publisher,operator");
    keys_list_destroy(list);
}

TEST(rights)
{
    static const struct {
        const char *line;
        unsigned want;
        const char *words;
    } rows[] = {
        {"crm " K1 " publisher crm", 0, ""},
        {"crm " K1 " publisher crm tickets", RIGHT_TICKETS, "tickets"},
        {"crm " K1 " publisher crm,mail recorders,customers", RIGHT_CUSTOMERS | RIGHT_RECORDERS,
         "customers,recorders"},
        {"crm " K1 " publisher crm tickets,customers,recorders", RIGHTS_ALL,
         "tickets,customers,recorders"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err err = {0};
        struct keys_list *list = keys_list_parse(text_of(rows[i].line), "f", &err);
        test_row(rows[i].line);
        assert(list != NULL);
        CHECK_INT(keys_list_at(list, 0)->rights, rows[i].want);
        CHECK_STRING(keys_rights_text(rows[i].want), rows[i].words);
        keys_list_destroy(list);
    }
}

TEST(bad_lists)
{
    static const struct {
        const char *file, *want;
    } rows[] = {
        {"a " K1, "f:1: a line is"},
        {"\n# x\na " K1 " publisher s tickets u", "f:3: a line is"},
        {"a " K1 " service s tickets", "f:1: a has sources and is no publisher"},
        {"a " K1 " publisher s everything", "f:1: 'everything' is no right"},
        {"a " K1 " publisher s ,tickets", "f:1: '' is no right"},
        {"a " K1 " publisher s Tickets", "'Tickets' is no right"},
        {"a/b " K1 " service", "f:1: 'a/b' is no name"},
        {".a " K1 " service", "is no name"},
        {"a short service", "f:1: 'short' is no public key"},
        {"a ~ne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID service", "is no public key"},
        {"a " K1 " boss", "f:1: 'boss' is no role"},
        {"a " K1 " ,service", "'' is no role"},
        {"a " K1 " publisher", "f:1: the publisher a has no sources"},
        {"a " K1 " service crm", "f:1: a has sources and is no publisher"},
        {"a " K1 " service\nb " K1 " service", "have the same key"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err err = {0};
        struct keys_list *list = keys_list_parse(text_of(rows[i].file), "f", &err);
        test_row(rows[i].file);
        CHECK(list == NULL);
        CHECK_HAS(text_of(err.message), rows[i].want);
        keys_list_destroy(list);
    }
}

/* --- files --- */

static char dir[100];
static char public_key[KEY_SIZE], secret_key[KEY_SIZE];

static void write_to(const char *name, mode_t mode, const char *words)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    unlink(path);
    FILE *file = fopen(path, "w");
    assert(file != NULL);
    fputs(words, file);
    fclose(file);
    chmod(path, mode);
}

static void make_dir(void)
{
    char list[200];
    snprintf(dir, sizeof(dir), "/tmp/test_keys.XXXXXX");
    assert(mkdtemp(dir) != NULL);
    keys_new_pair(public_key, secret_key);
    snprintf(list, sizeof(list), "me %s service\nother " K1 " subscriber\n", public_key);
    write_to("me.secret", 0600, secret_key);
    write_to("clients", 0644, list);
}

static void remove_dir(void)
{
    char path[200];
    for (const char *const *name = (const char *const[]){"me.secret", "clients", NULL}; *name;
         name++) {
        snprintf(path, sizeof(path), "%s/%s", dir, *name);
        unlink(path);
    }
    rmdir(dir);
}

TEST(a_directory)
{
    struct err err = {0};
    enum keys_news news;
    char list[200];
    make_dir();
    struct keys *keys = keys_open(dir, "me", &err);
    CHECK_STRING(err.message, "");
    assert(keys != NULL);
    CHECK_STRING(keys_public(keys), public_key);
    CHECK_STRING(keys_of_service(keys, "me"), public_key);
    CHECK(keys_of_service(keys, "other") == NULL);
    CHECK(keys_admit(keys, TEXT(K1), ROLE_ANY) && !keys_admit(keys, TEXT(K1), ROLE_SERVICE));
    CHECK(keys_reload(keys, false, &news, &err) == 0 && news == KEYS_SAME);
    write_to("clients", 0644, "nonsense");
    CHECK_INT(keys_reload(keys, false, &news, &err), -1);
    CHECK_HAS(text_of(err.message), "clients:1:");
    CHECK(keys_admit(keys, TEXT(K1), ROLE_ANY)); /* the old list counts */
    CHECK(keys_reload(keys, false, &news, &err) == 0 && news == KEYS_SAME); /* said once */
    snprintf(list, sizeof(list), "me %s service\nother " K1 " subscriber\nnew " K2 " operator\n",
             public_key);
    write_to("clients", 0644, list);
    CHECK(keys_reload(keys, false, &news, &err) == 0 && news == KEYS_CHANGED);
    CHECK(keys_admit(keys, TEXT(K2), ROLE_OPERATOR));
    snprintf(list, sizeof(list), "me %s service\nnew " K2 " operator\n", public_key);
    write_to("clients", 0644, list);
    CHECK(keys_reload(keys, true, &news, &err) == 0 && news == KEYS_REVOKED);
    CHECK(!keys_admit(keys, TEXT(K1), ROLE_ANY) && keys_find(keys, TEXT(K1)) == NULL);
    keys_destroy(keys);
    remove_dir();
}

TEST(secret_files)
{
    static const struct {
        mode_t mode;
        const char *words, *want;
    } rows[] = {
        {0644, K1 "\n", "others may read it"}, {0666, K1 "\n", "others may read it"},
        {0600, "", "must be one line"},        {0600, K1 "\n" K1 "\n", "must be one line"},
        {0600, K1 "x", "must be one line"},
    };
    make_dir();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err err = {0};
        test_row(rows[i].want);
        write_to("me.secret", rows[i].mode, rows[i].words);
        CHECK(keys_open(dir, "me", &err) == NULL);
        CHECK_HAS(text_of(err.message), rows[i].want);
        CHECK(strstr(err.message, K1) == NULL);
    }
    struct err err = {0};
    CHECK(keys_open(dir, "nobody", &err) == NULL);
    CHECK_HAS(text_of(err.message), "nobody.secret");
    remove_dir();
}

TEST(a_secret_of_another_name_is_refused)
{
    struct err err = {0};
    char list[200];
    make_dir();
    snprintf(list, sizeof(list), "me " K1 " service\nother %s service\n", public_key);
    write_to("clients", 0644, list);
    CHECK(keys_open(dir, "me", &err) == NULL);
    CHECK_HAS(text_of(err.message), "/me.secret: is the secret key of other");
    remove_dir();
}

TEST(a_list_that_others_may_change_is_refused)
{
    struct err err = {0};
    char list[200];
    make_dir();
    snprintf(list, sizeof(list), "me %s service\n", public_key);
    write_to("clients", 0666, list);
    CHECK(keys_open(dir, "me", &err) == NULL);
    CHECK_HAS(text_of(err.message), "/clients: others may change it: its mode is 0666 (chmod 644)");
    remove_dir();
}
