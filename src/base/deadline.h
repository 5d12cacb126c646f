/* deadline.h: timeouts become deadlines, once, where the caller comes in. */
#ifndef KIN_DEADLINE_H
#define KIN_DEADLINE_H

#include "os.h"

/* now + timeout, without overflow. */
static inline int64_t kin__deadline(int64_t timeout)
{
    if (timeout == KIN_FOREVER) {
        return KIN_OS_NEVER;
    }
    int64_t now = kin_os_now();
    return timeout > KIN_OS_NEVER - now ? KIN_OS_NEVER : now + timeout;
}

/* The end of one slice of waiting, at most the deadline. */
static inline int64_t kin__slice_end(int64_t now, int64_t slice, int64_t deadline)
{
    return deadline - now < slice ? deadline : now + slice;
}

#endif
