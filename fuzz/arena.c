/* arena.c: see arena.h. The linker puts these functions in the place of kin's (--wrap). */
#include "arena.h"

#include <sys/mman.h>

#define GUARD ((size_t)1 << 20)

kin_status __wrap_kin_os_shm_map(void **out, kin_os_handle shm, size_t reserve, kin_os_use use);
void __wrap_kin_os_shm_unmap(void *base, size_t reserve);
int64_t __real_kin_os_now(void);
int64_t __wrap_kin_os_now(void);
void __real_kin_os_sleep_until(int64_t deadline);
void __wrap_kin_os_sleep_until(int64_t deadline);
kin_status __real_kin_os_sem_wait(kin_os_sem sem, int64_t deadline);
kin_status __wrap_kin_os_sem_wait(kin_os_sem sem, int64_t deadline);

bool fuzz_time_is_made_up;
static int64_t ahead; /* of the real clock */

kin_status __wrap_kin_os_shm_map(void **out, kin_os_handle shm, size_t reserve, kin_os_use use)
{
    const int access = use == KIN_OS_TO_WRITE ? PROT_READ | PROT_WRITE : PROT_READ;
    char *room = mmap(NULL, reserve + 2 * GUARD, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (room == MAP_FAILED) {
        return KIN_E_NO_MEMORY;
    }
    void *base = mmap(room + GUARD, reserve, access, MAP_SHARED | MAP_NORESERVE | MAP_FIXED, shm, 0);
    if (base == MAP_FAILED) {
        munmap(room, reserve + 2 * GUARD);
        return KIN_E_NO_MEMORY;
    }
    *out = base;
    return KIN_OK;
}

void __wrap_kin_os_shm_unmap(void *base, size_t reserve)
{
    if (base) {
        munmap((char *)base - GUARD, reserve + 2 * GUARD);
    }
}

int64_t __wrap_kin_os_now(void)
{
    return __real_kin_os_now() + ahead;
}

static void go_on_to(int64_t deadline)
{
    int64_t now = __wrap_kin_os_now();
    require(deadline != KIN_OS_NEVER); /* nobody would ever end this */
    ahead += deadline > now ? deadline - now : 0;
}

void __wrap_kin_os_sleep_until(int64_t deadline)
{
    if (fuzz_time_is_made_up) {
        go_on_to(deadline);
    } else {
        __real_kin_os_sleep_until(deadline);
    }
}

kin_status __wrap_kin_os_sem_wait(kin_os_sem sem, int64_t deadline)
{
    if (!fuzz_time_is_made_up) {
        return __real_kin_os_sem_wait(sem, deadline);
    }
    kin_status status = __real_kin_os_sem_wait(sem, 0);
    if (status == KIN_E_TIMED_OUT) {
        go_on_to(deadline);
    }
    return status;
}

static _Atomic uint64_t *word_of(kin__reader *in, const place *places, uint32_t count)
{
    const place *at = &places[choose(in, 1) % count];
    return (_Atomic uint64_t *)at->start + choose(in, 2) % at->count;
}

static uint64_t make_number(kin__reader *in, const place *places, uint32_t count, uint64_t there)
{
    switch (choose(in, 1) % 8) {
    case 0:
        return choose(in, 8);
    case 1:
        return choose(in, 1);
    case 2:
        return choose(in, 3);
    case 3:
        return UINT64_C(1) << choose(in, 1) % 64;
    case 4:
        return there + (choose(in, 1) - UINT64_C(128)) * (UINT64_C(1) << choose(in, 1) % 40);
    case 5:
        return (there & UINT32_MAX) | choose(in, 4) << 32;
    case 6:
        return (there >> 32 << 32) | choose(in, 4);
    default:
        return atomic_load_explicit(word_of(in, places, count), memory_order_relaxed);
    }
}

void scribble(kin__reader *in, const place *places, uint32_t count)
{
    for (uint64_t left = 1 + choose(in, 1) % 8; left > 0 && !is_done(in); left--) {
        _Atomic uint64_t *word = word_of(in, places, count);
        uint64_t there = atomic_load_explicit(word, memory_order_relaxed);
        atomic_store_explicit(word, make_number(in, places, count, there), memory_order_relaxed);
    }
}

/* ---- looking on ---- */

static void see_family(const kin_family_view *it, void *context)
{
    (void)context;
    require(strlen(it->name) <= KIN_FAMILY_NAME_MAX);
}

static void see_object(const kin_object_info *it, void *context)
{
    (void)context;
    require(!it->name || strlen(it->name) <= KIN_NAME_MAX);
}

static void see_member(const kin_member_info *it, void *context)
{
    (void)it;
    (void)context;
}

static void see_sleeper(const kin_waiter_info *it, void *context)
{
    (void)it;
    (void)context;
}

const kin_inspector fuzz_sight = {sizeof fuzz_sight, see_family, see_member, see_object, see_sleeper, NULL};
