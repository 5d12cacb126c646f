/* textbook.h: a ring as textbooks have it: a mutex and two semaphores between processes, slots of one size. A kill
 * tears it. posix/textbook.c, win32/textbook.c. Functions return 0 for done and another number for not done. */
#ifndef TEXTBOOK_H
#define TEXTBOOK_H

#include <stddef.h>

/* name NULL: on this system the mutex and the semaphores would need handles. */
typedef struct peer_textbook {
    const char *name;
    size_t (*size)(size_t slots, size_t message); /* bytes of shared memory for one, aligned to 64 */
    int (*create)(void *memory, size_t slots, size_t message);
    void (*destroy)(void *memory);
    int (*put)(void *memory, const void *data);
    int (*get)(void *memory, void *buffer);
    void (*end)(void *memory, int users); /* from now on put and get fail; so many may be waiting */
} peer_textbook;

extern const peer_textbook peer_textbook_ring;

#endif
