/* heap.pml: a model of heap.c and heap_lock.c, for spin, with a thread that is killed at any step. model/check runs it.
 *
 * Names and steps are those of the code. Each statement or atomic {} touches the shared memory once. Memory is
 * sequentially consistent.
 *
 * There are two spans; a small span has two blocks of one class. USERS users, the first of them TIMES times, take a
 * block and free it. The keeper takes a large block of both spans, so it retires small ones, and frees it.
 *     KILL   a user that may be killed anywhere (1), or the keeper (3); then it is reaped, and what it had is freed
 *     STALE  another thread frees a block by the word by which its user does, too
 *
 * Left out: hints (a search finds any block that seems to be free), marks (a search looks at all blocks), runs, growth,
 * memory that is given back, sizes, the lock's inside.
 *
 * Properties: a block has one user (ALONE); its tag stays LIVE, and the bytes of a large block its user's, until its
 * user frees it; at the end no block is lost: all spans can be had for a large block.
 */
#define ALONE(b) assert(user[b] == 0)

#define SPANS 2
#define BLOCKS 2 /* of a span */
#define AT(span, i) ((span) * BLOCKS + (i))
#define SPAN(b) ((b) / BLOCKS)
#define KEEPER 3

mtype = { UNUSED, SMALL, LARGE, TAIL, RETIRING };
mtype kind[SPANS] = UNUSED;
byte version[SPANS];

/* A tag: 0: a user's bytes. Else number << 3 | kind. */
#define T_FREE 1
#define T_TAKEN 2
#define T_LIVE 3
#define T_RETIRED 4
#define TAG(number, kind) ((number) << 3 | (kind))
byte tag[SPANS * BLOCKS], generation[SPANS * BLOCKS];
byte taking[KEEPER + 3]; /* of the thread: block + 1 */
byte lock;
bool dead[KEEPER + 3];

/* ---- ghosts ---- */

byte user[SPANS * BLOCKS + 1]; /* of each block that is TAKEN to be used, or LIVE; a large one covers all spans */
byte uses[SPANS * BLOCKS]; /* of each block so far */
byte word_block, word_generation, word_use; /* a block's word that its user is about to free */
bool word_there;

#define FREE_TAG(s, v) TAG(v, T_FREE)

/* ---- heap_lock.c ---- */

inline undo_retiring(s) {
    atomic { if :: tag[AT(s, 0)] == TAG(version[s], T_RETIRED) -> tag[AT(s, 0)] = FREE_TAG(s, version[s]) :: else fi };
    atomic { if :: tag[AT(s, 1)] == TAG(version[s], T_RETIRED) -> tag[AT(s, 1)] = FREE_TAG(s, version[s]) :: else fi };
    kind[s] = SMALL
}

inline recover() {
    n = 0;
    do
    ::  n < SPANS ->
        if
#ifndef BREAK_RECOVER
        ::  kind[n] == RETIRING -> undo_retiring(n)
#endif
#ifndef BREAK_TAILS
        ::  kind[n] == TAIL && !(n == 1 && kind[0] == LARGE) -> kind[n] = UNUSED
#endif
        ::  else
        fi;
        n++
    ::  else -> n = 0; break
    od
}

inline enter() {
    if
    ::  atomic { lock == 0 -> lock = self }
    ::  atomic { lock != 0 && dead[lock] -> lock = self }; recover()
    fi
}

inline leave() { lock = 0 }

inline make_small(s) {
#ifdef BREAK_HEADERS
    kind[s] = SMALL;
#endif
    atomic { assert(user[AT(s, 0)] == 0); generation[AT(s, 0)] = version[s]; tag[AT(s, 0)] = FREE_TAG(s, version[s]) };
    atomic { assert(user[AT(s, 1)] == 0); generation[AT(s, 1)] = version[s]; tag[AT(s, 1)] = FREE_TAG(s, version[s]) };
    kind[s] = SMALL
}

inline newest(b) { it = (generation[b] > it -> generation[b] : it) }

/* A block whose tag says FREE becomes RETIRED. */
inline retire_block(b) {
    atomic {
#if defined(BREAK_RETIRED)
        if :: tag[b] == FREE_TAG(SPAN(b), version[SPAN(b)]) -> newest(b) :: else -> fails = true fi
#elif defined(BREAK_RETIRE)
        tag[b] = TAG(version[SPAN(b)], T_RETIRED); newest(b)
#else
        if
        ::  tag[b] == FREE_TAG(SPAN(b), version[SPAN(b)]) -> tag[b] = TAG(version[SPAN(b)], T_RETIRED); newest(b)
        ::  else -> fails = true
        fi
#endif
    }
}

inline retire(s) {
    if
    ::  kind[s] == SMALL && tag[AT(s, 0)] == FREE_TAG(s, version[s]) && tag[AT(s, 1)] == FREE_TAG(s, version[s]) ->
        atomic { kind[s] = RETIRING; it = version[s] };
        retire_block(AT(s, 0));
        if :: !fails -> retire_block(AT(s, 1)) :: else fi;
        if
        ::  fails -> undo_retiring(s)
#ifdef BREAK_GENERATION
        ::  else -> atomic { kind[s] = UNUSED; version[s] = version[s] + 1 }
#else
        ::  else -> atomic { kind[s] = UNUSED; version[s] = it + 1 }
#endif
        fi;
        atomic { fails = false; it = 0 }
    ::  else
    fi
}

/* ---- small blocks ---- */

/* The search has read the span's word, and then the tag of one of its blocks. */
inline claim() {
    do
    ::  atomic {
            if :: n = 0 :: n = 1 fi;
            if
            ::  kind[n] == SMALL -> seen = version[n]; break
            ::  else -> skip
            fi
        }
    ::  kind[0] == UNUSED && kind[1] != LARGE || kind[1] == UNUSED && kind[0] != LARGE ->
        enter();
        if
        ::  kind[0] == UNUSED -> make_small(0)
        ::  kind[0] != UNUSED && kind[1] == UNUSED -> make_small(1)
        ::  else
        fi;
        leave()
    ::  kind[0] == LARGE -> seen = 255; break /* KIN_E_NO_MEMORY */
    od;
    if
    ::  seen != 255 ->
        if :: b = AT(n, 0) :: b = AT(n, 1) fi;
#ifndef BREAK_TAKING
        taking[self] = b + 1;
#endif
        atomic {
            if
            ::  tag[b] == FREE_TAG(n, seen) -> tag[b] = TAG(self, T_TAKEN); 
                ALONE(b); user[b] = self; uses[b] = uses[b] + 1; mine = uses[b]
            ::  else -> b = 255
            fi
        };
#ifdef BREAK_TAKING
        if :: b != 255 -> taking[self] = b + 1 :: else fi
#endif
    ::  else -> b = 255
    fi;
    atomic { n = 0; seen = 0 }
}

inline make_live() {
    atomic { seen = generation[b] + 1; generation[b] = seen };
#ifdef BREAK_CLEAR
    taking[self] = 0;
    tag[b] = TAG(seen, T_LIVE)
#else
    tag[b] = TAG(seen, T_LIVE);
    taking[self] = 0
#endif
}

inline look() { assert(user[b] == self && tag[b] == TAG(seen, T_LIVE)) }

/* By a word: block, generation. use: the ghost of the use that the word names. */
inline give(which, gen, use) {
    atomic { n = SPAN(which); it = version[n]; fails = kind[n] != SMALL && kind[n] != RETIRING };
    if
    ::  !fails && tag[which] == TAG(gen, T_LIVE) && version[n] == it ->
        taking[self] = which + 1;
        atomic {
            if
#ifdef BREAK_STALE
            ::  (tag[which] & 7) == T_LIVE ->
#else
            ::  tag[which] == TAG(gen, T_LIVE) ->
#endif
                tag[which] = FREE_TAG(n, it); assert(uses[which] == use);
                user[which] = 0
            ::  else
            fi
        };
        taking[self] = 0
    ::  else
    fi;
    atomic { n = 0; it = 0; fails = false }
}

inline program() {
    claim();
    if
    ::  b != 255 -> make_live(); look();
        atomic { word_block = b; word_generation = seen; word_use = mine; word_there = true };
        give(b, seen, mine)
    ::  else
    fi;
    atomic { b = 0; seen = 0; mine = 0 }
}

/* ---- large blocks: of all spans ---- */

inline take_large() {
    enter();
    retire(0);
    retire(1);
    if
    ::  kind[0] == UNUSED && kind[1] == UNUSED ->
        kind[1] = TAIL;
        generation[0] = version[0];
        taking[self] = 1;
        tag[0] = TAG(self, T_TAKEN);
        atomic {
            kind[0] = LARGE;
            ALONE(0); ALONE(1); ALONE(2); ALONE(3);
            user[0] = self; user[1] = self; user[2] = self; user[3] = self
        };
        has = true
    ::  else
    fi;
    leave()
}

inline release_large() {
    enter();
    if
    ::  kind[0] == LARGE ->
        atomic {
            kind[0] = UNUSED; version[0] = generation[0] + 1;
            user[0] = 0; user[1] = 0; user[2] = 0; user[3] = 0
        };
        kind[1] = UNUSED
    ::  else
    fi;
    leave()
}

inline keep() {
    take_large();
    if
    ::  has ->
        atomic { seen = generation[0] + 1; generation[0] = seen };
        tag[0] = TAG(seen, T_LIVE);
        taking[self] = 0;
        atomic { tag[1] = 0; tag[2] = 0; tag[3] = 0 }; /* a user's bytes. They are no tag: see heap.c, 5 and 6 */
        assert(tag[0] == TAG(seen, T_LIVE) && tag[1] == 0 && tag[2] == 0 && tag[3] == 0);
        taking[self] = 1;
        atomic { assert(tag[0] == TAG(seen, T_LIVE)); tag[0] = TAG(self, T_TAKEN) };
        release_large();
        taking[self] = 0
    ::  else
    fi;
    atomic { has = false; seen = 0 }
}

/* ---- after a death ---- */

inline reap(who) {
    b = taking[who];
    if
    ::  b != 0 ->
        b--;
        if
        ::  kind[SPAN(b)] == SMALL || kind[SPAN(b)] == RETIRING ->
            atomic {
                if
                ::  tag[b] == TAG(who, T_TAKEN) -> tag[b] = FREE_TAG(SPAN(b), version[SPAN(b)]); user[b] = 0
                ::  else
                fi
            }
        ::  kind[SPAN(b)] == LARGE && tag[b] == TAG(who, T_TAKEN) -> release_large()
        ::  else
        fi;
        taking[who] = 0
    ::  else
    fi;
    b = 0
}

/* ---- threads ---- */

#define LOCALS byte n, b, it, seen, mine; bool fails, has

proctype thread(byte self; byte times) {
    LOCALS;
    do :: times > 0 -> program(); times-- :: else -> break od
}

proctype mortal(byte self) { LOCALS; { program() } unless { dead[self] } }

proctype keeper(byte self) { LOCALS; keep() }

proctype mortal_keeper(byte self) { LOCALS; { keep() } unless { dead[self] } }

proctype stale(byte self) {
    LOCALS;
end:word_there -> atomic { b = word_block; seen = word_generation; mine = word_use };
    give(b, seen, mine)
}

/* What the dead thread had for its own is freed by another, as its program would: a LIVE block. */
inline inherit(who) {
    b = 0;
    do
    ::  b < SPANS * BLOCKS ->
        if
        ::  user[b] == who && (tag[b] & 7) == T_LIVE && kind[SPAN(b)] != LARGE ->
            seen = tag[b] >> 3;
            give(b, seen, uses[b])
        ::  user[b] == who && (tag[b] & 7) == T_LIVE && kind[SPAN(b)] == LARGE ->
            taking[self] = b + 1;
            tag[b] = TAG(self, T_TAKEN);
            release_large();
            taking[self] = 0
        ::  else
        fi;
        b++
    ::  else -> b = 0; break
    od
}

proctype fate(byte who) {
    byte self = KEEPER + 1;
    LOCALS;
    if
    ::  atomic { dead[who] = true }
#ifndef BREAK_REAP
        reap(who);
#endif
        inherit(who)
    ::  skip
    fi
}

init {
    byte self = KEEPER + 2;
    LOCALS;
    atomic {
        if :: KILL == 1 -> run fate(1); run mortal(1) :: else -> run thread(1, TIMES) fi;
        if :: USERS == 2 -> run thread(2, 1) :: else fi;
        if :: KILL == 3 -> run fate(3); run mortal_keeper(3) :: else -> run keeper(3) fi;
#ifdef STALE
        run stale(KEEPER + 1)
#endif
    };
    timeout;
    take_large();
    assert(has)
}
