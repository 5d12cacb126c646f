/* qt_lock.c: Qt's QSystemSemaphore as a peer. See ../peers.h. */
#include "../peers.h"
#include "qt.h"

static int create(void *memory)
{
    peer_make_name(memory, "");
    return qt_create(memory);
}

PEER_LOCK_LOOPS(qt, void, qt_acquire(lock), qt_release(lock))

const peer_lock peer_qt_lock = {.name = "QSystemSemaphore",
                                .create = create,
                                .destroy = peer_nothing, /* goes with its last user */
                                .attach = qt_attach,
                                .detach = qt_detach,
                                .alone = qt_alone,
                                .contend = qt_contend};
