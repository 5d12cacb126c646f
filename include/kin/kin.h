/* kin.h: all of kin. Each header is its own manual page; start with family.h. */
#ifndef KIN_KIN_H
#define KIN_KIN_H

#include "barrier.h"
#include "blob.h"
#include "cond.h"
#include "counter.h"
#include "dict.h"
#include "event.h"
#include "family.h"
#include "inspect.h"
#include "items.h"
#include "list.h"
#include "lock.h"
#include "memory.h"
#include "pipe.h"
#include "pool.h"
#include "process.h"
#include "queue.h"
#include "ref.h"
#include "run.h"
#include "rwlock.h"
#include "sem.h"
#include "status.h"
#include "value.h"
#include "wait.h"

#define KIN_VERSION_MAJOR 0
#define KIN_VERSION_MINOR 1
#define KIN_VERSION_PATCH 0

#endif
