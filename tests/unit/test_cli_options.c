#include "cli/options.h"
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct {
    const char *as, *clock;
    bool whole;
    int64_t after, span_ms;
    struct option_list set;
} given;

static const struct option rows[] = {
    {"as", OPTION_TEXT, &given.as, "STAFF", "who"},
    {"clock", OPTION_MAYBE, &given.clock, "TIME", "when"},
    {"whole", OPTION_FLAG, &given.whole, NULL, "all"},
    {"after", OPTION_INT, &given.after, "SEQ", "from where"},
    {"for", OPTION_SPAN, &given.span_ms, "SPAN", "how long"},
    {"set", OPTION_LIST, &given.set, "NAME=VALUE", "a field"},
};

enum { ARGUMENTS = 160 };

static char complaint[1000];

/* Reads arguments that stand in one string, parted by blanks; what is complained of goes into
   `complaint`. */
static enum exit_status read_line(const char *line, struct words *words, bool *help)
{
    static char copy[4000], *argv[ARGUMENTS], *left[ARGUMENTS];
    int argc = 1;
    snprintf(copy, sizeof(copy), "%s", line);
    argv[0] = copy;
    for (char *at = copy; (at = strchr(at, ' ')) != NULL; argv[argc++] = at) *at++ = '\0';
    memset(&given, 0, sizeof(given));
    *words = (struct words){.at = left};
    options_begin("try");
    FILE *errors = tmpfile();
    if (errors == NULL) test_skip("a place for temporary files");
    fflush(stderr);
    int kept = dup(STDERR_FILENO);
    dup2(fileno(errors), STDERR_FILENO);
    enum exit_status status =
        options_read((struct option_rows){rows, COUNT(rows)}, argc, argv, words, help);
    fflush(stderr);
    dup2(kept, STDERR_FILENO);
    close(kept);
    rewind(errors);
    complaint[fread(complaint, 1, sizeof(complaint) - 1, errors)] = '\0';
    fclose(errors);
    return status;
}

TEST(options_and_words)
{
    struct words words;
    bool help;
    CHECK_INT(
        read_line("try 17 --as=en01 --for 5s --set a=1 close --set=b=2 --whole --after 3 -- --x",
                  &words, &help),
        STATUS_OK);
    CHECK_STRING(given.as, "en01");
    CHECK_INT(given.span_ms, 5000);
    CHECK_INT(given.after, 3);
    CHECK(given.whole && given.clock == NULL && !help);
    CHECK_INT((int64_t)given.set.n, 2);
    CHECK_STRING(given.set.at[1], "b=2");
    CHECK_INT(words.n, 3);
    CHECK_STRING(words.at[2], "--x");
    CHECK_INT(read_line("try --clock -", &words, &help), STATUS_OK);
    CHECK_STRING(given.clock, "");
    CHECK_STRING(words.at[0], "-");
    CHECK_INT(read_line("try -h --nonsense", &words, &help), STATUS_OK);
    CHECK(help);
}

TEST(wrong_options_are_named_with_what_is_allowed)
{
    static const struct {
        const char *line, *complaint;
    } cases[] = {
        {"try --for 5", "--for: '5' is not a length of time: a number and ms, s, m, h or d"},
        {"try --for=", "--for: '' is not a length of time"},
        {"try --for 5y", "--for: '5y' is not a length of time"},
        {"try --for 0", "--for: '0' is not within 1ms to 30d"},
        {"try --for 31d", "--for: '31d' is not within 1ms to 30d"},
        {"try --for 9223372036854775807s", "--for: '9223372036854775807s' is not a length of time"},
        {"try --after -1", "--after: '-1' is not a whole number from 0 on"},
        {"try --after x", "--after: 'x' is not a whole number from 0 on"},
        {"try --after 9223372036854775808", "is not a whole number from 0 on"},
        {"try --as=", "--as: STAFF must not be empty"},
        {"try --set=", "--set: NAME=VALUE must not be empty"},
        {"try --as", "--as needs STAFF"},
        {"try --as --whole", "--as needs STAFF"},
        {"try --whole=no", "--whole takes no value"},
        {"try --all", "there is no option --all"},
        {"try -x", "there is no option -x: options have two dashes"},
    };
    struct words words;
    bool help;
    for (size_t i = 0; i < COUNT(cases); i++) {
        test_row(cases[i].line);
        CHECK_INT(read_line(cases[i].line, &words, &help), STATUS_USAGE);
        CHECK_HAS(text_of(complaint), cases[i].complaint);
        CHECK_HAS(text_of(complaint), "\nHINT: kefu try --help\n");
    }
}

TEST(an_option_that_is_given_too_often_is_refused)
{
    char line[4000] = "try";
    struct words words;
    bool help;
    for (int i = 0; i < OPTION_VALUES; i++)
        snprintf(line + strlen(line), sizeof(line) - strlen(line), " --set=f%d=1", i);
    CHECK_INT(read_line(line, &words, &help), STATUS_OK);
    CHECK_INT((int64_t)given.set.n, OPTION_VALUES);
    snprintf(line + strlen(line), sizeof(line) - strlen(line), " --set=more=1");
    CHECK_INT(read_line(line, &words, &help), STATUS_USAGE);
    CHECK_HAS(text_of(complaint), "--set: given more than 64 times");
}
