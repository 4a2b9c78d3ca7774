#include "test.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_TESTS = 500, TIME_LIMIT = 20, EXIT_FAILED = 1, EXIT_SKIPPED = 77 };

struct test {
    const char *name;
    void (*run)(void);
};

static struct test tests[MAX_TESTS];
static size_t tests_n;
static int failures;
static const char *row;

void test_register(const char *name, void (*run)(void))
{
    assert(tests_n < MAX_TESTS);
    tests[tests_n++] = (struct test){name, run};
}

void test_row(const char *what)
{
    row = what;
}

void test_limit(unsigned seconds)
{
    alarm(seconds);
}

void test_skip(const char *missing)
{
    printf("# missing: %s\n", missing);
    fflush(stdout);
    _exit(EXIT_SKIPPED);
}

static void begin_failure(const char *file, int line)
{
    failures++;
    printf("# %s:%d: ", file, line);
    if (row != NULL) printf("[%s] ", row);
}

bool test_check(bool good, const char *file, int line, const char *format, ...)
{
    if (good) return true;
    va_list args;
    va_start(args, format);
    begin_failure(file, line);
    vprintf(format, args);
    va_end(args);
    putchar('\n');
    return false;
}

bool test_check_int(int64_t got, int64_t want, const char *file, int line, const char *what)
{
    if (got == want) return true;
    begin_failure(file, line);
    printf("%s is %lld, not %lld\n", what, (long long)got, (long long)want);
    return false;
}

bool test_check_text(text got, text want, const char *file, int line, const char *what)
{
    if (text_equal(got, want)) return true;
    begin_failure(file, line);
    printf("%s is\n#   \"%.*s\", not\n#   \"%.*s\"\n", what, TEXT_ARG(got), TEXT_ARG(want));
    return false;
}

bool test_check_has(text got, const char *part, const char *file, int line, const char *what)
{
    if (got.len > 0 && memmem(got.at, got.len, part, strlen(part)) != NULL) return true;
    begin_failure(file, line);
    printf("%s lacks \"%s\":\n#   \"%.*s\"\n", what, part, TEXT_ARG(got));
    return false;
}

/* The body of the child: returns only through exit, so that leaks are looked for. */
static void run_child(const struct test *test)
{
    alarm(TIME_LIMIT);
    test->run();
    fflush(stdout);
    exit(failures > 0 ? EXIT_FAILED : 0);
}

static bool report(const struct test *test, int status)
{
    bool exited = WIFEXITED(status);
    if (exited && WEXITSTATUS(status) == 0) {
        printf("ok %s\n", test->name);
        return true;
    }
    if (exited && WEXITSTATUS(status) == EXIT_SKIPPED) {
        printf("skip %s: see above\n", test->name);
        return true;
    }
    if (exited) {
        printf("not ok %s: ended with status %d\n", test->name, WEXITSTATUS(status));
    } else if (WTERMSIG(status) == SIGALRM) {
        printf("not ok %s: ran out of time\n", test->name);
    } else {
        printf("not ok %s: killed by signal %d (%s)\n", test->name, WTERMSIG(status),
               strsignal(WTERMSIG(status)));
    }
    return false;
}

static bool run_test(const struct test *test)
{
    int status = -1;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) run_child(test);
    if (child < 0 || waitpid(child, &status, 0) != child) {
        perror("cannot run a test");
        exit(2);
    }
    return report(test, status);
}

/* All are, unless words say which. */
static bool is_wanted(const char *name, char *const *words)
{
    bool wanted = *words == NULL;
    for (; *words != NULL; words++) wanted |= strstr(name, *words) != NULL;
    return wanted;
}

int main(int argc, char **argv)
{
    size_t failed = 0, ran = 0;
    (void)argc;
    setvbuf(stdout, NULL, _IOLBF, 0); /* a test that is killed must not take its words with it */
    for (size_t i = 0; i < tests_n; i++) {
        if (!is_wanted(tests[i].name, argv + 1)) continue;
        ran++;
        failed += !run_test(&tests[i]);
    }
    printf("%zu passed, %zu failed\n", ran - failed, failed);
    return failed > 0 || ran == 0;
}
