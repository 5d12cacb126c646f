/* status.h: what is left of a call for kin_last_os_error. Public face: kin/status.h. */
#ifndef KIN_INTERNAL_STATUS_H
#define KIN_INTERNAL_STATUS_H

#include "kin/status.h"

/* For a public function that tries several ways: its status, with the system's code put back to what it was before the
 * call (kin_os_error), unless the call failed. */
kin_status kin__with_error_of_before(kin_status status, int before);

#endif
