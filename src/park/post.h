/* post.h: posting another thread's native semaphore. Protocol: post.c. */
#ifndef KIN_POST_H
#define KIN_POST_H

#include "family/family.h"

/* Wakes the thread of that slot, if it sleeps: it looks at its slot's state again. Never waits; a signal handler may
 * call it. */
void kin__post(kin_family *family, uint32_t index);

#endif
