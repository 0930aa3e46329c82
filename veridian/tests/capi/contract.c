/*
 * What the C interface promises beyond working: wrong arguments are answered and do no harm,
 * sessions refuse what they must refuse, and entries can be submitted without waiting.
 */

#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "veridian.h"

_Static_assert(sizeof(veridian_sqe) == 64, "the ABI's entry");
_Static_assert(offsetof(veridian_sqe, offset) == 8, "the ABI's entry");
_Static_assert(offsetof(veridian_sqe, user_data) == 32, "the ABI's entry");
_Static_assert(offsetof(veridian_sqe, credential) == 56, "the ABI's entry");
_Static_assert(sizeof(veridian_status) == 128, "the ABI's record");
_Static_assert(sizeof(veridian_attributes) == 64, "the ABI's record");
_Static_assert(sizeof(veridian_filesystem) == 80, "the ABI's record");
_Static_assert(sizeof(veridian_lock_record) == 32, "the ABI's record");
_Static_assert(sizeof(veridian_options) == 24, "the first version's");

/* Compares an answer with what it has to be; ends the program where it is something else. */
#define IS(expected, call) is(__LINE__, #call, (expected), (call))

static void is(int line, const char *call, int64_t expected, int64_t answer)
{
    if (answer != expected) {
        fprintf(stderr, "contract.c:%d: %s is %lld (%s), not %lld\n", line, call,
                (long long)answer, answer < 0 ? strerror((int)-answer) : "a count",
                (long long)expected);
        exit(EXIT_FAILURE);
    }
}

static veridian_session *session;
static veridian_handle root;

static void nowhere(void)
{
    veridian_handle handle;
    veridian_status status;
    veridian_completion completion;
    uint32_t offset;
    char byte = 0;

    IS(-EFAULT, veridian_connect(NULL, NULL, NULL));
    IS(0, veridian_disconnect(NULL));
    IS(-EFAULT, veridian_root(NULL, &root));
    IS(-EFAULT, veridian_nop(NULL));
    IS(-EFAULT, veridian_open(NULL, root, "x", 0, 0, &handle));
    IS(-EFAULT, veridian_read(NULL, root, 0, &byte, 1));
    IS(-EFAULT, veridian_wait(NULL, 0, &completion));

    IS(-EFAULT, veridian_root(session, NULL));
    IS(-EFAULT, veridian_open(session, root, NULL, 0, 0, &handle));
    IS(-EFAULT, veridian_open(session, root, "x", VERIDIAN_OPEN_CREATE, 0, NULL));
    IS(-ENOENT, veridian_stat(session, root, "x", &status)); /* nothing was made by that */
    IS(-EFAULT, veridian_read(session, root, 0, NULL, 1));
    IS(-EFAULT, veridian_write(session, root, 0, NULL, 1));
    IS(-EFAULT, veridian_stat(session, root, "", NULL));
    IS(-EFAULT, veridian_stat(session, root, "", (veridian_status *)((char *)&status + 1)));
    IS(-EFAULT, veridian_mkdir(session, root, NULL, 0));
    IS(-EFAULT, veridian_unlink(session, root, NULL, 0));
    IS(-EFAULT, veridian_rename(session, root, "x", root, NULL, 0));
    IS(-EFAULT, veridian_read_directory(session, root, NULL, NULL));
    IS(-EFAULT, veridian_read_grant(session, root, 0, 1, NULL, NULL, NULL));
    IS(-EFAULT, veridian_submit(session, NULL));
    IS(-EFAULT, veridian_poll(session, NULL));
    IS(-EFAULT, veridian_wait(session, 0, NULL));
    IS(-EFAULT, veridian_buffer_take(session, 1, NULL));
    IS(0, veridian_buffer_take(session, 1, &offset));
    IS(-EFAULT, veridian_buffer_write(session, offset, NULL, 1));
    IS(0, veridian_buffer_give_back(session, offset));
}

static void nonsense(void)
{
    static char long_path[8192];
    veridian_handle handle;
    uint32_t offset, other;
    char byte = 0;

    memset(long_path, 'x', sizeof long_path - 1);
    IS(-ENAMETOOLONG, veridian_open(session, root, long_path, 0, 0, &handle));
    IS(-EINVAL, veridian_open(session, root, "x", 0x80000000u, 0, &handle));
    IS(-EINVAL, veridian_unlink(session, root, "x", 1));
    IS(-EINVAL, veridian_rename(session, root, "x", root, "y", 4));
    IS(-EINVAL, veridian_fsync(session, root, 2));
    IS(-EBADF, veridian_close(session, ~UINT64_C(0)));
    IS(-EBADF, veridian_close(session, 12345));
    IS(-EBADF, veridian_read(session, 12345, 0, &byte, 1));
    IS(-EINVAL, veridian_read(session, root, 0, &byte, SIZE_MAX));
    IS(-EINVAL, veridian_buffer_give_back(session, 64));
    IS(-ENOMEM, veridian_buffer_take(session, UINT32_MAX, &offset));
    IS(0, veridian_buffer_take(session, 64, &offset));
    IS(0, veridian_buffer_take(session, 64, &other));
    IS(-EFAULT, veridian_buffer_read(session, offset, long_path, 65));
    IS(-EFAULT, veridian_buffer_write(session, offset, long_path, SIZE_MAX / 2));
    IS(0, veridian_buffer_write(session, offset, long_path, 64));
    IS(0, veridian_buffer_give_back(session, offset));
    IS(-EINVAL, veridian_buffer_give_back(session, offset));
    IS(0, veridian_buffer_give_back(session, other));
}

static void wishes(void)
{
    veridian_session *own;
    veridian_options options = {0};
    struct {
        veridian_options known;
        uint64_t later;
    } longer = {{0}, 1};

    IS(-EINVAL, veridian_connect(NULL, &options, &own)); /* no size */
    options.size = sizeof options;
    options.waiting = 7;
    IS(-EINVAL, veridian_connect(NULL, &options, &own));
    longer.known.size = sizeof longer;
    IS(-E2BIG, veridian_connect(NULL, &longer.known, &own));
    longer.later = 0;
    longer.known.waiting = VERIDIAN_WAIT_SLEEPING;
    IS(0, veridian_connect(NULL, &longer.known, &own));
    IS(0, veridian_nop(own));
    IS(0, veridian_disconnect(own));
    IS(-ECONNREFUSED, veridian_connect("@veridian-nobody", NULL, &own));
}

/* More than one part of a directory, so that a listing that is ended has more to come. */
enum { FILES = 1000 };

static int32_t end_at_third(void *context, const veridian_directory_entry *entry)
{
    int *entries = context;
    IS((int64_t)strlen(entry->name), entry->name_len);
    IS(0100000, entry->mode & 0170000);
    IS(-EBUSY, veridian_nop(session));
    IS(-EBUSY, veridian_disconnect(session));
    return ++*entries == 3 ? 42 : 0;
}

static int32_t count_only(void *context, const veridian_directory_entry *entry)
{
    ++*(int *)context;
    return entry->name_len == 0;
}

static void look_and_call(void *context, const volatile void *bytes, size_t len)
{
    char got[4] = {0};
    for (size_t i = 0; i < len && i < sizeof got; i++)
        got[i] = ((const volatile char *)bytes)[i];
    IS(0, memcmp(got, "uodd", 4)); /* not at a multiple of 8 */
    IS(-EBUSY, veridian_nop(session));
    *(size_t *)context = len;
}

static void callbacks(void)
{
    veridian_handle directory, file;
    char name[32];
    int entries = 0;
    int32_t current = 0;
    size_t len = 0;

    IS(0, veridian_mkdir(session, root, "many", 0700));
    IS(0, veridian_open(session, root, "many", VERIDIAN_OPEN_DIRECTORY, 0, &directory));
    for (int i = 0; i < FILES; i++) {
        snprintf(name, sizeof name, "file-%d", i);
        IS(0, veridian_open(session, directory, name, VERIDIAN_OPEN_CREATE, 0600, &file));
        IS(0, veridian_submit_close(session, file));
    }
    IS(42, veridian_read_directory(session, directory, end_at_third, &entries));
    IS(3, entries);
    entries = 0;
    IS(0, veridian_read_directory(session, directory, count_only, &entries));
    IS(FILES, entries);

    IS(0, veridian_open(session, directory, "file-0", VERIDIAN_OPEN_READ_WRITE, 0, &file));
    IS(7, veridian_write(session, file, 0, "evenuodd", 7));
    IS(8, veridian_write(session, file, 0, "evenuodd", 8));
    IS(4, veridian_read_grant(session, file, 4, 100, look_and_call, &len, &current));
    IS(4, (int64_t)len);
    IS(1, current);
    IS(0, veridian_read_grant(session, file, 8, 100, look_and_call, &len, NULL));
    IS(-EBADF, veridian_read_grant(session, 12345, 0, 1, look_and_call, &len, NULL));
    IS(0, veridian_close(session, file));
    IS(0, veridian_close(session, directory));
}

static void links_and_attributes(void)
{
    veridian_handle file;
    veridian_status status;
    veridian_filesystem filesystem;
    veridian_attributes change = {0};
    char target[8] = "???????";

    IS(0, veridian_open(session, root, "named", VERIDIAN_OPEN_CREATE, 0600, &file));
    IS(0, veridian_link(session, root, "named", root, "other", 0));
    IS(-EINVAL, veridian_link(session, root, "named", root, "third", 1));
    IS(-EFAULT, veridian_link(session, root, "named", root, NULL, 0));
    IS(0, veridian_stat(session, root, "other", &status));
    IS(2, status.links);
    IS(0, veridian_symlink(session, "named", root, "link"));
    IS(5, veridian_read_link(session, root, "link", target, sizeof target));
    IS(0, memcmp(target, "named??", 8));
    IS(2, veridian_read_link(session, root, "link", memset(target, '?', 7), 2));
    IS(0, memcmp(target, "na?????", 8));
    IS(-EFAULT, veridian_read_link(session, root, "link", NULL, 1));
    IS(0, veridian_stat_link(session, root, "link", &status));
    IS(0120000, status.mode & 0170000);
    IS(0, veridian_stat(session, root, "link", &status));
    IS(0100600, status.mode);

    change.mask = VERIDIAN_CHANGE_PERMISSIONS | VERIDIAN_CHANGE_MODIFIED;
    change.permissions = 0640;
    change.modified.seconds = 12345;
    IS(-EINVAL, veridian_set_attributes(session, root, "link", &change, 1));
    IS(-EFAULT, veridian_set_attributes(session, root, "link", NULL, 0));
    IS(0, veridian_set_attributes(session, root, "link", &change, 0));
    change.mask = 0; /* fields that are not to be changed are not ignored */
    IS(-EINVAL, veridian_set_attributes(session, root, "link", &change, 0));
    IS(0, veridian_stat(session, file, "", &status));
    IS(0100640, status.mode);
    IS(12345, status.modified.seconds);
    memset(&change, 0, sizeof change);
    change.mask = VERIDIAN_CHANGE_MODIFIED;
    change.modified.seconds = 99;
    IS(0, veridian_set_attributes(session, root, "link", &change, VERIDIAN_NO_FOLLOW));
    IS(0, veridian_stat_link(session, root, "link", &status));
    IS(99, status.modified.seconds);

    IS(0, veridian_make_node(session, root, "fifo", 0010600, 0));
    IS(0, veridian_stat(session, root, "fifo", &status));
    IS(0010600, status.mode);
    IS(0, veridian_filesystem_status(session, root, &filesystem));
    IS(255, filesystem.max_name);
    IS(-EFAULT, veridian_filesystem_status(session, root, NULL));
    IS(0, veridian_sync_filesystem(session, file));
    IS(0, veridian_close(session, file));
}

/* An answer of what a file system may not have: whether it has it. */
static int has(int line, const char *call, int64_t answer)
{
    if (answer != -EOPNOTSUPP)
        is(line, call, 0, answer);
    return answer == 0;
}

#define HAS(call) has(__LINE__, #call, (call))

static void ranges_and_extended_attributes(void)
{
    const uint32_t punch = VERIDIAN_ALLOCATE_PUNCH_HOLE | VERIDIAN_ALLOCATE_KEEP_SIZE;
    veridian_handle file;
    veridian_lock_record record;
    uint64_t found;
    char got[16];

    IS(0, veridian_open(session, root, "ranges", VERIDIAN_OPEN_CREATE | VERIDIAN_OPEN_READ_WRITE,
                        0600, &file));
    IS(8, veridian_write(session, file, 0, "evenuodd", 8));
    if (HAS(veridian_set_xattr(session, file, "user.a", "value", 5, VERIDIAN_XATTR_CREATE))) {
        IS(5, veridian_xattr(session, file, "user.a", NULL, 0));
        IS(-ERANGE, veridian_xattr(session, file, "user.a", got, 4));
        IS(5, veridian_xattr(session, file, "user.a", got, sizeof got));
        IS(0, memcmp(got, "value", 5));
        IS(7, veridian_xattr_names(session, file, got, sizeof got));
        IS(0, strcmp(got, "user.a"));
        IS(0, veridian_remove_xattr(session, file, "user.a"));
        IS(-ENODATA, veridian_xattr(session, file, "user.a", got, sizeof got));
    }
    IS(0, veridian_allocate(session, file, punch, 0, 4));
    IS(8, veridian_read(session, file, 0, got, sizeof got));
    IS(0, memcmp(got, "\0\0\0\0uodd", 8));
    IS(0, veridian_seek(session, file, 0, VERIDIAN_SEEK_HOLE, &found));
    IS(8, (int64_t)found);
    IS(-ENXIO, veridian_seek(session, file, 8, VERIDIAN_SEEK_DATA, &found));
    IS(4, veridian_copy_range(session, file, 4, file, 100, 4));
    IS(4, veridian_read(session, file, 100, got, sizeof got));
    IS(0, memcmp(got, "uodd", 4));
    if (HAS(veridian_lock(session, file, 0, 8, VERIDIAN_LOCK_EXCLUSIVE, 1))) {
        IS(-EAGAIN, veridian_lock(session, file, 4, 1, VERIDIAN_LOCK_SHARED, 2));
        IS(1, veridian_test_lock(session, file, 4, 1, VERIDIAN_LOCK_SHARED, 2, &record));
        IS(VERIDIAN_LOCK_EXCLUSIVE, record.kind);
        IS(8, (int64_t)record.len);
        IS(0, veridian_test_lock(session, file, 8, 1, VERIDIAN_LOCK_SHARED, 2, &record));
        IS(0, veridian_lock(session, file, 0, 8, VERIDIAN_LOCK_NONE, 1));
    }
    IS(-EFAULT, veridian_set_xattr(session, file, "user.a", NULL, 1, 0));
    IS(-EFAULT, veridian_xattr(session, file, NULL, got, 1));
    IS(-EINVAL, veridian_set_xattr(session, file, "user.a", "x", 1, 3));
    IS(-EINVAL, veridian_seek(session, file, 0, 0, &found));
    IS(-EFAULT, veridian_seek(session, file, 0, VERIDIAN_SEEK_DATA, NULL));
    IS(-EINVAL, veridian_lock(session, file, 0, 1, 3, 1));
    IS(-EFAULT, veridian_test_lock(session, file, 0, 1, 1, 1, NULL));
    IS(-EOPNOTSUPP, veridian_allocate(session, file, 0x40, 0, 1));
    IS(0, veridian_close(session, file));
}

static veridian_sqe entry(uint8_t opcode, veridian_handle handle, uint64_t user_data)
{
    veridian_sqe sqe = {0};
    sqe.opcode = opcode;
    sqe.handle_slot = (uint32_t)handle;
    sqe.handle_generation = (uint16_t)(handle >> 32);
    sqe.user_data = user_data;
    return sqe;
}

/* Writes and reads by entries of its own, with the program's names for them. */
static void entries_without_waiting(void)
{
    veridian_completion completion;
    veridian_handle file;
    veridian_sqe sqe;
    uint32_t offset;
    char got[5] = {0};

    IS(0, veridian_poll(session, &completion));
    IS(-ENODATA, veridian_wait(session, -1, &completion));
    IS(0, veridian_open(session, root, "async", VERIDIAN_OPEN_CREATE | VERIDIAN_OPEN_READ_WRITE,
                        0600, &file));
    IS(0, veridian_buffer_take(session, 4, &offset));
    IS(0, veridian_buffer_write(session, offset, "ring", 4));
    sqe = entry(VERIDIAN_OP_WRITE, file, ~UINT64_C(0));
    sqe.buffer_offset = offset;
    sqe.len = 4;
    IS(0, veridian_submit(session, &sqe));
    IS(1, veridian_wait(session, -1, &completion));
    IS(4, completion.status);
    IS(1, completion.user_data == ~UINT64_C(0));
    IS(0, veridian_buffer_write(session, offset, "????", 4));

    sqe.opcode = VERIDIAN_OP_READ;
    sqe.user_data = 0xfeed;
    IS(0, veridian_submit(session, &sqe));
    /* Blocking calls in between keep the completion for later. */
    IS(0, veridian_nop(session));
    IS(0, veridian_close(session, file));
    IS(1, veridian_wait(session, -1, &completion));
    IS(4, completion.status);
    IS(0xfeed, (int64_t)completion.user_data);
    IS(0, veridian_buffer_read(session, offset, got, 4));
    IS(0, strcmp(got, "ring"));
    IS(0, veridian_buffer_give_back(session, offset));

    sqe = entry(200, 0, 3);
    IS(0, veridian_submit(session, &sqe));
    while (veridian_poll(session, &completion) == 0) {
    }
    IS(-EOPNOTSUPP, completion.status);
    IS(3, (int64_t)completion.user_data);
}

/* The service never sees the program's names, and finds what they mean all the same. */
static void cancelling(void)
{
    veridian_completion completion;
    veridian_sqe sqe = entry(VERIDIAN_OP_TIMEOUT, 0, 77);
    veridian_sqe cancel = entry(VERIDIAN_OP_CANCEL, 0, 78);

    sqe.arg0 = UINT64_C(3600000000000);
    IS(0, veridian_submit(session, &sqe));
    cancel.arg0 = 76;
    IS(0, veridian_submit(session, &cancel));
    IS(1, veridian_wait(session, -1, &completion));
    IS(-ENOENT, completion.status);
    cancel.arg0 = 77;
    IS(0, veridian_submit(session, &cancel));
    IS(1, veridian_wait(session, -1, &completion));
    IS(-ECANCELED, completion.status);
    IS(77, (int64_t)completion.user_data);
    IS(1, veridian_wait(session, -1, &completion));
    IS(1, completion.status);
    IS(78, (int64_t)completion.user_data);
}

/* Fills the queue: it says so, and everything comes back once, by its own name. */
static void a_full_queue(void)
{
    enum { MOST = 4096 };
    static unsigned char seen[MOST];
    veridian_completion completion;
    int64_t submitted = 0, answer;

    for (;;) {
        veridian_sqe sqe = entry(VERIDIAN_OP_NOP, 0, (uint64_t)submitted);
        answer = veridian_submit(session, &sqe);
        if (answer == -EAGAIN || submitted == MOST)
            break;
        IS(0, answer);
        submitted++;
    }
    IS(-EAGAIN, answer);
    for (int64_t i = 0; i < submitted; i++) {
        IS(1, veridian_wait(session, INT64_C(10000000000), &completion));
        IS(0, completion.status);
        IS(1, completion.user_data < (uint64_t)submitted);
        IS(0, seen[completion.user_data]++);
    }
    IS(-ENODATA, veridian_wait(session, -1, &completion));
}

static volatile sig_atomic_t signals;

static void on_signal(int number)
{
    (void)number;
    signals++;
}

/* A request that stays: waiting for it ends in time, and by a signal. */
static void waiting(void)
{
    /* Again and again, since the first may come before the wait. */
    struct itimerspec soon = {{0, 50000000}, {0, 50000000}};
    struct sigaction action;
    struct sigevent event;
    timer_t timer;
    veridian_completion completion;
    veridian_sqe sqe = entry(VERIDIAN_OP_TIMEOUT, 0, 9);
    veridian_sqe cancel = entry(VERIDIAN_OP_CANCEL, 0, 10);

    sqe.arg0 = UINT64_C(3600000000000);
    IS(0, veridian_submit(session, &sqe));
    IS(-ETIMEDOUT, veridian_wait(session, 0, &completion));
    IS(-ETIMEDOUT, veridian_wait(session, 20000000, &completion));

    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    IS(0, sigaction(SIGALRM, &action, NULL));
    memset(&event, 0, sizeof event);
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGALRM;
    IS(0, timer_create(CLOCK_MONOTONIC, &event, &timer));
    IS(0, timer_settime(timer, 0, &soon, NULL));
    IS(-EINTR, veridian_wait(session, -1, &completion));
    IS(1, signals > 0);
    for (int i = 0; i < 1000; i++)
        IS(0, veridian_nop(session)); /* signals do not end these */
    IS(0, timer_delete(timer));

    cancel.arg0 = 9;
    IS(0, veridian_submit(session, &cancel));
    IS(1, veridian_wait(session, -1, &completion));
    IS(-ECANCELED, completion.status);
    IS(1, veridian_wait(session, -1, &completion));
    IS(1, completion.status);
    IS(-ENODATA, veridian_wait(session, -1, &completion));
}

/* Works with a session of its own. */
static void *at_work(void *name)
{
    veridian_session *own;
    veridian_handle own_root, file;
    char got[8] = {0};

    IS(0, veridian_connect(NULL, NULL, &own));
    IS(0, veridian_root(own, &own_root));
    IS(0, veridian_open(own, own_root, name, VERIDIAN_OPEN_CREATE | VERIDIAN_OPEN_READ_WRITE, 0600,
                        &file));
    for (int i = 0; i < 200; i++) {
        IS(4, veridian_write(own, file, 0, name, 4));
        IS(4, veridian_read(own, file, 0, got, 4));
        IS(0, strncmp(got, name, 4));
    }
    IS(0, veridian_disconnect(own));
    return NULL;
}

/* Works with the session of the thread that waits for it. */
static void *handed_over(void *unused)
{
    IS(0, veridian_nop(session));
    return unused;
}

static void threads(void)
{
    static char names[3][5] = {"one!", "two!", "six!"};
    pthread_t workers[3], heir;

    for (int i = 0; i < 3; i++)
        IS(0, pthread_create(&workers[i], NULL, at_work, names[i]));
    for (int i = 0; i < 3; i++)
        IS(0, pthread_join(workers[i], NULL));
    IS(0, pthread_create(&heir, NULL, handed_over, NULL));
    IS(0, pthread_join(heir, NULL));
    IS(0, veridian_nop(session));
}

static void a_child(void)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        veridian_session *own;
        veridian_status attributes;
        IS(-ENOTCONN, veridian_nop(session));
        IS(-ENOTCONN, veridian_stat(session, root, "many", &attributes));
        IS(-ENOTCONN, veridian_disconnect(session));
        IS(0, veridian_connect(NULL, NULL, &own));
        IS(0, veridian_nop(own));
        IS(0, veridian_disconnect(own));
        _exit(EXIT_SUCCESS);
    }
    IS(1, child > 0);
    IS(child, waitpid(child, &status, 0));
    IS(EXIT_SUCCESS, WIFEXITED(status) ? WEXITSTATUS(status) : -1);
    IS(0, veridian_nop(session)); /* the child has not ended it */
}

int main(void)
{
    IS(0, veridian_connect(NULL, NULL, &session));
    IS(0, veridian_root(session, &root));
    nowhere();
    nonsense();
    wishes();
    callbacks();
    links_and_attributes();
    ranges_and_extended_attributes();
    entries_without_waiting();
    cancelling();
    a_full_queue();
    waiting();
    threads();
    a_child();
    IS(0, veridian_disconnect(session));
    puts("every promise was kept");
    return EXIT_SUCCESS;
}
