// container.hpp: dicts and lists, read without a lock (src/container).

// Who sees an entry's word, a segment's or the root sees what it names.
TEST(publish, 2)
{
    shared word, bytes;
    void thread(unsigned i)
    {
        if (i == 0) {
            bytes.store(1, at("the bytes", relaxed));
            word.store(1, at("the word", release));
        } else if (word.load(at("reader: load of the word", acquire)) == 1) {
            must(bytes.load(at("reader: the bytes", relaxed)) == 1);
        }
    }
};

// If the word is unchanged, the copy has no bytes of the block's next owner.
TEST(reader, 3)
{
    shared word{1}, tag{LIVE}, bytes;
    void thread(unsigned i)
    {
        if (i == 0) {
            word.store(2, at("writer: the next word", release, relaxed));
            tag.cas(LIVE, FREE, at("writer: free", seq_cst, release));
        } else if (i == 1) {
            if (tag.cas(FREE, CLAIMED, at("next owner: claim", seq_cst, acquire))) {
                fence(at("next owner: fence before new contents", release));
                bytes.store(9, at("next owner: its bytes", relaxed));
            }
        } else {
            int before = word.load(at("reader: load of the word", acquire, relaxed));
            int copy = bytes.load(at("reader: copy", relaxed));
            fence(at("reader: fence", acquire));
            must(before != 1 || word.load(at("reader: second load of the word", relaxed)) != 1 || copy == 0);
        }
    }
};

// A slot's hash is there before its word.
TEST(slot_hash, 2)
{
    shared hash, word;
    void thread(unsigned i)
    {
        if (i == 0) {
            hash.store(1, at("put: hash", release, relaxed));
            word.store(1, at("put: word", release));
        } else if (word.load(at("reader: load of the word", acquire)) == 1) {
            must(hash.load(at("reader: load of the hash", acquire, relaxed)) == 1);
        }
    }
};

// A purge moves an entry from one slot to another, and puts another entry there: a reader that misses it sees `moves`.
TEST(purge, 2)
{
    enum { EMPTY, MINE, ANOTHER };
    shared moves, first{EMPTY}, second{MINE}, hash{MINE};
    void thread(unsigned i)
    {
        if (i == 0) {
            moves.add(1, at("moves is odd", release, relaxed));
            first.store(MINE, at("the entry's next slot", release, relaxed));
            second.store(EMPTY, at("its own slot emptied", release));
            hash.store(ANOTHER, at("the slot's next hash", release));
            second.store(ANOTHER, at("the slot's next word", release, relaxed));
            moves.add(1, at("moves is even", release));
        } else {
            int before = moves.load(at("reader: load of moves", acquire));
            bool found = first.load(at("reader: load of a word", acquire, relaxed)) == MINE;
            bool there = second.load(at("reader: load of a word", acquire, relaxed)) == MINE;
            found = found || (there && hash.load(at("reader: load of the hash", acquire, relaxed)) == MINE);
            fence(at("reader: fence", acquire));
            must(found || before % 2 != 0 || moves.load(at("reader: second load of moves", relaxed)) != before);
        }
    }
};

// A list's words are those of one moment, if the number of changes is the same before and after.
TEST(generation, 2)
{
    shared number, first, second;
    void thread(unsigned i)
    {
        if (i == 0) {
            first.store(1, at("first change", release, relaxed));
            number.store(1, at("generation", release));
            second.store(1, at("second change", release));
            number.store(2, at("generation", release));
        } else {
            int before = number.load(at("reader: load of generation", acquire));
            int one = first.load(at("reader: the words", acquire, relaxed));
            int two = second.load(at("reader: the words", acquire, relaxed));
            fence(at("reader: fence", acquire));
            if (number.load(at("reader: second load of generation", relaxed)) == before) {
                must(before == 0 ? two == 0 : one == 1 && (before == 1 || two == 1));
            }
        }
    }
};

// A waiter for a change: a writer finds it watching and its slot, or the waiter sees the change.
TEST(watched, 2)
{
    shared lock, watched, number, state;
    bool waits = false, changed = false, watches = false, woken = false;
    void thread(unsigned i)
    {
        if (i == 0) {
            if (lock.cas(0, 1, at("lock", acquire))) {
                watched.store(1, at("WATCHED", relaxed));
                lock.cas(1, 0, at("waiter: unlock", seq_cst, release));
                state.store(WAIT, at("begin: WAIT", seq_cst));
                waits = number.load(at("waiter: load of generation", seq_cst)) == 0;
            }
        } else if (lock.cas(0, 2, at("lock", acquire))) {
            changed = true;
            watches = watched.load(at("writer: load of watched", relaxed)) == 1;
            number.store(1, watches ? at("generation, if watched", seq_cst) : at("generation", release, relaxed));
            lock.cas(2, 0, at("writer: unlock", seq_cst, release));
            woken = watches && state.load(at("unpark: load of state", seq_cst)) == WAIT;
        }
    }
    void after()
    {
        must(!waits || !changed || woken);
    }
};

// A list's span covers an item after the item's word is there.
TEST(list_span, 2)
{
    shared span, word;
    void thread(unsigned i)
    {
        if (i == 0) {
            word.store(1, at("append: word", release, relaxed));
            span.store(1, at("append: span", release));
        } else if (span.load(at("reader: load of the span", acquire)) == 1) {
            must(word.load(at("reader: load of the word", acquire, relaxed)) == 1);
        }
    }
};
