/* items.h: what is waited for, of kin's own objects: whether it is ready, and what its pools need meanwhile. */
#ifndef KIN_ITEMS_H
#define KIN_ITEMS_H

#include "kin/wait.h"
#include "park/look.h"

typedef struct kin__items {
    kin_wait_item *list;
    size_t count;
    size_t objects;     /* how many of kin's own were ready at the last look */
    kin_family *family; /* in which these lie, or NULL: there are none */
    kin__look how;
    bool pools; /* some are futures */
} kin__items;

static inline bool kin__item_is_native(const kin_wait_item *item)
{
    return item->type >= KIN_WAIT_PROCESS && item->type <= KIN_WAIT_ERRORS;
}

/* Whether the list[i] may be waited for. Errors: as kin_wait. */
kin_status kin__items_check(kin__items *it, size_t i);
/* Finds the calling thread's seat in the family. To be called before each look. */
kin_status kin__items_sit(kin__items *it);
/* Looks at each of kin's own objects. */
void kin__items_look(kin__items *it);
/* Looks after the pools whose futures are waited for, if no thread has since that time. Callbacks of the program are
 * called in here. */
void kin__items_tend(const kin__items *it, int64_t since);
/* Calls the callbacks of futures that are ready, if no thread has called them. */
void kin__items_tell(const kin__items *it);

#endif
