/* named.h: open an object by its name, or create it.
 *
 *     kin_family *family;
 *     kin_dict *prices;
 *     kin_family_open(&family, "shop", 0, NULL);            // in any number of programs
 *     kin_named_dict(&prices, family, "prices");            // the dict of that name, created now if there is none
 *
 * Each function finds the object that has this name in the family (NULL: the default family). If there is none, it
 * creates one and gives it the name; the other parameters are for that case, and are those of the object's create
 * function. If several threads and processes create it at the same time, one succeeds, and all get its object. If the
 * object was destroyed, the function creates a new one. kin_name_get (ref.h) finds an object without creating it;
 * kin_name_remove removes the name.
 *
 * The object is shared and has no owner: it lives until a process calls its destroy function, or until the family
 * ends. *out is valid in this process until then.
 *
 * Cost: O(1), as kin_dict_get; to create, also that of the object's create function. Any thread of any member may call
 * all of these functions. A process that is killed while it creates an object leaves at most the memory of one object
 * without a name.
 *
 * Errors of all: KIN_E_ARGUMENT (out or name null, name not 1 to KIN_NAME_MAX bytes), KIN_E_TYPE (the name belongs to
 * an object of another type), KIN_E_NO_MEMORY and KIN_E_BUSY (as kin_name_set), and those of the
 * object's create function.
 */
#ifndef KIN_NAMED_H
#define KIN_NAMED_H

#include "barrier.h"
#include "cond.h"
#include "counter.h"
#include "dict.h"
#include "event.h"
#include "list.h"
#include "lock.h"
#include "queue.h"
#include "rwlock.h"
#include "sem.h"
#include "value.h"

KIN_BEGIN

KIN_API kin_status kin_named_lock(kin_lock **out, kin_family *family, const char *name, uint32_t flags);
KIN_API kin_status kin_named_rwlock(kin_rwlock **out, kin_family *family, const char *name);
KIN_API kin_status kin_named_sem(kin_sem **out, kin_family *family, const char *name, uint32_t value, uint32_t maximum);
/* Creates a leased semaphore (sem.h). This function and kin_named_sem both find an existing semaphore of either
 * kind. */
KIN_API kin_status kin_named_sem_leased(kin_sem **out, kin_family *family, const char *name, uint32_t permits);
KIN_API kin_status kin_named_counter(kin_counter **out, kin_family *family, const char *name, int64_t value);
/* A block of size bytes, zeroed, as from kin_alloc. An existing block has the size that its creator asked for
 * (kin_alloc_size). init, if not null, initialises a new block (kin_lock_init, for instance) before another process can
 * find it. The calling thread runs it. It must not wait for other threads. If another process is faster, the block is
 * freed after init has returned, and *out is the other's block. Errors: also KIN_E_ARGUMENT (size 0). */
KIN_API kin_status kin_named_memory(void **out, kin_family *family, const char *name, size_t size,
                                    void (*init)(void *memory, void *context), void *context);
KIN_API kin_status kin_named_event(kin_event **out, kin_family *family, const char *name);
KIN_API kin_status kin_named_cond(kin_cond **out, kin_family *family, const char *name);
KIN_API kin_status kin_named_barrier(kin_barrier **out, kin_family *family, const char *name, uint32_t parties);
KIN_API kin_status kin_named_queue(kin_queue **out, kin_family *family, const char *name,
                                   const kin_queue_options *options);
KIN_API kin_status kin_named_value(kin_value **out, kin_family *family, const char *name, kin_element element,
                                   uint32_t flags);
KIN_API kin_status kin_named_array(kin_array **out, kin_family *family, const char *name, kin_element element,
                                   size_t count, uint32_t flags);
KIN_API kin_status kin_named_dict(kin_dict **out, kin_family *family, const char *name);
KIN_API kin_status kin_named_list(kin_list **out, kin_family *family, const char *name);

KIN_END

#endif
