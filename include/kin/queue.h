/* queue.h: messages from many producers to many consumers, through shared memory.
 *
 *     kin_queue *jobs;
 *     kin_queue_create(&jobs, NULL, NULL);
 *     kin_queue_put(jobs, &job, sizeof job, KIN_FOREVER);                      // in some processes
 *     while (kin_queue_get(jobs, &job, sizeof job, &size, KIN_FOREVER) == KIN_OK) { ... }   // in others
 *     kin_queue_close(jobs);                                                   // gets end when it is empty
 *
 * A bounded ring of bytes: messages of any length from 0 to the ring's size, each taking 16 bytes more than its own,
 * rounded up to 16. Each message is got by one consumer, in the order in which they were put. No system call while
 * neither side has to wait; who waits spins for a moment if that has paid off on this queue, then sleeps and uses no
 * processor. There is no thread behind it, and nothing to drain or flush at the end of a process: what has been put
 * is there.
 *
 * Sleepers are served in the order in which they came. A thread that runs may put, or get, messages before them, a few
 * hundred at most; then it waits in line, too. So each of many producers or consumers gets its share, and a long
 * message is put before short ones that came later. Where nothing moves, because consumers wait for room themselves,
 * a short one goes before a long one after 150 ms.
 *
 * Cost, where nothing else is said: O(1) and the copying, O(size), whatever the number of messages in the queue, and no
 * system call. If the other side sleeps, a call that wakes it costs one system call more, and O(sleepers) to find the
 * oldest sleeper. There is one wake-up for all messages that come before the woken thread runs.
 *
 * Death: a process killed in the middle of a put loses that message, one killed in the middle of a get the one it had
 * in hand; nobody else is held up, nothing is torn, and kin_queue_inspect counts them. What is reserved or peeked by
 * a process that dies is lost in the same way, and is noticed by those it stands in the way of within 50 ms.
 *
 * Any thread of any member may call all of these. All: KIN_E_ARGUMENT (null, a negative timeout), KIN_E_NOT_SHARED,
 * KIN_E_TYPE (not a queue of a family this process is in), KIN_E_LIMIT (no thread entry), KIN_E_DAMAGED (a member
 * wrote over the queue).
 */
#ifndef KIN_QUEUE_H
#define KIN_QUEUE_H

#include "family.h"

KIN_BEGIN

typedef struct kin_queue {
    kin_word kin_private[6];
} kin_queue;

typedef struct kin_queue_options {
    size_t size;           /* of this struct: KIN_QUEUE_OPTIONS_INIT sets it */
    uint64_t capacity;     /* bytes of the ring: the largest message. 0: 64 KiB. At most 2 GiB */
    uint32_t max_messages; /* in the queue at once; 0: as many as the ring holds */
    uint32_t flags;        /* KIN_QUEUE_JOINABLE, or 0 */
} kin_queue_options;

#define KIN_QUEUE_OPTIONS_INIT                                                                                         \
    {                                                                                                                  \
        sizeof(kin_queue_options), 0, 0, 0                                                                             \
    }

#define KIN_QUEUE_JOINABLE 1u /* kin_queue_task_done and kin_queue_join work; costs a get one atomic operation more */

/* options NULL: the defaults. A ring of 8 MiB or more begins without memory, and gets a MiB at a time where messages
 * come to lie: if consumers are not far behind, that is the first MiB again and again. What it has got it keeps until
 * it is destroyed. Windows: the whole ring is charged against what the system can commit, and takes physical memory as
 * it is used. KIN_QUEUE_JOINABLE: 16 bytes more for each member that the family may have. Cost: as kin_alloc, and
 * O(members) if it is joinable. Errors: KIN_E_ARGUMENT (also options' size, capacity or flags), and those of
 * kin_alloc. */
KIN_API kin_status kin_queue_create(kin_queue **out, kin_family *family, const kin_queue_options *options);
/* As kin_lock_destroy; what is in it is gone. Cost: as kin_free, also of the memory that messages came to. */
KIN_API kin_status kin_queue_destroy(kin_queue *queue);

/* ---- copying ---- */

/* Copies size bytes into the queue, waiting at most timeout for room, and for its turn if others wait. data may be NULL
 * if size is 0. With KIN_NOW it waits for neither, though it may for one that is just putting. Errors: KIN_E_TIMED_OUT,
 * KIN_E_CLOSED, KIN_E_TOO_BIG (larger than the ring, at once), KIN_E_NO_MEMORY (for more of a ring of 8 MiB). */
KIN_API kin_status kin_queue_put(kin_queue *queue, const void *data, size_t size, int64_t timeout);

/* Copies the next message into buffer and its length into *size (size may be NULL), waiting at most timeout for one,
 * and for its turn if others wait. With KIN_NOW it waits for neither.
 * Errors: KIN_E_TIMED_OUT; KIN_E_CLOSED: closed and empty; KIN_E_BUFFER: longer than capacity: the message stays,
 * and *size is its length. */
KIN_API kin_status kin_queue_get(kin_queue *queue, void *buffer, size_t capacity, size_t *size, int64_t timeout);

/* Puts a message without waiting; if there is no room, it drops the oldest messages until there is. *dropped, if not
 * null, is how many it dropped, also after an error. They do not count as lost; in a joinable queue they count as done.
 * Errors: as kin_queue_put; KIN_E_TIMED_OUT: what is in the way cannot be dropped, since another thread has reserved or
 * peeked it, or is putting just now. */
KIN_API kin_status kin_queue_put_over(kin_queue *queue, const void *data, size_t size, uint64_t *dropped);

typedef struct kin_message {
    void *data;
    size_t size;     /* of the message; get: written */
    size_t capacity; /* of data; get only */
} kin_message;

/* Puts count messages, in this order, waiting at most timeout in all. *done (may be NULL) is how many it put, also
 * after an error (as of kin_queue_put). Those that fit at once become visible at once; a process killed meanwhile may
 * lose as many as had not become visible. Cost: O(count + bytes); those that fit at once take one lock and one
 * wake-up. */
KIN_API kin_status kin_queue_put_many(kin_queue *queue, const kin_message *messages, size_t count, size_t *done,
                                      int64_t timeout);

/* Gets at least one message, and as many more, up to count, as are there. *done: how many. A message longer than its
 * place ends it: KIN_E_BUFFER if it is the first, with its length in messages[0].size. Cost: O(count + bytes), one
 * lock. Errors: as kin_queue_get. */
KIN_API kin_status kin_queue_get_many(kin_queue *queue, kin_message *messages, size_t count, size_t *done,
                                      int64_t timeout);

/* ---- in place ---- */

/* Gives the caller room for a message of size bytes, aligned to 16, in the queue itself; it becomes a message when it
 * is committed. Later messages are not got before that. Cost: O(1), nothing is copied. Errors: as kin_queue_put. */
KIN_API kin_status kin_queue_reserve(void **memory, kin_queue *queue, size_t size, int64_t timeout);
/* Makes it a message of its first size bytes. By the thread that reserved it. Errors: KIN_E_STALE (memory is no
 * reservation of this thread), KIN_E_TOO_BIG (size is more than was reserved). */
KIN_API kin_status kin_queue_commit(kin_queue *queue, void *memory, size_t size);
/* Gives it back unused. Errors: KIN_E_STALE. */
KIN_API kin_status kin_queue_discard(kin_queue *queue, void *memory);

/* The next message where it lies, for this consumer alone: to be read there and then consumed. Several may be peeked
 * at once. Cost: O(1), nothing is copied. Errors: as kin_queue_get, but for KIN_E_BUFFER. */
KIN_API kin_status kin_queue_peek(const void **memory, size_t *size, kin_queue *queue, int64_t timeout);
/* Gives its room back, when all before it is consumed, too: O(messages peeked meanwhile) for the next get. By the
 * thread that peeked it. Errors: KIN_E_STALE (memory was not peeked by this thread). */
KIN_API kin_status kin_queue_consume(kin_queue *queue, const void *memory);

/* ---- the end, and looking ---- */

/* From now on nothing can be put (what is reserved may still be committed); gets go on until it is empty. KIN_OK if
 * it was closed already. Cost: O(sleepers), a system call for each. */
KIN_API kin_status kin_queue_close(kin_queue *queue);

/* Messages in the queue that nobody has got, at some moment during the call; a reservation counts from when it was
 * made until it is committed and got, or passed over by a consumer. */
KIN_API kin_status kin_queue_size(const kin_queue *queue, size_t *count);
/* 1 or 0, at such a moment. Full: not even an empty message could be put. */
KIN_API kin_status kin_queue_empty(const kin_queue *queue, int *empty);
KIN_API kin_status kin_queue_full(const kin_queue *queue, int *full);

typedef struct kin_queue_info {
    size_t size;        /* of this struct, in bytes; its _INIT macro sets it */
    uint64_t capacity;  /* the largest message, bytes */
    uint64_t room;      /* bytes free, for messages and 16 bytes each */
    uint32_t messages;  /* as kin_queue_size */
    int closed;         /* 1 or 0 */
    uint64_t lost_puts; /* messages that died with the process that was putting, or had reserved, them */
    uint64_t lost_gets; /* with the one that was getting, or had peeked, them */
} kin_queue_info;

#define KIN_QUEUE_INFO_INIT                                                                                            \
    {                                                                                                                  \
        sizeof(kin_queue_info), 0, 0, 0, 0, 0, 0                                                                       \
    }

KIN_API kin_status kin_queue_inspect(const kin_queue *queue, kin_queue_info *info);

/* ---- tasks: with KIN_QUEUE_JOINABLE ---- */

/* Says that a message which this process got is dealt with; once for each. By the process that got it, any thread.
 * Errors: KIN_E_OVERFLOW (more often than this process has got messages), KIN_E_UNSUPPORTED (not joinable). */
KIN_API kin_status kin_queue_task_done(kin_queue *queue);

/* Waits until the queue is empty and all that was got is done, both at one moment: a worker that puts follow-up work
 * before it says that a task is done is waited for to the last of it. Messages that a process had in hand when it
 * ended, however it ended, hold up nobody: they count as lost with it, within 300 ms; what it had put stays. Cost:
 * O(members) for each look. Errors: KIN_E_TIMED_OUT, KIN_E_UNSUPPORTED. */
KIN_API kin_status kin_queue_join(kin_queue *queue, int64_t timeout);

KIN_END

#endif
