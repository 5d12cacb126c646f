/* ref.h: references and names of objects, which every member understands.
 *
 * A kin_ref is 16 plain bytes. It may be copied, stored in the arena, or sent through a pipe, a socket or a file to any
 * member of the family, which resolves it into a pointer. It is checked when it is resolved: a stale, forged or
 * corrupted ref is an error, never a crash.
 *
 * The directory of names gives objects names inside their family, for members that have no ref yet.
 *
 * Any thread of any member may call all of these functions.
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

/* Creates a ref to an object. The object (a lock, a semaphore, ...) may also lie inside a struct. With KIN_TYPE_MEMORY
 * object is the start of a block of kin_alloc. The ref is a plain value: nothing has to be freed, and it does not keep
 * the object alive. Errors: KIN_E_ARGUMENT (a null pointer, misaligned, or not the start of a block), KIN_E_NOT_SHARED
 * (not in an arena), KIN_E_TYPE (not an object of that type), KIN_E_STALE (the block is free). */
KIN_API kin_status kin_ref_of(kin_ref *out, kin_type type, const void *object);

/* Resolves a ref into a pointer, which is valid until the object is destroyed. Errors: KIN_E_ARGUMENT (out null),
 * KIN_E_FAMILY (the ref is of a family that this process is not in), KIN_E_TYPE (the ref is of another type),
 * KIN_E_STALE (the object was destroyed, or the ref was forged). */
KIN_API kin_status kin_ref_get(void **out, kin_type type, kin_ref ref);

#define KIN_NAME_MAX 255 /* bytes, without the terminating 0 */

/* Gives an object a name in its family. A family has any number of names; each takes the memory of a dict's entry
 * (dict.h) with a value of 16 bytes. A name is 1 to KIN_NAME_MAX bytes, of any values but 0. The name does not keep the
 * object alive: after the object is destroyed, the name is free for another object. If several processes set the same
 * name at the same time, one succeeds. A process that is killed meanwhile has set the name or not. Cost: O(1), as
 * kin_dict_set. Errors: KIN_E_EXISTS (a living object has that name), KIN_E_NO_MEMORY, KIN_E_LIMIT (no free thread
 * slot), KIN_E_ARGUMENT (name null, empty or too long), KIN_E_BUSY (a process has held the lock of the names for more
 * than ten seconds; it is stopped), KIN_E_DAMAGED (a member overwrote the names), and those of kin_ref_of. */
KIN_API kin_status kin_name_set(const char *name, kin_type type, const void *object);

/* Finds the object of that name in the family (NULL: the default family). *out is borrowed: it is valid until the
 * object is destroyed. Takes no lock, as kin_dict_get. Cost: O(1). Errors: KIN_E_NOT_FOUND, KIN_E_ARGUMENT (out null,
 * or a bad name), KIN_E_TYPE (the name belongs to an object of another type), KIN_E_STALE (the object was destroyed, of
 * whatever type it was; the name may be removed at any later moment, then it is KIN_E_NOT_FOUND), KIN_E_DAMAGED (a
 * member overwrote the names), and those of kin_family_default when family is NULL. If others change names all the
 * time, also KIN_E_LIMIT and KIN_E_BUSY (as kin_name_set). */
KIN_API kin_status kin_name_get(void **out, kin_family *family, const char *name, kin_type type);

/* Removes the name. The object stays. A process that is killed meanwhile has removed it or not. Cost: O(1), as
 * kin_dict_remove. Errors: KIN_E_NOT_FOUND, KIN_E_ARGUMENT (a bad name), KIN_E_LIMIT (no free thread slot), KIN_E_BUSY
 * and KIN_E_DAMAGED (as kin_name_set), and those of kin_family_default when family is NULL. */
KIN_API kin_status kin_name_remove(kin_family *family, const char *name);

/* What kin_name_for_each calls. name is valid during the call. To get the object: kin_ref_get. */
typedef kin_status kin_name_visit(const char *name, kin_type type, kin_ref ref, void *context);
/* Calls visit, in the calling thread, for each name in the family (NULL: the default family) whose object exists, in no
 * order. No lock is held meanwhile: visit may call any function, also kin_name_set and kin_name_remove. Which names it
 * sees while others set and remove names: as kin_dict_for_each (dict.h). If visit returns anything but KIN_OK, no
 * further name is visited, and that is returned. Cost: O(names). Errors: KIN_E_ARGUMENT (visit null), KIN_E_NO_MEMORY
 * (of this process), KIN_E_LIMIT (no free thread slot), KIN_E_DAMAGED, and those of kin_family_default when family is
 * NULL. */
KIN_API kin_status kin_name_for_each(kin_family *family, kin_name_visit *visit, void *context);

KIN_END

#endif
