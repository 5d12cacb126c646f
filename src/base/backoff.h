/* backoff.h: how often to try what does not always pay, as spinning does: after each failure in a row half as often,
 * after a success every time. */
#ifndef KIN_BACKOFF_H
#define KIN_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

typedef struct kin__backoff { /* zero: try */
    uint32_t doubt;           /* failures in a row, at most as many as the caller says */
    uint32_t skip;            /* so many times to go before the next trial */
} kin__backoff;

/* Whether to try this time; counts. */
static inline bool kin__backoff_due(kin__backoff *it)
{
    if (it->skip == 0) {
        return true;
    }
    it->skip--;
    return false;
}

/* Skips unit * 2^doubt - 1 times from now on. */
static inline void kin__backoff_failed(kin__backoff *it, uint32_t failures, uint32_t doubt_max, uint32_t unit)
{
    it->doubt = it->doubt + failures < doubt_max ? it->doubt + failures : doubt_max;
    it->skip = (unit << it->doubt) - 1;
}

static inline void kin__backoff_succeeded(kin__backoff *it)
{
    *it = (kin__backoff){0, 0};
}

#endif
