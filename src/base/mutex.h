/* turn.h: a lock between the threads of one process, which can be waited for with a deadline. All zero: free. A forked child
 * sets those it goes on to use to zero. */
#ifndef KIN_TURN_H
#define KIN_TURN_H

#include "os.h"

typedef _Atomic uint32_t kin__turn;

/* KIN_E_TIMED_OUT. */
kin_status kin__turn_take(kin__turn *turn, int64_t deadline);
bool kin__turn_try(kin__turn *turn);
void kin__turn_give(kin__turn *turn);

#endif
