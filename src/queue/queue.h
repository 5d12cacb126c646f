/* queue.h: the queue, for a wait for several objects. Public face: kin/queue.h. */
#ifndef KIN_INTERNAL_QUEUE_H
#define KIN_INTERNAL_QUEUE_H

#include "park/look.h"

uint32_t kin__queue_look(kin__look *how, void *queue, uint32_t interest);

#endif
