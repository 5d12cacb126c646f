/* rwlock.pml: a model of rwlock.c, for spin, with a thread that is killed at any step. model/check runs it.
 *
 * Names and steps are those of the code. Each statement or atomic {} touches the shared memory once; changes of
 * ghosts come along. Memory is sequentially consistent, as in the code every access is that orders two different
 * words.
 *
 * What lock.pml verifies is taken for granted: a thread is a sleeper on an address from begin to end, and an unpark
 * marks sleepers on that address in one step, all or one of them (park.c: the oldest; here: any). A dead sleeper
 * stays one until it is reaped.
 *
 * Left out: fast paths (they are the slow ones with fewer steps), spinning, the search for deadlocks (a thread that
 * finds one leaves like one that times out), a thread that reads twice, the search for a free slot: each thread has its
 * own place. With CROWDED there is one slot, and each thread has a word of its own for when the slot is taken.
 *
 * Scenarios. Each thread acquires once, for reading or for writing; those up to TWICE twice. Without CRASH there are
 * no slices: a sleeper sleeps until it is woken.
 *     (none)    THREADS threads
 *     DEADLINE  the same, but thread 1 has a deadline that may pass at any time
 *     POISON    the same, but thread 1, when it writes, may poison the lock
 *     CRASH     thread 1 may be killed anywhere, and perhaps is reaped. Sleep is in slices
 *     CROWDED   with any of these: see above
 *     WRITING   with any of these: all acquire for writing
 *
 * Properties: a writer is alone (ALONE_READING, ALONE_WRITING); KIN_OK is told to nobody while what a dead writer
 * left is not repaired, or the lock is poisoned (SOUND); KIN_OWNER_DIED once per death, and never without (TOLD); no
 * lost wake-up (no invalid end state: one in which a thread sleeps and nobody can move); a reader that waits for a
 * writer comes in before the next one, as long as no writer gives up (PASSED); with slices, when only the end of
 * slices helps, the second one of each sleeper does (REPAIRED), which with the absence of invalid end states means
 * that all acquire.
 */
#define MOST 5 /* THREADS + 1 at most */

/* ---- shared memory ---- */

#define WRITERS 1
#define INCONSISTENT 2
#define POISONED 4
#define READERS 8
#define DRAINING 16
#define PHASE 32
#define CROWDS 64
#define TOKEN(thread) ((thread) << 7)
#define OWNER(w) ((w) >> 7)
#define KEPT (PHASE | CROWDS)
short word;

/* Holds: a place for each thread; place 0 is the slot of CROWDED. */
#define IN 1     /* it reads, or is about to look whether it may */
#define WAITS_0 2 /* it waits for the writer of phase 0 */
#define WAITS_1 3
#define HELD(thread, mark) ((thread) << 2 | (mark))
#define MARK(w) (((w) & PHASE) != 0 -> WAITS_1 : WAITS_0)
#ifdef BREAK_HONOUR
#define HONOURED(h, w) (((h) & 3) == IN)
#elif defined(BREAK_IGNORE)
#define HONOURED(h, w) (((h) & 3) != 0)
#else
#define HONOURED(h, w) (((h) & 3) != 0 && ((h) & 3) != MARK(w))
#endif
byte hold[THREADS + 1];
#define NOWHERE 255

/* The wait slots: where a thread sleeps, 0 if it does not, and whether it has been marked. */
#define ON_WORD 1
#define ON_TURN 2
#define ON_DRAIN 3
byte at[MOST];
bool woken[THREADS + 1];

bool dead[MOST]; /* what kin__token_alive asks the system */
#define KNOWN_DEAD (dead[OWNER(w)] && watched != OWNER(w)) /* kin__owner_alive asks about one once in a slice */
#ifdef CRASH
#define WATCH watched = OWNER(w)
#else
#define WATCH skip
#endif

/* ---- ghosts ---- */

byte writes;              /* the thread that is inside for writing; 0: none */
bool reads[THREADS + 1];  /* inside for reading */
byte n_reads;             /* how many are */
byte behind[THREADS + 1]; /* the writer that this reader waits for */
bool owed;                /* a writer died inside, and nobody has been told */
bool torn;                /* and nobody has repaired */
bool spoiled;             /* poisoned */
bool gave_up;             /* some writer has, or died before it came in */
byte slices[MOST];        /* of a thread, that ended while nobody else could move, since an acquire returned last */

#define ALONE_READING assert(writes == 0)
#define ALONE_WRITING assert(writes == 0 && n_reads == 0)
#define SOUND assert(!torn && !spoiled)
#define TOLD assert(owed)
#define PASSED assert(gave_up || i > THREADS)
#define REPAIRED assert(slices[me] <= 2)
/* Slices of sleepers end in turns. */
#define NOT_BEFORE(t) (at[t] == 0 || dead[t] || slices[t] >= slices[me])
#define NEXT (NOT_BEFORE(1) && NOT_BEFORE(2) && NOT_BEFORE(3) && NOT_BEFORE(4))
#define PROGRESS slices[1] = 0; slices[2] = 0; slices[3] = 0; slices[4] = 0

mtype = { OK, OWNER_DIED, BUSY, E_POISONED, E_TIMED_OUT };
#define LOCALS short w, slept; byte i, place = NOWHERE, mark, was, watched; \
    bool queued, owes, ask, past, still, found; mtype status = BUSY
#define token TOKEN(me)

/* ---- park ---- */

inline unpark(address, all) {
    atomic {
        i = 1;
        do
        ::  i <= THREADS && at[i] == address && !woken[i] -> woken[i] = true; if :: all -> i++ :: !(all) -> break fi
        ::  i <= THREADS && (at[i] != address || woken[i] || !(all)) -> i++ /* !all: any of them */
        ::  i > THREADS && !(all) ->
            /* at least one, if there is one */
            i = 1;
            do :: i <= THREADS && !(at[i] == address && !woken[i]) -> i++ :: else -> break od;
            if :: i <= THREADS -> woken[i] = true :: else fi;
            break
        ::  i > THREADS && (all) -> break
        od;
        i = 0
    }
}

/* Sleeps, having begun and looked (still), and ends. ask: not woken. */
inline sleep() {
    if
    ::  still ->
        if
        ::  atomic { woken[me] -> skip }
#if defined(CRASH) && !defined(BREAK_SLICES)
        ::  atomic { timeout && NEXT -> slices[me]++; REPAIRED; watched = 0 }
#endif
#ifdef DEADLINE
        ::  atomic { me == 1 -> past = true }
#endif
        fi
    ::  !still
    fi;
    atomic { found = woken[me]; ask = still && !found; at[me] = 0; woken[me] = false }
}

/* ---- readers and writers tell each other ---- */

inline tell_writer() {
#ifndef BREAK_TELL
    w = word;
    if :: w & DRAINING -> unpark(ON_DRAIN, false) :: else fi;
#endif
    w = 0
}

inline announce(left, all) {
#ifndef BREAK_ANNOUNCE_READERS
    if :: (left) & READERS -> unpark(ON_TURN, true) :: else fi;
#endif
#ifndef BREAK_ANNOUNCE_WRITERS
    if :: (left) & WRITERS -> unpark(ON_WORD, all) :: else fi
#endif
}

/* A claim is taken back, by the thread that made it or in place of a dead thread: word was w. */
#ifdef BREAK_FLIP_UNDRAINED
#define UNCLAIMED(w) (READERS | (((w) & KEPT) ^ PHASE))
#elif defined(BREAK_UNCLAIM)
#define UNCLAIMED(w) ((w) & KEPT)
#else
#define UNCLAIMED(w) (READERS | ((w) & KEPT))
#endif

/* The owner of w is dead. status stays BUSY if the word has changed, or is free now; else it is OWNER_DIED. */
inline take_from_dead() {
    if
    ::  w & DRAINING ->
        atomic { if :: word == w -> word = UNCLAIMED(w); gave_up = true :: else -> w = 0 fi };
        if :: w != 0 -> announce(w, false) :: else fi
    ::  !(w & DRAINING) ->
        atomic {
            if
#if defined(BREAK_TORN)
            ::  word == w -> word = READERS | (w & KEPT)
#elif defined(BREAK_INHERIT)
            ::  word == w -> word = token | DRAINING | WRITERS | (w & (READERS | KEPT)); found = true
#else
            ::  word == w ->
                word = token | INCONSISTENT | WRITERS | (w & (READERS | KEPT));
                status = OWNER_DIED; ALONE_WRITING; TOLD; owed = false; writes = me
#endif
            ::  else
            fi
        }
    fi;
#ifdef BREAK_INHERIT
    if :: found -> drain() :: else fi;
#endif
    w = 0
}

/* ---- reading ---- */

/* Puts mark into the thread's place, which it finds first if it has none. */
inline publish(m) {
#ifdef CROWDED
    if
    ::  place == NOWHERE ->
        atomic { if :: hold[0] == 0 -> hold[0] = HELD(me, m); place = 0 :: else fi };
        if
        ::  place == NOWHERE ->
#ifndef BREAK_CROWDED
            if :: !(word & CROWDS) -> word = word | CROWDS :: else fi;
#endif
            atomic { hold[me] = HELD(me, m); place = me }
        ::  else
        fi
    ::  else -> hold[place] = HELD(me, m)
    fi;
#else
    atomic { place = me; hold[me] = HELD(me, m) }
#endif
    atomic { was = mark; mark = m; queued = false }
}

inline enter_free() {
    do
    ::  OWNER(w) != 0 || (w & POISONED) -> w = 0; break
    ::  OWNER(w) == 0 && !(w & POISONED) ->
        atomic {
            if
            ::  !(w & READERS) && word == w -> word = w | READERS; w = word
            ::  !(w & READERS) && word != w -> w = word
            ::  else
            fi
        }
        if
        ::  OWNER(w) == 0 && (w & READERS) && !(w & POISONED) ->
            if :: mark != IN -> publish(IN) :: else fi;
            atomic {
                w = word;
                if
#ifdef BREAK_REREAD
                ::  true ->
#elif defined(BREAK_POISON)
                ::  OWNER(w) == 0 && ((w & READERS) || (w & POISONED)) ->
#else
                ::  OWNER(w) == 0 && (w & READERS) && !(w & POISONED) ->
#endif
                    status = OK; ALONE_READING; SOUND; reads[me] = true; n_reads++; behind[me] = 0; w = 0; break
                ::  else
                fi
            }
        ::  else
        fi
    od
}

/* Is in the way of no writer but the next: see rwlock.c. */
inline queue_up() {
    w = word;
    if
    ::  OWNER(w) != 0 && !(w & POISONED) ->
        if
        ::  mark != MARK(w) && queued /* its turn has come */
        ::  mark != MARK(w) && !queued ->
            publish(MARK(w));
#ifndef BREAK_MARK
            if :: was != 0 -> tell_writer() :: else fi;
#endif
            w = 0
#ifdef BREAK_UNSEEN
            ; queued = true
#endif
        ::  mark == MARK(w) && (w & READERS) -> atomic { queued = true; behind[me] = OWNER(w) }
        ::  mark == MARK(w) && !(w & READERS) ->
#ifdef BREAK_READERS
            queued = true
#else
            atomic {
                if :: word == w -> word = w | READERS; queued = true; behind[me] = OWNER(w) :: else fi
            }
#endif
        fi
    ::  else
    fi;
    w = 0
}

inline wait_turn() {
    queue_up();
    if
    ::  queued ->
        atomic { at[me] = ON_TURN; woken[me] = false };
        w = word;
        atomic {
            still = OWNER(w) != 0 && !(w & POISONED) && (w & READERS) && MARK(w) == mark;
#ifdef BREAK_READERS
            still = OWNER(w) != 0 && !(w & POISONED) && MARK(w) == mark;
#endif
#ifdef BREAK_RECHECK
            still = true;
#endif
            w = 0
        }
        sleep();
        atomic { found = false; still = false; ask = false }
    ::  !queued
    fi
}

#define NO_HOLD hold[place] = 0; mark = 0; place = NOWHERE; queued = false; behind[me] = 0

inline withdraw() {
    if
    ::  place != NOWHERE -> atomic { NO_HOLD }; tell_writer()
    ::  else
    fi
}

inline acquire_reading() {
    do
    ::  atomic {
            w = word;
            if
            ::  w & POISONED -> status = E_POISONED
            ::  !(w & POISONED) && queued && MARK(w) != mark ->
                status = OK; ALONE_READING; SOUND; reads[me] = true; n_reads++; behind[me] = 0
            ::  else
            fi
        }
        if
        ::  status == BUSY && OWNER(w) == 0 -> enter_free()
        ::  status == BUSY && OWNER(w) != 0 ->
            if
            ::  KNOWN_DEAD -> take_from_dead()
            ::  !KNOWN_DEAD && past -> status = E_TIMED_OUT
            ::  !KNOWN_DEAD && !past -> WATCH; wait_turn()
            fi
        ::  else
        fi;
        if :: status != BUSY -> w = 0; break :: else fi
    od;
    atomic { PROGRESS; past = false; watched = 0 };
    if :: status != OK -> withdraw() :: else fi
}

inline release_reading() {
    atomic { reads[me] = false; n_reads--; NO_HOLD };
    tell_writer()
}

/* ---- writing ---- */

/* Whether a reader is in the way of the writer that owns w. */
inline find_reader(asking) {
    found = false; i = 0;
    do
    ::  atomic {
            i <= THREADS ->
            if
#ifndef BREAK_SCAN
#ifdef CROWDED
            ::  HONOURED(hold[i], w) && (i == 0 || (w & CROWDS)) ->
#else
            ::  HONOURED(hold[i], w) ->
#endif
                if
#ifndef BREAK_ASK
                ::  (asking) && dead[hold[i] >> 2] -> hold[i] = 0
#endif
                ::  else -> found = true
                fi
#endif
            ::  else
            fi;
            i++;
            if :: found -> i = 0; break :: else fi
        }
    ::  i > THREADS -> i = 0; break
    od
}

inline came_in() {
    ALONE_WRITING; SOUND; writes = me; status = OK;
    i = 1;
    do :: i <= THREADS && (behind[i] == 0 || behind[i] == me) -> i++ :: else -> break od;
    PASSED;
    i = 0
}

inline take_claim_back() {
    do
    ::  w = word;
        atomic { if :: word == w -> word = UNCLAIMED(w); gave_up = true; break :: else fi }
    od;
#ifndef BREAK_GIVE_UP
    announce(w, false);
#endif
    w = 0
}

inline drain() {
    ask = false;
    do
    ::  w = word;
        find_reader(ask);
        if
        ::  !found -> atomic { if :: word == w -> word = w & ~DRAINING; came_in(); break :: else fi }
        ::  found && past -> status = E_TIMED_OUT; break
        ::  found && !past ->
            atomic { at[me] = ON_DRAIN; woken[me] = false }
            w = word;
            find_reader(false);
            still = found;
#ifdef BREAK_RECHECK_DRAIN
            still = true;
#endif
            sleep();
            still = false
        fi
    od;
    atomic { found = false; ask = false; w = 0 }
    if :: status == E_TIMED_OUT -> take_claim_back() :: else fi
}

inline wait_for_writer() {
    w = word;
    if
    ::  OWNER(w) != 0 && !(w & WRITERS) ->
        atomic { if :: word == w -> word = w | WRITERS; owes = false :: else -> w = 0 fi }
    ::  OWNER(w) != 0 && (w & WRITERS) -> owes = false
    ::  OWNER(w) == 0 -> w = 0
    fi;
    if
    ::  w != 0 ->
        atomic { at[me] = ON_WORD; woken[me] = false }
        w = word;
        atomic {
            still = OWNER(w) != 0 && (w & WRITERS);
#ifdef BREAK_RECHECK_WRITER
            still = true;
#endif
            w = 0
        }
        sleep();
        atomic {
            owes = found;
#ifndef BREAK_SLEPT
            slept = (found || ask -> WRITERS : slept);
#endif
            found = false; still = false; ask = false
        }
    ::  else
    fi
}

inline acquire_writing() {
    do
    ::  w = word;
        if
        ::  w & POISONED -> status = E_POISONED
        ::  !(w & POISONED) && OWNER(w) == 0 ->
            atomic {
                if
                ::  word != w -> w = 0
                ::  word == w && (w & READERS) -> word = token | DRAINING | slept | (w & KEPT)
                ::  word == w && !(w & READERS) -> word = token | slept | (w & KEPT); w = 0; came_in()
                fi
            }
            if :: w != 0 -> owes = false; drain() :: else fi
        ::  OWNER(w) != 0 && KNOWN_DEAD -> take_from_dead()
        ::  OWNER(w) != 0 && !KNOWN_DEAD && past -> status = E_TIMED_OUT
        ::  OWNER(w) != 0 && !KNOWN_DEAD && !past -> WATCH; wait_for_writer()
        fi;
        if :: status != BUSY -> w = 0; break :: else fi
    od;
    atomic { PROGRESS; past = false; slept = 0; watched = 0 };
#ifndef BREAK_PASS
    if :: owes && (status == E_POISONED || status == E_TIMED_OUT) -> unpark(ON_WORD, false) :: else fi;
#endif
    owes = false
}

#ifdef BREAK_KEEP
#define RELEASED(w) ((w) & READERS -> ((w) & KEPT) ^ PHASE : (w) & KEPT)
#elif defined(BREAK_FLIP)
#define RELEASED(w) ((w) & READERS -> READERS | ((w) & KEPT) : (w) & KEPT)
#else
#define RELEASED(w) ((w) & READERS -> READERS | (((w) & KEPT) ^ PHASE) : (w) & KEPT)
#endif

inline release_writing(poisons) {
    do
    ::  w = word;
        atomic {
            if
            ::  word == w ->
                word = ((poisons) || (w & INCONSISTENT) -> POISONED : RELEASED(w));
                spoiled = spoiled || word == POISONED; writes = 0; break
            ::  else
            fi
        }
    od;
    if
    ::  (poisons) || (w & INCONSISTENT) ->
#ifdef BREAK_ALL
        announce(w, false)
#else
        unpark(ON_TURN, true); unpark(ON_WORD, true)
#endif
    ::  else -> announce(w, false)
    fi;
    w = 0
}

inline repair() {
    do
    ::  w = word;
        atomic { if :: word == w -> word = w & ~INCONSISTENT; torn = false; break :: else fi }
    od;
    w = 0
}

/* ---- threads ---- */

inline use_it() {
    if
#ifndef WRITING
    ::  acquire_reading();
        if :: status == OK -> release_reading() :: else fi
#endif
    ::  acquire_writing()
        if
        ::  status == OK -> release_writing(false)
#ifdef POISON
        ::  status == OK && me == 1 -> release_writing(true)
#endif
        ::  else
        fi
    fi;
#ifdef CRASH
    if
    ::  status == OWNER_DIED -> repair(); release_writing(false)
    ::  status == OWNER_DIED -> release_writing(false)
    ::  else
    fi;
#endif
    status = BUSY
}

inline program() {
    use = (me <= TWICE -> 2 : 1);
    do :: use > 0 -> use_it(); use-- :: else -> break od
}

proctype thread(byte me) { LOCALS; byte use; program() }

proctype mortal(byte me) { LOCALS; byte use; { program() } unless { dead[1] } }

proctype fate() { /* of thread 1 */
    byte i, where; bool was;
    if
    ::  atomic {
            dead[1] = true;
            owed = owed || writes == 1; torn = torn || writes == 1;
            writes = (writes == 1 -> 0 : writes); behind[1] = 0;
            if :: reads[1] -> reads[1] = false; n_reads-- :: else fi
        }
        if
        ::  atomic { was = woken[1]; where = at[1]; at[1] = 0; woken[1] = false }
            if :: was -> unpark(where, false) :: else fi
        ::  skip
        fi
    ::  skip
    fi
}

init {
    byte n;
    atomic {
#ifdef CRASH
        run fate(); n++; run mortal(n);
#endif
        do :: n < THREADS -> n++; run thread(n) :: else -> break od
    }
}
