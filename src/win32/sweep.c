/* sweep.c: nothing. A name is gone with the last handle of what it names. */
#include "os.h"

void kin_os_pulse_retire(const kin_os_pulse *pulse, const kin_os_id *family)
{
    (void)pulse;
    (void)family;
}

uint32_t kin_os_sweep(void)
{
    return 0;
}
