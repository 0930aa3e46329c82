/*
 * The client of a system, for programs in C. Link with -lveridian.
 *
 * Made by cbindgen from arch/capi: change the sources there, and make it again.
 *
 * The rules of all calls:
 *
 * - A call answers a count or 0, or a negated errno (-ENOENT and so on; strerror(-answer) is its
 *   text). It never ends the process, and no answer is lost in errno.
 * - Pointers are valid for what the call does with them. NULL is allowed where it is said, and is
 *   -EFAULT elsewhere; so is a structure that is not aligned. Values that mean nothing are -EINVAL,
 *   handles that name nothing are -EBADF.
 * - A session is driven by one thread at a time. It may pass to another, as anything may that is
 *   handed over under a lock. Threads that shall work at once connect once each.
 * - A forked child has no session: every call with its parent's answers -ENOTCONN there, and it
 *   connects for itself. A session ends at exec.
 * - When the system or its service has gone, or has ended the session, calls answer -ENOTCONN, or
 *   the errno that the session was ended for. Only veridian_disconnect is left then.
 * - Calls that wait for an answer go on waiting when a signal comes; veridian_wait returns.
 * - Paths end in a 0, are at most 4096 bytes, and begin at a directory's handle; a slash in front
 *   changes nothing.
 *
 * Callbacks run in the calling thread, before the call returns. What they are shown is valid until
 * they return. They return to their caller: no longjmp, no C++ exception. A call with the same
 * session from within one answers -EBUSY and does nothing.
 *
 * Should a call ever fail within itself, it answers -ENOTRECOVERABLE, and so does every later one
 * with that session.
 */


#ifndef VERIDIAN_H
#define VERIDIAN_H

#include <stddef.h>
#include <stdint.h>

struct veridian_directory_entry;

/* Is shown bytes of a file in the service's own memory, granted until it returns: whoever writes
 * to the file changes them meanwhile. They are mapped read-only. */
typedef void (*veridian_look)(void *context, const volatile void *bytes, size_t len);

/* Is called for each entry of a directory. 0 goes on; anything else ends the listing, and is what
 * it answers. */
typedef int32_t (*veridian_visit)(void *context, const struct veridian_directory_entry *entry);


/**
 * Waiting, in options: spin while it pays off, then yield, then sleep.
 */
#define VERIDIAN_WAIT_ADAPTIVE 0

/**
 * Waiting, in options: never sleep.
 */
#define VERIDIAN_WAIT_POLLING 1

/**
 * Waiting, in options: sleep at once.
 */
#define VERIDIAN_WAIT_SLEEPING 2

/**
 * Opening: for reading.
 */
#define VERIDIAN_OPEN_READ 0

/**
 * Opening: for writing.
 */
#define VERIDIAN_OPEN_WRITE 1

/**
 * Opening: for reading and writing.
 */
#define VERIDIAN_OPEN_READ_WRITE 2

/**
 * Opening: create the file if it is not there.
 */
#define VERIDIAN_OPEN_CREATE 64

/**
 * Opening: with CREATE, fail if it is there.
 */
#define VERIDIAN_OPEN_EXCLUSIVE 128

/**
 * Opening: set the size to 0.
 */
#define VERIDIAN_OPEN_TRUNCATE 512

/**
 * Opening: every write goes to the end.
 */
#define VERIDIAN_OPEN_APPEND 1024

/**
 * Opening: fail if it is no directory.
 */
#define VERIDIAN_OPEN_DIRECTORY 65536

/**
 * Opening: fail if the last component is a symbolic link.
 */
#define VERIDIAN_OPEN_NO_FOLLOW 131072

/**
 * Opening: a handle that names the file, and neither reads nor writes.
 */
#define VERIDIAN_OPEN_PATH 2097152

/**
 * Syncing: contents, and what is needed to read them back; not all attributes.
 */
#define VERIDIAN_SYNC_DATA 1

/**
 * Removing: an empty directory instead of a file.
 */
#define VERIDIAN_REMOVE_DIRECTORY 512

/**
 * Renaming: fail if the new name is there.
 */
#define VERIDIAN_RENAME_NO_REPLACE 1

/**
 * Renaming: exchange the two names.
 */
#define VERIDIAN_RENAME_EXCHANGE 2

/**
 * A completion: more follow for the same submission.
 */
#define VERIDIAN_COMPLETION_MORE 1

/**
 * A completion: `aux` names a grant.
 */
#define VERIDIAN_COMPLETION_GRANT 4

/**
 * Operation of an entry: completes at once.
 */
#define VERIDIAN_OP_NOP 0

/**
 * Operation of an entry: tells which operations there are.
 */
#define VERIDIAN_OP_PROBE 1

/**
 * Operation of an entry: cancels requests.
 */
#define VERIDIAN_OP_CANCEL 2

/**
 * Operation of an entry: completes at a time.
 */
#define VERIDIAN_OP_TIMEOUT 3

/**
 * Operation of an entry: opens or creates a file; the handle is `aux` of the completion.
 */
#define VERIDIAN_OP_OPENAT 16

/**
 * Operation of an entry: closes a handle.
 */
#define VERIDIAN_OP_CLOSE 17

/**
 * Operation of an entry: reads into a buffer.
 */
#define VERIDIAN_OP_READ 18

/**
 * Operation of an entry: writes from a buffer.
 */
#define VERIDIAN_OP_WRITE 20

/**
 * Operation of an entry: makes contents durable.
 */
#define VERIDIAN_OP_FSYNC 21

/**
 * Operation of an entry: sets the size of a file.
 */
#define VERIDIAN_OP_FTRUNCATE 22

/**
 * Operation of an entry: reads attributes.
 */
#define VERIDIAN_OP_STATX 23

/**
 * Operation of an entry: reads a directory.
 */
#define VERIDIAN_OP_GETDENTS 24

/**
 * Operation of an entry: makes a directory.
 */
#define VERIDIAN_OP_MKDIRAT 25

/**
 * Operation of an entry: removes a name.
 */
#define VERIDIAN_OP_UNLINKAT 26

/**
 * Operation of an entry: renames.
 */
#define VERIDIAN_OP_RENAMEAT 27

/**
 * A session with the file service of a system. One thread at a time drives it; a program that
 * wants more threads connects once for each. It is not inherited by a forked child, where every
 * call answers -ENOTCONN.
 */
typedef struct veridian_session veridian_session;

/**
 * Wishes for a session; the system may grant less. A field that is 0 means the default, so a
 * program clears all of it and sets `size` and what it cares about.
 */
typedef struct veridian_options {
    /**
     * Bytes of this structure as the program was compiled with it: `sizeof (veridian_options)`.
     */
    uint32_t size;
    /**
     * How both sides wait, `VERIDIAN_WAIT_…`.
     */
    uint32_t waiting;
    /**
     * Submission slots, a power of two; 256 by default.
     */
    uint32_t submissions;
    /**
     * Completion slots, and most requests in flight, a power of two; 512 by default.
     */
    uint32_t completions;
    /**
     * Memory for data, bytes; 1 MiB by default.
     */
    uint64_t arena_bytes;
} veridian_options;

/**
 * Names an open file or directory of a session.
 */
typedef uint64_t veridian_handle;

/**
 * A time: seconds since 1970-01-01 UTC, and nanoseconds below 1,000,000,000.
 */
typedef struct veridian_time {
    /**
     * Seconds.
     */
    int64_t seconds;
    /**
     * Nanoseconds.
     */
    uint32_t nanoseconds;
    /**
     * 0.
     */
    uint32_t reserved;
} veridian_time;

/**
 * The attributes of a file.
 */
typedef struct veridian_status {
    /**
     * Kind and permissions, as in `st_mode`.
     */
    uint32_t mode;
    /**
     * Number of names.
     */
    uint32_t links;
    /**
     * Owner.
     */
    uint32_t uid;
    /**
     * Group.
     */
    uint32_t gid;
    /**
     * Preferred block size, bytes.
     */
    uint32_t block_size;
    /**
     * 0.
     */
    uint32_t reserved;
    /**
     * Inode number.
     */
    uint64_t inode;
    /**
     * Size, bytes.
     */
    uint64_t size;
    /**
     * Blocks of 512 bytes.
     */
    uint64_t blocks;
    /**
     * Mount that the file is in.
     */
    uint64_t device;
    /**
     * Device number, of device files.
     */
    uint64_t special_device;
    /**
     * Last access.
     */
    struct veridian_time accessed;
    /**
     * Last change of contents.
     */
    struct veridian_time modified;
    /**
     * Last change of attributes.
     */
    struct veridian_time changed;
    /**
     * Creation.
     */
    struct veridian_time created;
} veridian_status;

/**
 * A submission queue entry. `user_data` comes back in the completion; `reserved` and `lap` are 0.
 */
typedef struct veridian_sqe {
    /**
     * Which operation.
     */
    uint8_t opcode;
    /**
     * Flags of any entry.
     */
    uint8_t flags;
    /**
     * Generation of the handle: its bits 32 to 47.
     */
    uint16_t handle_generation;
    /**
     * Slot of the handle: its bits 0 to 31.
     */
    uint32_t handle_slot;
    /**
     * File offset, directory cookie or size.
     */
    uint64_t offset;
    /**
     * 0: the session's arena.
     */
    uint32_t buffer;
    /**
     * Offset of the buffer, as taking it returned.
     */
    uint32_t buffer_offset;
    /**
     * Bytes.
     */
    uint32_t len;
    /**
     * Flags of the operation.
     */
    uint32_t op_flags;
    /**
     * Returned in the completion.
     */
    uint64_t user_data;
    /**
     * First argument of the operation.
     */
    uint64_t arg0;
    /**
     * Second argument of the operation.
     */
    uint64_t arg1;
    /**
     * Whom the request acts as; 0 is the client itself.
     */
    uint16_t credential;
    /**
     * 0.
     */
    uint16_t reserved;
    /**
     * 0.
     */
    uint32_t lap;
} veridian_sqe;

/**
 * The completion of an entry that was submitted.
 */
typedef struct veridian_completion {
    /**
     * Of the entry.
     */
    uint64_t user_data;
    /**
     * Second result; the handle, of one that opens.
     */
    uint64_t aux;
    /**
     * A count or 0, or a negated errno.
     */
    int32_t status;
    /**
     * `VERIDIAN_COMPLETION_…`.
     */
    uint32_t flags;
} veridian_completion;

/**
 * An entry of a directory, valid while the callback that is given it runs.
 */
typedef struct veridian_directory_entry {
    /**
     * Inode number.
     */
    uint64_t inode;
    /**
     * Its kind, as in `st_mode`; 0 if unknown.
     */
    uint32_t mode;
    /**
     * Bytes of the name, the 0 at its end not counted.
     */
    uint32_t name_len;
    /**
     * Its name, with a 0 at its end.
     */
    const char *name;
} veridian_directory_entry;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Takes a buffer of `len` bytes out of the session's arena; entries name it by its offset.
 * Answers 0, or -ENOMEM if there is no room.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_buffer_take(struct veridian_session *session, uint32_t len, uint32_t *offset);

/**
 * Gives a buffer back. Entries that name it must have completed.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_buffer_give_back(struct veridian_session *session, uint32_t offset);

/**
 * Copies `len` bytes to the start of a buffer; -EFAULT if it is shorter.
 *
 * What the program promises:
 * The rules of all calls; `from` has `len` readable bytes.
 */
int32_t veridian_buffer_write(struct veridian_session *session,
                              uint32_t offset,
                              const void *from,
                              size_t len);

/**
 * Copies `len` bytes from the start of a buffer; -EFAULT if it is shorter.
 *
 * What the program promises:
 * The rules of all calls; `into` has `len` writable bytes.
 */
int32_t veridian_buffer_read(struct veridian_session *session,
                             uint32_t offset,
                             void *into,
                             size_t len);

/**
 * Connects to a system and opens a session with its file service.
 *
 * `address` is `@name` or the path of a socket. NULL means what `VERIDIAN_ADDRESS` says, or the
 * user's own system if it says nothing. `options` may be NULL.
 *
 * Answers 0, -ECONNREFUSED if no system runs there, -EPERM if it belongs to somebody who is
 * neither this user nor root, -EACCES, -ETIMEDOUT, -EINVAL, -E2BIG for options that this version
 * does not have, -ENOMEM, or what the system says.
 *
 * What the program promises:
 * The pointers are NULL or valid; `address` ends in a 0. No other thread changes the environment
 * meanwhile.
 */
int32_t veridian_connect(const char *address,
                         const struct veridian_options *options,
                         struct veridian_session **session);

/**
 * Ends a session, closes its handles and frees it. Answers 0, also for NULL, or what the system
 * says; the session is gone all the same.
 *
 * It is not if a callback of its own ends it (-EBUSY), if a forked child does (-ENOTCONN; the
 * parent's session goes on), or after -ENOTRECOVERABLE, when it cannot be freed.
 *
 * What the program promises:
 * `session` is NULL or was made by `veridian_connect`, has not ended, and is not used again.
 */
int32_t veridian_disconnect(struct veridian_session *session);

/**
 * The directory that all paths of the session begin at.
 *
 * What the program promises:
 * The rules of all calls; `root` is NULL or valid.
 */
int32_t veridian_root(struct veridian_session *session, veridian_handle *root);

/**
 * Opens or creates a file or directory. `path` begins at `directory`. `flags` are
 * `VERIDIAN_OPEN_…`; `mode` holds the permissions of a file that is created.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_open(struct veridian_session *session,
                      veridian_handle directory,
                      const char *path,
                      uint32_t flags,
                      uint32_t mode,
                      veridian_handle *opened);

/**
 * Closes a handle and waits until it is closed.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_close(struct veridian_session *session, veridian_handle handle);

/**
 * Closes a handle without waiting until it is closed; what the service answers is dropped. Calls
 * after this one find the handle closed.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_submit_close(struct veridian_session *session, veridian_handle handle);

/**
 * Reads until `len` bytes are there or the file ends. Answers the number of bytes.
 *
 * What the program promises:
 * The rules of all calls; `into` has `len` writable bytes.
 */
int64_t veridian_read(struct veridian_session *session,
                      veridian_handle handle,
                      uint64_t offset,
                      void *into,
                      size_t len);

/**
 * Writes `len` bytes, or as many as can be. Answers the number of bytes.
 *
 * What the program promises:
 * The rules of all calls; `from` has `len` readable bytes.
 */
int64_t veridian_write(struct veridian_session *session,
                       veridian_handle handle,
                       uint64_t offset,
                       const void *from,
                       size_t len);

/**
 * Makes a file's contents durable. `flags` is 0 or `VERIDIAN_SYNC_DATA`.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_fsync(struct veridian_session *session, veridian_handle handle, uint32_t flags);

/**
 * Sets the size of a file, bytes.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_truncate(struct veridian_session *session, veridian_handle handle, uint64_t size);

/**
 * The attributes of what `path` names; of the handle itself if it is empty. Follows symbolic
 * links.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_stat(struct veridian_session *session,
                      veridian_handle handle,
                      const char *path,
                      struct veridian_status *status);

/**
 * Asks for nothing and waits for the answer: one round trip.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_nop(struct veridian_session *session);

/**
 * Reads up to `len` bytes without a copy: calls `look` once with what there is. Answers the
 * number of bytes; 0 at the end of the file, where `look` is not called.
 *
 * If `was_current` is not NULL, it becomes 1 if nothing was changed from the answer until `look`
 * had returned, so that what it saw is one state of the file; else 0.
 *
 * What the program promises:
 * The rules of all calls, and those of callbacks. `look` only reads, and nothing but the bytes.
 */
int64_t veridian_read_grant(struct veridian_session *session,
                            veridian_handle handle,
                            uint64_t offset,
                            uint32_t len,
                            veridian_look look,
                            void *context,
                            int32_t *was_current);

/**
 * Calls `visit` for every entry of an open directory, `.` and `..` left out. Answers 0, or what
 * `visit` ended it with.
 *
 * What the program promises:
 * The rules of all calls, and those of callbacks.
 */
int32_t veridian_read_directory(struct veridian_session *session,
                                veridian_handle directory,
                                veridian_visit visit,
                                void *context);

/**
 * Makes a directory. `mode` holds its permissions.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_mkdir(struct veridian_session *session,
                       veridian_handle directory,
                       const char *path,
                       uint32_t mode);

/**
 * Removes a name. `flags` is 0, or `VERIDIAN_REMOVE_DIRECTORY` for an empty directory.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_unlink(struct veridian_session *session,
                        veridian_handle directory,
                        const char *path,
                        uint32_t flags);

/**
 * Renames. Each path begins at its directory. `flags` are `VERIDIAN_RENAME_…`.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_rename(struct veridian_session *session,
                        veridian_handle old_directory,
                        const char *old_path,
                        veridian_handle new_directory,
                        const char *new_path,
                        uint32_t flags);

/**
 * Submits an entry and does not wait. Its `user_data` comes back in the completion.
 *
 * Answers 0; -EAGAIN if the queue is full, until completions are taken. What the service thinks
 * of the entry is in the completion.
 *
 * CANCEL by `user_data` cancels one entry that was submitted with it. A READ_GRANT that is
 * submitted so shows nothing: use `veridian_read_grant`.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_submit(struct veridian_session *session, const struct veridian_sqe *sqe);

/**
 * Takes the next completion of an entry that was submitted, if there is one. Answers 1 if it took
 * one, 0 if there is none yet.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_poll(struct veridian_session *session, struct veridian_completion *completion);

/**
 * Waits for the next completion of an entry that was submitted, at most `timeout_ns`, or for ever
 * if that is negative.
 *
 * Answers 1; -ETIMEDOUT; -EINTR if a signal came; -ENODATA if nothing is in flight.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_wait(struct veridian_session *session,
                      int64_t timeout_ns,
                      struct veridian_completion *completion);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* VERIDIAN_H */
