/* handles.h: closing several handles. */
#ifndef KIN_HANDLES_H
#define KIN_HANDLES_H

#include "os.h"

static inline void kin__handles_close(const kin_os_handle *handles, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        kin_os_handle_close(handles[i]);
    }
}

#endif
