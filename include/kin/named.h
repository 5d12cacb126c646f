/* named.h: the object of a name, found or created.
 *
 *     kin_family *family;
 *     kin_dict *prices;
 *     kin_family_open(&family, "shop", 0, NULL);            // in any number of programs
 *     kin_named_dict(&prices, family, "prices");            // the dict of that name, created now if there is none
 *
 * Each function gives the object that has this name in the family (NULL: the default family). If there is none, it
 * creates one and gives it the name; the other parameters are for that case. Of several threads and processes that
 * create it at the same time one succeeds, and all get its object. An object that was destroyed is replaced by a new
 * one. kin_name_get (ref.h) finds without creating; kin_name_remove takes the name away.
 *
 * Cost: O(names of the family), microseconds. Any thread of any member. A process that is killed while it creates an
 * object leaves at worst the memory of one object without a name.
 *
 * Errors of all: KIN_E_ARGUMENT (out or name null, name not 1 to KIN_NAME_MAX bytes), KIN_E_TYPE (the name belongs to
 * an object of another type), KIN_E_LIMIT (the family has 256 names), KIN_E_BUSY (as kin_name_set), and those of the
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
/* A leased semaphore (sem.h). */
KIN_API kin_status kin_named_sem_leased(kin_sem **out, kin_family *family, const char *name, uint32_t permits);
KIN_API kin_status kin_named_counter(kin_counter **out, kin_family *family, const char *name, int64_t value);
/* A block of size bytes, as of kin_alloc. init, if not null, is called with a new block before another process can find
 * it: it initialises what lies in it (kin_lock_init), and must not wait for other threads. A block that exists has the
 * size that its creator asked for (kin_alloc_size). Errors: also KIN_E_ARGUMENT (size 0). */
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
