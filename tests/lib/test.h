/*
 * test: TEST(name) { … } registers itself; each test runs in a process of its own with a time
 * limit. A failed CHECK is printed with its place and the test goes on; it fails at the end.
 * `test_x [FILTER]` runs the tests whose name contains FILTER. Prints `ok name`, `not ok name: why`
 * or `skip name: what is missing` (tests/README.md).
 */
#ifndef KEFU_TEST_H
#define KEFU_TEST_H

#include "base/base.h"

#define TEST(name)                                                                                 \
    static void test_##name(void);                                                                 \
    __attribute__((constructor)) static void register_##name(void)                                 \
    {                                                                                              \
        test_register(#name, test_##name);                                                         \
    }                                                                                              \
    static void test_##name(void)

#define CHECK(cond) test_check((cond), __FILE__, __LINE__, "%s", #cond)
/* As CHECK, with a message of your own: CHECK_ROW(got == want, "%s: got %d", row->what, got). */
#define CHECK_ROW(cond, ...) test_check((cond), __FILE__, __LINE__, __VA_ARGS__)
/* `got` and `want` are evaluated once. True if they are the same. */
#define CHECK_INT(got, want) test_check_int((got), (want), __FILE__, __LINE__, #got)
#define CHECK_TEXT(got, want) test_check_text((got), text_of(want), __FILE__, __LINE__, #got)
#define CHECK_STRING(got, want)                                                                    \
    test_check_text(text_of(got), text_of(want), __FILE__, __LINE__, #got)
/* The text contains the string. */
#define CHECK_HAS(got, part) test_check_has((got), (part), __FILE__, __LINE__, #got)

void test_register(const char *name, void (*run)(void));
bool test_check(bool good, const char *file, int line, const char *format, ...) PRINTF(4, 5);
bool test_check_int(int64_t got, int64_t want, const char *file, int line, const char *what);
bool test_check_text(text got, text want, const char *file, int line, const char *what);
bool test_check_has(text got, const char *part, const char *file, int line, const char *what);
/* Names the row of a table that the following checks are about; printed with a failure. NULL ends
   it. */
void test_row(const char *what);
/* End this test as skipped for want of `missing`. */
void test_skip(const char *missing) NORETURN;
/* Seconds the running test may take (default 20). Call first in the test. */
void test_limit(unsigned seconds);

#endif
