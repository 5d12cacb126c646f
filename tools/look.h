/* look.h: the families of this user as they are at one moment: of all, or of what is asked for; sorted. */
#ifndef LOOK_H
#define LOOK_H

#include <stdbool.h>
#include <stddef.h>

#include "kin/kin.h"
#include "system.h"

typedef struct look_member {
    kin_member_info info;
    char command[SYSTEM_COMMAND_MAX]; /* "": not known */
    int64_t started;                  /* as system_time, or -1 */
} look_member;

typedef struct look_object {
    kin_object_info info;        /* without its name */
    char name[KIN_NAME_MAX + 1]; /* "" if it has none */
    int64_t held;                /* milliseconds that the lock has had its holder, as far as known; -1: not known */
} look_object;

typedef struct look_family {
    kin_family_view view;
    look_member *members;
    look_object *objects;
    kin_waiter_info *waiters;
    size_t member_count, object_count, waiter_count;
} look_family;

/* LOOK_SORTS: their names, in this order. */
typedef enum look_sort {
    LOOK_UNSORTED,
    LOOK_NAME,    /* of families and objects; of processes the command */
    LOOK_PID,     /* of processes, holders and waiters */
    LOOK_STARTED, /* the latest first */
    LOOK_TYPE,
    LOOK_HELD,    /* the longest first */
    LOOK_WAITERS, /* the most first */
    LOOK_MEMORY,  /* families: the most first */
} look_sort;
#define LOOK_SORTS "none name pid started type held waiters memory"
#define LOOK_SORT_COUNT 8

typedef struct look_filter {
    const char *family; /* its name, or how its id begins; NULL: all */
    uint32_t pid;       /* of a member: what it holds and waits for; 0: all */
    uint32_t type;      /* of objects and of what is waited for; 0: all */
    look_sort sort;
} look_filter;

/* What is remembered from one look to the next: since when a lock has been seen with its holder. */
typedef struct look_history look_history;

typedef struct look {
    const look_filter *filter;
    look_history *history;
    look_family *families; /* with a filter: those in which something is left */
    size_t count;
} look;

/* A failure ends the process. interval: milliseconds since the last look with that history. Freed by look_free. */
void look_take(look *out, const look_filter *filter, look_history *history, unsigned interval);
void look_free(look *it);
look_history *look_history_create(void);

/* The object of the family at that offset, or NULL. */
const look_object *look_object_at(const look_family *it, uint64_t offset);
/* LOOK_TYPES: the names of the types that an object may have. look_type_at: the type of the n-th name; 0: there are
 * fewer. */
#define LOOK_TYPES "memory lock semaphore counter value array event condition barrier rwlock queue dict list"
uint32_t look_type_at(size_t n);
const char *look_type_name(uint32_t type);
/* Whether look_object's value says something. */
bool look_has_value(uint32_t type);

/* A family's id in hexadecimal digits, in text. */
#define FAMILY_ID_TEXT 33
const char *look_id_text(const uint8_t id[16], char text[FAMILY_ID_TEXT]);

#endif
