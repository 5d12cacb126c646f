/* sem.h: the semaphore, for a wait for several objects. Public face: kin/sem.h. */
#ifndef KIN_INTERNAL_SEM_H
#define KIN_INTERNAL_SEM_H

#include "park/look.h"

uint32_t kin__sem_look(kin__look *how, void *sem, uint32_t interest);

#endif
