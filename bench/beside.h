/* beside.h: the semaphores that handover.c compares, for another file. */
#ifndef BESIDE_H
#define BESIDE_H

#include "peers.h"

/* 0 is kin's; then the system's. None of them spins. NULL: there are no more. */
const peer_sems *sems_to_compare(int contender);

#endif
