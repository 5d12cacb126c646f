/* out.h: giving the caller a pointer whose type is known only there. */
#ifndef KIN_OUT_H
#define KIN_OUT_H

#include <string.h>

/* Stores the pointer in *out, a variable of the type "pointer to an object". A store through a void ** would be one by
 * another type than the variable's (C11 6.5p7): optimisation at link time may then move the caller's load before it. */
static inline void kin__out(void *out, void *object)
{
    memcpy(out, &object, sizeof object);
}

#endif
