#include "cli/world/program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHUNK = 4096 };

/* Some bytes from the pipe; 0 at its end, -1 if there are none now. */
static ssize_t read_some(int fd, struct buf *out)
{
    ssize_t n;
    do {
        n = read(fd, buf_reserve(out, CHUNK), CHUNK);
    } while (n < 0 && errno == EINTR);
    if (n > 0) buf_grew(out, (size_t)n);
    return n;
}

/* Passes on what has been said on standard error; only its end is kept. */
static bool pass_on(int fd, struct buf *said)
{
    if (said->len > CHUNK) buf_clear(said);
    size_t before = said->len;
    ssize_t n = read_some(fd, said);
    if (n > 0 && write(STDERR_FILENO, said->at + before, (size_t)n) < 0) return false;
    return n > 0;
}

/* Until its standard output ends. Its standard error may go on, in a server that it has started. */
static void listen_to(const int fds[2], struct buf *out, struct buf *said)
{
    struct pollfd polled[] = {{.fd = fds[0], .events = POLLIN}, {.fd = fds[1], .events = POLLIN}};
    for (bool ended = false; !ended;) {
        if (poll(polled, 2, -1) < 0) continue;
        if (polled[1].revents != 0 && !pass_on(fds[1], said)) polled[1].fd = -1;
        if (polled[0].revents != 0) ended = read_some(fds[0], out) <= 0;
    }
    while (out->len > 0 && out->at[out->len - 1] == '\n') out->at[--out->len] = '\0';
    if (polled[1].fd < 0) return;
    (void)fcntl(fds[1], F_SETFL, O_NONBLOCK);
    while (pass_on(fds[1], said)) {
    }
}

struct program {
    char *const *argv;
    void (*prepare)(const void *ctx); /* may be NULL */
    const void *ctx;
};

static NORETURN void become_program(const struct program *program, const int out[2],
                                    const int errors[2])
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    dup2(out[1], STDOUT_FILENO);
    dup2(errors[1], STDERR_FILENO);
    if (program->prepare != NULL) program->prepare(program->ctx);
    execv(program->argv[0], program->argv);
    const char *why = strerror(errno);
    if (write(STDERR_FILENO, why, strlen(why)) < 0) _exit(126);
    _exit(127);
}

text program_last_line(text said)
{
    text last = {0};
    while (said.len > 0) {
        text line = text_take(&said, '\n');
        if (line.len > 0 && !text_starts(line, "HINT:")) last = line;
    }
    return last;
}

/* "postgres.sh start: its last line". */
static int complain_of_program(char *const *argv, const struct buf *said, struct err *err)
{
    const char *slash = strrchr(argv[0], '/');
    const char *word = argv[1] != NULL && argv[1][0] != '-' ? argv[1] : "";
    text last = program_last_line(buf_text(said));
    if (last.len == 0) last = TEXT("it said nothing");
    return err_set(err, "%s%s%s failed: %.*s", slash != NULL ? slash + 1 : argv[0],
                   word[0] != '\0' ? " " : "", word, TEXT_ARG(last));
}

static int run(const struct program *program, struct buf *out, struct err *err)
{
    int output[2], errors[2], status = 0;
    struct buf ignored = {0}, said = {0};
    if (pipe2(output, O_CLOEXEC) < 0) return err_set(err, "pipe: %s", strerror(errno));
    if (pipe2(errors, O_CLOEXEC) < 0) {
        err_set(err, "pipe: %s", strerror(errno));
        close(output[0]), close(output[1]);
        return -1;
    }
    pid_t pid = fork();
    int result = pid < 0 ? err_set(err, "fork: %s", strerror(errno)) : 0;
    if (pid == 0) become_program(program, output, errors);
    close(output[1]), close(errors[1]);
    if (pid > 0) listen_to((int[]){output[0], errors[0]}, out != NULL ? out : &ignored, &said);
    close(output[0]), close(errors[0]);
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (pid > 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
        result = complain_of_program(program->argv, &said, err);
    buf_finish(&ignored);
    buf_finish(&said);
    return result;
}

int program_run(char *const *argv, struct buf *out, struct err *err)
{
    return run(&(struct program){.argv = argv}, out, err);
}

int program_run_prepared(char *const *argv, void (*prepare)(const void *ctx), const void *ctx,
                         struct err *err)
{
    return run(&(struct program){argv, prepare, ctx}, NULL, err);
}
