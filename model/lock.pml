/* lock.pml: a model of lock.c on park.c, for spin, with processes that are killed at any step. ./check runs it.
 *
 * Names and steps are those of lock.c and park.c. Each statement, and each atomic {}, touches the shared memory once;
 * assignments to the variables marked "ghost" come along for the properties' sake. Memory is sequentially consistent here:
 * whether the memory orders written in the code are enough is not asked.
 *
 * Left out, because it changes nothing of what is asked:
 * - the fast paths: they are the first look of the slow ones, with load and compare-and-swap in one; depth (recursion);
 * - spinning; compare-and-swap that fails for no reason;
 * - tickets: an unpark picks any sleeper that it has seen, of which the oldest is one; want is 1 always.
 *
 * Scenarios, one by macro:
 *     (none)    THREADS threads, ROUNDS acquisitions each. No death, and no slices: who sleeps, sleeps until woken.
 *     DEADLINE  the same, but thread 1 has a timeout, at whose end it gives up.
 *     TWO       two locks in one bucket, without slices: what the sequence number in a slot's state is for.
 *     CRASH     thread 1 may be killed anywhere. Sleep is in slices. The dead one is reaped at some time, or never, and
 *               then a new thread takes its slot.
 *     REAP      thread 1 is killed, if at all, as a sleeper (state WAIT or WOKEN), and is reaped; without slices.
 *
 * Properties:
 *     mutual exclusion      assert in critical_section
 *     no lost wake-up       no invalid end state: that is one in which a thread sleeps and nobody can move
 *     slices repair         (CRASH) assert in slice_end: when only the end of a slice helps, one is enough
 *     owner's death         asserts in try_take and take_from_dead: KIN_OWNER_DIED once per death, for the next acquirer
 */
#ifndef THREADS
#define THREADS 3
#endif
#ifndef TWICE
#define TWICE 0
#endif
#ifndef EARLY
#define EARLY 1
#endif
#ifndef EARLY_FROM
#define EARLY_FROM 1
#endif
#ifdef DEADLINE
#define HASTY 1 /* the thread whose acquire has a timeout */
#else
#define HASTY 0
#endif
#define VICTIM 1
#ifndef HEIR
#define HEIR 1
#endif

/* ---- shared memory ---- */

#define CONTENDED 1
#define INCONSISTENT 2
#define POISONED 4
#define TOKEN(thread) ((thread) << 3)
#define token TOKEN(self) /* of the thread whose step it is */
#define OWNER(word) ((word) & 248)
byte word[2];           /* of the locks; the second one in TWO only */

#define IDLE 0
#define WAIT 1
#define WOKEN 2
#define PHASE(state) ((state) & 3)
#define SEQUENCE(state) ((state) & 252)
byte state[THREADS + 1];   /* of the wait slots; slot 0 is not used */
byte address[THREADS + 1]; /* which lock */
byte sem[THREADS + 1];     /* tokens of the native semaphores */
byte bucket;               /* bit by slot */
#define BIT(slot) (1 << (slot))

bool dead[THREADS + 2];    /* by thread: what kin__token_alive asks the system. Thread THREADS + 1 is the heir */

/* ---- ghosts ---- */

byte inside[2];            /* the thread in the critical section */
bool owed[2];              /* the lock's owner died, and nobody has been told */
byte early = EARLY;
byte slices;               /* slices that ended, with nobody else able to move, since the last acquire returned */

/* ---- park.c: unpark ---- */

mtype = { OK, OWNER_DIED, BUSY, E_POISONED, E_TIMED_OUT };
mtype = { BY_UNPARK, CHANGED, TIMED_OUT }; /* what park returns */

inline next_bit() {
    i++;
    do
    ::  i <= THREADS && !(bits & BIT(i)) -> i++
    ::  else -> break
    od
}

/* all: KIN__ALL, else one unit. */
inline unpark(l, all) {
    do
    ::  atomic { bits = bucket; i = 0; next_bit() }                             /* a */
        do                                                                      /* b */
        ::  atomic {
                i <= THREADS -> each = state[i];
#ifdef TWO
            } /* with one lock, the address is always right */
            atomic {
#endif
                if
                ::  PHASE(each) == WAIT && address[i] == l ->
                    found = found + (all);
                    if
                    ::  pick = i; seen = each
                    ::  pick != 0
                    fi
                ::  else
                fi;
                each = 0; next_bit()
            }
        ::  atomic { i > THREADS -> bits = 0; i = 0; break }
        od;
        atomic {
            if
            ::  pick == 0 -> break
#if defined(BREAK_STATE)
            ::  pick != 0 -> marks = marks | BIT(pick)
#elif defined(BREAK_SEQUENCE)
            ::  pick != 0 && PHASE(state[pick]) == WAIT ->
                state[pick] = SEQUENCE(state[pick]) | WOKEN; marks = marks | BIT(pick)
#else
            ::  pick != 0 && state[pick] == seen ->                             /* c */
                state[pick] = SEQUENCE(seen) | WOKEN; marks = marks | BIT(pick)
#endif
            ::  else -> found = 2 /* to search on */
            fi;
            pick = 0; seen = 0;
            if
            ::  found <= 1 -> found = 0; break
            ::  else -> found = 0
            fi
        }
    od;
    do                                                                          /* d */
    ::  atomic { marks != 0 -> bits = marks; next_bit(); sem[i] = 1; marks = marks & ~BIT(i); bits = 0; i = 0 }
    ::  else -> break
    od
}

/* ---- park.c: park ---- */

/* The end of a slice, as one of the things that can happen to a sleeper. */
inline slice_end() {
#ifdef BREAK_SLICES
    false
#elif defined(CRASH)
    if
    ::  early > 0 && me >= EARLY_FROM -> early--
    ::  timeout -> slices++; assert(slices <= 1)
    fi;
    watched = 0 /* a slice is longer than WATCH_INTERVAL */
#else
    me == HASTY -> past = true
#endif
}

inline park(l, expected) {
    atomic { sequence = SEQUENCE(state[me]) + 4; address[me] = l }              /* 1 */
    bucket = bucket | BIT(me);                                                  /* 2 */
    state[me] = sequence | WAIT;                                                /* 3 */
#ifdef BREAK_RECHECK
    changed = false;
#else
    changed = word[l] != expected;                                              /* 4 */
#endif
    do                                                                          /* 5 */
    ::  changed -> break
    ::  !changed ->
        if
        ::  PHASE(state[me]) != WAIT -> break
        ::  PHASE(state[me]) == WAIT
        fi;
        if
        ::  atomic { sem[me] > 0 -> sem[me]-- }
        ::  atomic { slice_end(); break }
        fi
    od;
    atomic {                                                                    /* 6 */
        parked = (PHASE(state[me]) == WOKEN -> BY_UNPARK : (changed -> CHANGED : TIMED_OUT));
        state[me] = sequence | IDLE;
        sequence = 0; changed = false
    }
    bucket = bucket & ~BIT(me)
}

inline park_reap(slot) {
    each = state[slot];
    bucket = bucket & ~BIT(slot);
    if
    ::  PHASE(each) == IDLE -> each = 0
    ::  else ->
        atomic { seen = state[slot]; state[slot] = (SEQUENCE(each) + 4) | IDLE; each = PHASE(seen); seen = 0 }
        if
#ifndef BREAK_REAP
        ::  each == WOKEN -> each = 0; unpark(address[slot], false)
#endif
        ::  else -> each = 0
        fi
    fi
}

/* ---- lock.c ---- */

inline try_take(l) {
    do
    ::  atomic {
            OWNER(w) == 0 && status == BUSY ->
            if
            ::  w & POISONED -> status = E_POISONED
#ifdef BREAK_TAKE
            ::  !(w & POISONED) -> word[l] = token | slept; status = OK
#endif
            ::  !(w & POISONED) && word[l] == w -> word[l] = token | slept; status = OK; assert(!owed[l])
            ::  else -> w = word[l]
            fi
        }
    ::  else -> break
    od
}

/* One step of the code is atomic here: that the owner is dead, and the compare-and-swap's load, are two. */
inline take_from_dead(l) {
#ifndef CRASH
    skip
#else
    if
    ::  dead[OWNER(w) >> 3] ->
        atomic {
            if
#ifdef BREAK_TAKEOVER
            ::  true -> assert(owed[l]);
#else
            ::  word[l] == w -> assert(owed[l]);
#endif
                word[l] = token | CONTENDED | INCONSISTENT; status = OWNER_DIED; owed[l] = false
            ::  else
            fi
        }
    ::  !dead[OWNER(w) >> 3] -> watched = OWNER(w)
    ::  watched == OWNER(w) /* owner_alive answers from memory: it was alive less than WATCH_INTERVAL ago */
    fi
#endif
}

inline wait_a_slice(l) {
    atomic { /* when the flag is there already, nothing is written */
        if
        ::  word[l] == w || (w & CONTENDED) ->
            if
            ::  !(w & CONTENDED) -> word[l] = w | CONTENDED
            ::  else
            fi;
            w = w | CONTENDED
        ::  else -> w = 0; parked = CHANGED
        fi
    }
    if
    ::  w != 0 -> park(l, w)
    ::  else
    fi
}

inline acquire(l) {
    do
    ::  w = word[l]; /* await_release */
        try_take(l);
        if
        ::  status == BUSY -> take_from_dead(l)
        ::  else
        fi;
        if
        ::  status == BUSY && past && parked == TIMED_OUT -> status = E_TIMED_OUT
        ::  else
        fi;
        if
        ::  status == BUSY -> wait_a_slice(l)
        ::  else -> break
        fi;
        atomic {
            w = 0;
            if
#ifndef BREAK_SLEPT
            ::  parked != CHANGED -> slept = CONTENDED
#endif
            ::  else
            fi
        }
    od;
    atomic { w = 0; slept = 0; past = false; slices = 0 };
    if
    ::  parked == BY_UNPARK && (status == E_POISONED || status == E_TIMED_OUT) -> unpark(l, false)
    ::  else
    fi;
    parked = CHANGED
}

inline critical_section(l) {
    atomic { assert(inside[l] == 0); inside[l] = self };
    inside[l] = 0
}

inline repair(l) {
    word[l] = word[l] & ~INCONSISTENT
}

inline release(l) {
    w = word[l];
    do
    ::  assert(OWNER(w) == token);
        atomic {
            if
            ::  word[l] == w -> word[l] = (w & INCONSISTENT -> POISONED : 0); break
            ::  else -> w = word[l]
            fi
        }
    od;
    if
#ifndef BREAK_FLAG
    ::  w & CONTENDED -> unpark(l, (w & INCONSISTENT) != 0)
#endif
    ::  else
    fi;
    w = 0
}

/* What a thread does with a lock, once. */
inline use(l) {
    acquire(l);
    if
    ::  status == OWNER_DIED -> critical_section(l); repair(l); release(l)
    ::  status == OK || status == OWNER_DIED -> critical_section(l); release(l)
    ::  else
    fi;
    status = BUSY
}

/* ---- processes ---- */

#define LOCALS \
    byte w, slept, watched, sequence, bits, i, found, pick, each, seen, marks; \
    bool past, changed; \
    mtype parked = CHANGED, status = BUSY

inline program() {
#ifdef TWO
    if
    ::  self == 1 -> acquire(1); status = BUSY; use(0); release(1)
    ::  self == 2 -> use(0)
    ::  self == 3 -> use(0); use(1)
    fi
#else
    do
    ::  rounds > 0 -> use(0); rounds--
    ::  else -> break
    od
#endif
}

/* What a thread knew does not count any more: fewer states. */
inline forget() {
    atomic {
        w = 0; slept = 0; watched = 0; sequence = 0; bits = 0; i = 0; found = 0; pick = 0; each = 0; seen = 0; marks = 0;
        past = false; changed = false; parked = CHANGED; status = BUSY; rounds = 0
    }
}

proctype thread(byte me; byte self; byte rounds) /* its slot, its name */
{
    LOCALS;
    program();
    forget()
}

proctype victim(byte me; byte self; byte rounds) /* the same, mortal; apart, for spin has more states to look at here */
{
    LOCALS;
    {
        program()
    } unless {
        atomic { dead[self] -> forget() }
    }
}

proctype fate()
{
    LOCALS;
    if
    ::  atomic {
#ifdef REAP
            PHASE(state[VICTIM]) != IDLE ->
#endif
            dead[VICTIM] = true;
            owed[0] = OWNER(word[0]) == TOKEN(VICTIM);
            inside[0] = (inside[0] == VICTIM -> 0 : inside[0])
        }
        if
        ::  park_reap(VICTIM); run thread(VICTIM, THREADS + 1, HEIR)
#ifdef CRASH
        ::  skip
#endif
        fi
    ::  skip
    fi
}

init {
    byte n;
    atomic {
#if defined(CRASH) || defined(REAP)
        run fate();
        run victim(VICTIM, VICTIM, 1);
        n = 1;
#endif
        do
        ::  n < THREADS -> n++; run thread(n, n, (n <= TWICE -> 2 : 1))
        ::  else -> break
        od
    }
}
