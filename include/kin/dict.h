/* dict.h: a table of keys and values in shared memory. Keys and values are byte strings.
 *
 *     kin_dict *prices;
 *     kin_dict_create(&prices, NULL);
 *     kin_dict_set(prices, "tea", 3, &price, sizeof price);                    // in some processes
 *     kin_dict_get(prices, "tea", 3, &price, sizeof price, &size);             // in others
 *     kin_dict_add_i64(prices, "sold", 1, NULL);                               // typed, with strings for keys
 *
 * Members use it directly, without a server. A get takes no lock and waits for no other thread: it copies the value,
 * and copies it again if it was changed meanwhile. So it returns one whole value that the key had at some moment during
 * the call. (Only after a hundred such changes in a row does it take the lock.) Changes happen one after another, under
 * one lock of the dict. Each change is seen whole or not at all. The order of keys is not specified. Nobody can choose
 * keys that make the dict slow: each dict hashes with its own secret.
 *
 * Memory: an entry takes the bytes of its key and value and 24 more, rounded up as kin_alloc does, and about 30 bytes
 * in the table. The table grows and shrinks in steps, up to the family's memory. No step copies more than 4 092 slots.
 *
 * Cost, with n keys: to get, set, update and remove one: O(1), and the copying of key and value. size: O(1). clear,
 * destroy, snapshot: O(n). After a writer's death the next change costs O(1), and O(n / 1 000) to count the keys; after
 * a death in clear, O(n).
 *
 * Death of a process: a process killed during a change has made the change or not. The next process that changes the
 * dict frees the memory that is left over. No status reports the death, since no change is half done. A process that is
 * stopped during a change blocks the changes of others. If the family has no memory left, it also blocks the gets of
 * missing keys, but no other get.
 *
 * Any thread of any member may call all of these functions. Errors of all:
 *   - KIN_E_ARGUMENT: dict or key null; a key of 0 bytes or of more than KIN_DICT_KEY_MAX; a value null whose size is
 *     not 0; a null pointer for a result that has to be there.
 *   - KIN_E_NOT_SHARED: dict lies in no family of this process.
 *   - KIN_E_TYPE: not a dict.
 *   - KIN_E_LIMIT: no free thread slot, or too many members.
 *   - KIN_E_DAMAGED: a member overwrote the dict.
 *   - KIN_E_BUSY: as kin_alloc.
 *   - KIN_E_READ_ONLY: this process has opened the family for reading only. get, get_string, get_i64, contains, size,
 *     for_each and generation work there, without the lock, and may return KIN_E_BUSY; see kin_family_open.
 *   - KIN_E_DEADLOCK: called within a kin_dict_change of the same dict (except get, get_string, get_i64 and contains,
 *     which are allowed there).
 */
#ifndef KIN_DICT_H
#define KIN_DICT_H

#include "family.h"
#include "snapshot.h"

KIN_BEGIN

typedef struct kin_dict kin_dict;

#define KIN_DICT_KEY_MAX 65536u

/* Creates an empty dict in the family's arena (NULL: the default family). Free it with kin_dict_destroy. Errors:
 * KIN_E_ARGUMENT (out null), KIN_E_OS (no random numbers), and those of kin_alloc. */
KIN_API kin_status kin_dict_create(kin_dict **out, kin_family *family);
/* Destroys and frees the dict with all its entries; refs to it become stale. The caller makes sure that no process uses
 * it any more. NULL: KIN_OK. KIN_E_BUSY: the dict is empty, but still exists; call it again. */
KIN_API kin_status kin_dict_destroy(kin_dict *dict);

/* Copies the key's value into buffer, of capacity bytes, and writes its length to *size. size may be NULL; with
 * capacity 0 buffer may be NULL. Errors: KIN_E_NOT_FOUND; KIN_E_BUFFER (the value is longer than capacity; *size is its
 * length). After an error buffer may have been written to. */
KIN_API kin_status kin_dict_get(kin_dict *dict, const void *key, size_t key_size, void *buffer, size_t capacity,
                                size_t *size);
/* Sets *found to 1 if the dict has the key, to 0 if not. */
KIN_API kin_status kin_dict_contains(kin_dict *dict, const void *key, size_t key_size, int *found);

/* Sets the key's value, and adds the key if it is missing. The call copies key and value. Errors: KIN_E_NO_MEMORY,
 * KIN_E_TOO_BIG (size is 4 GiB or more); the dict is then unchanged. */
KIN_API kin_status kin_dict_set(kin_dict *dict, const void *key, size_t key_size, const void *value, size_t size);
/* Adds the key with this value. Errors: KIN_E_EXISTS (the dict has the key; nothing changes), and those of
 * kin_dict_set. */
KIN_API kin_status kin_dict_set_if_absent(kin_dict *dict, const void *key, size_t key_size, const void *value,
                                          size_t size);
/* Sets the key's value if its present value equals expected byte for byte. Sets *done to 1 if it did, to 0 if not.
 * expected NULL: adds the key if the dict does not have it. value NULL: removes the key. Errors: those of kin_dict_set;
 * KIN_E_ARGUMENT also if expected and value are both NULL, or done is NULL. */
KIN_API kin_status kin_dict_compare_and_set(kin_dict *dict, const void *key, size_t key_size, const void *expected,
                                            size_t expected_size, const void *value, size_t size, int *done);

/* Changes a copy of the value in place. If it returns KIN_OK, the copy becomes the key's value; if it returns anything
 * else, the dict stays as it was. value has space for room bytes and is aligned to 8 bytes. *size is the value's length
 * in bytes; the function may change it, up to room. */
typedef kin_status kin_dict_change(void *value, size_t *size, size_t room, void *context);
/* Calls change, in the calling thread, with a copy of the key's value in shared memory. Until change returns, no other
 * thread can change the dict, and gets return the old value. If this process dies in change, the old value stays. room:
 * the largest size in bytes that the new value can have; the present size if that is larger. change may get from the
 * same dict, but not change it. Returns what change returned. Errors: KIN_E_NOT_FOUND, KIN_E_TOO_BIG (change set *size
 * to more than room, or room is 4 GiB or more), KIN_E_ARGUMENT (change null), KIN_E_NO_MEMORY. */
KIN_API kin_status kin_dict_update(kin_dict *dict, const void *key, size_t key_size, size_t room,
                                   kin_dict_change *change, void *context);

/* As kin_dict_update. A missing key is added: change is called with *size 0 and a value of room zero bytes. If change
 * does not return KIN_OK, the key is not added. Errors: those of kin_dict_update but KIN_E_NOT_FOUND. */
KIN_API kin_status kin_dict_update_or_insert(kin_dict *dict, const void *key, size_t key_size, size_t room,
                                             kin_dict_change *change, void *context);

/* Copies the value as kin_dict_get does, and removes the key, in one change. If several callers pop the same key, one
 * gets the value. A process that is killed meanwhile has removed the key, and the value is lost, or has not removed it.
 * Errors: KIN_E_NOT_FOUND; KIN_E_BUFFER (the value is longer than capacity; the key stays, and *size is the value's
 * length). */
KIN_API kin_status kin_dict_pop(kin_dict *dict, const void *key, size_t key_size, void *buffer, size_t capacity,
                                size_t *size);

/* Removes the key and its value. Errors: KIN_E_NOT_FOUND. */
KIN_API kin_status kin_dict_remove(kin_dict *dict, const void *key, size_t key_size);
/* Removes all keys at one moment. */
KIN_API kin_status kin_dict_clear(kin_dict *dict);
/* *count receives the number of keys. Waits until a running change is done. */
KIN_API kin_status kin_dict_size(kin_dict *dict, size_t *count);
/* Copies all keys and values, as they are at one moment, into memory of this process. The caller frees *out with
 * kin_snapshot_destroy (snapshot.h). The changes of others wait until the copy is done; their gets do not. Errors:
 * KIN_E_NO_MEMORY (of this process). */
KIN_API kin_status kin_dict_snapshot(kin_snapshot **out, kin_dict *dict);

/* What kin_dict_for_each calls. key and value lie in memory of this process, aligned to 8 bytes, and are valid during
 * the call. */
typedef kin_status kin_dict_visit(const void *key, size_t key_size, const void *value, size_t value_size,
                                  void *context);
/* Calls visit, in the calling thread, for each key, in no order. It copies one entry at a time. No lock is held
 * meanwhile, and nobody waits for it: visit may take as long as it wants, and may call any function, also those that
 * change this dict. Others may change the dict, too:
 *   - A key that the dict has from the beginning to the end of the call is visited once, with a value that it had at
 *     some moment during the call.
 *   - A key that is added or removed meanwhile is visited once or not at all.
 * So it does not show the dict of one moment; kin_dict_snapshot does. If visit returns anything but KIN_OK, no further
 * key is visited, and that is returned. A process that is killed in this call leaves nothing. The caller makes sure
 * that the dict is not destroyed, nor its family closed, before the call returns. If visit does not return (a C++
 * exception, longjmp), the memory is lost. Cost: O(n), and 64 KiB of memory in this process. Only if others change the
 * same keys all the time does it wait for the dict's lock. Errors: KIN_E_NO_MEMORY (of this process). */
KIN_API kin_status kin_dict_for_each(kin_dict *dict, kin_dict_visit *visit, void *context);

/* ---- waiting for a change ----
 *
 *     kin_dict_generation(prices, &known);          // first
 *     kin_dict_get_i64(prices, "tea", &price);      // then: a change after this is a later generation
 *     kin_dict_wait(prices, known, KIN_FOREVER);
 */

/* *generation: how often the dict was changed so far. Each change of a key counts as one, kin_dict_clear as one, also
 * if the new value equals the old one. A change that the caller sees, or misses, in a later get is counted: if this
 * number is still the generation afterwards, the dict has not changed in between. Takes no lock. O(1). */
KIN_API kin_status kin_dict_generation(const kin_dict *dict, uint64_t *generation);
/* Waits until the dict's generation is another number than `generation`, at most timeout nanoseconds. Returns at once
 * if it is. Several changes may have happened by then. The first change after a wait has begun wakes all waiting
 * threads; other changes cost the same whether or not threads wait. If a process dies in a change, the wait ends, too,
 * mostly within 300 ms, whether or not the change was made. Errors: KIN_E_TIMED_OUT, KIN_E_INTERRUPTED
 * (thread.h), KIN_E_ARGUMENT (timeout negative), KIN_E_STALE (the other members took this process for dead). To wait
 * for other things, too: KIN_WAIT_CHANGE of wait.h. */
KIN_API kin_status kin_dict_wait(kin_dict *dict, uint64_t generation, int64_t timeout);

/* ---- strings and numbers: keys and values are stored without the terminating 0 ---- */

/* As kin_dict_set. value must not be NULL. */
KIN_API kin_status kin_dict_set_string(kin_dict *dict, const char *key, const char *value);
/* As kin_dict_get. Writes a terminating 0 after the value. *size, if not null, receives the length without it.
 * KIN_E_BUFFER: capacity is less than the length and the 0. KIN_E_ARGUMENT: also for buffer NULL or capacity 0. */
KIN_API kin_status kin_dict_get_string(kin_dict *dict, const char *key, char *buffer, size_t capacity, size_t *size);
/* As kin_dict_set, with a value of 8 bytes. */
KIN_API kin_status kin_dict_set_i64(kin_dict *dict, const char *key, int64_t value);
/* As kin_dict_get. Errors: KIN_E_NOT_FOUND, KIN_E_SIZE (the value's length is not 8 bytes). */
KIN_API kin_status kin_dict_get_i64(kin_dict *dict, const char *key, int64_t *value);
/* Adds amount to the key's value, in one change. A missing key counts as 0 and is added. *after, if not null, receives
 * the sum. Errors, after which nothing has changed: KIN_E_OVERFLOW (the sum does not fit into 64 bits), KIN_E_SIZE (the
 * value's length is not 8 bytes), KIN_E_NO_MEMORY. */
KIN_API kin_status kin_dict_add_i64(kin_dict *dict, const char *key, int64_t amount, int64_t *after);
/* As kin_dict_remove. */
KIN_API kin_status kin_dict_remove_string(kin_dict *dict, const char *key);

KIN_END

#endif
