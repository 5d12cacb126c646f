/* lock.pml: a model of lock.c on park.c, for spin, with a thread that is killed at any step. model/check runs it.
 *
 * Names and steps are those of the code. Each statement or atomic {} touches the shared memory once; changes of ghosts
 * come along. Memory is sequentially consistent: whether the memory orders in the code are enough is not asked here.
 *
 * Left out: fast paths (they are a load and compare-and-swap of the slow ones, in one), depth, spinning, tickets (an
 * unpark picks any sleeper that it saw; the oldest is one. Nor does it pass over those that came after it), want
 * (always 1), the search for deadlocks (a thread that finds one leaves like one that times out), failures to make or
 * open a native semaphore.
 *
 * Scenarios. Without CRASH there are no slices: a sleeper sleeps until it is woken.
 *     (none)    THREADS threads that acquire and release, those up to TWICE twice
 *     DEADLINE  the same, but thread 1 has a deadline that may pass at any time
 *     POISON    the same, but thread 1 may poison the lock
 *     TWO       two locks in one bucket
 *     REAP      thread 1 may be killed as a sleeper (its slot says WAIT or WOKEN), and is reaped
 *     CRASH     thread 1 may be killed anywhere, and perhaps is reaped. Sleep is in slices
 * A reaped thread's slot goes to a new thread, the heir, that acquires HEIR times.
 *
 * Properties: mutual exclusion (MUTEX); no lost wake-up (no invalid end state: one in which a thread sleeps and nobody
 * can move); KIN_OWNER_DIED for the next acquirer, once per death, and never without (TOLD); with slices, when only the
 * end of one helps, the first already does (REPAIRED), which with the absence of invalid end states means that all
 * acquire.
 */
#define MUTEX(l) assert(inside[l] == 0)
#define TOLD(l, told) assert(owed[l] == (told))
#define REPAIRED assert(slices <= 1)

/* ---- shared memory ---- */

#define CONTENDED 1
#define INCONSISTENT 2
#define POISONED 4
#define TOKEN(thread) ((thread) << 3)
#define OWNER(word) ((word) & 248)
byte word[2]; /* of the locks. The second one: only in TWO */

#define IDLE 0
#define WAIT 1
#define WOKEN 2
#define PHASE(state) ((state) & 3)
#define SEQUENCE(state) ((state) & 252)
byte state[THREADS + 1], address[THREADS + 1]; /* of the wait slots; slot 0 is not used */
bit sem[THREADS + 1];                          /* the native semaphores; more than one token does no more than one */
byte bucket;                                   /* bit by slot */
#define BIT(slot) (1 << (slot))

bool dead[THREADS + 2]; /* by thread; the heir is THREADS + 1. What kin__token_alive asks the system */

/* ---- ghosts ---- */

byte inside[2]; /* the thread in each critical section; 0: none */
bool owed[2];   /* the owner died, and its next owner has not been told */
byte slices;    /* ended while nobody else could move, since an acquire returned last */
byte early = EARLY; /* slices that may still end while others move; only of threads from EARLY_FROM on */

/* What a thread, and the reaper, knows by itself. parked and status: what park and acquire return. */
mtype = { WAKE_UP, CHANGED, TIMED_OUT, OK, OWNER_DIED, BUSY, E_POISONED, E_TIMED_OUT };
#define LOCALS byte w, slept, watched, sequence, bits, i, found, each, seen, marks, saw[THREADS + 1]; \
    bool past, changed; mtype parked = CHANGED, status = BUSY
#define token TOKEN(self)

/* ---- park.c: unpark ---- */

inline next_bit() {
    i++;
    do :: i <= THREADS && !(bits & BIT(i)) -> i++ :: else -> break od
}

inline select_seen() { /* one of them; THREADS is 2 or 3 */
    if
    ::  saw[1] != 0 -> i = 1
    ::  saw[2] != 0 -> i = 2
    ::  saw[THREADS] != 0 -> i = THREADS
    fi
}

inline forget_seen() {
    do :: i <= THREADS -> saw[i] = 0; i++ :: else -> i = 0; break od
}

inline unpark(l, all) { /* all: KIN__ALL, else one unit */
    atomic { bits = bucket; i = 0; next_bit() }                                         /* a */
    do                                                                                  /* b */
    ::  atomic {
            i <= THREADS -> each = state[i];
#ifdef TWO
        } /* else the address cannot differ, and is no step */
        atomic {
#endif
            if
            ::  PHASE(each) == WAIT && address[i] == l -> saw[i] = each; found++
            ::  else
            fi;
            each = 0; next_bit()
        }
    ::  atomic { i > THREADS -> i = 0; bits = 0; break }
    od;
    do
    ::  atomic {                                                                        /* c */
            found > 0 -> select_seen();
            if
#if defined(BREAK_STATE)
            ::  true -> marks = marks | BIT(i); found = (all -> found - 1 : 0)
#elif defined(BREAK_SEQUENCE)
            ::  PHASE(state[i]) == WAIT ->
                state[i] = SEQUENCE(state[i]) | WOKEN; marks = marks | BIT(i); found = (all -> found - 1 : 0)
#else
            ::  state[i] == saw[i] ->
                state[i] = SEQUENCE(saw[i]) | WOKEN; marks = marks | BIT(i); found = (all -> found - 1 : 0)
#endif
            ::  else -> found-- /* it woke nobody: the next has its turn */
            fi;
            saw[i] = 0; i = 0
        }
    ::  atomic { found == 0 -> forget_seen(); break }
    od;
    do                                                                                  /* d */
    ::  atomic { marks != 0 -> bits = marks; next_bit(); sem[i] = 1; marks = marks & ~BIT(i); i = 0; bits = 0 }
    ::  else -> break
    od
}

/* ---- park.c: park ---- */

inline slice_end() { /* as one of the things that can happen to a sleeper */
#if defined(CRASH) && !defined(BREAK_SLICES)
    if :: early > 0 && me >= EARLY_FROM -> early-- :: timeout -> slices++; REPAIRED fi;
    watched = 0 /* for a slice is longer than WATCH_INTERVAL */
#elif defined(DEADLINE)
    me == 1 -> past = true
#else
    false
#endif
}

inline park(l, expected) {
    atomic { sequence = SEQUENCE(state[me]) + 4; address[me] = l }                      /* 1 */
    bucket = bucket | BIT(me);                                                          /* 2 */
    state[me] = sequence | WAIT;                                                        /* 3 */
#ifndef BREAK_RECHECK
    changed = word[l] != expected;                                                      /* 4 */
#endif
    do                                                                                  /* 5 */
    ::  changed || PHASE(state[me]) != WAIT -> break
    ::  else -> if :: atomic { sem[me] > 0 -> sem[me] = 0 } :: atomic { slice_end(); break } fi
    od;
    atomic {                                                                            /* 6 */
        parked = (PHASE(state[me]) == WOKEN -> WAKE_UP : (changed -> CHANGED : TIMED_OUT));
        state[me] = sequence | IDLE; sequence = 0; changed = false
    }
    bucket = bucket & ~BIT(me)
}

inline park_reap(slot) {
    each = state[slot];
    bucket = bucket & ~BIT(slot);
    if
    ::  PHASE(each) != IDLE ->
        atomic { seen = state[slot]; state[slot] = (SEQUENCE(each) + 4) | IDLE; each = 0 }
        if
#ifndef BREAK_REAP
        ::  PHASE(seen) == WOKEN -> seen = 0; unpark(address[slot], false)
#endif
        ::  else -> seen = 0
        fi
    ::  else -> each = 0
    fi
}

/* ---- lock.c: acquire ---- */

inline try_take(l) {
    do
    ::  atomic {
            OWNER(w) == 0 && status == BUSY ->
            if
            ::  w & POISONED -> status = E_POISONED
#ifdef BREAK_TAKE
            ::  !(w & POISONED) ->
#else
            ::  !(w & POISONED) && word[l] == w ->
#endif
                word[l] = token | slept; status = OK; TOLD(l, false)
            ::  else -> w = word[l]
            fi
        }
    ::  else -> break
    od
}

inline take_from_dead(l) {
    if
    ::  dead[OWNER(w) >> 3] ->
        atomic {
            if
#ifdef BREAK_TAKEOVER
            ::  true ->
#else
            ::  word[l] == w ->
#endif
                word[l] = token | CONTENDED | INCONSISTENT; status = OWNER_DIED; TOLD(l, true); owed[l] = false
            ::  else
            fi
        }
    ::  !dead[OWNER(w) >> 3] -> watched = OWNER(w)
    ::  watched == OWNER(w) /* owner_alive remembers: it was alive less than WATCH_INTERVAL ago */
    fi
}

inline wait_a_slice(l) {
    atomic { /* with the flag there already nothing is written */
        if
        ::  word[l] == w && !(w & CONTENDED) -> word[l] = w | CONTENDED; w = w | CONTENDED
        ::  word[l] != w && !(w & CONTENDED) -> parked = CHANGED; w = 0
        ::  w & CONTENDED
        fi
    }
    if :: w != 0 -> park(l, w) :: else fi
}

inline acquire(l) {
    do
    ::  w = word[l]; /* await_release */
        try_take(l);
#ifdef CRASH
        if :: status == BUSY -> take_from_dead(l) :: else fi;
#endif
        if :: status == BUSY && past && parked == TIMED_OUT -> status = E_TIMED_OUT :: else fi;
        if :: status == BUSY -> wait_a_slice(l) :: else -> break fi;
#ifndef BREAK_SLEPT
        atomic { w = 0; slept = (parked == CHANGED -> slept : CONTENDED) }
#endif
    od;
    atomic { w = 0; slept = 0; past = false; slices = 0 }
#ifndef BREAK_ALL
    if :: parked == WAKE_UP && (status == E_POISONED || status == E_TIMED_OUT) -> unpark(l, false) :: else fi;
#endif
    parked = CHANGED
}

/* ---- lock.c: release, repair, poison ---- */

inline replace(l, next) { /* w: what it replaced */
    w = word[l];
    do
    ::  OWNER(w) == token -> atomic { if :: word[l] == w -> word[l] = next; break :: else -> w = word[l] fi }
    ::  else -> w = 0; break /* KIN_E_NOT_OWNER */
    od
}

inline release(l) {
    replace(l, (w & INCONSISTENT -> POISONED : 0));
#ifndef BREAK_FLAG
    if :: w & CONTENDED -> unpark(l, (w & INCONSISTENT) != 0) :: else fi;
#endif
    w = 0
}

inline poison(l) {
    replace(l, POISONED);
#ifndef BREAK_ALL
    unpark(l, true);
#else
    unpark(l, false);
#endif
    w = 0
}

/* ---- threads ---- */

inline critical_section(l) {
    atomic { MUTEX(l); inside[l] = self };
    inside[l] = 0
}

inline use(l) {
    acquire(l);
    if :: status == OK || status == OWNER_DIED -> critical_section(l) :: else fi;
    if
    ::  status == OK -> release(l)
#ifdef POISON
    ::  status == OK && me == 1 -> poison(l)
#endif
#ifdef CRASH
    ::  status == OWNER_DIED -> word[l] = word[l] & ~INCONSISTENT; /* repair */ release(l)
    ::  status == OWNER_DIED -> release(l)
#endif
    ::  status == E_POISONED || status == E_TIMED_OUT
    fi;
    status = BUSY
}

inline program() {
#ifdef TWO
    if
    ::  self == 1 -> acquire(1); status = BUSY; use(0); release(1)
    ::  self == 2 -> use(0)
    ::  self == 3 -> use(0); use(1)
    fi
#else
    do :: times > 0 -> use(0); times-- :: else -> break od
#endif
}

proctype thread(byte me; byte self; byte times) { LOCALS; program() } /* its slot, its name */

proctype mortal(byte me; byte self; byte times) { LOCALS; { program() } unless { dead[self] } } /* more states: only one */

proctype fate() { /* of thread 1 */
    LOCALS;
    if
#ifdef REAP
    ::  atomic { PHASE(state[1]) != IDLE -> dead[1] = true }
#else
    ::  atomic { dead[1] = true; owed[0] = owed[0] || OWNER(word[0]) == TOKEN(1); inside[0] = (inside[0] == 1 -> 0 : inside[0]) }
#endif
        if
        ::  park_reap(1); run thread(1, THREADS + 1, HEIR)
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
        run fate(); n++; run mortal(n, n, 1);
#endif
        do :: n < THREADS -> n++; run thread(n, n, (n <= TWICE -> 2 : 1)) :: else -> break od
    }
}
