/* Files from outside: read whole and bounded, or refused at once; and their encodings. */
#include "test.h"

#include "base/file.h"
#include "data/encoding.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/kefu-file-XXXXXX";

static const char *path_of(const char *name)
{
    static char path[200];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static const char *write_file(const char *name, text bytes)
{
    const char *path = path_of(name);
    FILE *out = fopen(path, "w");
    assert(out != NULL && fwrite(bytes.at, 1, bytes.len, out) == bytes.len && fclose(out) == 0);
    return path;
}

static void remove_files(void)
{
    static const char *const names[] = {"five", "none", "fifo", "large"};
    for (size_t i = 0; i < COUNT(names); i++) (void)unlink(path_of(names[i]));
    CHECK(rmdir(folder) == 0);
}

TEST(a_file_is_read_whole_up_to_its_limit)
{
    struct arena *arena = arena_create();
    struct err err = {0};
    CHECK(mkdtemp(folder) != NULL);
    const char *path = write_file("five", TEXT("12345"));
    CHECK(text_is(file_text(path, 5, arena, &err), "12345"));
    CHECK(file_text(path, 4, arena, &err).at == NULL);
    CHECK(strstr(err.message, "five: is larger than 4 bytes") != NULL);
    path = write_file("none", TEXT(""));
    text none = file_text(path, 4, arena, &err);
    CHECK(none.at != NULL && none.len == 0);
    CHECK(file_text("/proc/self/stat", 10, arena, &err).at == NULL); /* says that it is empty */
    CHECK(file_text("/proc/self/stat", 4 * KIB, arena, &err).len > 10);
    remove_files();
    arena_destroy(arena);
}

TEST(what_is_no_regular_file_is_refused_at_once)
{
    struct arena *arena = arena_create();
    struct err err = {0};
    CHECK(mkdtemp(folder) != NULL);
    const char *fifo = path_of("fifo");
    CHECK(mkfifo(fifo, 0600) == 0);
    const struct {
        const char *path, *why;
    } rows[] = {{"/dev/zero", "is a device, not a regular file"},
                {fifo, "is a pipe, not a regular file"},
                {folder, "is a directory, not a regular file"},
                {"/nowhere/file", "No such file or directory"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        CHECK_ROW(file_text(rows[i].path, MIB, arena, &err).at == NULL, "%s", rows[i].path);
        CHECK_ROW(strstr(err.message, rows[i].why) != NULL, "%s", err.message);
    }
    remove_files();
    arena_destroy(arena);
}

TEST(a_file_of_many_gigabytes_costs_nothing)
{
    struct buf bytes = {0};
    struct err err = {0};
    CHECK(mkdtemp(folder) != NULL);
    const char *path = write_file("large", TEXT(""));
    CHECK(truncate(path, INT64_C(8) << 30) == 0);
    CHECK(file_read(path, 256 * MIB, &bytes, NULL, &err) < 0);
    CHECK(strstr(err.message, "is larger than 256 MiB") != NULL && bytes.at == NULL);
    remove_files();
}

/* "客户,街" in the encodings in which a spreadsheet saves it. */
#define WORDS "客户,街"

static const struct {
    const char *what;
    text bytes;
    const char *name;
} files[] = {
    {"plain", TEXT(WORDS), "utf-8"},
    {"marked", TEXT("\xef\xbb\xbf" WORDS), "utf-8"},
    {"little", TEXT("\xff\xfe\xa2\x5b\x37\x62\x2c\x00\x57\x88"), "utf-16le"},
    {"big", TEXT("\xfe\xff\x5b\xa2\x62\x37\x00\x2c\x88\x57"), "utf-16be"},
    {"gbk", TEXT("\xbf\xcd\xbb\xa7,\xbd\xd6"), "gb18030"},
};

TEST(what_a_spreadsheet_saves_is_known_and_read)
{
    struct arena *arena = arena_create();
    for (size_t i = 0; i < COUNT(files); i++) {
        struct err err = {0};
        CHECK_TEXT(text_of(encoding_of(files[i].bytes)), files[i].name);
        CHECK_ROW(text_is(encoding_read(files[i].bytes, "auto", arena, &err), WORDS), "%s: %s",
                  files[i].what, err.message);
        if (i > 0)
            CHECK_ROW(text_is(encoding_read(files[i].bytes, files[i].name, arena, &err), WORDS),
                      "%s: %s", files[i].what, err.message);
    }
    arena_destroy(arena);
}

TEST(wide_characters_are_known_without_a_mark)
{
    CHECK_TEXT(text_of(encoding_of(TEXT("i\0d\0,\0a\0\n\0"))), "utf-16le");
    CHECK_TEXT(text_of(encoding_of(TEXT("\0i\0d\0,\0a\0\n"))), "utf-16be");
}

TEST(what_is_not_sure_is_not_guessed)
{
    struct arena *arena = arena_create();
    struct err err = {0};
    text latin = TEXT("id,name\n1,Ren\xe9 Andr\xe9 M\xfcller\n");
    CHECK_TEXT(text_of(encoding_of(latin)), "auto");
    CHECK(encoding_read(latin, "auto", arena, &err).at == NULL);
    CHECK_TEXT(text_of(err.message), "line 2, character 6: the bytes e9 20 are not UTF-8");
    CHECK(text_is(encoding_read(latin, "windows-1252", arena, &err),
                  "id,name\n1,René André Müller\n"));
    /* one broken character in a file of many */
    CHECK_TEXT(text_of(encoding_of(TEXT("客户客户客户客户\xe5\n"))), "utf-8");
    arena_destroy(arena);
}

TEST(the_place_of_a_wrong_byte_is_named)
{
    struct arena *arena = arena_create();
    struct err err = {0};
    CHECK(encoding_read(TEXT("a\n\xbf\xcd\xff\xff"), "gb18030", arena, &err).at == NULL);
    CHECK_TEXT(text_of(err.message), "line 2, character 2: the bytes ff ff are not gb18030");
    CHECK(encoding_read(TEXT("\xff\xfe\x41\x00\x42"), "auto", arena, &err).at == NULL);
    CHECK_TEXT(text_of(err.message), "line 1, character 2: the bytes 42 are not utf-16le");
    arena_destroy(arena);
}
