/* clock.c: the clock of timeouts. */
#include "kin/status.h"

#include "base/deadline.h"
#include "base/last_error.h"
#include "os.h"

int64_t kin_now(void)
{
    return kin_os_now();
}

kin_status kin_sleep(int64_t time)
{
    if (time < 0) {
        return kin__refuse(KIN_E_ARGUMENT, "time is negative");
    }
    kin_os_sleep_until(kin__deadline(time));
    return KIN_OK;
}
