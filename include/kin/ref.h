/* ref.h: names for objects that any member understands.
 *
 * A kin_ref is 16 plain bytes. It may be copied, stored in the arena, sent through a pipe, a socket or a file to any
 * member of the family, and resolved there into a pointer. It is checked when it is resolved: a stale, forged or
 * corrupted ref is an error, never a crash.
 *
 * The directory gives objects names inside their family, for members that have no ref yet.
 */
#ifndef KIN_REF_H
#define KIN_REF_H

#include "family.h"

KIN_BEGIN

typedef struct kin_ref {
    kin_word opaque[2];
} kin_ref;

typedef enum kin_type { /* pinned */
                        KIN_TYPE_MEMORY = 1,
                        KIN_TYPE_LOCK = 2,
                        KIN_TYPE_SEM = 3,
                        KIN_TYPE_COUNTER = 4,
                        KIN_TYPE_VALUE = 5,
                        KIN_TYPE_ARRAY = 6,
                        KIN_TYPE_EVENT = 7,
                        KIN_TYPE_COND = 8,
                        KIN_TYPE_BARRIER = 9,
                        KIN_TYPE_RWLOCK = 10,
                        KIN_TYPE_QUEUE = 11,
                        KIN_TYPE_DICT = 20,
                        KIN_TYPE_LIST = 21,
} kin_type;

/* Makes the ref of an object: of an object (a lock, a semaphore, ...) wherever it lies, also inside a struct; or with
 * KIN_TYPE_MEMORY of a block, by its start. Errors: KIN_E_ARGUMENT, KIN_E_NOT_SHARED (not in an arena), KIN_E_TYPE (not
 * such an object), KIN_E_STALE. */
KIN_API kin_status kin_ref_of(kin_ref *out, kin_type type, const void *object);

/* Resolves it. The pointer is valid until the object is destroyed. Errors: KIN_E_ARGUMENT, KIN_E_FAMILY (of a family
 * that this process is not in), KIN_E_TYPE, KIN_E_STALE (destroyed since, or forged). */
KIN_API kin_status kin_ref_get(void **out, kin_type type, kin_ref ref);

#define KIN_NAME_MAX 47 /* bytes, without the end */

/* Gives an object a name in its family, 256 names at most. The name does not keep the object alive: the name of a
 * destroyed object is free for another one. Of several processes that set a name at once one succeeds. Errors:
 * KIN_E_EXISTS (the name of an object that there is), KIN_E_LIMIT, KIN_E_ARGUMENT (name null, empty or too long),
 * KIN_E_BUSY (a process holds the table of names for more than ten seconds: it is stopped), and those of kin_ref_of. */
KIN_API kin_status kin_name_set(const char *name, kin_type type, const void *object);

/* Finds it. family NULL: this process's own. Errors: KIN_E_NOT_FOUND, KIN_E_ARGUMENT, KIN_E_BUSY (as kin_name_set),
 * and those of kin_ref_get; KIN_E_STALE (the object was destroyed) whatever type is asked for. */
KIN_API kin_status kin_name_get(void **out, kin_family *family, const char *name, kin_type type);

/* Forgets the name; the object stays. Errors: KIN_E_NOT_FOUND, KIN_E_ARGUMENT. */
KIN_API kin_status kin_name_remove(kin_family *family, const char *name);

KIN_END

#endif
