// A program that locks ranges of files as it is told, a command a line, and says what came of it:
//
//   open PATH r|w|rw            descriptor
//   close FD                    ok
//   dup FD                      descriptor
//   fork                        ok, when a child that did nothing has ended
//   set|wait FD r|w|u FIRST LEN ok
//   get FD r|w FIRST LEN        free, or: r|w FIRST LEN PID
//   oset, owait, oget           the same for the open file instead of the process
//   flock FD                    ok
//   handle restart|break        ok; the handler of SIGALRM says caught from now on, and has calls
//                               begun anew, or end
//   beside COMMAND              ok; another thread does it
//   join                        what came of that
//   call                        the number of the system call that locks
//
// What fails is answered with its errno, as E4.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { LINE = 8192 };

struct job {
    char line[LINE];
    char answer[64];
};

static void say_caught(int signal)
{
    static const char line[] = "caught\n";
    (void)signal;
    if (write(STDOUT_FILENO, line, sizeof line - 1) < 0)
        _exit(1);
}

static void report(char *answer, int result)
{
    if (result < 0)
        sprintf(answer, "E%d", errno);
    else
        strcpy(answer, "ok");
}

static void lock(const char *how, const char *rest, char *answer)
{
    int of_file = how[0] == 'o', fd, command;
    char kind;
    long long first, len;
    how += of_file;
    if (sscanf(rest, "%d %c %lld %lld", &fd, &kind, &first, &len) != 4) {
        strcpy(answer, "what?");
        return;
    }
    struct flock wanted = {
        .l_type = kind == 'r' ? F_RDLCK : kind == 'w' ? F_WRLCK : F_UNLCK,
        .l_whence = SEEK_SET,
        .l_start = first,
        .l_len = len,
    };
    if (strcmp(how, "get") == 0)
        command = of_file ? F_OFD_GETLK : F_GETLK;
    else if (strcmp(how, "set") == 0)
        command = of_file ? F_OFD_SETLK : F_SETLK;
    else
        command = of_file ? F_OFD_SETLKW : F_SETLKW;
    report(answer, fcntl(fd, command, &wanted));
    if (strcmp(how, "get") != 0 || answer[0] == 'E')
        return;
    if (wanted.l_type == F_UNLCK)
        strcpy(answer, "free");
    else
        sprintf(answer, "%c %lld %lld %d", wanted.l_type == F_RDLCK ? 'r' : 'w',
                (long long)wanted.l_start, (long long)wanted.l_len, (int)wanted.l_pid);
}

static void number(char *answer, int result)
{
    report(answer, result);
    if (result >= 0)
        sprintf(answer, "%d", result);
}

static void open_file(const char *rest, char *answer)
{
    char path[LINE], how[3];
    if (sscanf(rest, "%s %2s", path, how) != 2)
        strcpy(answer, "what?");
    else
        number(answer, open(path, how[1] ? O_RDWR : how[0] == 'r' ? O_RDONLY : O_WRONLY));
}

static void fork_and_end(char *answer)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    report(answer, child < 0 ? -1 : waitpid(child, NULL, 0));
}

static void handle(const char *rest, char *answer)
{
    struct sigaction action = {.sa_handler = say_caught};
    if (strncmp(rest, "restart", 7) == 0)
        action.sa_flags = SA_RESTART;
    report(answer, sigaction(SIGALRM, &action, NULL));
}

static void *run(void *argument)
{
    struct job *job = argument;
    char command[16] = "";
    int at = 0;
    sscanf(job->line, "%15s %n", command, &at);
    const char *rest = job->line + at;
    if (strcmp(command, "open") == 0)
        open_file(rest, job->answer);
    else if (strcmp(command, "close") == 0)
        report(job->answer, close(rest[0] - '0'));
    else if (strcmp(command, "dup") == 0)
        number(job->answer, dup(rest[0] - '0'));
    else if (strcmp(command, "fork") == 0)
        fork_and_end(job->answer);
    else if (strcmp(command, "flock") == 0)
        report(job->answer, flock(rest[0] - '0', LOCK_EX | LOCK_NB));
    else if (strcmp(command, "handle") == 0)
        handle(rest, job->answer);
    else if (strcmp(command, "call") == 0)
        number(job->answer, SYS_fcntl);
    else
        lock(command, rest, job->answer);
    return NULL;
}

int main(void)
{
    struct job job, beside;
    pthread_t thread;
    /* Whoever runs the tests may ignore it, which is inherited. */
    signal(SIGINT, SIG_DFL);
    while (fgets(job.line, LINE, stdin)) {
        if (strncmp(job.line, "beside ", 7) == 0) {
            strcpy(beside.line, job.line + 7);
            report(job.answer, -pthread_create(&thread, NULL, run, &beside));
        } else if (strncmp(job.line, "join", 4) == 0) {
            pthread_join(thread, NULL);
            strcpy(job.answer, beside.answer);
        } else {
            run(&job);
        }
        puts(job.answer);
        fflush(stdout);
    }
    return 0;
}
