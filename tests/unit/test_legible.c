/* legible: which characters may stand in a line, and which in what people say. */
#include "test.h"

#include "base/legible.h"

static const struct {
    const char *what, *value;
    uint32_t line, words; /* the first character that may not stand there; 0: all may */
} rows[] = {
    {"nothing", "", 0, 0},
    {"ASCII", "Li Hua, Building 7 (unit 2-901) <x@y> ~", 0, 0},
    {"Chinese", "李华 七号楼", 0, 0},
    {"a wide blank inside", "李　华", 0, 0},
    {"Arabic and Hebrew letters need no marks", "محمد דוד", 0, 0},
    {"accents as marks of their own", "Jose\u0301", 0, 0},
    {"an emoji", "小明\U0001f600", 0, 0},
    {"an emoji joined of three", "\U0001f468\u200d\U0001f469\u200d\U0001f467", 0, 0},
    {"a heart in colour, joined", "\u2764\ufe0f\u200d\U0001f525", 0, 0},
    {"a variant of an ideograph", "\u845b\U000e0100城", 0, 0},
    {"a joiner within Persian", "می\u200cخواهم", 0, 0},
    {"a joiner within ASCII", "a\u200db", 0x200d, 0},
    {"a joiner first", "\u200d李", 0x200d, 0},
    {"a joiner behind a blank", "李 \u200c华", 0x200c, 0},
    {"a tab", "a\tb", 9, 0},
    {"a line end", "a\nb", 10, 0},
    {"a line end of Windows", "a\r\nb", 13, 0},
    {"a line separator", "a\u2028b", 0x2028, 0},
    {"an escape", "a\x1b[31m", 0x1b, 0x1b},
    {"a backspace", "a\b", 8, 8},
    {"a form feed", "a\f", 12, 12},
    {"delete", "a\x7f", 0x7f, 0x7f},
    {"an escape of one byte",
     "a\xc2\x9b"
     "31m",
     0x9b, 0x9b},
    {"a zero width space", "a@exa\u200bmple.org", 0x200b, 0},
    {"a soft hyphen", "a\u00ad", 0xad, 0},
    {"a byte order mark",
     "\ufeff"
     "a",
     0xfeff, 0},
    {"a word joiner", "a\u2060", 0x2060, 0},
    {"a Hangul filler", "\u3164", 0x3164, 0},
    {"a mark of direction", "a\u200f", 0x200f, 0},
    {"an override of direction",
     "\u202e"
     "evil",
     0x202e, 0x202e},
    {"an embedding", "a\u202b", 0x202b, 0x202b},
    {"an isolate", "a\u2067", 0x2067, 0x2067},
    {"an annotation", "a\ufffa", 0xfffa, 0xfffa},
    {"a tag", "a\U000e0041", 0xe0041, 0},
    {"the last character", "\U0010ffff", 0, 0},
};

static void check_form(text value, enum legible_form form, uint32_t want)
{
    uint32_t fault = 0;
    CHECK(legible_is(value, form, &fault) == (want == 0));
    CHECK_INT(fault, want);
}

TEST(what_may_stand_in_a_line_and_in_words)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        test_row(rows[i].what);
        check_form(text_of(rows[i].value), LEGIBLE_LINE, rows[i].line);
        check_form(text_of(rows[i].value), LEGIBLE_WORDS, rows[i].words);
    }
}

TEST(blanks_of_any_script_are_trimmed)
{
    static const struct {
        const char *given, *want; /* NULL: nothing is left */
    } trims[] = {
        {"李 华", "李 华"},
        {" \t李　", "李"},
        {"\u3000\u00a0\u2003李华\r\n", "李华"},
        {"\u200b\u202e\u2066李", "李"},
        {"\u2764\ufe0f ", "\u2764\ufe0f"},
        {"", NULL},
        {" \u3000\u00a0\u200b\u2800\u3164\ufe0f", NULL},
    };
    for (size_t i = 0; i < COUNT(trims); i++) {
        test_row(trims[i].given);
        CHECK_TEXT(legible_trim(text_of(trims[i].given)), trims[i].want);
    }
}

TEST(bytes_that_are_no_utf8_are_not_read_beyond_their_end)
{
    uint32_t fault = 0;
    const char *cut[] = {"\xe4", "\xe4\xb8", "\xf0\x9f\x98", "\xff"};
    for (size_t i = 0; i < COUNT(cut); i++) legible_is(text_of(cut[i]), LEGIBLE_LINE, &fault);
}

TEST(what_does_not_show_as_itself_is_written_out)
{
    static const struct {
        const char *value, *line, *words;
    } shown[] = {
        {"", "", ""},
        {"李　华 <x@y> \\ \"", "李　华 <x@y> \\ \"", "李　华 <x@y> \\ \""},
        {"\x1b[2J\x07", "\\u001b[2J\\u0007", "\\u001b[2J\\u0007"},
        {"a\nb\tc\r", "a\\nb\\tc\\u000d", "a\nb\tc\\u000d"},
        {"\x7f\xc2\x9b"
         "31m",
         "\\u007f\\u009b31m", "\\u007f\\u009b31m"},
        {"\u202eabc\u2066", "\\u202eabc\\u2066", "\\u202eabc\\u2066"},
        {"a\u200bb\ufeff", "a\\u200bb\\ufeff", "a\\u200bb\\ufeff"},
        {"a\u2028b", "a\\u2028b", "a\\u2028b"},
        {"\U000E0041", "\\udb40\\udc41", "\\udb40\\udc41"},
        {"\U0001F468\u200d\U0001F469", "\U0001F468\u200d\U0001F469",
         "\U0001F468\u200d\U0001F469"}, /* one emoji of two */
        {"\x9b[1m\xe7\x94", "\\u009b[1m\\u00e7\\u0094", "\\u009b[1m\\u00e7\\u0094"},
    };
    for (size_t i = 0; i < COUNT(shown); i++) {
        struct buf line = {0}, words = {0};
        test_row(shown[i].line);
        legible_show(&line, text_of(shown[i].value), LEGIBLE_LINE);
        legible_show(&words, text_of(shown[i].value), LEGIBLE_WORDS);
        CHECK_STRING(buf_text(&line).at, shown[i].line);
        CHECK_STRING(buf_text(&words).at, shown[i].words);
        buf_finish(&line);
        buf_finish(&words);
    }
}
