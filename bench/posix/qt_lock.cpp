// qt_lock.cpp: Qt's QSystemSemaphore as a lock. See ../peers.h and qt.h.
#include <QtCore/QSystemSemaphore>

extern "C" {
#include "qt.h"
}

extern "C" int qt_create(void *memory)
{
    const char *name = static_cast<const char *>(memory);
    QSystemSemaphore semaphore(QString::fromLatin1(name), 1, QSystemSemaphore::Create);
    return semaphore.error() != QSystemSemaphore::NoError;
}

extern "C" void *qt_attach(void *memory)
{
    const char *name = static_cast<const char *>(memory);
    auto *semaphore = new QSystemSemaphore(QString::fromLatin1(name), 1, QSystemSemaphore::Open);
    return semaphore->error() == QSystemSemaphore::NoError ? semaphore : nullptr;
}

extern "C" void qt_detach(void *attached)
{
    delete static_cast<QSystemSemaphore *>(attached);
}

extern "C" int qt_acquire(void *attached)
{
    return static_cast<QSystemSemaphore *>(attached)->acquire() ? 0 : -1;
}

extern "C" int qt_release(void *attached)
{
    return static_cast<QSystemSemaphore *>(attached)->release() ? 0 : -1;
}
