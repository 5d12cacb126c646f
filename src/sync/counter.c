#include "kin/counter.h"

#include "base/last_error.h"
#include "kin/memory.h"
#include "memory/object.h"

typedef struct counter {
    kin__object object;
    _Atomic int64_t value;
} counter;

_Static_assert(sizeof(counter) == sizeof(kin_counter), "kin_counter is counter's outside");

static counter *inside(const kin_counter *outside)
{
    return (counter *)(uintptr_t)outside;
}

kin_status kin_counter_init(kin_counter *made, int64_t value)
{
    kin_status status = kin__object_check_place(made, sizeof *made);
    if (status == KIN_OK) {
        atomic_store_explicit(&inside(made)->value, value, memory_order_relaxed);
        kin__object_init(&inside(made)->object, KIN_TYPE_COUNTER, 0);
    }
    return kin__told(status);
}

kin_status kin_counter_fini(kin_counter *ended)
{
    return kin__told(kin__object_fini(ended, KIN_TYPE_COUNTER));
}

kin_status kin_counter_create(kin_counter **out, kin_family *family, int64_t value)
{
    void *memory;
    if (!out) {
        return kin__refuse(KIN_E_ARGUMENT, "out is NULL");
    }
    kin_status status = kin_alloc(&memory, family, sizeof **out);
    if (status == KIN_OK) {
        *out = memory;
        status = kin_counter_init(*out, value);
    }
    return kin__told(status);
}

kin_status kin_counter_destroy(kin_counter *ended)
{
    return kin__told(kin__object_destroy(ended, KIN_TYPE_COUNTER));
}

kin_status kin_counter_add(kin_counter *to, int64_t amount, int64_t *after)
{
    kin_status status = kin__object_check_to_change(to, KIN_TYPE_COUNTER);
    if (status == KIN_OK) {
        int64_t before = atomic_fetch_add(&inside(to)->value, amount);
        if (after) {
            *after = (int64_t)((uint64_t)before + (uint64_t)amount); /* signed overflow would be undefined */
        }
    }
    return kin__told(status);
}

kin_status kin_counter_get(const kin_counter *from, int64_t *value)
{
    kin_status status =
        value ? kin__object_check(from, KIN_TYPE_COUNTER) : kin__refuse(KIN_E_ARGUMENT, "value is NULL");
    if (status == KIN_OK) {
        *value = atomic_load(&inside(from)->value);
    }
    return kin__told(status);
}

kin_status kin_counter_set(kin_counter *to, int64_t value)
{
    kin_status status = kin__object_check_to_change(to, KIN_TYPE_COUNTER);
    if (status == KIN_OK) {
        atomic_store(&inside(to)->value, value);
    }
    return kin__told(status);
}

kin_status kin_counter_compare_exchange(kin_counter *of, int64_t *expected, int64_t desired, int *done)
{
    kin_status status = expected && done ? kin__object_check_to_change(of, KIN_TYPE_COUNTER)
                                         : kin__refuse(KIN_E_ARGUMENT, "expected is NULL, or done is NULL");
    if (status == KIN_OK) {
        *done = atomic_compare_exchange_strong(&inside(of)->value, expected, desired);
    }
    return kin__told(status);
}
