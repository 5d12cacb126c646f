/* maker.c: the lock of a pool's maker. */
#include "pool/maker.h"

#include "base/mutex.h"
#include "family/member.h"
#include "kin/memory.h"

#include <stdlib.h>

kin_status kin__pool_check(const kin_pool *pool)
{
    return kin__member_token(pool->family) == pool->maker ? KIN_OK : KIN_E_NOT_OWNER;
}

kin_status kin__pool_enter(kin_pool *pool)
{
    kin_status status = pool ? kin__pool_check(pool) : KIN_E_ARGUMENT;
    return status == KIN_OK ? kin__mutex_lock(&pool->mutex, KIN_OS_NEVER) : status;
}

void kin__pool_leave(kin_pool *pool)
{
    bool unused = pool->users == 0;
    kin__mutex_unlock(&pool->mutex);
    if (unused) {
        kin_free(pool->memory);
        free(pool);
    }
}
