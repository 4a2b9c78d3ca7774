/* letter_keys: never no for a key that has letters. */
#include "runtime/core/letter_keys.h"
#include "test.h"

#include <stdio.h>

enum { MANY = 1000 };

static text key_of(char at[16], int i)
{
    snprintf(at, 16, "2603180%d", i);
    return text_of(at);
}

TEST(as_long_as_nobody_has_looked_any_key_may_have_letters)
{
    static struct letter_keys keys;
    CHECK(letter_keys_may_have(&keys, TEXT("a")));
    letter_keys_add(&keys, TEXT("b"));
    CHECK(letter_keys_may_have(&keys, TEXT("a")));
    letter_keys_begin(&keys);
    CHECK(!letter_keys_may_have(&keys, TEXT("a")) && !letter_keys_may_have(&keys, TEXT("b")));
    letter_keys_forget(&keys);
    CHECK(letter_keys_may_have(&keys, TEXT("a")));
}

TEST(what_was_added_is_there_and_few_others_are)
{
    static struct letter_keys keys;
    char at[16];
    int others = 0;
    letter_keys_begin(&keys);
    for (int i = 0; i < MANY; i++) letter_keys_add(&keys, key_of(at, i));
    for (int i = 0; i < MANY; i++)
        CHECK_ROW(letter_keys_may_have(&keys, key_of(at, i)), "key %d", i);
    for (int i = MANY; i < 11 * MANY; i++) others += letter_keys_may_have(&keys, key_of(at, i));
    CHECK_ROW(others < 10 * MANY / 20, "%d of %d others", others, 10 * MANY); /* one in 65 */
    letter_keys_begin(&keys);
    CHECK(!letter_keys_may_have(&keys, key_of(at, 0)));
}
