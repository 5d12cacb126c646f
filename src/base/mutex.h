/* mutex.h: mutual exclusion between the threads of one process, with a deadline. All zero: free. The owner cannot be
 * cancelled. A forked child sets the
 * mutexes that it goes on to use to zero: their owners may be threads that it does not have. */
#ifndef KIN_MUTEX_H
#define KIN_MUTEX_H

#include "os.h"

typedef _Atomic uint32_t kin__mutex;

/* KIN_E_TIMED_OUT. */
kin_status kin__mutex_lock(kin__mutex *mutex, int64_t deadline);
bool kin__mutex_try_lock(kin__mutex *mutex);
void kin__mutex_unlock(kin__mutex *mutex);

#endif
