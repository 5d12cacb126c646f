/* qt.h: qt_lock.cpp for C. */
#ifndef QT_H
#define QT_H

/* memory: a name. */
int qt_create(void *memory);
void *qt_attach(void *memory);
void qt_detach(void *attached);
int qt_acquire(void *attached);
int qt_release(void *attached);

#endif
