/* exit.h: how a process ended. */
#ifndef KIN_INTERNAL_EXIT_H
#define KIN_INTERNAL_EXIT_H

#include "kin/process.h"
#include "os.h"

/* entry: the process was to run an entry, which says when it has returned. */
kin_exit kin__exit_of(const kin_os_exit *how, bool entry);

#endif
