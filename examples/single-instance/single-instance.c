/* single-instance.c: a program that runs once. The first start stays and serves; each further one hands its words over
 * to it, waits until they are served, and ends.
 *
 *     single-instance NAME WORD...
 *     single-instance NAME quit     the first one serves what has come before, and ends
 *     single-instance NAME busy     it works on this for a minute; kill it meanwhile, while others wait
 *
 * What to look for: a lock in the family of that name decides which instance is the first. The first instance holds it
 * until it ends. An instance that waits for an answer waits for the lock, too: if the first one is killed, one of the
 * waiting ones acquires the lock, becomes the first, and serves its own words. Words are lost only with their sender.
 * They are served twice if the first instance is killed between serving and answering.
 */
#include <kin/kin.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS 1000 /* bytes of all words */

typedef struct shared {
    kin_lock first;     /* held by the process that serves */
    kin_lock answering; /* held while an answer is set: then its event is not destroyed */
    kin_ref requests;   /* the queue */
} shared;

typedef struct request {
    kin_ref answer; /* an event of the sender's; stale: nobody waits any more */
    char words[WORDS];
} request;

static void must(kin_status status)
{
    if (status < 0) {
        exit(fprintf(stderr, "%s\n", kin_last_error()));
    }
}

static void acquire(kin_lock *lock)
{
    kin_status status = kin_lock_acquire(lock, KIN_FOREVER);
    must(status == KIN_OWNER_DIED ? kin_lock_repair(lock) : status); /* it guards nothing that could be half done */
}

/* Finds what the processes of the family share, or makes it. Of several that make it at once one gives it the name. */
static shared *meet(kin_family *family)
{
    shared *it, *theirs;
    kin_queue *requests;
    kin_status status = kin_name_get((void **)&theirs, family, "shared", KIN_TYPE_MEMORY);
    if (status == KIN_E_NOT_FOUND) {
        must(KIN_ALLOC(&it, family, 1));
        must(kin_lock_init(&it->first, 0));
        must(kin_lock_init(&it->answering, 0));
        must(kin_queue_create(&requests, family, NULL));
        must(kin_ref_of(&it->requests, KIN_TYPE_QUEUE, requests));
        status = kin_name_set("shared", KIN_TYPE_MEMORY, it);
        if (status == KIN_OK) {
            return it;
        }
        must(kin_queue_destroy(requests));
        must(kin_lock_fini(&it->answering));
        must(kin_lock_fini(&it->first));
        must(kin_free(it));
        must(status == KIN_E_EXISTS ? KIN_OK : status);
        status = kin_name_get((void **)&theirs, family, "shared", KIN_TYPE_MEMORY);
    }
    must(status);
    return theirs;
}

/* Returns 0 if it was the last request. */
static int serve(const char *words, kin_family *family)
{
    printf("> %s\n", words);
    fflush(stdout);
    if (strcmp(words, "busy") == 0) {
        kin_event *never;
        must(kin_event_create(&never, family));
        (void)kin_event_wait(never, KIN_SECONDS(60));
        must(kin_event_destroy(never));
    }
    return strcmp(words, "quit") != 0;
}

/* With the lock. */
static void be_first(shared *with, kin_family *family, kin_queue *requests, const char *words)
{
    printf("first: serving\n");
    for (int more = serve(words, family); more;) {
        request next;
        kin_event *answer;
        size_t size;
        must(kin_queue_get(requests, &next, sizeof next, &size, KIN_FOREVER));
        if (size != sizeof next || kin_ref_get_event(&answer, next.answer) < 0) {
            continue; /* its sender has become the first one meanwhile, and has served it itself */
        }
        next.words[WORDS - 1] = '\0';
        more = serve(next.words, family);
        acquire(&with->answering);
        must(kin_event_set(answer));
        must(kin_lock_release(&with->answering));
    }
    must(kin_lock_release(&with->first));
}

/* Returns whether this process holds the lock `first` now. Otherwise somebody else has served the words. */
static int hand_over(shared *with, kin_family *family, kin_queue *requests, const char *words)
{
    request mine = {.words = ""};
    kin_event *answer;
    int answered = 0;
    kin_status status = KIN_E_TIMED_OUT;
    snprintf(mine.words, sizeof mine.words, "%s", words);
    must(kin_event_create(&answer, family));
    must(kin_ref_of(&mine.answer, KIN_TYPE_EVENT, answer));
    must(kin_queue_put(requests, &mine, sizeof mine, KIN_FOREVER));
    printf("handing over\n");
    fflush(stdout);
    while (!answered && status == KIN_E_TIMED_OUT) {
        kin_wait_item items[] = {{KIN_TYPE_EVENT, KIN_WAIT_READABLE, answer, 0, 0},
                                 {KIN_TYPE_LOCK, KIN_WAIT_READABLE, &with->first, 0, 0}};
        must(kin_wait(items, 2, 0, KIN_FOREVER, NULL));
        must(kin_event_is_set(answer, &answered));
        if (!answered) {
            status = kin_lock_acquire(&with->first, KIN_NOW); /* KIN_E_TIMED_OUT: somebody else is the first one now */
        }
    }
    must(answered || status == KIN_E_TIMED_OUT ? KIN_OK : status);
    if (status == KIN_OWNER_DIED) {
        must(kin_lock_repair(&with->first));
    }
    acquire(&with->answering);
    must(kin_event_destroy(answer));
    must(kin_lock_release(&with->answering));
    return !answered;
}

int main(int argc, char **argv)
{
    char words[WORDS] = "";
    kin_family *family;
    kin_queue *requests;
    if (argc < 3) {
        return fprintf(stderr, "usage: single-instance NAME WORD...\n"), 2;
    }
    for (int i = 2; i < argc; i++) {
        size_t used = strlen(words);
        snprintf(words + used, sizeof words - used, "%s%s", used > 0 ? " " : "", argv[i]);
    }
    must(kin_family_open(&family, argv[1], 0, NULL));
    shared *with = meet(family);
    must(kin_ref_get_queue(&requests, with->requests));
    kin_status status = kin_lock_acquire(&with->first, KIN_NOW);
    if (status == KIN_OWNER_DIED) {
        must(kin_lock_repair(&with->first));
    }
    if (status >= 0 || (status == KIN_E_TIMED_OUT && hand_over(with, family, requests, words))) {
        be_first(with, family, requests, words);
    } else {
        must(status == KIN_E_TIMED_OUT ? KIN_OK : status);
        printf("served\n");
    }
    kin_family_close(family);
    return 0;
}
