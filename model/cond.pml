/* cond.pml: a model of cond.c on park.c, for spin, with a waiter that is killed at any step of its wait. model/check
 * runs it.
 *
 * Names and steps are those of the code. Each statement or atomic {} touches the shared memory once. Memory is
 * sequentially consistent.
 *
 * Left out: the lock's inside (lock.pml has it: here it is taken when it is free or its owner is dead), semaphores and
 * posts (a marked slot is awake), tickets (a notify picks any sleeper that it saw; the oldest is one).
 *
 * THREADS consumers each take one of the goods, which a producer makes one by one, GOODS in all, notifying one each
 * time.
 *     DEADLINE  the deadline of thread THREADS may pass at any time
 *     CRASHES   of threads, from 1 on, may be killed anywhere in their waits, and perhaps are reaped; the first one's
 *               slot goes to a new consumer, the heir, if HEIR is 1
 * EARLY slices may end at any time. When nothing else can happen, one ends, too; if nothing is there for it, its
 * deadline passes.
 *
 * Property: if a thread sleeps while there are goods and nothing else can happen, the first slice that ends repairs
 * that (REPAIRED).
 */
#define REPAIRED assert(slices <= 1)

#define IDLE 0
#define WAIT 1
#define WOKEN 2
#define PHASE(state) ((state) & 3)
#define SEQUENCE(state) ((state) & 252)
byte state[THREADS + 1]; /* of the wait slots; slot 0 is not used */
bool owes[THREADS + 1];
byte holder[THREADS + 1]; /* what the slot's lease says */
bool dead[THREADS + 3];   /* by thread; the heir is THREADS + 1, the producer THREADS + 2 */
byte owner;               /* of the lock */
byte goods;
byte slices; /* ghost: ended while nothing else could happen and there were goods, since the last was taken */
byte early = EARLY;       /* slices that may end while others move */
bool waiting[THREADS + 2]; /* ghost: the thread is in its wait */

#define LOCALS byte i, last, found, saw[THREADS + 1]; bool notified, debt

inline acquire() { atomic { owner == 0 || dead[owner] -> owner = self } }
inline release() { owner = 0 }

/* ---- park.c ---- */

inline notify() { /* one */
    i = 1;
    do
    ::  i <= THREADS ->
        atomic {
            if :: PHASE(state[i]) == WAIT -> saw[i] = state[i]; found++ :: else fi;
            i++
        }
    ::  else -> i = 0; break
    od;
    do
    ::  atomic {
            found > 0 ->
            if
            ::  saw[1] != 0 -> i = 1
            ::  saw[2] != 0 -> i = 2
            ::  saw[THREADS] != 0 -> i = THREADS
            fi;
            if
            ::  state[i] == saw[i] -> state[i] = SEQUENCE(saw[i]) | WOKEN; found = 0
            ::  else -> found--
            fi;
            saw[i] = 0; i = 0
        }
    ::  atomic { found == 0 -> do :: i <= THREADS -> saw[i] = 0; i++ :: else -> i = 0; break od; break }
    od
}

inline begin() { state[me] = (SEQUENCE(state[me]) + 4) | WAIT }

inline end_owing() {
#if !defined(BREAK_OWES) && !defined(BREAK_OWES_LATE)
    owes[me] = true;
#endif
    atomic { notified = PHASE(state[me]) == WOKEN; state[me] = SEQUENCE(state[me]) | IDLE };
#ifdef BREAK_OWES_LATE
    owes[me] = notified;
#endif
    if :: notified :: else -> owes[me] = false fi
}

/* Of slot `which`, whose thread is dead. Its wake-up is passed on before it is taken off the slot. */
inline bury(which) {
    atomic { last = state[which]; debt = owes[which] };
#ifdef BREAK_PASS
    owes[which] = false;
    atomic { if :: state[which] == last -> state[which] = (SEQUENCE(last) + 4) | IDLE :: else fi };
#endif
    if
    ::  debt || PHASE(last) == WOKEN ->
#ifndef BREAK_BURY
        notify();
#endif
        owes[which] = false
    ::  else
    fi;
    atomic {
        if :: state[which] == last -> state[which] = (SEQUENCE(last) + 4) | IDLE :: else fi;
        last = 0; debt = false
    }
}

inline look_about() { /* slices.c */
    do
    ::  me != 1 && dead[holder[1]] && (owes[1] || PHASE(state[1]) != IDLE) -> bury(1)
    ::  me != 2 && dead[holder[2]] && (owes[2] || PHASE(state[2]) != IDLE) -> bury(2)
    ::  else -> break
    od
}

/* ---- cond.c ---- */

inline wait() { /* the lock is held */
    waiting[self] = true;
#ifdef BREAK_ORDER
    release(); begin();
#else
    begin(); release();
#endif
    do
    ::  PHASE(state[me]) != WAIT -> break
#ifdef DEADLINE
    ::  me == THREADS -> late = true; break
#endif
    ::  atomic { early > 0 -> early-- }; look_about()
    ::  timeout ->
#ifndef BREAK_SLICES
        look_about();
#endif
        atomic {
            if
            ::  PHASE(state[me]) == WAIT && goods == 0 -> late = true; break
            ::  PHASE(state[me]) == WAIT && goods > 0 -> slices++; REPAIRED
            ::  else
            fi
        }
    od;
    end_owing();
    acquire();
    atomic { /* settle, and what the caller does next: it is not killed in between */
        owes[me] = false; waiting[self] = false
    }
}

inline program() {
    acquire();
    do
    ::  atomic { goods > 0 -> goods--; slices = 0; break }
    ::  goods == 0 && !late -> wait()
    ::  goods == 0 && late -> break
    od;
    release()
}

proctype consumer(byte me; byte self) { LOCALS; bool late; holder[me] = self; program() } /* its slot, its name */

proctype mortal(byte me; byte self) { LOCALS; bool late; { holder[me] = self; program() } unless { dead[self] } }

proctype producer(byte self) {
    LOCALS;
    byte times;
    do
    ::  times < GOODS -> acquire(); goods++; notify(); release(); times++
    ::  else -> break
    od
}

proctype fate(byte who) {
    LOCALS;
    if
    ::  atomic { waiting[who] -> dead[who] = true }
        if
        ::  bury(who); if :: HEIR && who == 1 -> run consumer(1, THREADS + 1) :: else fi /* reaped */
        ::  skip
        fi
    ::  skip
    fi
}

init {
    byte n;
    atomic {
        run producer(THREADS + 2);
        do :: n < CRASHES -> n++; run fate(n); run mortal(n, n) :: else -> break od;
        do :: n < THREADS -> n++; run consumer(n, n) :: else -> break od
    }
}
