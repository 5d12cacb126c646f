/* list.h: a list of byte strings in shared memory.
 *
 *     kin_list *log;
 *     kin_list_create(&log, NULL);
 *     kin_list_append(log, "started", 7);                                      // in some processes
 *     kin_list_get(log, KIN_LIST_LAST, buffer, sizeof buffer, &size);          // in others
 *     kin_list_pop(log, 0, buffer, sizeof buffer, &size);
 *
 * As with a dict (dict.h), getting takes no lock and gives one whole item that stood there at some moment during the
 * call; changes are one after another, and each is seen whole or not at all, also if the process that makes it is
 * killed.
 *
 * Cost, with n items: to get or set one, O(1); to append, insert or pop at either end, O(1) without a long pause: the
 * index, 8 bytes for each item, grows and shrinks in steps of 64 KiB; so the longest of them is the one for which the
 * heap grows, 3 ms where n is 10 million. To insert or pop in the middle, clear, destroy, items: O(n). size: O(1). An
 * item takes its own bytes and 24 more. To wait for items, use a queue (queue.h).
 *
 * Any thread of any member may call all of these. All: KIN_E_ARGUMENT (null), KIN_E_NOT_SHARED, KIN_E_TYPE (not a list
 * of a family this process is in), KIN_E_LIMIT (no thread entry), KIN_E_DAMAGED (a member wrote over it), KIN_E_BUSY
 * (as
 * kin_alloc). Those that make something new: KIN_E_NO_MEMORY, KIN_E_TOO_BIG (4 GiB and more); after an error the list
 * is as it was. An index counts from 0, KIN_LIST_LAST is the last item's; KIN_E_NOT_FOUND: there is no such item.
 */
#ifndef KIN_LIST_H
#define KIN_LIST_H

#include "family.h"
#include "snapshot.h"

KIN_BEGIN

typedef struct kin_list kin_list;

#define KIN_LIST_LAST SIZE_MAX

/* Empty. Errors: as kin_alloc. */
KIN_API kin_status kin_list_create(kin_list **out, kin_family *family);
/* With all that is in it; otherwise as kin_lock_destroy. KIN_E_BUSY: it is empty, and still there. */
KIN_API kin_status kin_list_destroy(kin_list *list);

/* Copies the item into buffer and its length into *size (size may be NULL, and with capacity 0 buffer).
 * Errors: KIN_E_BUFFER: longer than capacity, *size is its length. After an error buffer may have been written to. */
KIN_API kin_status kin_list_get(kin_list *list, size_t index, void *buffer, size_t capacity, size_t *size);
/* Puts this in the item's place. data may be NULL if size is 0. */
KIN_API kin_status kin_list_set(kin_list *list, size_t index, const void *data, size_t size);
/* Adds at the end. */
KIN_API kin_status kin_list_append(kin_list *list, const void *data, size_t size);
/* Adds before the item at index, or at the end if index is the size, or KIN_LIST_LAST. */
KIN_API kin_status kin_list_insert(kin_list *list, size_t index, const void *data, size_t size);
/* As kin_list_get, and takes the item out; buffer NULL with capacity 0 and size NULL: only that. A process killed
 * meanwhile has taken it out or not. KIN_E_BUFFER: it stays. KIN_E_NO_MEMORY, in the middle only: it stays. */
KIN_API kin_status kin_list_pop(kin_list *list, size_t index, void *buffer, size_t capacity, size_t *size);

/* All of them, at one moment. */
KIN_API kin_status kin_list_clear(kin_list *list);
KIN_API kin_status kin_list_size(kin_list *list, size_t *count);
/* Copies count items from first on, or as many of these as there are, as they are at one moment, into memory of this
 * process (snapshot.h). count SIZE_MAX: to the end. Others' changes, though not their gets, wait meanwhile. Errors:
 * KIN_E_NO_MEMORY. */
KIN_API kin_status kin_list_snapshot(kin_snapshot **out, kin_list *list, size_t first, size_t count);

KIN_END

#endif
