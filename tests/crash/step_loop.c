/* step_loop.c: long loops, such as copies. See step_os.h. */
#include "step_os.h"

#define LOOP 64 /* an instruction that makes more steps than that is in a long loop */
#define KEPT 4  /* of these steps, at each end, and between */

bool step_is_in_loop(const uint64_t *writers, int64_t steps, int64_t step)
{
    int64_t rank = 0, all = 0; /* of the steps by the same instruction */
    if (step < 0 || step >= steps || steps > STEPS_NOTED || writers[step] == 0) {
        return false;
    }
    for (int64_t i = 0; i < steps; i++) {
        all += writers[i] == writers[step];
        rank += i < step && writers[i] == writers[step];
    }
    return all > LOOP && rank >= KEPT && rank < all - KEPT && rank % (all / KEPT) != 0;
}
