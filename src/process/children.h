/* children.h: what this process knows of the ones it started, and of how it was started itself. */
#ifndef KIN_CHILDREN_H
#define KIN_CHILDREN_H

#include "kin/process.h"
#include "os.h"

typedef struct kin__child { /* part of a kin_process */
    struct kin__child *next;
    kin_process *process;
    const kin_os_process *os;
} kin__child;

void kin__children_add(kin__child *child, kin_process *process, const kin_os_process *os);
void kin__children_remove(kin__child *child); /* if it is listed */
void kin__children_after_fork(void);

/* In a child that kin started: by whom, and the entry's name, which is copied. Before it has other threads. */
void kin__origin_set(uint32_t parent, const char *entry);

#endif
