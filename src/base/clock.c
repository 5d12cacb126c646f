/* clock.c: the clock of timeouts. */
#include "kin/status.h"

#include "os.h"

int64_t kin_now(void)
{
    return kin_os_now();
}
