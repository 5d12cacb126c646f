/* dict.h: a table of keys and values, bytes both, in shared memory.
 *
 *     kin_dict *prices;
 *     kin_dict_create(&prices, NULL);
 *     kin_dict_set(prices, "tea", 3, &price, sizeof price);                    // in some processes
 *     kin_dict_get(prices, "tea", 3, &price, sizeof price, &size);             // in others
 *     kin_dict_add_i64(prices, "sold", 1, NULL);                               // typed, with strings for keys
 *
 * Any member uses it directly, without a server. Getting takes no lock and waits for nobody: it copies the value, and
 * copies again if it was changed meanwhile, so that what it gives is one whole value that the key had at some moment
 * during the call. (Only if that happens a hundred times running does it go behind the lock.) Changes are one after
 * another, under one lock of the dict's; each is seen whole or not at all. The order of keys is not specified. Keys
 * cannot be chosen to be slow: each dict hashes with a secret of its own.
 *
 * An entry takes the bytes of its key and value, 24 more, rounded up as by kin_alloc, and about 30 in the table. The
 * table grows and shrinks in steps, up to the family's memory: no step copies more than 4 092 entries' places.
 *
 * Cost, with n keys: to get, set, update and delete one, O(1), and the copying of key and value. clear, destroy, items:
 * O(n). size: O(1). After a writer's death the next change costs O(1), and O(n / 1 000) to count; after a death in
 * clear, O(n).
 *
 * Death: a process killed in the middle of a change has made it or not; its memory is given back by the next who
 * changes anything. Nobody is told, since nothing is half done. A process that is stopped in the middle of one holds
 * up the others' changes, and the gets of keys that are not there if the family has no memory left, but no other get.
 *
 * Any thread of any member may call all of these. All: KIN_E_ARGUMENT (dict or key null; a key of 0 bytes or more than
 * KIN_DICT_KEY_MAX; a value null that is not of 0 bytes), KIN_E_NOT_SHARED, KIN_E_TYPE (not a dict of a family this
 * process is in), KIN_E_LIMIT (no thread entry), KIN_E_DAMAGED (a member wrote over it), KIN_E_BUSY (as kin_alloc).
 * Within a kin_dict_change of the same dict all but those that get: KIN_E_DEADLOCK.
 */
#ifndef KIN_DICT_H
#define KIN_DICT_H

#include "family.h"
#include "snapshot.h"

KIN_BEGIN

typedef struct kin_dict kin_dict;

#define KIN_DICT_KEY_MAX 65536u

/* Empty. Errors: as kin_alloc. */
KIN_API kin_status kin_dict_create(kin_dict **out, kin_family *family);
/* With all that is in it; otherwise as kin_lock_destroy. KIN_E_BUSY: it is empty, and still there. */
KIN_API kin_status kin_dict_destroy(kin_dict *dict);

/* Copies the key's value into buffer and its length into *size (size may be NULL, and with capacity 0 buffer).
 * Errors: KIN_E_NOT_FOUND; KIN_E_BUFFER: longer than capacity, *size is its length. After an error buffer may have
 * been written to. */
KIN_API kin_status kin_dict_get(kin_dict *dict, const void *key, size_t key_size, void *buffer, size_t capacity,
                                size_t *size);
/* *there: 1 or 0. */
KIN_API kin_status kin_dict_contains(kin_dict *dict, const void *key, size_t key_size, int *there);

/* Gives the key this value, whether it has one or not. Errors: KIN_E_NO_MEMORY, KIN_E_TOO_BIG (4 GiB and more): it
 * is as it was. */
KIN_API kin_status kin_dict_set(kin_dict *dict, const void *key, size_t key_size, const void *value, size_t size);
/* Only if it has none. Errors: KIN_E_EXISTS, and as kin_dict_set. */
KIN_API kin_status kin_dict_set_if_absent(kin_dict *dict, const void *key, size_t key_size, const void *value,
                                          size_t size);
/* Only if its value is expected, byte for byte; *done tells. expected NULL: only if it has none. value NULL: removes
 * the key. Errors: as kin_dict_set; KIN_E_ARGUMENT also for both NULL, and for done NULL. */
KIN_API kin_status kin_dict_compare_and_set(kin_dict *dict, const void *key, size_t key_size, const void *expected,
                                            size_t expected_size, const void *value, size_t size, int *done);

/* Changes a copy of the value, which becomes the key's when this returns KIN_OK; with anything else all stays as it
 * was. value has place for room bytes and is aligned to 8; *size is its length, to be changed if wanted. */
typedef kin_status kin_dict_change(void *value, size_t *size, size_t room, void *context);
/* Lets change work on a copy of the key's value, in shared memory, while nobody else changes the dict; others get the
 * old value until it is done, also if this process dies in it. room: the largest size that the value is to have, if
 * more than it has now. change may get from the same dict, and not change it. Statuses: that of change;
 * KIN_E_NOT_FOUND; KIN_E_TOO_BIG (*size above room); KIN_E_ARGUMENT (change null); as kin_dict_set. */
KIN_API kin_status kin_dict_update(kin_dict *dict, const void *key, size_t key_size, size_t room,
                                   kin_dict_change *change, void *context);

/* The same. A key without a value gets one: change is called with *size 0 and a value of room zero bytes. */
KIN_API kin_status kin_dict_update_or_insert(kin_dict *dict, const void *key, size_t key_size, size_t room,
                                             kin_dict_change *change, void *context);

/* Copies the value as kin_dict_get does, and removes the key, as one step. Of several callers one gets the value. A
 * process that is killed in here has removed the key or not. Errors: KIN_E_NOT_FOUND; KIN_E_BUFFER: the key stays, and
 * *size is the value's length. */
KIN_API kin_status kin_dict_pop(kin_dict *dict, const void *key, size_t key_size, void *buffer, size_t capacity,
                                size_t *size);

/* Takes the key and its value out. Errors: KIN_E_NOT_FOUND. */
KIN_API kin_status kin_dict_remove(kin_dict *dict, const void *key, size_t key_size);
/* All of them, at one moment. */
KIN_API kin_status kin_dict_clear(kin_dict *dict);
/* How many keys there are. Waits for a change that is going on. */
KIN_API kin_status kin_dict_size(kin_dict *dict, size_t *count);
/* Copies all keys and values, as they are at one moment, into memory of this process (snapshot.h). Others' changes,
 * though not their gets, wait as long as the copying takes. Errors: KIN_E_NO_MEMORY. */
KIN_API kin_status kin_dict_snapshot(kin_snapshot **out, kin_dict *dict);

/* ---- strings and numbers: keys are strings, without their end ---- */

KIN_API kin_status kin_dict_set_string(kin_dict *dict, const char *key, const char *value);
/* Always ended; KIN_E_BUFFER: capacity is not enough for it and its end. *size (may be NULL): without the end. */
KIN_API kin_status kin_dict_get_string(kin_dict *dict, const char *key, char *buffer, size_t capacity, size_t *size);
KIN_API kin_status kin_dict_set_i64(kin_dict *dict, const char *key, int64_t value);
/* KIN_E_SIZE: the value has not 8 bytes. */
KIN_API kin_status kin_dict_get_i64(kin_dict *dict, const char *key, int64_t *value);
/* Adds; no value counts as 0. *after (may be NULL) is the sum. KIN_E_OVERFLOW: nothing changes. KIN_E_SIZE: as
 * above. */
KIN_API kin_status kin_dict_add_i64(kin_dict *dict, const char *key, int64_t amount, int64_t *after);
KIN_API kin_status kin_dict_remove_string(kin_dict *dict, const char *key);

KIN_END

#endif
