/* dict.pml: a model of container.c, hash_table.c and segment.c, for spin: a dict is read without its lock, beside
 * writers of which one is killed at any step. model/check runs it.
 *
 * Names and steps are those of the code. Each statement or atomic {} touches once what others may see; what only the
 * lock's holder sees comes along, unless its death would show it. Memory is sequentially consistent.
 *
 * There are KEYS keys; the first two are in the dict at the beginning. Their searches all begin at a segment's first
 * slot. A key's bit in a directory is that of its number less one. There are TABLES blocks for segments and directories
 * and ENTRIES for entries. The dict begins as
 *     START 0  a segment           START 1  a directory that names one segment
 *     START 2  a directory that names two segments, with one key each
 * Each of WRITERS writers makes OPS changes, each of the kinds that are chosen:
 *     SET, REMOVE        of any key
 *     REPLACE            another segment as the root
 *     DEEPEN             a directory as the root, instead of a segment
 *     SPLIT, MERGE       of a directory's segments; after a merge the segment becomes the root
 *     RENEW              of one of them
 *     PURGE              of a segment that is the root
 * KILL writers, the first ones, may be killed anywhere. One reader reads one key, by one attempt. Others allocate a
 * free block REUSE times, write to it, and free it. A block cannot be freed BUSY times. At the end the auditor takes
 * the lock and counts.
 *
 * Left out: the lock's inside (lock.pml has it: here it is acquired when it is free or its owner is dead), the heap's
 * (heap.pml has it: here a block is TAKEN, then LIVE, and is freed by its word in one step), bounds, sizes, lists,
 * waiting for a change, when it is that a segment is to be split or merged, depths.
 *
 * Properties: the reader gets a value that its key had at some time while it read, whole (WHOLE); or it finds the key
 * missing, and it was so at some time while it read (MISSING); or it knows that it has to read again. At the end each
 * key has its value, each block is in the dict once or free, the counts are right, and no change was not counted
 * (SOUND).
 */
#define WHOLE assert(v1 == v2 && seen & (1 << v1))
#define MISSING assert(seen & 1)
#define SOUND(x) assert(x)

#define SLOTS 3
#define BLOCKS (TABLES + ENTRIES)
#define AUDITOR (WRITERS + 1)
#define FOREIGN 7 /* the value that others write */

#define FREE 0
#define TAKEN 1
#define LIVE 2
byte state[BLOCKS], generation_of[BLOCKS];
#define NO_ENTRY 1
#define WORD(b) (2 + generation_of[b] * BLOCKS + (b))
#define BLOCK(word) (((word) - 2) % BLOCKS)
#define is_table(word) ((word) > NO_ENTRY && BLOCK(word) < TABLES)
#define is_entry(word) ((word) > NO_ENTRY && BLOCK(word) >= TABLES)

/* Segments and directories; a directory's words are its first two slots'. */
bool directory[TABLES];
byte word_at[TABLES * SLOTS], hash_at[TABLES * SLOTS];
byte moves[TABLES], count_of[TABLES];
#define AT(t, i) ((t) * SLOTS + (i))

/* Entries: a key, and a value in two halves. */
byte key_of[BLOCKS], half[BLOCKS], other_half[BLOCKS];

byte root, count, generation, changing;
byte entry_made, entry_gone, table_made, table_made_too, table_gone;
byte lock;
bool dead[AUDITOR + 1];

/* ---- ghosts ---- */

byte value[KEYS + 1]; /* of each key; 0: it is not there */
byte values = 2;      /* given so far */
byte published;       /* changes */
byte reading, seen;   /* the reader's key, and a bit for each value that it has had since */
byte busy = BUSY;

#define BIT(k) (((k) - 1) & 1)

/* ---- the heap ---- */

/* A block of [from, to), noted in `note`. made: its word; 0: there is none. */
inline take_block(from, to, note) {
    atomic {
        b = from;
        do :: b < to && state[b] != FREE -> b++ :: else -> break od;
        if
        ::  b < to ->
            state[b] = TAKEN; generation_of[b] = generation_of[b] + 1; made = WORD(b);
#ifndef BREAK_TAKE
            note = made
#endif
        ::  else -> made = 0
        fi;
        b = 0
    };
    if
    ::  made != 0 ->
        atomic { assert(state[BLOCK(made)] == TAKEN); state[BLOCK(made)] = LIVE };
#ifdef BREAK_TAKE
        note = made
#endif
    ::  else
    fi
}

inline free_block(word) {
    if
    ::  state[BLOCK(word)] == LIVE && WORD(BLOCK(word)) == word -> state[BLOCK(word)] = FREE
    ::  else
    fi
}

/* By a note, which is cleared then. A note of KIN_E_BUSY stays. */
inline give(note) {
    if
    ::  note != 0 ->
        if
        ::  atomic { free_block(note) }; note = 0
        ::  atomic { busy > 0 -> busy-- }
        fi
    ::  else
    fi
}

/* ---- under the lock: looking ---- */

/* t: the segment of key k, d: the directory, or TABLES. */
inline way_of(k) {
    d = TABLES; t = BLOCK(root);
    if :: directory[t] -> d = t; t = BLOCK(word_at[AT(d, BIT(k))]) :: else fi
}

/* at: the slot; SLOTS: none, then unused: the one for it. */
inline find(k) {
    d_step {
        way_of(k);
        at = 0; unused = SLOTS;
        do
        ::  at < SLOTS && word_at[AT(t, at)] > NO_ENTRY && hash_at[AT(t, at)] == k -> break
        ::  at < SLOTS && word_at[AT(t, at)] > NO_ENTRY && hash_at[AT(t, at)] != k -> at++
        ::  at < SLOTS && word_at[AT(t, at)] == NO_ENTRY ->
            if :: unused == SLOTS -> unused = at :: else fi;
            at++
        ::  at < SLOTS && word_at[AT(t, at)] == 0 ->
            if :: unused == SLOTS -> unused = at :: else fi;
            at = SLOTS
        ::  else -> break
        od;
        t = t
    }
}

#define names(w) (directory[BLOCK(root)] && (w) != 0 && \
    (word_at[AT(BLOCK(root), 0)] == (w) || word_at[AT(BLOCK(root), 1)] == (w)))
#define has_block(w) (root == (w) || names(w))
#define in_changing(w) (changing != 0 && has_block(changing) && (word_at[AT(BLOCK(changing), 0)] == (w) || \
    word_at[AT(BLOCK(changing), 1)] == (w) || word_at[AT(BLOCK(changing), 2)] == (w)))

inline count_anew(s) {
    count_of[s] = (word_at[AT(s, 0)] > NO_ENTRY -> 1 : 0) + (word_at[AT(s, 1)] > NO_ENTRY -> 1 : 0) +
        (word_at[AT(s, 2)] > NO_ENTRY -> 1 : 0)
}

/* ---- segment.c ---- */

inline put_slot(s, i, k, w) {
#ifdef BREAK_HASH
    word_at[AT(s, i)] = w;
    hash_at[AT(s, i)] = k
#else
    hash_at[AT(s, i)] = k;
    word_at[AT(s, i)] = w
#endif
}

/* Into a segment that no reader can reach yet: entries whose bit is `which`; 2: all. */
inline copy_segment(from, into, which) {
    d_step {
        directory[into] = false; moves[into] = 0; at = 0; unused = 0;
        do
        ::  at < SLOTS ->
            if
            ::  word_at[AT(from, at)] > NO_ENTRY && (which == 2 || BIT(hash_at[AT(from, at)]) == which) ->
                word_at[AT(into, unused)] = word_at[AT(from, at)];
                hash_at[AT(into, unused)] = hash_at[AT(from, at)];
                unused++
            ::  else
            fi;
            at++
        ::  else -> break
        od;
        count_of[into] = unused;
        do
        ::  unused < SLOTS -> word_at[AT(into, unused)] = 0; hash_at[AT(into, unused)] = 0; unused++
        ::  else -> break
        od;
        at = 0; unused = 0
    }
}

/* All entries of `goes` that are not there yet. */
inline absorb(goes, stays) {
    at = 0;
    do
    ::  at < SLOTS && word_at[AT(goes, at)] > NO_ENTRY ->
        d_step {
            unused = 0;
            do
            ::  unused < SLOTS && word_at[AT(stays, unused)] > NO_ENTRY &&
                word_at[AT(stays, unused)] != word_at[AT(goes, at)] -> unused++
            ::  else -> break
            od;
            assert(unused < SLOTS)
        };
        if
        ::  word_at[AT(stays, unused)] != word_at[AT(goes, at)] ->
            put_slot(stays, unused, hash_at[AT(goes, at)], word_at[AT(goes, at)]);
            count_of[stays] = count_of[stays] + 1
        ::  else
        fi;
        at++
    ::  at < SLOTS && word_at[AT(goes, at)] <= NO_ENTRY -> at++
    ::  else -> at = 0; unused = 0; break
    od
}

/* Here `at` has the entry. */
inline vacate() {
    count_of[t] = count_of[t] - 1;
#ifdef BREAK_VACATE
    atomic { word_at[AT(t, at)] = 0; change(key, 0) }
#else
    if
    ::  at + 1 < SLOTS && word_at[AT(t, at + 1)] != 0 || at + 1 == SLOTS && word_at[AT(t, 0)] != 0 ->
        atomic { word_at[AT(t, at)] = NO_ENTRY; change(key, 0) }
    ::  else ->
        atomic { word_at[AT(t, at)] = 0; change(key, 0) };
        do
        ::  at > 0 && word_at[AT(t, at - 1)] == NO_ENTRY -> at--; word_at[AT(t, at)] = 0
        ::  else -> break
        od
    fi
#endif
}

/* It has an unused slot. */
inline purge(s) {
#ifndef BREAK_MOVES
    atomic { if :: moves[s] % 2 == 0 -> moves[s] = moves[s] + 1 :: else fi };
#endif
    at = 1;
    do
    ::  at < SLOTS && word_at[AT(s, at)] > NO_ENTRY ->
        d_step {
            unused = 0;
            do
            ::  unused < at && word_at[AT(s, unused)] > NO_ENTRY && word_at[AT(s, unused)] != word_at[AT(s, at)] ->
                unused++
            ::  else -> break
            od;
            t = s
        };
        if
        ::  unused < at && word_at[AT(s, unused)] <= NO_ENTRY ->
            put_slot(s, unused, hash_at[AT(s, at)], word_at[AT(s, at)]);
            word_at[AT(s, at)] = NO_ENTRY
        ::  unused < at && word_at[AT(s, unused)] == word_at[AT(s, at)] -> word_at[AT(s, at)] = NO_ENTRY
        ::  unused == at
        fi;
        at++
    ::  at < SLOTS && word_at[AT(s, at)] <= NO_ENTRY -> at++
    ::  else -> at = 0; unused = 0; break
    od;
    do
    ::  at < SLOTS && word_at[AT(s, at)] == NO_ENTRY -> word_at[AT(s, at)] = 0; at++
    ::  at < SLOTS && word_at[AT(s, at)] != NO_ENTRY -> at++
    ::  else -> at = 0; break
    od;
#ifndef BREAK_MOVES
    moves[s] = moves[s] + 1;
#endif
    count_anew(s)
}

/* ---- hash_table.c: publishing ---- */

inline change(k, v) {
    value[k] = v; published++;
    if :: reading == k -> seen = seen | (1 << v) :: else fi
}

inline settle_entry() { entry_made = 0; give(entry_gone) }

inline settle() {
    settle_entry();
    table_made = 0;
    table_made_too = 0;
    give(table_gone)
}

inline publish_root(gone, to) {
#ifdef BREAK_GONE_TABLE
    atomic { made = gone; root = to };
    table_gone = made;
#else
    table_gone = gone;
    root = to;
#endif
    settle()
}

/* In directory d, instead of `gone`: `low`, and `high` where the bit is set. */
inline publish_words(gone, low, high) {
    if :: word_at[AT(d, 0)] == gone -> word_at[AT(d, 0)] = low :: else fi;
    if :: word_at[AT(d, 1)] == gone -> word_at[AT(d, 1)] = high :: else fi
}

/* In directory d. */
inline finish_merge() {
#ifdef BREAK_ABSORB
    publish_words(table_gone, table_made, table_made);
    absorb(BLOCK(table_gone), BLOCK(table_made))
#else
    absorb(BLOCK(table_gone), BLOCK(table_made));
    publish_words(table_gone, table_made, table_made)
#endif
}

/* ---- the lock ---- */

inline finish_publishing() {
    if
    ::  table_made != 0 && table_gone != 0 && directory[BLOCK(root)] && (names(table_made) || names(table_made_too)) ->
        d = BLOCK(root);
        if
        ::  table_made_too == 0 -> finish_merge()
        ::  else -> publish_words(table_gone, table_made, table_made_too)
        fi
    ::  else
    fi
}

inline repair() {
#ifndef BREAK_FINISH
    finish_publishing();
#endif
#ifndef BREAK_COUNT
    if
    ::  changing != 0 && has_block(changing) ->
        if
        ::  moves[BLOCK(changing)] % 2 == 1 -> purge(BLOCK(changing))
        ::  else -> count_anew(BLOCK(changing))
        fi
    ::  else
    fi;
    if
    ::  directory[BLOCK(root)] && word_at[AT(BLOCK(root), 0)] != word_at[AT(BLOCK(root), 1)] ->
        count = count_of[BLOCK(word_at[AT(BLOCK(root), 0)])] + count_of[BLOCK(word_at[AT(BLOCK(root), 1)])]
    ::  directory[BLOCK(root)] && word_at[AT(BLOCK(root), 0)] == word_at[AT(BLOCK(root), 1)] ->
        count = count_of[BLOCK(word_at[AT(BLOCK(root), 0)])]
    ::  else -> count = count_of[BLOCK(root)]
    fi
#endif
}

/* Each note of a block that is in the dict goes; a block that is not in it is freed. */
inline clear_doubts() {
    if :: entry_made != 0 && in_changing(entry_made) -> entry_made = 0 :: else -> give(entry_made) fi;
    if :: table_made != 0 && has_block(table_made) -> table_made = 0 :: else -> give(table_made) fi;
    if :: table_made_too != 0 && has_block(table_made_too) -> table_made_too = 0 :: else -> give(table_made_too) fi;
    if :: entry_gone != 0 && in_changing(entry_gone) -> entry_gone = 0 :: else -> give(entry_gone) fi;
    if :: table_gone != 0 && has_block(table_gone) -> table_gone = 0 :: else -> give(table_gone) fi
}

/* kin__reap_all: a block that the dead holder was allocating. */
inline reap() {
    d_step {
        b = 0;
        do :: b < BLOCKS -> if :: state[b] == TAKEN -> state[b] = FREE :: else fi; b++ :: else -> break od;
        b = 0
    }
}

#define in_doubt (entry_made + entry_gone + table_made + table_made_too + table_gone != 0)

inline enter() {
    if
    ::  atomic { lock == 0 -> lock = self }
    ::  atomic { lock != 0 && dead[lock] -> lock = self; died = true };
#ifndef BREAK_REAP
        reap();
#endif
        repair();
#ifndef BREAK_CHANGED
        generation++
#endif
    fi;
    if
    ::  died || in_doubt -> clear_doubts()
    ::  else
    fi;
    died = false
}

/* ---- the changes ---- */

inline set() {
    find(key);
    if
    ::  at == SLOTS && unused == SLOTS
    ::  else ->
        take_block(TABLES, BLOCKS, entry_made);
        if
        ::  made != 0 ->
            atomic {
                values++; assert(values < FOREIGN);
                key_of[BLOCK(made)] = key; half[BLOCK(made)] = values; other_half[BLOCK(made)] = values
            };
#ifndef BREAK_CHANGING
            changing = WORD(t);
#endif
            if
            ::  at < SLOTS ->
#ifndef BREAK_GONE
                entry_gone = word_at[AT(t, at)];
#endif
#ifdef BREAK_FREE
                give(entry_gone);
#endif
                atomic { word_at[AT(t, at)] = made; change(key, half[BLOCK(made)]) }
            ::  else ->
#ifdef BREAK_HASH
                atomic { word_at[AT(t, unused)] = made; change(key, half[BLOCK(made)]) };
                hash_at[AT(t, unused)] = key;
#else
                hash_at[AT(t, unused)] = key;
                atomic { word_at[AT(t, unused)] = made; change(key, half[BLOCK(made)]) };
#endif
                count_of[t] = count_of[t] + 1;
                count++
            fi;
            generation++;
            settle_entry()
        ::  else
        fi
    fi
}

inline remove() {
    find(key);
    if
    ::  at < SLOTS ->
        changing = WORD(t);
        entry_gone = word_at[AT(t, at)];
        vacate();
        count--;
        generation++;
        settle_entry()
    ::  else
    fi
}

inline replace() {
    take_block(0, TABLES, table_made);
    if
    ::  made != 0 -> copy_segment(BLOCK(root), BLOCK(made), 2); publish_root(root, table_made)
    ::  else
    fi
}

inline deepen() {
    take_block(0, TABLES, table_made);
    if
    ::  made != 0 ->
        atomic {
            directory[BLOCK(made)] = true; word_at[AT(BLOCK(made), 0)] = root; word_at[AT(BLOCK(made), 1)] = root;
            word_at[AT(BLOCK(made), 2)] = 0
        };
        publish_root(0, made)
    ::  else
    fi
}

inline exchange_segment() {
    unused = (table_made_too != 0 -> table_made_too : table_made); /* for the words whose bit is set */
#ifdef BREAK_GONE_SEGMENT
    made = WORD(t);
    publish_words(made, table_made, unused);
    table_gone = made;
#else
    table_gone = WORD(t);
    publish_words(table_gone, table_made, unused);
#endif
    settle()
}

inline undo() { give(table_made); give(table_made_too) }

inline split() {
    take_block(0, TABLES, table_made);
    if :: made != 0 -> take_block(0, TABLES, table_made_too) :: else fi;
    if
    ::  made != 0 ->
        copy_segment(t, BLOCK(table_made), 0);
        copy_segment(t, BLOCK(table_made_too), 1);
        exchange_segment()
    ::  else -> undo()
    fi
}

inline renew() {
    take_block(0, TABLES, table_made);
    if
    ::  made != 0 ->
        copy_segment(t, BLOCK(made), 2);
        exchange_segment()
    ::  else
    fi
}

/* t stays. Then the directory goes. */
inline merge() {
    changing = WORD(t);
    table_made = WORD(t);
    table_gone = word_at[AT(d, 1 - BIT(key))];
    finish_merge();
    settle();
    if :: table_gone == 0 -> publish_root(root, word_at[AT(d, 0)]) :: else fi
}

#define notes_are_free (table_gone == 0 && table_made == 0 && table_made_too == 0)

inline program() {
    enter();
    if :: key = 1 :: key = 2 :: KEYS > 2 -> key = 3 fi;
    d_step { way_of(key); at = 0 };
    if
#ifdef SET
    ::  set()
#endif
#ifdef REMOVE
    ::  remove()
#endif
#ifdef REPLACE
    ::  d == TABLES && notes_are_free -> replace()
#endif
#ifdef DEEPEN
    ::  d == TABLES && notes_are_free -> deepen()
#endif
#ifdef SPLIT
    ::  d < TABLES && notes_are_free && word_at[AT(d, 0)] == word_at[AT(d, 1)] -> split()
#endif
#ifdef RENEW
    ::  d < TABLES && notes_are_free -> renew()
#endif
#ifdef MERGE
    ::  d < TABLES && notes_are_free && word_at[AT(d, 0)] != word_at[AT(d, 1)] -> merge()
#endif
#ifdef PURGE
    ::  d == TABLES && (word_at[AT(t, 0)] == 0 || word_at[AT(t, 1)] == 0 || word_at[AT(t, 2)] == 0) ->
        changing = WORD(t); purge(t)
#endif
    ::  skip
    fi;
    atomic { lock = 0; at = 0; unused = 0; d = 0; t = 0; made = 0; key = 0 }
}

/* ---- reading ---- */

inline read() {
    way = root;
    segment = BLOCK(way);
    if
    ::  directory[segment] -> where = AT(segment, BIT(key)); word = word_at[where]; segment = BLOCK(word)
    ::  !directory[segment]
    fi;
    if
    ::  where != 255 && !is_table(word) -> sound = false
    ::  else ->
        was = moves[segment];
        do
        ::  at < SLOTS ->
            slot = word_at[AT(segment, at)];
            if
            ::  slot == 0 -> break
            ::  slot == NO_ENTRY
            ::  slot > NO_ENTRY ->
                if
                ::  hash_at[AT(segment, at)] != key
                ::  hash_at[AT(segment, at)] == key ->
                    if
                    ::  is_entry(slot) && key_of[BLOCK(slot)] == key -> found = true; break
                    ::  is_entry(slot) && key_of[BLOCK(slot)] != key
                    ::  !is_entry(slot) -> sound = false; break
                    fi;
                    if :: word_at[AT(segment, at)] != slot -> again = true; break :: else fi
                fi
            fi;
            at++
        ::  else -> break
        od
    fi;
    if :: found -> v1 = half[BLOCK(slot)]; v2 = other_half[BLOCK(slot)] :: else fi;
    if
    ::  found ->
#ifndef BREAK_SLOT
        again = word_at[AT(segment, at)] != slot
#endif
    ::  !found && sound && !again ->
#ifndef BREAK_LOOK_MOVES
        again = was % 2 == 1 || moves[segment] != was
#endif
    ::  else
    fi;
#ifndef BREAK_WORD
    if :: where != 255 && !again -> again = word_at[where] != word :: else fi;
#endif
#ifndef BREAK_ROOT
    if :: !again -> again = root != way :: else fi;
#endif
    if
    ::  again
    ::  !again && found -> WHOLE
    ::  !again && !found -> assert(sound); MISSING
    fi
}

/* ---- threads ---- */

#define LOCALS byte b, d, t, at, unused, made, key; bool died

proctype writer(byte self; byte times) { LOCALS; do :: times > 0 -> program(); times-- :: else -> break od }

proctype mortal(byte self; byte times) {
    LOCALS;
    { do :: times > 0 -> program(); times-- :: else -> break od } unless { dead[self] }
}

proctype fate(byte who) { if :: dead[who] = true :: skip fi }

proctype reader() {
    byte way, where = 255, word, segment, was, at, slot, v1, v2, key;
    bool found, again, sound = true;
    atomic {
        if :: key = 1 :: key = 2 :: KEYS > 2 -> key = 3 fi;
        reading = key; seen = 1 << value[key]
    };
    read();
    atomic { reading = 0; seen = 0 }
}

proctype others(byte times) {
    byte b;
    do
    ::  times > 0 ->
        atomic {
            if :: state[0] == FREE -> b = 0 :: state[1] == FREE -> b = 1
            :: TABLES > 2 && state[TABLES - 1] == FREE -> b = TABLES - 1 :: state[TABLES] == FREE -> b = TABLES
            :: state[TABLES + 1] == FREE -> b = TABLES + 1 :: state[BLOCKS - 1] == FREE -> b = BLOCKS - 1
            :: state[BLOCKS - 2] == FREE -> b = BLOCKS - 2
            :: times = 1; b = BLOCKS
            fi;
            if
            ::  b < TABLES ->
                generation_of[b] = generation_of[b] + 1; directory[b] = false; moves[b] = 0;
                word_at[AT(b, 0)] = 0; word_at[AT(b, 1)] = 0; word_at[AT(b, 2)] = 0;
                hash_at[AT(b, 0)] = 0; hash_at[AT(b, 1)] = 0; hash_at[AT(b, 2)] = 0
            ::  b >= TABLES && b < BLOCKS ->
                generation_of[b] = generation_of[b] + 1;
                key_of[b] = (reading != 0 -> reading : 1); half[b] = FOREIGN; other_half[b] = FOREIGN
            ::  else
            fi;
            b = 0; times--
        }
    ::  else -> break
    od
}

inline audit_key(k) {
    find(k);
    SOUND((at < SLOTS) == (value[k] != 0));
    if
    ::  at < SLOTS ->
        made = BLOCK(word_at[AT(t, at)]);
        SOUND(WORD(made) == word_at[AT(t, at)] && state[made] == LIVE && key_of[made] == k);
        SOUND(half[made] == value[k] && other_half[made] == value[k]);
        n++
    ::  else
    fi
}

proctype auditor(byte self) {
    LOCALS;
    byte n, live, tables;
    timeout;
    enter();
    if :: in_doubt -> clear_doubts() :: else fi;
    atomic {
        SOUND(!in_doubt);
        SOUND(generation >= published);
        audit_key(1); audit_key(2);
#if KEYS > 2
        audit_key(3);
#endif
        SOUND(count == n);
        b = 0;
        do
        ::  b < BLOCKS ->
            SOUND(state[b] != TAKEN);
            if
            ::  b >= TABLES && state[b] == LIVE -> live++
            ::  b < TABLES -> SOUND((state[b] == LIVE) == has_block(WORD(b)));
                if
                ::  state[b] == LIVE && !directory[b] ->
                    SOUND(moves[b] % 2 == 0);
                    d = (word_at[AT(b, 0)] > NO_ENTRY -> 1 : 0) + (word_at[AT(b, 1)] > NO_ENTRY -> 1 : 0) +
                        (word_at[AT(b, 2)] > NO_ENTRY -> 1 : 0);
                    SOUND(count_of[b] == d);
                    tables = tables + d
                ::  else
                fi
            ::  else
            fi;
            b++
        ::  else -> break
        od;
        SOUND(live == n && tables == n)
    }
}

inline make_entry(b, k) { state[b] = LIVE; key_of[b] = k; half[b] = k; other_half[b] = k; value[k] = k }
inline make_segment(s, n) { state[s] = LIVE; count_of[s] = n; }
inline make_slot(s, i, b, k) { word_at[AT(s, i)] = WORD(b); hash_at[AT(s, i)] = k }

init {
    byte n;
    atomic {
        make_entry(TABLES, 1);
        make_entry(TABLES + 1, 2);
        count = 2;
        root = WORD(0);
#if START == 0
        make_segment(0, 2);
        make_slot(0, 0, TABLES, 1); make_slot(0, 1, TABLES + 1, 2);
#else
        state[0] = LIVE; directory[0] = true;
        word_at[0] = WORD(1); word_at[1] = WORD(START);
#if START == 1
        make_segment(1, 2);
        make_slot(1, 0, TABLES, 1); make_slot(1, 1, TABLES + 1, 2);
#else
        make_segment(1, 1); make_segment(2, 1);
        make_slot(1, 0, TABLES, 1); make_slot(2, 0, TABLES + 1, 2);
#endif
#endif
        run auditor(AUDITOR);
        run reader();
        if :: REUSE > 0 -> run others(REUSE) :: else fi;
        do
        ::  n < WRITERS ->
            n++;
            if :: n <= KILL -> run fate(n); run mortal(n, OPS) :: else -> run writer(n, OPS) fi
        ::  else -> break
        od
    }
}
