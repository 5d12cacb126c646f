/* maker.c: the lock of a pool's maker. */
#include "pool/maker.h"

#include "base/last_error.h"
#include "base/mutex.h"
#include "family/member.h"
#include "kin/memory.h"

#include <stdlib.h>

kin_status kin__pool_check(const kin_pool *pool)
{
    return kin__member_token(pool->family) == pool->maker
               ? KIN_OK
               : kin__refuse(KIN_E_NOT_OWNER, "the pool belongs to the process that created it");
}

kin_status kin__pool_enter(kin_pool *pool)
{
    kin_status status = pool ? kin__pool_check(pool) : kin__refuse(KIN_E_ARGUMENT, "pool is NULL");
    return status == KIN_OK ? kin__mutex_lock(&pool->mutex, KIN_OS_NEVER) : status;
}

void kin__hold_let_go(kin__kept_process *hold)
{
    if (--hold->holders == 0) {
        kin_process_close(hold->process);
        free(hold);
    }
}

/* Of workers that were killed, and have not ended in all the time that was left to them. */
static void leave_workers(kin_pool *pool)
{
    for (uint32_t i = 0; i < KIN_POOL_WORKERS_MAX; i++) {
        if (pool->workers[i].process) {
            kin__hold_let_go(pool->workers[i].hold);
        }
    }
}

void kin__pool_leave(kin_pool *pool)
{
    bool unused = pool->users == 0;
    if (unused) {
        leave_workers(pool);
    }
    kin__mutex_unlock(&pool->mutex);
    if (unused) {
        kin_free(pool->memory);
        free(pool);
    }
}
