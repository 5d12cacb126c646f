/* barrier.pml: a model of barrier.c, for spin, with a thread that is killed at any step. model/check runs it.
 *
 * Names and steps are those of the code. Each statement or atomic {} touches the shared memory once; changes of ghosts
 * come along. Memory is sequentially consistent.
 *
 * With COARSE a slot is seen and marked in one step, and has no sequence: for what needs more states than there is
 * memory for.
 *
 * Left out: the park's semaphores and posts (lock.pml has them: here a marked slot is awake), tickets, the limits to
 * how many are asked about (here all are), the action's content, what the process asks about itself. A generation's
 * tag is the generation; the model has too few of them for one to come round.
 *
 * Scenarios. THREADS threads wait PARTIES at a time, those up to TWICE twice. A thread whose wait fails does not come
 * again.
 *     (none)    all live
 *     DEADLINE  the deadline of thread 2 may pass at any time
 *     RESET     a thread resets, once, at any time
 *     RESETS    two reset, of whom one may be killed anywhere
 *     LATE      an unpark of long ago marks whom it finds, once, at any time
 *     CRASH     thread 1 may be killed anywhere, and perhaps is reaped; its slot goes to a new thread, the heir, that
 *               waits HEIR times
 * EARLY_SLICES slices may end at any time. When nothing else can happen, one ends, too; if it finds nothing then, its
 * deadline passes.
 *
 * Properties: a thread is told what became of its generation (TRUE_OUTCOME); a death breaks a generation only if one
 * that came in it has died (DIED), and the first slice that ends shows it (SEEN); nobody sleeps for ever (no invalid
 * end state).
 */
#define TRUE_OUTCOME(g, what) assert(fate_of[g] == (what))
#define DIED(g) assert(died_in[g])
#define SEEN(g) assert(!died_in[g])

/* ---- shared memory ---- */

byte generation, count; /* the word: one step reads or changes all three */
bool broken;
byte runner, runner_generation; /* one word, too */

#define IDLE 0
#define WAIT 1
#define WOKEN 2
#define TOLD 3
#define PHASE(state) ((state) & 3)
#define SEQUENCE(state) ((state) & 252)
#ifdef COARSE
#define NEXT(state) 0
#else
#define NEXT(state) (SEQUENCE(state) + 4)
#endif
byte state[THREADS + 1], tag[THREADS + 1]; /* of the wait slots; slot 0 is not used */
#define EARLY 255

bool dead[THREADS + 2]; /* by thread; the heir is THREADS + 1 */
byte holder[THREADS + 1]; /* of the slot: what its lease says */

/* ---- ghosts ---- */

#define GENERATIONS 8
mtype = { GOES_ON, PASSED, FAILED };
mtype fate_of[GENERATIONS] = GOES_ON;
byte early = EARLY_SLICES; /* slices that may still end while others move */
bool died_in[GENERATIONS];  /* one that was counted died before the generation was over */
byte counted_in[THREADS + 2]; /* generation + 1, until it returns */

mtype = { BUSY, OK, E_BROKEN, E_TIMED_OUT };
#define LOCALS byte g, c, i, seen, living, before, want; bool b, came; mtype status = BUSY

inline load_word() { g = generation; c = count; b = broken }

/* ---- park.c ---- */

inline begin(what) {
    tag[me] = what;
    state[me] = NEXT(state[me]) | WAIT
}

inline end() { atomic { state[me] = SEQUENCE(state[me]) | IDLE; tag[me] = 0 } } /* nobody reads an idle slot's tag */

inline unpark_all() {
    i = 1;
    do
    ::  i <= THREADS ->
#ifdef COARSE
        atomic { if :: PHASE(state[i]) == WAIT -> state[i] = WOKEN :: else fi; i++ }
#else
        atomic { seen = state[i]; if :: PHASE(seen) != WAIT -> seen = 0; i++ :: else fi };
        if
        ::  seen != 0 ->
            atomic { if :: state[i] == seen -> state[i] = SEQUENCE(seen) | WOKEN :: else fi; seen = 0; i++ }
        ::  else
        fi
#endif
    ::  else -> i = 0; break
    od
}

inline tell(which) { /* it tries until the slot is told, or not to be: one step */
    i = 1;
    do
    ::  i <= THREADS ->
        atomic {
            if
            ::  PHASE(state[i]) != IDLE && PHASE(state[i]) != TOLD && tag[i] == (which) ->
                state[i] = SEQUENCE(state[i]) | TOLD
            ::  else
            fi;
            i++
        }
    ::  else -> i = 0; break
    od
}

inline renew() {
#if defined(BREAK_RENEW)
    end(); atomic { tag[me] = want; state[me] = NEXT(state[me]) | WAIT }
#elif defined(BREAK_RENEW_TOLD)
    state[me] = NEXT(state[me]) | WAIT
#else
    atomic { if :: PHASE(state[me]) != TOLD -> state[me] = NEXT(state[me]) | WAIT :: else fi }
#endif
}

/* ---- barrier.c: dead threads ---- */

/* of what is in g and c */
#ifdef BREAK_RUNNER_TAG
#define RUNNER (c == PARTIES -> runner : 0)
#else
#define RUNNER (c == PARTIES && runner_generation == g -> runner : 0)
#endif

inline break_if_one_has_died() { /* load_word() before it */
    before = RUNNER;
    i = 1; living = 0;
    do
    ::  i <= THREADS ->
        atomic {
            if
#ifdef BREAK_TAG
            ::  PHASE(state[i]) != IDLE && !dead[holder[i]] && (before == 0 || holder[i] != before) -> living++
#else
            ::  PHASE(state[i]) != IDLE && !dead[holder[i]] && tag[i] == g && (before == 0 || holder[i] != before) ->
                living++
#endif
            ::  else
            fi;
            i++
        }
    ::  else -> i = 0; break
    od;
#ifndef BREAK_READ_ONCE
    before = RUNNER;
#endif
    atomic {
        if
        ::  before != 0 && !dead[before] -> living++
        ::  else
        fi;
        before = 0
    };
    atomic {
        if
        ::  living < c && !b && generation == g && count == c && !broken ->
            DIED(g); broken = true; fate_of[g] = FAILED; living = 1
        ::  else -> living = 0
        fi
    };
    if :: living -> living = 0; unpark_all() :: else fi
}

inline break_generation() { /* g: which */
    atomic { if :: generation == g && !broken -> broken = true; fate_of[g] = FAILED; seen = 1 :: else fi };
    if :: seen -> seen = 0; unpark_all() :: else fi
}

/* ---- barrier.c: waiting ---- */

inline leave_with(what) { atomic { status = what; counted_in[self] = 0 } }

inline outcome() { /* of generation want, by the word in g, b */
    if
    ::  g != want ->
        atomic {
            status = (PHASE(state[me]) == TOLD -> E_BROKEN : OK);
            TRUE_OUTCOME(want, (status == OK -> PASSED : FAILED))
        }
    ::  g == want && b -> atomic { status = E_BROKEN; TRUE_OUTCOME(want, FAILED) }
    ::  else
    fi
}

inline sleep_through() { /* in generation want */
    do
    ::  atomic { load_word() };
        outcome();
        if :: status != BUSY -> break :: else -> c = 0 fi;
        if
        ::  PHASE(state[me]) != WAIT -> renew()
#ifdef DEADLINE
        ::  me == 2 -> break_generation(); atomic { load_word() }; outcome();
            if :: status == E_BROKEN -> status = E_TIMED_OUT :: else fi;
            break
#endif
        ::  atomic { early > 0 -> early--; load_word() };
            if :: g == want && !b -> break_if_one_has_died() :: else fi
#ifndef BREAK_SLICES
        ::  timeout ->
            atomic { load_word() };
            if
            ::  g != want || b -> skip /* it is over, and nobody has said so */
            ::  else ->
                break_if_one_has_died();
                atomic { load_word(); if :: g == want && !b -> SEEN(g) :: else fi };
                break_generation(); atomic { load_word() }; outcome();
                if :: status == E_BROKEN -> status = E_TIMED_OUT :: else fi;
                break
            fi
#endif
        fi
    od;
    leave_with(status);
    atomic { state[me] = SEQUENCE(state[me]) | IDLE; tag[me] = 0; g = 0; c = 0; b = false; want = 0 }
}

inline come_later() { /* the word is in g, c, b */
    begin(EARLY);
    seen = (generation != g || count != c || broken != b);
    if
    ::  seen -> seen = 0
    ::  else ->
        if
        ::  PHASE(state[me]) != WAIT
        ::  atomic { early > 0 -> early-- }; break_if_one_has_died()
        ::  timeout ->
#ifndef BREAK_EARLY
            break_if_one_has_died();
#endif
            atomic {
                if
                ::  generation == g && !broken -> SEEN(g); status = E_TIMED_OUT
                ::  else
                fi
            }
        fi
    fi;
    atomic { state[me] = SEQUENCE(state[me]) | IDLE; tag[me] = 0; g = 0; c = 0; b = false }
}

inline come() { /* the word is in g, c, b */
    want = g;
#ifndef BREAK_SLOT
    begin(want);
#endif
    do
    ::  g == want && !b && c < PARTIES ->
        atomic {
            if
            ::  generation == g && count == c && !broken ->
                count++; c++; counted_in[self] = g + 1; came = true
            ::  else -> load_word()
            fi
        };
        if :: came -> break :: else fi
    ::  else -> break
    od;
#ifdef BREAK_SLOT
    if :: came -> begin(want) :: else fi
#else
    if
    ::  !came -> atomic { state[me] = SEQUENCE(state[me]) | IDLE; tag[me] = 0; g = 0; c = 0; b = false; want = 0 }
    ::  else
    fi
#endif
}

inline be_the_last() {
#ifdef BREAK_SLOT_END
    end();
#endif
    atomic { runner = self; runner_generation = g };
#ifndef BREAK_SLOT_END
    end();
#endif
    skip; /* action */
#ifdef BREAK_RUNNER
    runner = 0;
#endif
    atomic {
        if
        ::  generation == g && count == c && !broken ->
            generation++; count = 0; fate_of[g] = PASSED; counted_in[self] = 0; status = OK
        ::  else -> status = E_BROKEN; counted_in[self] = 0; TRUE_OUTCOME(g, FAILED)
        fi
    };
#ifndef BREAK_UNPARK
    if :: status == OK -> unpark_all() :: else fi;
#endif
    atomic { g = 0; c = 0; b = false; want = 0 }
}

inline wait() {
    do
    ::  atomic { load_word() };
        if
        ::  b -> status = E_BROKEN
        ::  !b && c >= PARTIES -> come_later()
        ::  !b && c < PARTIES -> come()
        fi;
        if :: status != BUSY || came -> break :: else fi
    od;
    if
    ::  came && c == PARTIES -> be_the_last()
    ::  came && c < PARTIES -> sleep_through()
    ::  else
    fi;
    came = false
}

/* ---- reset ---- */

#define NEXT_GENERATION(g) \
    atomic { if :: generation == g && broken -> generation++; count = 0; broken = false :: else fi }

inline reset() {
    atomic { g = generation; if :: !broken -> broken = true; fate_of[g] = FAILED :: else fi };          /* a */
#ifdef BREAK_ORDER
    NEXT_GENERATION(g);
#endif
#ifndef BREAK_TELL
    tell(g);                                                                                            /* b */
#endif
    NEXT_GENERATION(g);                                                                                 /* c */
    unpark_all()
}

proctype resetter() { byte g, i, seen; reset() }

bool killed;
proctype mortal_resetter() { byte g, i, seen; { reset() } unless { killed } }

/* ---- threads ---- */

proctype late() { byte i, seen; unpark_all() }

inline program() {
    do
    ::  times > 0 -> wait(); times--;
        if :: status == OK -> status = BUSY :: else -> break fi
    ::  else -> break
    od
}

proctype thread(byte me; byte self; byte times) { LOCALS; holder[me] = self; program() } /* its slot, its name */

proctype mortal(byte me; byte self; byte times) { LOCALS; { holder[me] = self; program() } unless { dead[self] } }

inline take_turn() { /* what the reaper passes on */
    i = 1;
    do
    ::  i <= THREADS && PHASE(state[i]) == WAIT -> state[i] = SEQUENCE(state[i]) | WOKEN; break
    ::  i <= THREADS -> i++
    ::  else -> break
    od;
    i = 0
}

proctype killer() { /* of thread 1 */
    byte i;
    if
    ::  atomic {
            dead[1] = true;
            if
            ::  counted_in[1] != 0 && generation == counted_in[1] - 1 -> died_in[counted_in[1] - 1] = true
            ::  else
            fi
        };
        if
        ::  atomic {
                if :: PHASE(state[1]) == WOKEN -> i = 1 :: else fi;
                state[1] = NEXT(state[1]) | IDLE;
                if :: i -> take_turn() :: else fi
            };
            run thread(1, THREADS + 1, HEIR)
        ::  skip
        fi
    ::  skip
    fi
}

#ifdef RESETS
active proctype reset_killer() { if :: killed = true :: skip fi }
#endif

init {
    byte n;
    atomic {
#ifdef RESET
        run resetter();
#endif
#ifdef RESETS
        run resetter(); run mortal_resetter();
#endif
#ifdef LATE
        run late();
#endif
#ifdef CRASH
        run killer(); n++; run mortal(n, n, 1 + (n <= TWICE));
#endif
        do :: n < THREADS -> n++; run thread(n, n, 1 + (n <= TWICE)) :: else -> break od
    }
}
