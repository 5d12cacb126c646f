/* list.h: a list of byte strings in shared memory.
 *
 *     kin_list *log;
 *     kin_list_create(&log, NULL);
 *     kin_list_append(log, "started", 7);                                      // in some processes
 *     kin_list_get(log, KIN_LIST_LAST, buffer, sizeof buffer, &size);          // in others
 *     kin_list_pop(log, 0, buffer, sizeof buffer, &size);
 *
 * Members use it directly, without a server. A get takes no lock and waits for no other thread: it copies the item, and
 * copies it again if the list was changed meanwhile. So it returns one whole item that had the index at some moment
 * during the call. (Only after a hundred such changes in a row does it take the lock.) Changes happen one after
 * another, under one lock of the list. Each change is seen whole or not at all. To wait for items, use a queue
 * (queue.h).
 *
 * An index counts from 0. KIN_LIST_LAST is the index of the last item.
 *
 * Memory: an item takes its own bytes and 24 more, rounded up as kin_alloc does, and 8 bytes in the index. The index
 * grows and shrinks in steps of 64 KiB.
 *
 * Cost, with n items: to get or set an item, and to append, insert or pop at either end: O(1), and the copying of the
 * item. Since the index grows in steps, no such call takes long: the longest one is a call for which the heap grows, 3
 * ms at 10 million items. To insert or pop in the middle, clear, destroy, snapshot: O(n). size: O(1).
 *
 * Death of a process: a process killed during a change has made the change or not. The next process that changes the
 * list frees the memory that is left over. No status reports the death, since no change is half done. A process that is
 * stopped during a change blocks the changes of others, but not their gets.
 *
 * Any thread of any member may call all of these functions. Errors of all:
 *   - KIN_E_ARGUMENT: list null; a null pointer for data whose size is not 0, or for a result that has to be there.
 *   - KIN_E_NOT_SHARED: list lies in no family of this process.
 *   - KIN_E_TYPE: not a list.
 *   - KIN_E_LIMIT: no free thread slot, or too many members.
 *   - KIN_E_DAMAGED: a member overwrote the list.
 *   - KIN_E_BUSY: as kin_alloc.
 *   - KIN_E_READ_ONLY: this process has opened the family for reading only. get, size, for_each and generation work
 *     there, without the lock, and may return KIN_E_BUSY; see kin_family_open.
 *   - KIN_E_STALE: the call had to wait for the lock, and the other members took this process for dead.
 * After an error the list is as it was before the call, except where a function's comment says otherwise.
 */
#ifndef KIN_LIST_H
#define KIN_LIST_H

#include "family.h"
#include "snapshot.h"

KIN_BEGIN

typedef struct kin_list kin_list;

#define KIN_LIST_LAST SIZE_MAX /* the index of the last item */

/* Creates an empty list in the family's arena (NULL: the default family). Free it with kin_list_destroy. Errors:
 * KIN_E_ARGUMENT (out null), KIN_E_OS (no random numbers), and those of kin_alloc. */
KIN_API kin_status kin_list_create(kin_list **out, kin_family *family);
/* Destroys and frees the list with all its items; refs to it become stale. The caller makes sure that no process uses
 * it any more. NULL: KIN_OK. KIN_E_BUSY: the list is empty, but still exists; call it again. */
KIN_API kin_status kin_list_destroy(kin_list *list);

/* Copies the item at index into buffer, of capacity bytes, and writes its length to *size. size may be NULL; with
 * capacity 0 buffer may be NULL. Errors: KIN_E_NOT_FOUND (no item has that index); KIN_E_BUFFER (the item is longer
 * than capacity; *size is its length). After an error buffer may have been written to. */
KIN_API kin_status kin_list_get(kin_list *list, size_t index, void *buffer, size_t capacity, size_t *size);
/* Replaces the item at index by a copy of data, of size bytes. data may be NULL if size is 0. Errors: KIN_E_NOT_FOUND
 * (no item has that index), KIN_E_NO_MEMORY, KIN_E_TOO_BIG (size is 4 GiB or more). */
KIN_API kin_status kin_list_set(kin_list *list, size_t index, const void *data, size_t size);
/* Adds a copy of data, of size bytes, as the last item. data may be NULL if size is 0. Errors: KIN_E_NO_MEMORY (also if
 * the list has the most items that it can have, about 1 000 million), KIN_E_TOO_BIG (size is 4 GiB or more). */
KIN_API kin_status kin_list_append(kin_list *list, const void *data, size_t size);
/* Adds a copy of data before the item at index. If index is the number of items, or KIN_LIST_LAST, it adds the copy at
 * the end. Errors: KIN_E_NOT_FOUND (index is larger than the number of items), and those of kin_list_append. */
KIN_API kin_status kin_list_insert(kin_list *list, size_t index, const void *data, size_t size);
/* Copies the item at index as kin_list_get does, and removes it, in one change. With buffer NULL, capacity 0 and size
 * NULL it only removes the item. If several callers pop the same item, one gets it. A process that is killed meanwhile
 * has removed the item, and it is lost, or has not removed it. Errors, after which the item stays: KIN_E_NOT_FOUND (no
 * item has that index); KIN_E_BUFFER (the item is longer than capacity; *size is its length); KIN_E_NO_MEMORY (in the
 * middle of the list only). */
KIN_API kin_status kin_list_pop(kin_list *list, size_t index, void *buffer, size_t capacity, size_t *size);

/* Removes all items at one moment. */
KIN_API kin_status kin_list_clear(kin_list *list);
/* *count receives the number of items. Waits until a running change is done. */
KIN_API kin_status kin_list_size(kin_list *list, size_t *count);
/* Copies count items, beginning with the item at index first, into memory of this process, as they are at one moment.
 * count SIZE_MAX: all items up to the end. If the list has fewer items, the snapshot has those that exist, or none. The
 * caller frees *out with kin_snapshot_destroy (snapshot.h). The changes of others wait until the copy is done; their
 * gets do not. Errors: KIN_E_NO_MEMORY (of this process). */
KIN_API kin_status kin_list_snapshot(kin_snapshot **out, kin_list *list, size_t first, size_t count);

/* What kin_list_for_each calls. value lies in memory of this process, aligned to 8 bytes, and is valid during the call.
 * index: which item it was at the beginning. */
typedef kin_status kin_list_visit(size_t index, const void *value, size_t size, void *context);
/* Calls visit, in the calling thread, for each item that the list has at the beginning, from the first to the last. It
 * copies one item at a time; what it copies under the lock, at the beginning, is 8 bytes for each item. No lock is held
 * while visit runs: it may call any function, also those that change this list. Others may change the list, too: an
 * item that is removed or replaced before its turn is left out; an item that is added is not visited. If visit returns
 * anything but KIN_OK, no further item is visited, and that is returned. A process that is killed in this call leaves
 * nothing. The caller makes sure that the list is not destroyed, nor its family closed, before the call returns. If
 * visit does not return (a C++ exception, longjmp), the memory is lost. Cost: O(n), and 8 bytes of memory in this
 * process for each item. Errors: KIN_E_NO_MEMORY (of this process). */
KIN_API kin_status kin_list_for_each(kin_list *list, kin_list_visit *visit, void *context);

/* ---- waiting for a change: as kin_dict_generation and kin_dict_wait (dict.h) ---- */

/* *generation: how often the list was changed so far. Takes no lock. O(1). */
KIN_API kin_status kin_list_generation(const kin_list *list, uint64_t *generation);
/* Waits until the list's generation is another number than `generation`, at most timeout nanoseconds. To wait for items
 * and take them, use a queue. Errors: KIN_E_TIMED_OUT, KIN_E_INTERRUPTED (thread.h), KIN_E_ARGUMENT (timeout negative),
 * KIN_E_STALE (the other members took this process for dead). */
KIN_API kin_status kin_list_wait(kin_list *list, uint64_t generation, int64_t timeout);

KIN_END

#endif
