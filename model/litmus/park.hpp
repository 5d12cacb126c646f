// park.hpp: sleeping, waking, and the lock with an owner (src/park, src/base/mutex.c).

// A sleeper and a waker: one sees the other's store.
TEST(sleeper, 2)
{
    shared word, state;
    bool changed = false, waits = false;
    void thread(unsigned i)
    {
        if (i == 0) {
            state.store(WAIT, at("begin: WAIT", seq_cst));
            changed = word.load(at("sleeper: load of the word", seq_cst)) == 1;
        } else {
            word.exchange(1, at("waker: change of the word", seq_cst));
            waits = state.load(at("unpark: load of state", seq_cst)) == WAIT;
        }
    }
    void after()
    {
        must(changed || waits);
    }
};

// The same with the bucket between them: a slot whose bit is not seen is not looked at.
TEST(bucket, 2)
{
    shared word, state, bits;
    bool changed = false, waits = false;
    void thread(unsigned i)
    {
        if (i == 0) {
            bits.set(1, at("begin: the bit", seq_cst));
            state.store(WAIT, at("begin: WAIT", seq_cst));
            changed = word.load(at("sleeper: load of the word", seq_cst)) == 1;
        } else {
            word.exchange(1, at("waker: change of the word", seq_cst));
            waits = bits.load(at("unpark: load of the bucket", seq_cst)) == 1 &&
                    state.load(at("unpark: load of state", seq_cst)) == WAIT;
        }
    }
    void after()
    {
        must(changed || waits);
    }
};

// A thread that is passed over because of its ticket sees the change.
TEST(ticket, 2)
{
    shared word, next;
    bool changed = false;
    int mine = 0, limit = 0;
    void thread(unsigned i)
    {
        if (i == 0) {
            mine = next.add(1, at("begin: fetch_add", seq_cst));
            changed = word.load(at("sleeper: load of the word", seq_cst)) == 1;
        } else {
            word.exchange(1, at("waker: change of the word", seq_cst));
            limit = next.load(at("unpark: load of next_ticket", seq_cst));
        }
    }
    void after()
    {
        must(mine < limit || changed);
    }
};

// address, want, ticket, bell: a thread that sees WAIT sees them.
TEST(slot_fields, 2)
{
    shared state, address;
    void thread(unsigned i)
    {
        if (i == 0) {
            address.store(1, at("begin: address, want, ticket, bell", relaxed));
            state.store(WAIT, at("begin: WAIT", seq_cst, release));
        } else if (state.load(at("unpark: load of state", seq_cst, acquire)) == WAIT) {
            must(address.load(at("unpark: the fields", relaxed)) == 1);
        }
    }
};

// A thread that was woken sees what the waker did before.
TEST(woken, 2)
{
    shared state{WAIT};
    plain data;
    void thread(unsigned i)
    {
        if (i == 0) {
            data.set(1);
            state.cas(WAIT, WOKEN, at("unpark: compare-and-swap", seq_cst, release));
        } else if (state.exchange(IDLE, at("end: exchange", seq_cst, acquire)) == WOKEN) {
            must(data.get() == 1);
        }
    }
};

// The thread that takes a token of its native semaphore sees that it is WOKEN, and so does not sleep again.
TEST(semaphore, 2)
{
    enum { POSTED = 1 };
    shared state{WAIT}, token;
    void thread(unsigned i)
    {
        if (i == 0) {
            state.cas(WAIT, WOKEN, at("unpark: compare-and-swap", seq_cst, relaxed));
            token.set(POSTED, at("post", release));
        } else if (token.exchange(0, at("wait", acquire)) & POSTED) {
            must(state.load(at("sleeper: load of state", seq_cst, relaxed)) == WOKEN);
        }
    }
};

// A native's word: one that leaves its post to the poster has it done after what it did before.
TEST(native_again, 2)
{
    enum { BUSY = 1, AGAIN = 2 };
    shared word{BUSY};
    plain data;
    void thread(unsigned i)
    {
        if (i == 0) {
            data.set(1);
            word.cas(BUSY, BUSY | AGAIN, at("enter: AGAIN", seq_cst, release));
        } else if (!word.cas(BUSY, 0, at("leave", seq_cst, relaxed))) {
            word.clear(AGAIN, at("leave: AGAIN taken", seq_cst, acquire));
            must(data.get() == 1);
        }
    }
};

// A native's word: the open semaphore goes from one poster to the next.
TEST(native_turn, 2)
{
    enum { BUSY = 1 };
    shared word;
    plain lease;
    void thread(unsigned)
    {
        if (word.cas(0, BUSY, at("enter", seq_cst, acquire))) {
            lease.set(lease.get() + 1);
            word.cas(BUSY, 0, at("leave", seq_cst, release));
        }
    }
};

// family.natives: the entries exist before their pointer is seen.
TEST(natives, 2)
{
    shared pointer;
    plain entries;
    void thread(unsigned i)
    {
        if (i == 0) {
            entries.set(1);
            pointer.cas(0, 1, at("compare-and-swap", seq_cst, release));
        } else if (pointer.load(at("load", acquire)) == 1) {
            must(entries.get() == 1);
        }
    }
};

// A lock: the next owner sees what the last one wrote, also if an owner in between has died at once.
TEST(lock, 3)
{
    shared word{1};
    plain data;
    void thread(unsigned i)
    {
        if (i == 0) {
            data.set(1);
            word.cas(1, 0, at("release", seq_cst, release));
        } else if (i == 1) {
            word.cas(0, 2, at("acquire, by one that dies", acquire, relaxed));
        } else if (word.cas(0, 3, at("acquire", acquire)) || word.cas(2, 3, at("taken over", seq_cst, acquire))) {
            must(data.get() == 1);
        }
    }
};

// A lock: its owner sees the sleeper for which CONTENDED is set, or the sleeper sees the release.
TEST(lock_sleeper, 2)
{
    enum { OWNED = 2, CONTENDED = 1 };
    shared word{OWNED}, state;
    bool sleeps = false, waits = false;
    void thread(unsigned i)
    {
        if (i == 0) {
            if (word.cas(OWNED, OWNED | CONTENDED, at("CONTENDED", seq_cst, relaxed))) {
                state.store(WAIT, at("begin: WAIT", seq_cst));
                sleeps = word.load(at("sleeper: load of the word", seq_cst)) == (OWNED | CONTENDED);
            }
        } else if (word.exchange(0, at("release", seq_cst)) & CONTENDED) {
            waits = state.load(at("unpark: load of state", seq_cst)) == WAIT;
        }
    }
    void after()
    {
        must(!sleeps || waits);
    }
};

// A mutex between the threads of a process.
TEST(mutex, 2)
{
    shared word;
    plain data;
    void thread(unsigned)
    {
        if (word.cas(0, 1, at("lock", acquire))) {
            data.set(data.get() + 1);
            word.exchange(0, at("unlock", release));
        }
    }
};
