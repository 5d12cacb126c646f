/* qt_lock.c: Qt is there. */
#include "../peers.h"
#include "qt.h"

PEER_LOCK_LOOPS(qt, void, qt_acquire(lock), qt_release(lock))

const peer_lock peer_qt_lock = {.name = "QSystemSemaphore",
                                .create = qt_create,
                                .destroy = peer_nothing, /* goes with its last user */
                                .attach = qt_attach,
                                .detach = qt_detach,
                                .alone = qt_alone,
                                .contend = qt_contend};
