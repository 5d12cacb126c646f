/* object.h: making, checking and ending structs that begin with kin__object. */
#ifndef KIN_OBJECT_H
#define KIN_OBJECT_H

#include "family/thread_slot.h"

#define KIN__TYPE_LAST KIN_TYPE_LIST

/* Whether an object of size bytes may be made at p: KIN_E_ARGUMENT (null, misaligned), KIN_E_NOT_SHARED (not in an
 * arena), KIN_E_READ_ONLY. */
kin_status kin__object_check_place(const void *p, size_t size);
/* Makes it an object of that type. The caller has written the object's own fields before: the tag makes it usable. */
void kin__object_init(kin__object *object, kin_type type, uint32_t detail);
/* Makes refs to it stale. KIN_E_ARGUMENT (null), KIN_E_NOT_SHARED, KIN_E_TYPE, KIN_E_READ_ONLY. */
kin_status kin__object_fini(void *p, kin_type type);
/* KIN_OK if p is an object of that type in a family of this process; the statuses of fini otherwise. For calls that
 * only read the object, or go on with kin__seat_find. */
kin_status kin__object_check(const void *p, kin_type type);
/* The same for a call that changes the object without a seat. */
kin_status kin__object_check_to_change(const void *p, kin_type type);
/* The whole object of that type at offset; NULL if there is none, or if not all of it may be touched. Every pointer to
 * an object that is made from arena data (a ref, a name, a tag) is made by this function. */
void *kin__object_at(kin_family *family, uint64_t offset, uint32_t type);
/* fini, then kin_free. NULL: KIN_OK. */
kin_status kin__object_destroy(void *p, kin_type type);

#endif
