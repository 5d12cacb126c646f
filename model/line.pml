/* line.pml: a model of waiting.c, for spin, with a thread that is killed at any step. model/check runs it.
 *
 * Names and steps are those of the code. Each statement or atomic {} touches the shared memory once, except that what
 * is only a hint (progress, the tickets of late threads, the counts of turns) is loaded and stored along with it.
 * Memory is sequentially consistent.
 *
 * It is one side of a queue. TAKERS threads wait in line for units: of messages, or of room. Each takes its units once,
 * taker AGAIN twice. MAKERS threads make one unit each, one after the other UNITS times, and wake.
 *     WIDE      taker 1 wants two units, the others one
 *     DEADLINE  the deadline of taker 1 may pass at any time
 *     CLOSE     the queue is closed at some time
 *     DUE       a unit may be one after which another sleeper is woken although WAKING is set (step 6 of waiting.c)
 *     KILL      a taker (1), or a maker (TAKERS + 1), that may be killed anywhere, and perhaps is reaped
 *     STOP      it is stopped instead: the system says that it lives
 * LIMIT units may be taken between two turns by takers that have not waited. EARLY slices may end at any time. When
 * nothing else can happen, one ends, too; if it finds nothing, the sleeper's deadline passes.
 *
 * Left out: the ring (ring.pml has it: here units are a number), the locks' inside (lock.pml has it: here a take is one
 * step), an unpark's walk over the slots, and its posts (lock.pml has them: here an unpark's marks are one step, and a
 * marked slot is awake), spins, pauses, calls that do not wait.
 *
 * Properties: when nothing else can happen, nobody sleeps while there are enough units for the oldest living sleeper,
 * or while the queue is closed. After a kill, one slice that ends repairs that for good; beside a stopped thread, one
 * for each take does (SERVED). Nobody sleeps then on a word with WAKING; after a kill of a maker, nobody who began to
 * wait later (CLEARED). Not more than LIMIT units are taken out of turn (FAIR).
 */
#define SERVED assert(slices <= (KILL > 0 -> 1 : 0))
#define CLEARED assert(!WAKING || KILL > 0 && !(KILL > TAKERS && afterwards))
#define FAIR assert(out_of_turn <= LIMIT)

#define ALL 9
#define OTHERS (TAKERS + MAKERS + 1)

#define IDLE 0
#define WAIT 1
#define WOKEN 2
byte phase[TAKERS + 1]; /* of the wait slots; slot 0 is not used */
byte ticket[TAKERS + 1];
byte next_ticket = 1;

bool WAITERS, WAKING; /* the word */
bool closed;
byte units, moved; /* there are now; have been taken: the mark that shows progress */
byte barged, late;
bool dead[OTHERS + 1];

/* ---- ghosts ---- */

byte slices;      /* ended while nothing else could happen and there was enough */
byte out_of_turn; /* units taken so since a turn */
byte early = EARLY;

#ifdef WIDE
#define WANT(t) ((t) == 1 -> 2 : 1)
#else
#define WANT(t) 1
#endif
#ifdef STOP
#define STOPPED_AGAIN slices = 0
#define found_dead(t) false
#else
#define STOPPED_AGAIN skip
#define found_dead(t) dead[t]
#endif
#define there_is (closed -> ALL : units)
#define worthwhile (units >= WANT(self) || closed)

#define LOCALS byte i, chosen, u, awaited; bool another, woken

/* ---- unpark.c ---- */

/* The oldest sleeper; 0: nobody sleeps. */
inline find_oldest() {
    i = 1;
    do
    ::  i <= TAKERS ->
        if
        ::  phase[i] == WAIT && (chosen == 0 || ticket[i] < ticket[chosen]) -> chosen = i
        ::  phase[i] == WOKEN && ticket[i] >= awaited -> woken = true
        ::  else
        fi;
        i++
    ::  else -> break
    od;
    i = 0
}

inline mark_all() {
    d_step {
        i = 1;
        do
        ::  i <= TAKERS -> if :: phase[i] == WAIT -> phase[i] = WOKEN :: else fi; i++
        ::  else -> break
        od;
        i = 0
    }
}

/* kin__unpark, where the units suffice for one sleeper */
inline unpark(room) {
    d_step {
        find_oldest();
        if :: chosen != 0 && WANT(chosen) <= room -> phase[chosen] = WOKEN :: else fi;
        chosen = 0; woken = false
    }
}

/* Results of kin__unpark_oldest, left in chosen. */
#define ONE 1
#define BEFORE 2
#define TOO_FEW 3
#define NOBODY 4

inline unpark_oldest() {
    d_step {
        find_oldest();
        if
        ::  woken && (!another || chosen == 0) -> chosen = BEFORE
        ::  else ->
            if
            ::  chosen == 0 -> chosen = NOBODY
            ::  chosen != 0 && WANT(chosen) > u -> chosen = TOO_FEW
            ::  else -> phase[chosen] = WOKEN; chosen = ONE
            fi
        fi;
        woken = false; awaited = 0
    };
    if
    ::  chosen == NOBODY ->
        WAITERS = false;
#ifndef BREAK_CLEAR_FLAG
        mark_all()
#endif
    ::  else
    fi
}

/* ---- waiting.c ---- */

inline wake() {
    do
    ::  atomic {
            another = WAKING; WAKING = true;
            if
            ::  !another
            ::  another -> another = false; break
#ifdef DUE
            ::  another
#endif
            fi
        };
        atomic { awaited = late; u = there_is };
        unpark_oldest();
        atomic {
            if
            ::  chosen == ONE || chosen == BEFORE -> chosen = 0; u = 0; another = false; break
            ::  chosen == NOBODY -> chosen = 0; u = 0; another = false
            ::  chosen == TOO_FEW -> chosen = 0; another = false
            fi
        };
#ifndef BREAK_UNWAKE
        WAKING = false;
#endif
        atomic {
            if
#ifdef BREAK_LOOK_ONCE
            ::  true -> u = 0; break
#else
            ::  !WAITERS || there_is <= u -> u = 0; break
            ::  WAITERS && there_is > u -> u = 0
#endif
            fi
        }
    od
}

inline line_up() {
#ifdef BREAK_LINE_UP
    atomic { WAITERS = true; afterwards = dead[KILL] }
#else
    atomic { WAITERS = true; WAKING = false; afterwards = dead[KILL] }
#endif
}

/* Of slot `which`, whose thread is dead. */
inline bury(which) {
    if :: phase[which] == WOKEN -> unpark(WANT(which)) :: else fi;
    atomic { phase[which] = IDLE; ticket[which] = 0 }
}

inline look_about() { /* slices.c */
    do
    ::  self != 1 && found_dead(1) && (phase[1] == WOKEN || phase[1] == WAIT && ticket[1] < mine) -> bury(1)
    ::  else ->
        d_step {
            i = 1; older = 0;
            do
            ::  i <= TAKERS -> if :: phase[i] == WAIT && ticket[i] < mine -> older++ :: else fi; i++
            ::  else -> break
            od;
            i = 0
        };
        break
    od
}

inline begin_slot() {
    atomic {
        before = moved;
        if :: mine == 0 -> mine = next_ticket; next_ticket++ :: else fi;
        ticket[self] = mine; phase[self] = WAIT
    }
}

inline arrive() {
    atomic {
        turn = phase[self] == WOKEN; phase[self] = IDLE; ticket[self] = 0; held = false;
#ifdef BREAK_THERE
        if :: there -> there = false; before = 0; goto again :: else fi
#else
        if :: !turn && there -> there = false; before = 0; goto again :: else fi
#endif
    };
    atomic {
#ifndef BREAK_CLEAR
        WAKING = false;
#endif
        if :: !turn && older == 0 && worthwhile -> late = mine :: else fi;
        turn = turn || older == 0 || moved == before;
        there = false; before = 0
    }
}

/* When nothing else can happen, a slice ends. */
inline nothing_happens() {
    d_step {
        i = 1;
        do
        ::  i <= TAKERS ->
            if
            ::  !dead[i] && phase[i] == WAIT && (chosen == 0 || ticket[i] < ticket[chosen]) -> chosen = i
            ::  else
            fi;
            i++
        ::  else -> break
        od;
        i = 0;
        if
        ::  closed || WANT(chosen) <= units -> slices++; SERVED
        ::  else -> passed = true; CLEARED
        fi;
        chosen = 0
    }
}

inline sleep_a_slice() {
#ifdef BREAK_ORDER
    line_up();
    there = !held && worthwhile;
    begin_slot();
#else
    begin_slot();
    line_up();
#ifndef BREAK_RECHECK
    there = !held && worthwhile;
#endif
#endif
#ifndef BREAK_HELD
    if :: held -> wake() :: else fi;
#endif
    do
    ::  there || phase[self] != WAIT -> break
    ::  atomic { !there && phase[self] == WAIT && early > 0 -> early-- }; look_about(); break
#ifdef DEADLINE
    ::  atomic { self == 1 && !passed && !there && phase[self] == WAIT -> passed = true; break }
#endif
    ::  timeout -> nothing_happens(); look_about(); break
    od;
    arrive()
}

/* Under the lock. The word is loaded there, too. */
inline take_once() {
    atomic {
        held = WAITERS && !turn && barged >= LIMIT;
        if
        ::  !held && units >= WANT(self) ->
            units = units - WANT(self); moved = moved + WANT(self); STOPPED_AGAIN;
            if
            ::  WAITERS && turn -> barged = 0; out_of_turn = 0
            ::  WAITERS && !turn ->
#ifndef BREAK_SERVED
                barged = barged + WANT(self);
#endif
                out_of_turn = out_of_turn + WANT(self); FAIR
            ::  !WAITERS
            fi;
            break
        ::  else -> if :: passed || last && !held && units < WANT(self) -> break :: else fi
        fi
    }
}

inline take() {
again:
    do
    ::
#ifdef CLOSE
        last = closed;
#endif
        take_once();
        sleep_a_slice()
    od;
#ifndef BREAK_PASS_ON
    if :: mine != 0 && WAITERS && there_is > 0 -> wake() :: else fi;
#endif
    atomic { last = false; held = false; turn = false; mine = 0; older = 0; afterwards = false }
}

/* ---- threads ---- */

#define TAKING byte mine, older, before; bool turn, held, there, last, passed, afterwards

proctype taker(byte self; byte times) {
    LOCALS;
    TAKING;
    do :: times > 0 -> take(); times-- :: else -> break od
}

proctype mortal_taker(byte self; byte times) {
    LOCALS;
    TAKING;
    { do :: times > 0 -> take(); times-- :: else -> break od } unless { dead[self] }
}

inline make() { units++; if :: WAITERS -> wake() :: else fi }

proctype maker(byte self; byte times) {
    LOCALS;
    do :: times > 0 -> make(); times-- :: else -> break od
}

proctype mortal_maker(byte self; byte times) {
    LOCALS;
    { do :: times > 0 -> make(); times-- :: else -> break od } unless { dead[self] }
}

proctype closer() {
    LOCALS;
#ifdef BREAK_CLOSE
    if :: WAITERS -> mark_all(); WAITERS = false; mark_all() :: else fi;
    closed = true
#else
    closed = true;
    if :: WAITERS -> mark_all(); WAITERS = false; mark_all() :: else fi
#endif
}

proctype fate() {
    LOCALS;
    if
    ::  dead[KILL] = true;
        if
        ::  KILL <= TAKERS && found_dead(1) && phase[1] != IDLE -> bury(1) /* reaped */
        ::  skip
        fi
    ::  skip
    fi
}

init {
    byte n;
    atomic {
        do
        ::  n < TAKERS ->
            n++;
            if
            ::  n == KILL -> run mortal_taker(n, (n == AGAIN -> 2 : 1))
            ::  else -> run taker(n, (n == AGAIN -> 2 : 1))
            fi
        ::  n >= TAKERS && n < TAKERS + MAKERS ->
            n++;
            if :: n == KILL -> run mortal_maker(n, UNITS) :: else -> run maker(n, UNITS) fi
        ::  else -> break
        od;
#ifdef CLOSE
        run closer();
#endif
        if :: KILL > 0 -> run fate() :: else fi
    }
}
