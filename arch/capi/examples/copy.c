/*
 * Copies a file of the host into a system and looks at it there, in every way that there is:
 * makes a directory, writes, reads back by copy and by grant, lists, renames, removes.
 *
 *     cc -std=c11 -Iarch/capi/include arch/capi/examples/copy.c -Ltarget/release -lveridian -o copy
 *     LD_LIBRARY_PATH=target/release veridian run -- ./copy [--bench] [FILE]
 *
 * With --bench it also says how long a round trip takes, and opening and closing a file.
 */

#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "veridian.h"

enum { PART = 64 * 1024, ROUNDS = 20000 };

static const char DIRECTORY[] = "c-example";

/* Ends the program if a call has failed; else returns its answer. */
static int64_t must(const char *what, int64_t answer)
{
    if (answer < 0) {
        fprintf(stderr, "copy: %s: %s\n", what, strerror((int)-answer));
        exit(EXIT_FAILURE);
    }
    return answer;
}

static void require(const char *what, int holds)
{
    if (!holds) {
        fprintf(stderr, "copy: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

/* FNV-1a: enough to tell whether bytes came back as they went. */
static uint64_t sum_of(uint64_t sum, const volatile unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sum = (sum ^ bytes[i]) * UINT64_C(1099511628211);
    return sum;
}

static void add_to_sum(void *sum, const volatile void *bytes, size_t len)
{
    uint64_t *total = sum;
    *total = sum_of(*total, bytes, len);
}

struct list {
    int entries;
    int found;
};

static int32_t count(void *context, const veridian_directory_entry *entry)
{
    struct list *list = context;
    list->entries++;
    list->found += strcmp(entry->name, "copy") == 0 && strlen(entry->name) == entry->name_len;
    return 0;
}

/* Writes a file of the host into the open one; its sum and its size. */
static uint64_t fill(veridian_session *session, veridian_handle file, const char *from,
                     uint64_t *size)
{
    static unsigned char part[PART];
    uint64_t sum = 0;
    size_t len;
    FILE *host = fopen(from, "rb");
    require("the file of the host cannot be opened", host != NULL);
    *size = 0;
    while ((len = fread(part, 1, sizeof part, host)) > 0) {
        int64_t written = must("write", veridian_write(session, file, *size, part, len));
        require("a short write", (size_t)written == len);
        sum = sum_of(sum, part, len);
        *size += len;
    }
    require("the file of the host cannot be read", !ferror(host));
    fclose(host);
    return sum;
}

/* Reads the open file back by copy. */
static uint64_t read_back(veridian_session *session, veridian_handle file, uint64_t *size)
{
    static unsigned char part[PART];
    uint64_t sum = 0;
    int64_t len;
    *size = 0;
    while ((len = must("read", veridian_read(session, file, *size, part, sizeof part))) > 0) {
        sum = sum_of(sum, part, (size_t)len);
        *size += (uint64_t)len;
    }
    return sum;
}

/* Reads the open file where it lies. */
static uint64_t look_through(veridian_session *session, veridian_handle file, uint64_t *size)
{
    uint64_t sum = 0;
    int64_t len;
    int32_t current = 1;
    *size = 0;
    while ((len = must("read_grant", veridian_read_grant(session, file, *size, PART, add_to_sum,
                                                         &sum, &current))) > 0) {
        require("somebody else wrote to the file", current);
        *size += (uint64_t)len;
    }
    return sum;
}

static void copy(veridian_session *session, veridian_handle root, const char *from)
{
    veridian_handle directory, file;
    veridian_status status;
    struct list list = {0, 0};
    uint64_t size, read, granted;

    must("mkdir", veridian_mkdir(session, root, DIRECTORY, 0755));
    must("open", veridian_open(session, root, DIRECTORY, VERIDIAN_OPEN_DIRECTORY, 0, &directory));
    must("create", veridian_open(session, directory, "file",
                                 VERIDIAN_OPEN_CREATE | VERIDIAN_OPEN_READ_WRITE, 0644, &file));

    uint64_t written_sum = fill(session, file, from, &size);
    uint64_t read_sum = read_back(session, file, &read);
    uint64_t granted_sum = look_through(session, file, &granted);
    must("fsync", veridian_fsync(session, file, 0));
    must("stat", veridian_stat(session, file, "", &status));
    require("the sizes differ", size == read && size == granted && size == status.size);
    require("what was read is not what was written", written_sum == read_sum);
    require("what was granted is not what was written", written_sum == granted_sum);
    printf("copied %llu bytes: written, read and granted alike\n", (unsigned long long)size);

    must("rename", veridian_rename(session, directory, "file", directory, "copy", 0));
    must("list", veridian_read_directory(session, directory, count, &list));
    require("the directory is not what it should be", list.entries == 1 && list.found == 1);
    must("truncate", veridian_truncate(session, file, 0));
    must("close", veridian_close(session, file));
    must("unlink", veridian_unlink(session, directory, "copy", 0));
    must("close", veridian_submit_close(session, directory));
    must("rmdir", veridian_unlink(session, root, DIRECTORY, VERIDIAN_REMOVE_DIRECTORY));
    require("it is still there", veridian_stat(session, root, DIRECTORY, &status) == -ENOENT);
    printf("renamed, listed and removed\n");
}

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

static int by_value(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

static void report(const char *what, uint64_t *times)
{
    qsort(times, ROUNDS, sizeof *times, by_value);
    printf("%s: p50 %llu ns, p99 %llu ns, p99.9 %llu ns\n", what,
           (unsigned long long)times[ROUNDS / 2], (unsigned long long)times[ROUNDS / 100 * 99],
           (unsigned long long)times[ROUNDS / 1000 * 999]);
}

static void measure(veridian_session *session, veridian_handle root)
{
    static uint64_t times[ROUNDS];
    veridian_handle file;

    for (int i = 0; i < ROUNDS; i++) {
        uint64_t start = now_ns();
        must("nop", veridian_nop(session));
        times[i] = now_ns() - start;
    }
    report("round trip", times);

    must("create", veridian_open(session, root, "c-bench", VERIDIAN_OPEN_CREATE, 0644, &file));
    must("close", veridian_close(session, file));
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t start = now_ns();
        must("open", veridian_open(session, root, "c-bench", 0, 0, &file));
        must("close", veridian_close(session, file));
        times[i] = now_ns() - start;
    }
    report("open and close", times);
    must("unlink", veridian_unlink(session, root, "c-bench", 0));
}

int main(int argc, char **argv)
{
    veridian_session *session;
    veridian_handle root;
    int bench = argc > 1 && strcmp(argv[1], "--bench") == 0;
    const char *from = argc > 1 + bench ? argv[1 + bench] : argv[0];

    must("connect", veridian_connect(NULL, NULL, &session));
    must("root", veridian_root(session, &root));
    copy(session, root, from);
    if (bench)
        measure(session, root);
    must("disconnect", veridian_disconnect(session));
    return EXIT_SUCCESS;
}
