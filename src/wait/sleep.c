/* sleep.c: waiting for time to pass. */
#include "base/deadline.h"
#include "base/last_error.h"
#include "family/interrupt.h"
#include "family/thread_slot.h"
#include "kin/status.h"

static kin_status sleep_until(kin__interrupt *by, int64_t deadline)
{
    bool sleeps = kin__interrupt_sleeps(by, KIN__SLEEPS_BY_WORD, KIN_OS_NO_SEM);
    while (sleeps && kin_os_now() < deadline && !kin__interrupt_pending(by)) {
        kin_os_word_wait(&by->pending, 0, deadline);
    }
    kin__interrupt_awake(by);
    return kin__interrupt_pending(by) && kin_os_now() < deadline ? kin__interrupt_tell(by) : KIN_OK;
}

kin_status kin_sleep(int64_t time)
{
    if (time < 0) {
        return kin__refuse(KIN_E_ARGUMENT, "time is negative");
    }
    kin__interrupt *by = kin__interrupt_mine();
    if (by) {
        return kin__told(sleep_until(by, kin__deadline(time)));
    }
    kin_os_sleep_until(kin__deadline(time));
    return KIN_OK;
}
