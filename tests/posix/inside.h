/* inside.h: a child that is stopped between two instructions of what it does, while the test does something. x86-64.
 *
 * The child does one thing in each round, and stops itself before. In one round it is stepped, to learn which
 * instructions there are on its way. After that it can be let run to any of them.
 */
#ifndef KIN_TESTS_POSIX_INSIDE_H
#define KIN_TESTS_POSIX_INSIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "kin/kin.h"

typedef kin_status inside_deed(void);

/* Starts the child: in each round it prepares itself, stops, and goes on with the body. */
void inside_start(inside_deed *prepare, inside_deed *body);
void inside_end(void);

/* Begins a round; returns when the child has stopped itself. Then it goes one of these ways, or learns its way. */
void inside_begin(void);
void inside_go_on(void);
/* To that instruction, if it comes there soon; false: it takes another way, or is slow, and runs. */
bool inside_run_to(uint64_t place);
/* Waits until the round is over, for some seconds, and returns whether it is; *status: what the child's deeds
 * returned. */
bool inside_await(kin_status *status);
bool inside_is_done(void);

/* Steps the child until its body is over, or is about to sleep until it is woken; then it stands still. Returns the
 * addresses of the program's instructions on the way, each once. */
size_t inside_learn(const uint64_t **way);
/* The number of the round, from 1. */
int64_t inside_round(void);
/* Of that instruction, for addr2line. */
unsigned long inside_offset(uint64_t place);

#endif
