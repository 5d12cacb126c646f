/* queue.h: messages from many producers to many consumers, through shared memory.
 *
 *     kin_queue *jobs;
 *     kin_queue_create(&jobs, NULL, NULL);
 *     kin_queue_put(jobs, &job, sizeof job, KIN_FOREVER);                      // in some processes
 *     while (kin_queue_get(jobs, &job, sizeof job, &size, KIN_FOREVER) == KIN_OK) { ... }   // in others
 *     kin_queue_close(jobs);                                                   // gets end when it is empty
 *
 * A queue is a bounded ring of bytes. A message has from 0 bytes to the size of the ring; with KIN_QUEUE_LARGE, to the
 * size of the family's memory. In the ring it takes 16 bytes more than its own size, rounded up to a multiple of 16.
 * Each message is got by one consumer. Messages are got in the order in which they were put. There is no system call
 * while neither side has to wait. A waiter spins for a moment if that has paid off on this queue; then it sleeps and
 * uses no processor time. No thread serves the queue in the background, and nothing needs to be flushed or drained when
 * a process ends: a message that was put is in the queue.
 *
 * Fairness: sleeping threads are served in the order in which they came. A running thread may put or get messages
 * before them, but a few hundred at most; then it waits in line too. So each of many producers or consumers gets its
 * share, and a long message is put before short messages that came later. If nothing moves, because consumers
 * themselves wait for room, a short message goes before a long one after 150 ms.
 *
 * Cost, unless a function says otherwise: O(1) plus O(size) for the copy, whatever the number of messages in the queue,
 * and no system call. If a thread of the other side sleeps, the call that wakes it costs one more system call, and
 * O(sleepers) to find the oldest sleeper. One wake-up serves all messages that arrive before the woken thread runs.
 *
 * Death: a process that is killed in the middle of a put loses that message. A process that is killed in the middle of
 * a get loses the message that it was getting. No other process is held up, and no message is torn. kin_queue_inspect
 * counts the lost messages. A message that a dead process had reserved or peeked is lost in the same way. The threads
 * that it blocks notice this within 50 ms.
 *
 * Any thread of any member may call all of these functions. All of them return KIN_E_ARGUMENT (null, negative timeout),
 * KIN_E_NOT_SHARED (the queue lies in no family of this process), KIN_E_TYPE (not a queue, or destroyed), KIN_E_LIMIT
 * (the caller has no thread slot and none is free), KIN_E_DAMAGED (a member overwrote the queue). Functions that wait
 * also return KIN_E_STALE (the other members took this process for dead).
 */
#ifndef KIN_QUEUE_H
#define KIN_QUEUE_H

#include "family.h"

KIN_BEGIN

typedef struct kin_queue {
    kin_word kin_private[6];
} kin_queue;

typedef struct kin_queue_options {
    size_t size;       /* of this struct, in bytes; its _INIT macro sets it */
    uint64_t capacity; /* of the ring, in bytes: the largest message (see KIN_QUEUE_LARGE). 0: 64 KiB. At most 2 GiB */
    uint32_t max_messages; /* in the queue at one time; 0: as many as the ring holds */
    uint32_t flags;        /* KIN_QUEUE_JOINABLE, KIN_QUEUE_LARGE, or 0 */
} kin_queue_options;

#define KIN_QUEUE_OPTIONS_INIT                                                                                         \
    {                                                                                                                  \
        sizeof(kin_queue_options), 0, 0, 0                                                                             \
    }

/* Allows kin_queue_task_done and kin_queue_join. Each get costs one more atomic operation. */
#define KIN_QUEUE_JOINABLE 1u

/* Also takes messages that are larger than the ring. Such a message lies in a block of the family's memory, which is
 * freed when the message has been got, consumed or dropped, and when a reservation is discarded. If a process dies in
 * a put, the next put frees the block; if it dies with the message reserved or peeked, a later get or put does. A
 * large message takes 32 bytes of the ring. So max_messages and the ring limit how many messages there are, and the
 * family's memory how large they are. Other messages are as fast as without the flag. To put and to get a large
 * message costs as kin_alloc and kin_free, and copies it under the queue's lock; reserve and peek do not copy. */
#define KIN_QUEUE_LARGE 2u

/* Allocates a queue in the family's arena (family NULL: this process's own family). options NULL: all defaults; the
 * call copies them. Free the queue with kin_queue_destroy.
 * Memory: a queue that is to grow is one with a large capacity. A ring of 8 MiB or more begins without memory. It gets
 * memory in steps of 1 MiB as messages reach new parts of the ring. While consumers keep up, messages reuse the first
 * MiB. The ring keeps the memory until the queue is destroyed. Windows: the whole ring counts against the system's
 * commit limit at once, but takes physical memory only as it is used. KIN_QUEUE_JOINABLE takes 16 more bytes for each
 * member that the family may have.
 * Cost: as kin_alloc; a joinable queue also O(members).
 * Errors: KIN_E_ARGUMENT (also options->size unknown, capacity too large, unknown flags), and those of kin_alloc. */
KIN_API kin_status kin_queue_create(kin_queue **out, kin_family *family, const kin_queue_options *options);
/* Destroys a queue from kin_queue_create, as kin_lock_destroy does. The messages in it are lost. With KIN_QUEUE_LARGE
 * also KIN_E_BUSY: the queue still exists; call it again. Cost: as kin_free, for all memory that the ring has got; with
 * KIN_QUEUE_LARGE also O(messages). */
KIN_API kin_status kin_queue_destroy(kin_queue *queue);

/* ---- copying ---- */

/* Copies size bytes into the queue as one message. Waits at most timeout nanoseconds for room, and for its turn if
 * other producers wait. KIN_NOW waits for neither, but may wait for a producer that is in the middle of a put. data may
 * be NULL if size is 0.
 * Errors: KIN_E_TIMED_OUT, KIN_E_INTERRUPTED (thread.h), KIN_E_CLOSED (the queue is closed), KIN_E_TOO_BIG (the message
 * is larger than the ring, and the queue was created without KIN_QUEUE_LARGE; returned at once), KIN_E_NO_MEMORY (no
 * memory for the next part of a ring of 8 MiB or more, or for a large message), KIN_E_BUSY (large messages only: as
 * kin_alloc). */
KIN_API kin_status kin_queue_put(kin_queue *queue, const void *data, size_t size, int64_t timeout);

/* Copies the next message into buffer, which has capacity bytes, and its length into *size (size may be NULL). Waits at
 * most timeout nanoseconds for a message, and for its turn if other consumers wait. KIN_NOW waits for neither, but
 * may wait for a consumer that is in the middle of a get.
 * Errors: KIN_E_TIMED_OUT, KIN_E_INTERRUPTED (thread.h), KIN_E_CLOSED (the queue is closed and empty), KIN_E_BUFFER
 * (the message is longer than capacity; it stays in the queue, and *size is its length). */
KIN_API kin_status kin_queue_get(kin_queue *queue, void *buffer, size_t capacity, size_t *size, int64_t timeout);

/* Copies the next message into buffer as kin_queue_get does, and leaves it in the queue: another consumer may get it at
 * any time, also before this call returns. To get a message and be the only one to see it, use kin_queue_get or
 * kin_queue_peek. Does not wait for a message, and takes no turn from consumers that wait for one; may wait for a
 * consumer that is in the middle of a get. A process that dies in this call loses no message. Errors: KIN_E_TIMED_OUT
 * (no message is there, or the next one is still reserved), KIN_E_CLOSED (the queue is closed and empty), KIN_E_BUFFER
 * (the message is longer than capacity; *size is its length). */
KIN_API kin_status kin_queue_front(kin_queue *queue, void *buffer, size_t capacity, size_t *size);

/* Copies size bytes into the queue as one message, without waiting. If there is no room, it drops the oldest messages
 * until there is. *dropped (dropped may be NULL): how many it has dropped, also after an error. Dropped messages do not
 * count as lost. In a joinable queue they count as done. data may be NULL if size is 0.
 * Errors: as kin_queue_put, except: KIN_E_TIMED_OUT (what is in the way cannot be dropped, because another thread has
 * reserved or peeked it, or is in the middle of a put). */
KIN_API kin_status kin_queue_put_over(kin_queue *queue, const void *data, size_t size, uint64_t *dropped);

typedef struct kin_message {
    void *data;      /* the caller's buffer */
    size_t size;     /* of the message, in bytes; a get writes it */
    size_t capacity; /* of data, in bytes; used by a get only */
} kin_message;

/* Puts count messages in this order. Waits at most timeout nanoseconds in all. *done (done may be NULL): how many it
 * has put, also after an error. Messages that fit into the ring together become visible together. A process that is
 * killed in this call may lose the messages that were not visible yet. Cost: O(count + bytes); messages that fit
 * together take one lock and one wake-up. Errors: as kin_queue_put; KIN_E_TOO_BIG also if only a later message is too
 * large: then it puts nothing. */
KIN_API kin_status kin_queue_put_many(kin_queue *queue, const kin_message *messages, size_t count, size_t *done,
                                      int64_t timeout);

/* Waits for one message, as kin_queue_get, and then gets all messages that are there, up to count. *done (done may be
 * NULL): how many. A message that is longer than its element's capacity stays in the queue and ends the call. If it is
 * the first one, the call returns KIN_E_BUFFER, and messages[0].size is its length. Cost: O(count + bytes), one lock.
 * Errors: as kin_queue_get; KIN_E_ARGUMENT (also count 0). */
KIN_API kin_status kin_queue_get_many(kin_queue *queue, kin_message *messages, size_t count, size_t *done,
                                      int64_t timeout);

/* ---- in place ---- */

/* Reserves room for a message of size bytes in the queue itself. *memory is aligned to 16; the caller writes the
 * message there. Complete it with kin_queue_commit or kin_queue_discard, in the same thread. Until then, later messages
 * cannot be got. Waits as kin_queue_put. Cost: O(1), no copy. Errors: as kin_queue_put. */
KIN_API kin_status kin_queue_reserve(void **memory, kin_queue *queue, size_t size, int64_t timeout);
/* Turns a reservation into a message of its first size bytes. Only the thread that reserved it may call this. Errors:
 * KIN_E_STALE (memory is not a reservation of this thread), KIN_E_TOO_BIG (size is larger than the reservation). */
KIN_API kin_status kin_queue_commit(kin_queue *queue, void *memory, size_t size);
/* Gives a reservation back unused. Only the thread that reserved it may call this. Errors: KIN_E_STALE (as above). */
KIN_API kin_status kin_queue_discard(kin_queue *queue, void *memory);

/* Gets the next message without copying it. *memory points into the queue; *size is the length. The message belongs to
 * this consumer alone. The caller reads it and then calls kin_queue_consume, in the same thread. A thread may peek
 * several messages at a time. Waits as kin_queue_get. Cost: O(1), no copy. Errors: as kin_queue_get, except
 * KIN_E_BUFFER. */
KIN_API kin_status kin_queue_peek(const void **memory, size_t *size, kin_queue *queue, int64_t timeout);
/* Gives the room of a peeked message back. It can be used again when all messages before it are consumed too. Only the
 * thread that peeked the message may call this. Cost: O(1); the next get costs O(messages peeked meanwhile). Errors:
 * KIN_E_STALE (memory is no message that this thread has peeked). */
KIN_API kin_status kin_queue_consume(kin_queue *queue, const void *memory);

/* ---- closing and inspecting ---- */

/* Closes the queue: nothing can be put any more, but reservations may still be committed. Messages can be got until the
 * queue is empty. KIN_OK also if it was closed already. Waits without a timeout for a put that is in progress.
 * Cost: O(sleepers), with one system call each. */
KIN_API kin_status kin_queue_close(kin_queue *queue);

/* *count: the number of messages in the queue that no consumer has got, at some moment during the call. A reservation
 * counts from kin_queue_reserve until its message is got, or until a consumer passes over it (discarded, or its process
 * died). */
KIN_API kin_status kin_queue_size(const kin_queue *queue, size_t *count);
/* *empty and *full: 1 or 0, at some moment during the call. Full: not even a message of 0 bytes could be put. */
KIN_API kin_status kin_queue_empty(const kin_queue *queue, int *empty);
KIN_API kin_status kin_queue_full(const kin_queue *queue, int *full);

typedef struct kin_queue_info {
    size_t size;        /* of this struct, in bytes; its _INIT macro sets it */
    uint64_t capacity;  /* of the ring, in bytes: without KIN_QUEUE_LARGE, the size of the largest message */
    uint64_t room;      /* free bytes of the ring; each message takes 16 of them more than its size */
    uint32_t messages;  /* as kin_queue_size */
    int closed;         /* 1 or 0 */
    uint64_t lost_puts; /* messages lost because the process that was putting or had reserved them died */
    uint64_t lost_gets; /* messages lost because the process that was getting or had peeked them died */
} kin_queue_info;

#define KIN_QUEUE_INFO_INIT                                                                                            \
    {                                                                                                                  \
        sizeof(kin_queue_info), 0, 0, 0, 0, 0, 0                                                                       \
    }

/* Writes the state of the queue at this moment to *info. Errors: KIN_E_ARGUMENT (also info->size unknown). */
KIN_API kin_status kin_queue_inspect(const kin_queue *queue, kin_queue_info *info);

/* ---- tasks: with KIN_QUEUE_JOINABLE ---- */

/* Reports that one message that this process got has been dealt with. Call it once per message, from any thread of the
 * process that got it; another process calls kin_queue_task_done_for. Errors: KIN_E_OVERFLOW (called more often than
 * this process has got messages), KIN_E_UNSUPPORTED (the queue is not joinable). */
KIN_API kin_status kin_queue_task_done(kin_queue *queue);

/* A process may pass a message that it got on to another process, which deals with it and reports it. The message still
 * counts as held by the process that got it: if that dies or leaves the family, the message counts as lost with it. If
 * the process that it was passed to dies, nothing is reported. The process that got it learns that as it learns of any
 * death, and then calls kin_queue_task_done, or passes the message on again.
 *
 * Writes a number that names the calling process to *getter, to be passed on with the message. It is valid as long as
 * this process is a member. Cost: no system call. Errors: KIN_E_ARGUMENT (null), KIN_E_UNSUPPORTED (the queue is not
 * joinable). */
KIN_API kin_status kin_queue_getter(kin_queue *queue, uint64_t *getter);
/* As kin_queue_task_done, for a message that the process which getter names has got. Any member may call it. Errors:
 * KIN_E_OVERFLOW (all messages that the process has got are reported), KIN_E_STALE (the process has left the
 * family or died and was reaped, so the message counts as lost; or getter is not a number from kin_queue_getter),
 * KIN_E_UNSUPPORTED (as above). */
KIN_API kin_status kin_queue_task_done_for(kin_queue *queue, uint64_t getter);

/* Waits until, at one moment, the queue is empty and kin_queue_task_done has been called for every message got. Waits
 * at most timeout nanoseconds. A worker that puts follow-up tasks before it calls kin_queue_task_done is waited for
 * until the last of them is done. A process that ends in any way holds up nobody: within 300 ms, the messages that it
 * had got and not reported count as lost with it. Messages that it had put stay.
 * Cost: O(members) per check. Errors: KIN_E_TIMED_OUT, KIN_E_INTERRUPTED (thread.h), KIN_E_UNSUPPORTED (the
 * queue is not joinable). */
KIN_API kin_status kin_queue_join(kin_queue *queue, int64_t timeout);

KIN_END

#endif
