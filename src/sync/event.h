/* event.h: the event, for a wait for several objects. Public face: kin/event.h. */
#ifndef KIN_INTERNAL_EVENT_H
#define KIN_INTERNAL_EVENT_H

#include "park/look.h"

uint32_t kin__event_look(kin__look *how, void *event, uint32_t interest);

#endif
