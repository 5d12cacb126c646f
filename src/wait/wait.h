/* wait.h: what each kind of object tells to one who waits for several. Public face: kin/wait.h. */
#ifndef KIN_INTERNAL_WAIT_H
#define KIN_INTERNAL_WAIT_H

#include "family/family.h"
#include "kin/process.h"
#include "kin/wait.h"

/* One look at an object. */
typedef struct kin__look {
    kin__seat *seat;
    bool arm;         /* set the flag that makes its releasers unpark: somebody is about to sleep */
    bool ask;         /* whether owners live */
    bool owned;       /* written: it is in the hands of somebody who might die */
    uint64_t buckets; /* written: those of the words that are unparked when it becomes ready (park.h) */
} kin__look;

/* Which of interest the object is ready for now. Arming comes before looking, both sequentially consistent. */
uint32_t kin__lock_look(kin__look *how, void *lock, uint32_t interest);
uint32_t kin__sem_look(kin__look *how, void *sem, uint32_t interest);
uint32_t kin__event_look(kin__look *how, void *event, uint32_t interest);
uint32_t kin__queue_look(kin__look *how, void *queue, uint32_t interest);

/* What to watch for its end; KIN_OS_NO_HANDLE: nothing, ask kin_process_alive. */
kin_os_handle kin__process_handle(kin_process *process);

#endif
