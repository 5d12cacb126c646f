/* nspr_lock.c: NSPR's semaphore between processes as a lock. See ../peers.h. */
#include "../peers.h"

#include <nspr.h>
#include <pripcsem.h>

static int create(void *memory)
{
    peer_make_name(memory, "/tmp/");
    PRSem *it = PR_OpenSemaphore(memory, PR_SEM_CREATE | PR_SEM_EXCL, 0600, 1);
    return it == NULL || PR_CloseSemaphore(it) != PR_SUCCESS;
}

static void destroy(void *memory)
{
    PR_DeleteSemaphore(memory);
}

static void *attach(void *memory)
{
    return PR_OpenSemaphore(memory, 0, 0, 0);
}

static void detach(void *attached)
{
    PR_CloseSemaphore(attached);
}

PEER_LOCK_LOOPS(nspr, PRSem, PR_WaitSemaphore(lock), PR_PostSemaphore(lock))

const peer_lock peer_nspr_lock = {.name = "NSPR semaphore",
                                  .create = create,
                                  .destroy = destroy,
                                  .attach = attach,
                                  .detach = detach,
                                  .alone = nspr_alone,
                                  .contend = nspr_contend};
