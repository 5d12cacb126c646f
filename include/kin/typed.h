/* typed.h: references, names and arguments by the types of their objects, without casts.
 *
 *     kin_lock *lock;
 *     kin_args_add_lock(args, "lock", lock);                 // in the parent
 *     kin_args_get_lock(&lock, args, "lock");                // in the child
 *
 * For each TYPE of lock, rwlock, sem, event, cond, barrier, counter, queue, value, array, dict and list there are
 *
 *     kin_args_add_TYPE(args, name, object)          kin_args_add_object with KIN_TYPE_ of it (process.h)
 *     kin_args_get_TYPE(&object, args, name)         kin_args_get_object
 *     kin_ref_of_TYPE(&ref, object)                  kin_ref_of (ref.h)
 *     kin_ref_get_TYPE(&object, ref)                 kin_ref_get
 *     kin_name_set_TYPE(name, object)                kin_name_set
 *     kin_name_get_TYPE(&object, family, name)       kin_name_get
 *
 * They do and return what those functions do. The compiler checks the type of the object. After an error *object is
 * not changed.
 */
#ifndef KIN_TYPED_H
#define KIN_TYPED_H

#include "barrier.h"
#include "cond.h"
#include "counter.h"
#include "dict.h"
#include "event.h"
#include "list.h"
#include "lock.h"
#include "process.h"
#include "queue.h"
#include "ref.h"
#include "rwlock.h"
#include "sem.h"
#include "value.h"

KIN_BEGIN

#define KIN_DETAIL_TYPED(name_, TYPE)                                                                                  \
    static inline kin_status kin_args_add_##name_(kin_args *args, const char *name, const kin_##name_ *object)         \
    {                                                                                                                  \
        return kin_args_add_object(args, name, TYPE, object);                                                          \
    }                                                                                                                  \
    static inline kin_status kin_args_get_##name_(kin_##name_ **out, const kin_args *args, const char *name)           \
    {                                                                                                                  \
        void *object = NULL;                                                                                           \
        kin_status status = kin_args_get_object(out ? &object : NULL, args, name, TYPE);                               \
        if (status >= 0) {                                                                                             \
            *out = KIN_DETAIL_CAST(kin_##name_ *, object);                                                             \
        }                                                                                                              \
        return status;                                                                                                 \
    }                                                                                                                  \
    static inline kin_status kin_ref_of_##name_(kin_ref *out, const kin_##name_ *object)                               \
    {                                                                                                                  \
        return kin_ref_of(out, TYPE, object);                                                                          \
    }                                                                                                                  \
    static inline kin_status kin_ref_get_##name_(kin_##name_ **out, kin_ref ref)                                       \
    {                                                                                                                  \
        void *object = NULL;                                                                                           \
        kin_status status = kin_ref_get(out ? &object : NULL, TYPE, ref);                                              \
        if (status >= 0) {                                                                                             \
            *out = KIN_DETAIL_CAST(kin_##name_ *, object);                                                             \
        }                                                                                                              \
        return status;                                                                                                 \
    }                                                                                                                  \
    static inline kin_status kin_name_set_##name_(const char *name, const kin_##name_ *object)                         \
    {                                                                                                                  \
        return kin_name_set(name, TYPE, object);                                                                       \
    }                                                                                                                  \
    static inline kin_status kin_name_get_##name_(kin_##name_ **out, kin_family *family, const char *name)             \
    {                                                                                                                  \
        void *object = NULL;                                                                                           \
        kin_status status = kin_name_get(out ? &object : NULL, family, name, TYPE);                                    \
        if (status >= 0) {                                                                                             \
            *out = KIN_DETAIL_CAST(kin_##name_ *, object);                                                             \
        }                                                                                                              \
        return status;                                                                                                 \
    }

KIN_DETAIL_TYPED(lock, KIN_TYPE_LOCK)
KIN_DETAIL_TYPED(rwlock, KIN_TYPE_RWLOCK)
KIN_DETAIL_TYPED(sem, KIN_TYPE_SEM)
KIN_DETAIL_TYPED(event, KIN_TYPE_EVENT)
KIN_DETAIL_TYPED(cond, KIN_TYPE_COND)
KIN_DETAIL_TYPED(barrier, KIN_TYPE_BARRIER)
KIN_DETAIL_TYPED(counter, KIN_TYPE_COUNTER)
KIN_DETAIL_TYPED(queue, KIN_TYPE_QUEUE)
KIN_DETAIL_TYPED(value, KIN_TYPE_VALUE)
KIN_DETAIL_TYPED(array, KIN_TYPE_ARRAY)
KIN_DETAIL_TYPED(dict, KIN_TYPE_DICT)
KIN_DETAIL_TYPED(list, KIN_TYPE_LIST)

#undef KIN_DETAIL_TYPED

KIN_END

#endif
