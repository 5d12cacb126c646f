/* own-children.c: a program that starts its children itself, and gives them kin's objects nevertheless.
 *
 * What to look for: kin_process_start is not used. This program has its own way to start programs, as a browser, a
 * service or a GUI toolkit has (start.h; here posix_spawn and CreateProcess). kin_blob_pack writes the family and the
 * arguments into a few hundred bytes, the blob. kin_blob_handles says which handles the child has to inherit. The blob
 * may travel in any way; here it is an argument of the command line, in hexadecimal digits. The child adopts it, and
 * then has the lock and the memory as any other child.
 */
#include <kin/kin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "start.h"

#define CHILDREN 3
#define ROUNDS 1000
#define HANDLES 8

typedef struct shared {
    kin_lock lock;
    long total; /* under the lock */
} shared;

static void must(kin_status status)
{
    if (status < 0) {
        exit(fprintf(stderr, "%s\n", kin_last_error()));
    }
}

static void to_text(char *text, const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    }
}

/* Returns the number of bytes. */
static size_t from_text(unsigned char *bytes, size_t room, const char *text)
{
    size_t size = 0;
    unsigned byte;
    while (size < room && sscanf(text + 2 * size, "%2x", &byte) == 1) {
        bytes[size++] = (unsigned char)byte;
    }
    return size;
}

static int child(const char *text)
{
    unsigned char blob[KIN_BLOB_MAX];
    kin_args *args;
    shared *it;
    must(kin_blob_adopt(&args, blob, from_text(blob, sizeof blob, text))); /* now this process is a member */
    must(kin_args_get_object((void **)&it, args, "shared", KIN_TYPE_MEMORY));
    for (int i = 0; i < ROUNDS; i++) {
        must(kin_lock_acquire(&it->lock, KIN_FOREVER));
        it->total++;
        must(kin_lock_release(&it->lock));
    }
    kin_args_destroy(args);
    return 0;
}

static started *start_with(const char *program, const kin_args *args)
{
    unsigned char blob[KIN_BLOB_MAX];
    char text[2 * KIN_BLOB_MAX + 1];
    kin_handle handles[HANDLES];
    size_t size = sizeof blob, count = HANDLES;
    must(kin_blob_pack(blob, &size, args, KIN_BLOB_NO_TARGET)); /* one blob for each child: it is adopted once */
    must(kin_blob_handles(blob, size, handles, &count));
    to_text(text, blob, size);
    started *it = start_program(program, text, handles, count);
    if (!it) {
        exit(fprintf(stderr, "cannot start %s\n", program));
    }
    return it;
}

int main(int argc, char **argv)
{
    shared *it;
    kin_args *args;
    started *children[CHILDREN];
    int failed = 0;
    if (argc == 2) {
        return child(argv[1]);
    }
    must(KIN_ALLOC(&it, NULL, 1));
    must(kin_lock_init(&it->lock, 0));
    must(kin_args_create(&args, NULL));
    must(kin_args_add_object(args, "shared", KIN_TYPE_MEMORY, it));
    for (int i = 0; i < CHILDREN; i++) {
        children[i] = start_with(argv[0], args);
    }
    kin_args_destroy(args);
    for (int i = 0; i < CHILDREN; i++) {
        failed += end_of_program(children[i]) != 0;
    }
    printf("%ld\n", it->total); /* 3000 */
    return failed > 0 || it->total != (long)CHILDREN * ROUNDS;
}
