// sync.hpp: the objects that threads wait for (src/sync).

// A semaphore: who takes a permit sees what was written before each release, though others have released since.
TEST(permit, 3)
{
    shared word;
    plain data;
    void thread(unsigned i)
    {
        if (i == 0) {
            data.set(1);
            word.add(1, at("release", seq_cst, release));
        } else if (i == 1) {
            word.add(1, at("another's release", seq_cst, relaxed));
        } else if (word.cas(2, 1, at("acquire", seq_cst, acquire))) {
            must(data.get() == 1);
        }
    }
};

// An event: who finds it set sees what was written before.
TEST(event, 2)
{
    shared word;
    plain data;
    void thread(unsigned i)
    {
        if (i == 0) {
            data.set(1);
            word.cas(0, 1, at("set", seq_cst, release));
        } else if (word.load(at("wait: load", seq_cst, acquire)) == 1) {
            must(data.get() == 1);
        }
    }
};

// An event that is set again: who clears it sees what was written before, or it is set afterwards.
TEST(event_again, 2)
{
    shared word{1}, written;
    bool saw = false;
    void thread(unsigned i)
    {
        if (i == 0) {
            written.store(1, at("the caller's store", relaxed));
            word.exchange(1, at("set", seq_cst, release));
        } else {
            word.clear(1, at("clear", seq_cst, acquire));
            saw = written.load(at("the caller's load", relaxed)) == 1;
        }
    }
    void after()
    {
        must(saw || word.at_last() == 1);
    }
};

// A condition has no word: a notifier that has held the lock after the waiter finds the waiter's slot.
TEST(condition, 2)
{
    shared state, lock{1};
    void thread(unsigned i)
    {
        if (i == 0) {
            state.store(WAIT, at("begin: WAIT", seq_cst, relaxed));
            lock.cas(1, 0, at("release of the lock", seq_cst, release));
        } else if (lock.cas(0, 2, at("acquire of the lock", acquire))) {
            must(state.load(at("notify: load of state", seq_cst, relaxed)) == WAIT);
        }
    }
};

// A barrier's last thread: who misses its slot sees it as the runner.
TEST(runner, 2)
{
    shared state{WAIT}, runner;
    void thread(unsigned i)
    {
        if (i == 0) {
            runner.store(1, at("the last: runner", seq_cst, relaxed));
            state.exchange(IDLE, at("end: exchange", seq_cst, release));
        } else if (state.load(at("count: load of state", seq_cst, acquire)) == IDLE) {
            must(runner.load(at("count: second load of runner", seq_cst, relaxed)) == 1);
        }
    }
};

// A barrier's thread is counted in the word only when its slot has begun.
TEST(barrier_count, 2)
{
    shared state, word;
    void thread(unsigned i)
    {
        if (i == 0) {
            state.store(WAIT, at("begin: WAIT", seq_cst, relaxed));
            word.cas(0, 1, at("count + 1", seq_cst, release));
        } else if (word.load(at("count: load of the word", seq_cst, acquire)) == 1) {
            must(state.load(at("count: load of state", seq_cst, relaxed)) == WAIT);
        }
    }
};

// A barrier's reset: who sees the later generation is told.
TEST(told, 2)
{
    enum { TOLD = 3 };
    shared state{WAIT}, word;
    void thread(unsigned i)
    {
        if (i == 0) {
            state.cas(WAIT, TOLD, at("tell", seq_cst, relaxed));
            word.cas(0, 1, at("reset: the generation", seq_cst, release));
        } else if (word.load(at("waiter: load of the word", seq_cst, acquire)) == 1) {
            must(state.load(at("waiter: load of state", seq_cst, relaxed)) == TOLD);
        }
    }
};

// ---- readers and writers (rwlock.c; the names of the steps are from there) ----

namespace rw
{
enum { READERS = 1, WRITER = 2, CROWDED = 4, INSIDE = 1 };
}

// r2 before r3, w2 before w3: not both come in.
TEST(claim, 2)
{
    shared word{rw::READERS}, hold;
    bool reads = false, writes = false;
    void thread(unsigned i)
    {
        if (i == 0) {
            hold.cas(0, rw::INSIDE, at("r2: hold", seq_cst));
            reads = word.load(at("r3: load of the word", seq_cst)) == rw::READERS;
        } else if (word.cas(rw::READERS, rw::WRITER, at("w2: claim", seq_cst))) {
            writes = hold.load(at("w3: load of the hold", seq_cst)) == 0;
        }
    }
    void after()
    {
        must(!reads || !writes);
    }
};

// The same for a hold in a thread entry, at which a writer looks only if the word is CROWDED.
TEST(crowded, 2)
{
    shared word{rw::READERS}, hold;
    bool reads = false, writes = false;
    void thread(unsigned i)
    {
        if (i == 0) {
            word.set(rw::CROWDED, at("CROWDED", seq_cst, relaxed));
            hold.store(rw::INSIDE, at("r2: hold", seq_cst));
            reads = !(word.load(at("r3: load of the word", seq_cst)) & rw::WRITER);
        } else {
            int before = word.set(rw::WRITER, at("w2: claim", seq_cst));
            writes = !(before & rw::CROWDED) || hold.load(at("w3: load of the hold", seq_cst)) == 0;
        }
    }
    void after()
    {
        must(!reads || !writes);
    }
};

// r4, r7 and the writer that sleeps on `drain`: it sees that the hold is gone, or it is woken.
TEST(drain, 2)
{
    shared word, hold{rw::INSIDE}, state;
    bool gone = false, woken = false;
    void thread(unsigned i)
    {
        if (i == 0) {
            word.set(rw::WRITER, at("w2: DRAINING", seq_cst));
            state.store(WAIT, at("begin: WAIT", seq_cst));
            gone = hold.load(at("w3: load of the hold", seq_cst)) == 0;
        } else {
            hold.store(0, at("r7: hold", seq_cst));
            woken = (word.load(at("r7: load of the word", seq_cst)) & rw::WRITER) &&
                    state.load(at("unpark: load of state", seq_cst)) == WAIT;
        }
    }
    void after()
    {
        must(gone || woken);
    }
};

// r4 before r5, where READERS is set already: the writer after the one that the reader saw sees the hold.
TEST(queued, 2)
{
    enum { FIRST = 1, FREE = 2, SECOND = 3 };
    shared word{FIRST}, hold;
    bool waits = false, seen = false;
    void thread(unsigned i)
    {
        if (i == 0) {
            hold.store(1, at("r4: hold", seq_cst));
            waits = word.load(at("r5: load of the word", seq_cst)) == FIRST;
        } else {
            word.exchange(FREE, at("w5: leave", seq_cst, relaxed));
            word.exchange(SECOND, at("w2: claim", seq_cst));
            seen = hold.load(at("w3: load of the hold", seq_cst)) == 1;
        }
    }
    void after()
    {
        must(!waits || seen);
    }
};

// r4 before r5, where the reader sets READERS.
TEST(queued_first, 2)
{
    enum { FIRST = 1, FREE = 2, SECOND = 3, FIRST_AND_READERS = 5 };
    shared word{FIRST}, hold;
    bool waits = false, seen = false;
    void thread(unsigned i)
    {
        if (i == 0) {
            hold.store(1, at("r4: hold", seq_cst, relaxed));
            waits = word.cas(FIRST, FIRST_AND_READERS, at("r5: READERS", seq_cst, release));
        } else {
            word.exchange(FREE, at("w5: leave", seq_cst, relaxed));
            word.exchange(SECOND, at("w2: claim", seq_cst, acquire));
            seen = hold.load(at("w3: load of the hold", seq_cst, relaxed)) == 1;
        }
    }
    void after()
    {
        must(!waits || seen);
    }
};

// The data: who loads the word sees what the last writer wrote, though others have changed the word since.
TEST(writer_leaves, 3)
{
    enum { OWNED = 1, FREE = 2, FLAG = 4 };
    shared word{OWNED};
    plain data;
    void thread(unsigned i)
    {
        if (i == 0) {
            data.set(1);
            word.cas(OWNED, FREE, at("w5: leave", seq_cst, release));
            word.cas(OWNED | FLAG, FREE | FLAG, at("w5: leave", seq_cst, release));
        } else if (i == 1) {
            word.set(FLAG, at("another's change", seq_cst, relaxed));
        } else if (word.load(at("r3: load of the word", seq_cst, acquire)) & FREE) {
            must(data.get() == 1);
        }
    }
};

// What a reader has read is read before the writer comes in.
TEST(reader_leaves, 2)
{
    shared hold{rw::INSIDE};
    plain data;
    void thread(unsigned i)
    {
        if (i == 0) {
            data.get();
            hold.store(0, at("r7: hold", seq_cst, release));
        } else if (hold.load(at("w3: load of the hold", seq_cst, acquire)) == 0) {
            data.set(1);
        }
    }
};
