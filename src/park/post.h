/* post.h: posting another thread's native semaphore. Protocol: post.c. */
#ifndef KIN_POST_H
#define KIN_POST_H

#include "family/family.h"

/* Wakes the threads of those slots, if they sleep: each looks at its slot's state again. Never waits; a signal handler
 * may call it. Several at once cost less than one after the other (os.h). */
void kin__post_all(kin_family *family, const uint32_t *indexes, uint32_t count);

static inline void kin__post(kin_family *family, uint32_t index)
{
    kin__post_all(family, &index, 1);
}

#endif
