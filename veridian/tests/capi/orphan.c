/*
 * A client whose service dies, and then its system: every call has an answer. Goes on from the one
 * to the other when its standard input ends.
 */

#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "veridian.h"

static void say(const char *what)
{
    puts(what);
    fflush(stdout);
}

static void require(const char *what, int64_t answer, int64_t expected)
{
    if (answer != expected) {
        fprintf(stderr, "orphan.c: %s is %lld, not %lld\n", what, (long long)answer,
                (long long)expected);
        exit(EXIT_FAILURE);
    }
}

static void count(void *calls, const volatile void *bytes, size_t len)
{
    (void)bytes;
    (void)len;
    ++*(int *)calls;
}

int main(void)
{
    veridian_session *session;
    veridian_handle root, file;
    veridian_completion completion;
    veridian_sqe sqe = {0};
    int32_t answer;
    int calls = 0;
    char byte = 'x';

    require("connect", veridian_connect(NULL, NULL, &session), 0);
    require("root", veridian_root(session, &root), 0);
    require("open", veridian_open(session, root, "file",
                                  VERIDIAN_OPEN_CREATE | VERIDIAN_OPEN_READ_WRITE, 0600, &file), 0);
    require("write", veridian_write(session, file, 0, &byte, 1), 1);
    sqe.opcode = VERIDIAN_OP_TIMEOUT;
    sqe.arg0 = UINT64_C(3600000000000);
    require("submit", veridian_submit(session, &sqe), 0);
    say("connected");

    while ((answer = veridian_nop(session)) == 0) {
    }
    require("nop", answer, -ENOTCONN);
    require("read", veridian_read(session, file, 0, &byte, 1), -ENOTCONN);
    require("grant", veridian_read_grant(session, file, 0, 1, count, &calls, NULL), -ENOTCONN);
    require("calls of the callback", calls, 0);
    require("submit", veridian_submit(session, &sqe), -ENOTCONN);
    require("wait", veridian_wait(session, -1, &completion), -ENOTCONN);
    require("poll", veridian_poll(session, &completion), -ENOTCONN);
    say("orphaned");

    while (getchar() != EOF) {
    }
    /* Whatever it says, it is gone. */
    veridian_disconnect(session);
    say("disconnected");
    return EXIT_SUCCESS;
}
