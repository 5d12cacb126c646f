/* ring.pml: a model of ring.c, transfer.c and large.c, for spin, with a thread that is killed at any step. model/check
 * runs it.
 *
 * Names and steps are those of the code. Each statement or atomic {} touches the shared memory once; changes of ghosts
 * come along. Memory is sequentially consistent.
 *
 * Left out: the locks' inside (lock.pml has it: here a lock is acquired when it is free or its owner is dead), waiting
 * (waiting.pml has it: here a call begins when there is something for it), padding (each record takes one unit, so a
 * mark's count is its position), positions that wrap, damage, the heap's inside (heap.pml has it).
 *
 * PRODUCERS threads put MESSAGES messages each, CONSUMERS threads get one each, up to TWICE two. Thread MORTAL may be
 * killed anywhere (0: nobody is). Its messages, gets: each of the kinds that are chosen:
 *     SMALL    a message in the ring
 *     LARGE    a message in a block of the heap
 *     RESERVE  a message that is reserved, written in place, and committed or discarded
 *     PEEK     a get that peeks and consumes; without it a get copies
 * When all have ended, or wait, the auditor puts one more message, gets what is there, and counts.
 *
 * Properties: each message that is got is whole, and they are got in their order, each once (WHOLE). A block is not
 * freed while its message can be read (LIVE). At the end each message has been got, or discarded, or counted as lost
 * (COUNTED), and each block is free (FREED).
 */
#define WHOLE(m, at) assert((m) == expected[at])
#define LIVE(word) assert((word) == 0 || live[word])
#define COUNTED(tail) assert(got + discarded + held == (tail) && lost_puts + lost_gets == unpublished + held)
#define FREED(word) assert(!live[word])

#define UNITS 2
#define ALL (PRODUCERS * MESSAGES + 1)
#define AUDITOR (PRODUCERS + CONSUMERS + 1)

mtype = { READY, RESERVED, TAKEN, DONE, HOLE };
mtype state[UNITS];
byte holder[UNITS], content[UNITS], block[UNITS]; /* of the records. content of a large one: the block's */
byte head, next, tail;
byte putting, getting; /* getting: the position behind the message that is being got; 0: none */
byte large, large_gone;
byte put_lock, get_lock;
byte lost_puts, lost_gets;
bool live[ALL + 1]; /* blocks by word; a word is not used again */

bool dead[AUDITOR + 1];

/* ---- ghosts ---- */

byte expected[ALL + 1];                    /* the message at each position that tail has covered */
byte words;                                /* given out */
byte got, discarded;
byte unpublished, held;                    /* messages that the dead thread had claimed, but not put; that it held */
byte made;                                 /* messages begun, by which they are told apart */
bool auditing, audited;
bool holds[AUDITOR + 1]; /* a message that nobody else may have: it has reserved it, or moved next behind it */
bool claimed[AUDITOR + 1];                 /* the thread has claimed a record that tail does not cover */

#define AT(position) ((position) % UNITS)

/* Whether a call would find something: kin__queue_worthwhile, or the death of the thread that obstructs it. */
#define readable() (next != tail && (state[AT(next)] != RESERVED || dead[holder[AT(next)]]))
#define reclaimable() (head != next && (state[AT(head)] != TAKEN || dead[holder[AT(head)]]) || \
    next != tail && (state[AT(next)] == HOLE || state[AT(next)] == RESERVED && dead[holder[AT(next)]]))

/* ---- large.c ---- */

inline give(word) { live[word] = false }

inline undo() {
    if
    ::  large != 0 -> large_gone = large; large = 0; give(large_gone); large_gone = 0
    ::  else
    fi
}

inline ready() { if :: large_gone != 0 -> give(large_gone); large_gone = 0 :: else fi }

/* ---- producers ---- */

inline mend_put() {
    if
#ifdef BREAK_MEND_ALWAYS
    ::  large != 0 || tail != putting -> undo(); atomic { lost_puts = lost_puts + putting - tail; putting = tail }
#else
    ::  tail != putting -> undo(); atomic { lost_puts = lost_puts + putting - tail; putting = tail }
#endif
    ::  else
    fi;
    large = 0
}

inline enter_put() {
    if
    ::  atomic { put_lock == 0 -> put_lock = self }
    ::  atomic { put_lock != 0 && dead[put_lock] -> put_lock = self }; mend_put()
    fi
}

inline publish() {
    atomic {
        expected[tail] = content[AT(tail)]; /* a reserved message: what will be there */
        if :: state[AT(tail)] == RESERVED -> expected[tail] = m :: else fi;
        claimed[self] = false; tail++
    }
}

inline claim() { /* the bytes of the last message are still there */
    atomic { state[AT(tail)] = RESERVED; holder[AT(tail)] = self; content[AT(tail)] = 0; block[AT(tail)] = 0 };
#ifndef BREAK_PUTTING
    atomic { putting = tail + 1; claimed[self] = true }
#endif
}

inline put_small() {
#ifdef BREAK_PUBLISH
    atomic { expected[tail] = m; tail++ };
    atomic { state[AT(tail - 1)] = RESERVED; holder[AT(tail - 1)] = self };
    atomic { content[AT(tail - 1)] = m; block[AT(tail - 1)] = 0; state[AT(tail - 1)] = READY }
#else
    claim();
    atomic { content[AT(tail)] = m; state[AT(tail)] = READY };
    publish()
#endif
}

inline put_large() {
    ready();
    claim();
#ifdef BREAK_NOTE
    atomic { words++; word = words; live[word] = true };
    large = word;
#else
    atomic { words++; word = words; large = word };
    live[word] = true; /* the heap writes the note first */
#endif
    block[AT(tail)] = word;
    atomic { content[AT(tail)] = m; state[AT(tail)] = READY };
#ifdef BREAK_SETTLE
    large = 0;
    publish();
#else
    publish();
    large = 0;
#endif
    word = 0
}

inline reserve() {
    claim();
    atomic { at = tail; holds[self] = true; publish() }
}

inline commit() {
    content[AT(at)] = m;
    atomic {
        if
        ::  state[AT(at)] == RESERVED && holder[AT(at)] == self ->
            state[AT(at)] = READY; holds[self] = false
        ::  else -> assert(false) /* a living producer keeps its record */
        fi
    }
}

inline discard() {
    atomic {
        if
        ::  state[AT(at)] == RESERVED && holder[AT(at)] == self ->
            state[AT(at)] = HOLE; discarded++; holds[self] = false
        ::  else -> assert(false)
        fi
    }
}

inline put() {
    do
    ::  true ->
end:    (tail - head < UNITS || reclaimable()) && (!auditing || self == AUDITOR);
        if
        ::  tail - head < UNITS ->
            enter_put();
            if
            ::  tail - head < UNITS -> break
            ::  else -> put_lock = 0
            fi
        ::  else -> make_room()
        fi
    od;
    atomic { made++; m = made };
    if
#ifdef SMALL
    ::  put_small(); put_lock = 0
#endif
#ifdef LARGE
    ::  put_large(); put_lock = 0
#endif
#ifdef RESERVE
    ::  reserve(); put_lock = 0; if :: commit() :: discard() fi
#endif
    fi;
    atomic { m = 0; at = 0 }
}

/* ---- consumers ---- */

inline reclaim() { /* with ask */
    it = head;
    do
    ::  it != next ->
        if
#ifndef BREAK_TAKEN
        ::  state[AT(it)] == TAKEN && !dead[holder[AT(it)]] -> break
#endif
        ::  atomic { state[AT(it)] == TAKEN && dead[holder[AT(it)]] -> state[AT(it)] = DONE; lost_gets++ }
#ifdef BREAK_TAKEN
        ::  state[AT(it)] != TAKEN || !dead[holder[AT(it)]]
#else
        ::  state[AT(it)] != TAKEN
#endif
        fi;
#ifdef BREAK_HEAD
        head = it + 1;
        give(block[AT(it)]);
#else
        give(block[AT(it)]);
#endif
        it++
    ::  else -> break
    od;
    atomic { head = it; it = 0 }
}

inline mend_get() {
    atomic {
        if
        ::  getting != 0 && next >= getting -> lost_gets++
        ::  else
        fi;
        getting = 0
    };
    reclaim()
}

inline enter_get() {
    if
    ::  atomic { get_lock == 0 -> get_lock = self }
    ::  atomic { get_lock != 0 && dead[get_lock] -> get_lock = self }; mend_get()
    fi
}

inline pass() { /* of a READY record, or a TAKEN or HOLE one */
#ifdef BREAK_GETTING
    atomic { holds[self] = state[AT(next)] != HOLE; next++ }
    if :: state[AT(next - 1)] == READY -> getting = next :: else fi;
#else
    if :: state[AT(next)] == READY -> getting = next + 1 :: else fi;
    atomic { holds[self] = state[AT(next)] != HOLE; next++ }
#endif
    reclaim()
}

inline take() {
    atomic { WHOLE(content[AT(next)], next); LIVE(block[AT(next)]) };
#ifdef PEEK
    atomic { at = next; state[AT(at)] = TAKEN; holder[AT(at)] = self; peeked = true };
#endif
    pass()
}

inline first() { /* found: it is READY */
    do
    ::  next == tail -> break
    ::  next != tail && state[AT(next)] == READY -> found = true; break
    ::  next != tail && state[AT(next)] == TAKEN ->
#ifdef BREAK_BEHIND
        next++
#else
        state[AT(next)] = READY; found = true; break
#endif
    ::  next != tail && state[AT(next)] == RESERVED ->
        if
#ifdef BREAK_ASK
        ::  true ->
#else
        ::  dead[holder[AT(next)]] ->
#endif
            atomic {
#ifdef BREAK_HOLE
                if :: state[AT(next)] == RESERVED -> state[AT(next)] = READY; lost_puts++ :: else fi
#else
                if :: state[AT(next)] == RESERVED -> state[AT(next)] = HOLE; lost_puts++ :: else fi
#endif
            }
#ifndef BREAK_ASK
        ::  else -> break
#endif
        fi
    ::  next != tail && state[AT(next)] == HOLE -> pass()
    ::  next != tail && (state[AT(next)] == DONE || state[AT(next)] == 0) -> assert(false)
    od
}

inline make_room() {
    enter_get();
    first();
    atomic { found = false; };
    reclaim();
    get_lock = 0
}

inline consume() {
    atomic { WHOLE(content[AT(at)], at); LIVE(block[AT(at)]) };
    atomic {
        if
        ::  state[AT(at)] == TAKEN && holder[AT(at)] == self -> state[AT(at)] = DONE; got++; holds[self] = false
        ::  else -> assert(false)
        fi;
        peeked = false
    };
    make_room(); /* after a large message; else a producer does it */
    at = 0
}

inline get() {
    enter_get();
    first();
    if
    ::  found -> found = false; take()
    ::  else -> skip
    fi;
    atomic { got = got + (getting != 0 -> 1 : 0); holds[self] = holds[self] && getting == 0; getting = 0 };
    get_lock = 0;
#ifdef PEEK
    if :: peeked -> consume() :: else fi
#endif
}

/* ---- threads ---- */

#define LOCALS byte it, at, m, word; bool found, peeked

proctype producer(byte self; byte times) { LOCALS; do :: times > 0 -> put(); times-- :: else -> break od }

proctype mortal_producer(byte self; byte times) {
    LOCALS;
    { do :: times > 0 -> put(); times-- :: else -> break od } unless { dead[self] }
}

proctype consumer(byte self; byte times) {
    LOCALS;
    do
    ::  times > 0 ->
end:    !auditing && readable() -> get(); times--
    ::  else -> break
    od
}

proctype mortal_consumer(byte self; byte times) {
    LOCALS;
    {
        do
        ::  times > 0 ->
end:        !auditing && readable() -> get(); times--
        ::  else -> break
        od
    } unless { dead[self] }
}

proctype fate() {
    if
    ::  atomic { dead[MORTAL] = true; unpublished = (claimed[MORTAL] -> 1 : 0); held = (holds[MORTAL] -> 1 : 0) }
    ::  skip
    fi
}

inline drain() { do :: readable() -> get() :: else -> break od }

proctype auditor(byte self) {
    LOCALS;
    timeout;
    auditing = true;
    drain();
    put();
    drain();
    atomic {
        assert(next == tail && head == tail && large == 0 && large_gone == 0);
        COUNTED(tail);
        do :: words > 0 -> FREED(words); words-- :: else -> break od;
        audited = true
    }
}

init {
    byte n;
    atomic {
        run auditor(AUDITOR);
        if :: MORTAL > 0 -> run fate() :: else fi;
        do
        ::  n < PRODUCERS ->
            n++;
            if
            ::  n == MORTAL -> run mortal_producer(n, MESSAGES)
            ::  else -> run producer(n, MESSAGES)
            fi
        ::  n >= PRODUCERS && n < PRODUCERS + CONSUMERS ->
            n++;
            if
            ::  n == MORTAL -> run mortal_consumer(n, (n - PRODUCERS <= TWICE -> 2 : 1))
            ::  else -> run consumer(n, (n - PRODUCERS <= TWICE -> 2 : 1))
            fi
        ::  n == PRODUCERS + CONSUMERS -> break
        od
    };
    auditing && timeout -> assert(audited)
}
