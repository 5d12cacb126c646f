/* named.c: objects by name, created if there are none. */
#include "kin/named.h"

#include "base/last_error.h"
#include "base/out.h"
#include "family/create.h"
#include "kin/memory.h"

typedef struct plan { /* of an object that is to be created */
    kin_type type;
    uint32_t flags, value, maximum;
    bool leased;
    kin_element element;
    size_t count;
    const kin_queue_options *queue;
    int64_t first;
    void (*init)(void *memory, void *context);
    void *context;
} plan;

static kin_status make_memory(void **out, kin_family *family, const plan *it)
{
    kin_status status = kin_alloc(out, family, it->count);
    if (status == KIN_OK && it->init) {
        it->init(*out, it->context);
    }
    return status;
}

typedef union made {
    void *object;
    kin_lock *lock;
    kin_rwlock *rwlock;
    kin_sem *sem;
    kin_counter *counter;
    kin_event *event;
    kin_cond *cond;
    kin_barrier *barrier;
    kin_queue *queue;
    kin_value *value;
    kin_array *array;
    kin_dict *dict;
    kin_list *list;
} made;

static kin_status make(made *out, kin_family *family, const plan *it)
{
    switch ((uint32_t)it->type) {
    case KIN_TYPE_LOCK:
        return kin_lock_create(&out->lock, family, it->flags);
    case KIN_TYPE_RWLOCK:
        return kin_rwlock_create(&out->rwlock, family);
    case KIN_TYPE_SEM:
        return it->leased ? kin_sem_create_leased(&out->sem, family, it->value)
                          : kin_sem_create(&out->sem, family, it->value, it->maximum);
    case KIN_TYPE_COUNTER:
        return kin_counter_create(&out->counter, family, it->first);
    case KIN_TYPE_MEMORY:
        return make_memory(&out->object, family, it);
    case KIN_TYPE_EVENT:
        return kin_event_create(&out->event, family);
    case KIN_TYPE_COND:
        return kin_cond_create(&out->cond, family);
    case KIN_TYPE_BARRIER:
        return kin_barrier_create(&out->barrier, family, it->value);
    case KIN_TYPE_QUEUE:
        return kin_queue_create(&out->queue, family, it->queue);
    case KIN_TYPE_VALUE:
        return kin_value_create(&out->value, family, it->element, it->flags);
    case KIN_TYPE_ARRAY:
        return kin_array_create(&out->array, family, it->element, it->count, it->flags);
    case KIN_TYPE_DICT:
        return kin_dict_create(&out->dict, family);
    case KIN_TYPE_LIST:
        return kin_list_create(&out->list, family);
    default:
        return kin__refuse(KIN_E_ARGUMENT, "the type cannot be created by name");
    }
}

static void unmake(void *object, kin_type type)
{
    switch ((uint32_t)type) {
    case KIN_TYPE_DICT:
        kin_dict_destroy(object);
        break;
    case KIN_TYPE_LIST:
        kin_list_destroy(object);
        break;
    default:
        kin_free(object);
    }
}

/* KIN_E_EXISTS: another process was faster. A name whose object was destroyed is taken over. */
static kin_status make_named(void **out, kin_family *family, const char *name, const plan *it)
{
    made new = {NULL};
    kin_status status = make(&new, family, it);
    if (status != KIN_OK) {
        return status;
    }
    status = kin_name_set(name, it->type, new.object);
    if (status != KIN_OK) {
        unmake(new.object, it->type);
        return status;
    }
    *out = new.object;
    return KIN_OK;
}

static kin_status share(void *out, kin_family *family, const char *name, const plan *it)
{
    for (;;) {
        void *object = NULL;
        kin_status status = kin_name_get(&object, family, name, it->type);
        if (status == KIN_E_NOT_FOUND || status == KIN_E_STALE) {
            status = make_named(&object, family, name, it);
        }
        if (status == KIN_OK) {
            kin__out(out, object);
        }
        if (status != KIN_E_EXISTS) {
            return status;
        }
    }
}

static kin_status get(kin_family *family, const char *name, const plan *it, void *out)
{
    kin_status status = name && out ? kin__family_resolve(&family, family)
                                    : kin__refuse(KIN_E_ARGUMENT, "name is NULL, or out is NULL");
    return status == KIN_OK ? share(out, family, name, it) : status;
}

kin_status kin_named_lock(kin_lock **out, kin_family *family, const char *name, uint32_t flags)
{
    return kin__told(get(family, name, &(plan){.type = KIN_TYPE_LOCK, .flags = flags}, out));
}

kin_status kin_named_rwlock(kin_rwlock **out, kin_family *family, const char *name)
{
    return kin__told(get(family, name, &(plan){.type = KIN_TYPE_RWLOCK}, out));
}

kin_status kin_named_sem(kin_sem **out, kin_family *family, const char *name, uint32_t value, uint32_t maximum)
{
    return kin__told(get(family, name, &(plan){.type = KIN_TYPE_SEM, .value = value, .maximum = maximum}, out));
}

kin_status kin_named_sem_leased(kin_sem **out, kin_family *family, const char *name, uint32_t permits)
{
    return kin__told(get(family, name, &(plan){.type = KIN_TYPE_SEM, .value = permits, .leased = true}, out));
}

kin_status kin_named_counter(kin_counter **out, kin_family *family, const char *name, int64_t value)
{
    return kin__told(get(family, name, &(plan){.type = KIN_TYPE_COUNTER, .first = value}, out));
}

kin_status kin_named_memory(void **out, kin_family *family, const char *name, size_t size,
                            void (*init)(void *memory, void *context), void *context)
{
    if (size == 0) {
        return kin__refuse(KIN_E_ARGUMENT, "size is 0");
    }
    return kin__told(
        get(family, name, &(plan){.type = KIN_TYPE_MEMORY, .count = size, .init = init, .context = context}, out));
}

kin_status kin_named_event(kin_event **out, kin_family *family, const char *name)
{
    return kin__told(get(family, name, &(plan){.type = KIN_TYPE_EVENT}, out));
}

kin_status kin_named_cond(kin_cond **out, kin_family *family, const char *name)
{
    return kin__told(get(family, name, &(plan){.type = KIN_TYPE_COND}, out));
}

kin_status kin_named_barrier(kin_barrier **out, kin_family *family, const char *name, uint32_t parties)
{
    return kin__told(get(family, name, &(plan){.type = KIN_TYPE_BARRIER, .value = parties}, out));
}

kin_status kin_named_queue(kin_queue **out, kin_family *family, const char *name, const kin_queue_options *options)
{
    return kin__told(get(family, name, &(plan){.type = KIN_TYPE_QUEUE, .queue = options}, out));
}

kin_status kin_named_value(kin_value **out, kin_family *family, const char *name, kin_element element, uint32_t flags)
{
    return kin__told(get(family, name, &(plan){.type = KIN_TYPE_VALUE, .element = element, .flags = flags}, out));
}

kin_status kin_named_array(kin_array **out, kin_family *family, const char *name, kin_element element, size_t count,
                           uint32_t flags)
{
    return kin__told(
        get(family, name, &(plan){.type = KIN_TYPE_ARRAY, .element = element, .count = count, .flags = flags}, out));
}

kin_status kin_named_dict(kin_dict **out, kin_family *family, const char *name)
{
    return kin__told(get(family, name, &(plan){.type = KIN_TYPE_DICT}, out));
}

kin_status kin_named_list(kin_list **out, kin_family *family, const char *name)
{
    return kin__told(get(family, name, &(plan){.type = KIN_TYPE_LIST}, out));
}
