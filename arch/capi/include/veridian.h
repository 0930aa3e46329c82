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
 * Attributes of links: of a symbolic link itself.
 */
#define VERIDIAN_NO_FOLLOW 256

/**
 * Linking: follow a symbolic link at the end of the old path.
 */
#define VERIDIAN_LINK_FOLLOW 1024

/**
 * Linking: the old path is empty, and the handle is the file.
 */
#define VERIDIAN_LINK_EMPTY_PATH 4096

/**
 * What attributes change: permissions.
 */
#define VERIDIAN_CHANGE_PERMISSIONS 1

/**
 * What attributes change: owner.
 */
#define VERIDIAN_CHANGE_OWNER 2

/**
 * What attributes change: group.
 */
#define VERIDIAN_CHANGE_GROUP 4

/**
 * What attributes change: last access.
 */
#define VERIDIAN_CHANGE_ACCESSED 8

/**
 * What attributes change: last access, to now.
 */
#define VERIDIAN_CHANGE_ACCESSED_NOW 16

/**
 * What attributes change: last change of contents.
 */
#define VERIDIAN_CHANGE_MODIFIED 32

/**
 * What attributes change: last change of contents, to now.
 */
#define VERIDIAN_CHANGE_MODIFIED_NOW 64

/**
 * Extended attributes: fail if it is there.
 */
#define VERIDIAN_XATTR_CREATE 1

/**
 * Extended attributes: fail if it is not there.
 */
#define VERIDIAN_XATTR_REPLACE 2

/**
 * Allocating: leave the size as it is.
 */
#define VERIDIAN_ALLOCATE_KEEP_SIZE 1

/**
 * Allocating: with KEEP_SIZE, the range reads zeros and takes no space.
 */
#define VERIDIAN_ALLOCATE_PUNCH_HOLE 2

/**
 * Allocating: the range reads zeros.
 */
#define VERIDIAN_ALLOCATE_ZERO_RANGE 16

/**
 * Seeking: the first data at or behind the offset.
 */
#define VERIDIAN_SEEK_DATA 3

/**
 * Seeking: the first hole at or behind the offset.
 */
#define VERIDIAN_SEEK_HOLE 4

/**
 * Locking: drop the lock.
 */
#define VERIDIAN_LOCK_NONE 0

/**
 * Locking: others may lock shared too.
 */
#define VERIDIAN_LOCK_SHARED 1

/**
 * Locking: nobody else may lock.
 */
#define VERIDIAN_LOCK_EXCLUSIVE 2

/**
 * Locking: wait for the lock.
 */
#define VERIDIAN_LOCK_WAIT 8

/**
 * Locking: the lock belongs to the handle, and the owner is 0.
 */
#define VERIDIAN_LOCK_OF_HANDLE 16

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
 * Operation of an entry: allocates, punches or zeroes a range of a file.
 */
#define VERIDIAN_OP_FALLOCATE 28

/**
 * Operation of an entry: makes a hard link.
 */
#define VERIDIAN_OP_LINKAT 29

/**
 * Operation of an entry: makes a symbolic link.
 */
#define VERIDIAN_OP_SYMLINKAT 30

/**
 * Operation of an entry: reads a symbolic link.
 */
#define VERIDIAN_OP_READLINKAT 31

/**
 * Operation of an entry: makes a FIFO, socket or device name.
 */
#define VERIDIAN_OP_MKNODAT 32

/**
 * Operation of an entry: finds data or a hole.
 */
#define VERIDIAN_OP_LSEEK 33

/**
 * Operation of an entry: copies between files.
 */
#define VERIDIAN_OP_COPY_FILE_RANGE 34

/**
 * Operation of an entry: reads the state of a file system.
 */
#define VERIDIAN_OP_STATFS 35

/**
 * Operation of an entry: makes a whole file system durable.
 */
#define VERIDIAN_OP_SYNCFS 36

/**
 * Operation of an entry: sets attributes.
 */
#define VERIDIAN_OP_SETATTR 37

/**
 * Operation of an entry: reads an extended attribute.
 */
#define VERIDIAN_OP_GETXATTR 38

/**
 * Operation of an entry: sets an extended attribute.
 */
#define VERIDIAN_OP_SETXATTR 39

/**
 * Operation of an entry: lists extended attributes.
 */
#define VERIDIAN_OP_LISTXATTR 40

/**
 * Operation of an entry: removes an extended attribute.
 */
#define VERIDIAN_OP_REMOVEXATTR 41

/**
 * Operation of an entry: takes, tests or drops an advisory lock.
 */
#define VERIDIAN_OP_LOCK 42

/**
 * Operation of an entry: reports changes.
 */
#define VERIDIAN_OP_WATCH 43

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
 * New attributes of a file. Clear it, and set what is to be changed: fields that are not must be
 * 0.
 */
typedef struct veridian_attributes {
    /**
     * What to change: a sum of `VERIDIAN_CHANGE_…`.
     */
    uint32_t mask;
    /**
     * The lower 12 bits of the mode.
     */
    uint32_t permissions;
    /**
     * Owner.
     */
    uint32_t uid;
    /**
     * Group.
     */
    uint32_t gid;
    /**
     * Last access.
     */
    struct veridian_time accessed;
    /**
     * Last change of contents.
     */
    struct veridian_time modified;
    /**
     * 0.
     */
    uint64_t reserved[2];
} veridian_attributes;

/**
 * The state of a file system.
 */
typedef struct veridian_filesystem {
    /**
     * Kind of file system; the number of statfs(2) where there is one.
     */
    uint64_t kind;
    /**
     * Block size, bytes.
     */
    uint64_t block_size;
    /**
     * Blocks.
     */
    uint64_t blocks;
    /**
     * Free blocks.
     */
    uint64_t free_blocks;
    /**
     * Free blocks that anybody may use.
     */
    uint64_t available_blocks;
    /**
     * Inodes.
     */
    uint64_t inodes;
    /**
     * Free inodes.
     */
    uint64_t free_inodes;
    /**
     * Mount, as in the status of its files.
     */
    uint64_t device;
    /**
     * Longest name, bytes.
     */
    uint32_t max_name;
    /**
     * 1: nothing can be changed.
     */
    uint32_t flags;
    /**
     * 0.
     */
    uint64_t reserved;
} veridian_filesystem;

/**
 * A lock that is in the way of another.
 */
typedef struct veridian_lock_record {
    /**
     * `VERIDIAN_LOCK_SHARED` or `VERIDIAN_LOCK_EXCLUSIVE`.
     */
    uint32_t kind;
    /**
     * 1: it belongs to a handle.
     */
    uint32_t of_handle;
    /**
     * First byte.
     */
    uint64_t first;
    /**
     * Bytes; 0: to the end of the file, wherever it is.
     */
    uint64_t len;
    /**
     * Its owner, if it is of the same session; else 0.
     */
    uint64_t owner;
} veridian_lock_record;

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
 * The attributes of what `path` names; of the link itself if that is a symbolic link, of the
 * handle itself if it is empty.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_stat_link(struct veridian_session *session,
                           veridian_handle handle,
                           const char *path,
                           struct veridian_status *status);

/**
 * Changes attributes of what `path` names; of the handle itself if it is empty. `flags` is 0, or
 * `VERIDIAN_NO_FOLLOW` for a symbolic link itself. Changes all that is asked for, or nothing.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_set_attributes(struct veridian_session *session,
                                veridian_handle handle,
                                const char *path,
                                const struct veridian_attributes *change,
                                uint32_t flags);

/**
 * Gives a file another name. Each path begins at its directory. `flags` are `VERIDIAN_LINK_…`.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_link(struct veridian_session *session,
                      veridian_handle old_directory,
                      const char *old_path,
                      veridian_handle new_directory,
                      const char *new_path,
                      uint32_t flags);

/**
 * Makes a symbolic link at `path` to `target`, which is not looked at.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_symlink(struct veridian_session *session,
                         const char *target,
                         veridian_handle directory,
                         const char *path);

/**
 * Where the symbolic link at `path` points to; the handle's own if it is empty. Answers the number
 * of bytes; the text is cut off at `len`, and there is no 0 at its end.
 *
 * What the program promises:
 * The rules of all calls; `into` has `len` writable bytes.
 */
int64_t veridian_read_link(struct veridian_session *session,
                           veridian_handle handle,
                           const char *path,
                           void *into,
                           size_t len);

/**
 * Makes a file of any kind but a directory or a symbolic link. `mode` has kind and permissions, as
 * `st_mode` has; `device` is the number of a device file, else 0.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_make_node(struct veridian_session *session,
                           veridian_handle directory,
                           const char *path,
                           uint32_t mode,
                           uint64_t device);

/**
 * The state of the file system that the handle's file is in.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_filesystem_status(struct veridian_session *session,
                                   veridian_handle handle,
                                   struct veridian_filesystem *status);

/**
 * Makes durable what is in the file system that the handle's file is in.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_sync_filesystem(struct veridian_session *session, veridian_handle handle);

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
 * Allocates, punches or zeroes a range of a file. `mode` is a sum of `VERIDIAN_ALLOCATE_…`.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_allocate(struct veridian_session *session,
                          veridian_handle handle,
                          uint32_t mode,
                          uint64_t offset,
                          uint64_t len);

/**
 * Finds the next data (`VERIDIAN_SEEK_DATA`) or hole (`VERIDIAN_SEEK_HOLE`) of a file; -ENXIO if
 * there is none.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_seek(struct veridian_session *session,
                      veridian_handle handle,
                      uint64_t offset,
                      uint32_t whence,
                      uint64_t *found);

/**
 * Copies up to `len` bytes between files within the service. Answers how many; 0 at the end of the
 * source.
 *
 * What the program promises:
 * The rules of all calls.
 */
int64_t veridian_copy_range(struct veridian_session *session,
                            veridian_handle from,
                            uint64_t from_offset,
                            veridian_handle to,
                            uint64_t to_offset,
                            uint32_t len);

/**
 * Takes or drops an advisory lock on a range; `len` 0 reaches to the end of the file, wherever it is.
 * `flags` are `VERIDIAN_LOCK_…`; `owner` is a number of the program's own. Without WAIT, -EAGAIN if
 * another lock is in the way; with it, a signal does not end the wait.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_lock(struct veridian_session *session,
                      veridian_handle handle,
                      uint64_t first,
                      uint64_t len,
                      uint32_t flags,
                      uint64_t owner);

/**
 * Tells which lock is in the way of one. Answers 1 and what it is, or 0 if it could be had.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_test_lock(struct veridian_session *session,
                           veridian_handle handle,
                           uint64_t first,
                           uint64_t len,
                           uint32_t flags,
                           uint64_t owner,
                           struct veridian_lock_record *record);

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

/**
 * Reads the value of an extended attribute. Answers its size; with `len` 0 only that, and -ERANGE if
 * `len` is too small.
 *
 * What the program promises:
 * The rules of all calls; `into` has `len` writable bytes.
 */
int64_t veridian_xattr(struct veridian_session *session,
                       veridian_handle handle,
                       const char *name,
                       void *into,
                       size_t len);

/**
 * Sets an extended attribute. `flags` is 0, `VERIDIAN_XATTR_CREATE` or `VERIDIAN_XATTR_REPLACE`.
 *
 * What the program promises:
 * The rules of all calls; `value` has `len` readable bytes.
 */
int32_t veridian_set_xattr(struct veridian_session *session,
                           veridian_handle handle,
                           const char *name,
                           const void *value,
                           size_t len,
                           uint32_t flags);

/**
 * Lists the names of all extended attributes, each with a 0 at its end. Answers their size, as
 * `veridian_xattr` does.
 *
 * What the program promises:
 * The rules of all calls; `into` has `len` writable bytes.
 */
int64_t veridian_xattr_names(struct veridian_session *session,
                             veridian_handle handle,
                             void *into,
                             size_t len);

/**
 * Removes an extended attribute.
 *
 * What the program promises:
 * The rules of all calls.
 */
int32_t veridian_remove_xattr(struct veridian_session *session,
                              veridian_handle handle,
                              const char *name);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* VERIDIAN_H */
