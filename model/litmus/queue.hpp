// queue.hpp: messages in shared memory (src/queue).

enum { RESERVED = 1, READY, TAKEN, DONE };

// A record is complete before `tail` covers it.
TEST(tail, 2)
{
    shared tail;
    plain record;
    void thread(unsigned i)
    {
        if (i == 0) {
            record.set(1);
            tail.store(1, at("publish", release));
        } else if (tail.load(at("get: load of tail", acquire)) == 1) {
            must(record.get() == 1);
        }
    }
};

// A record is read before a producer uses its room again.
TEST(head, 2)
{
    shared head;
    plain record;
    void thread(unsigned i)
    {
        if (i == 0) {
            record.get();
            head.store(1, at("reclaim: head", release));
        } else if (head.load(at("put: load of head", acquire)) == 1) {
            record.set(1);
        }
    }
};

// A message that was got is counted before `next` passes it.
TEST(next, 2)
{
    shared next, who, count;
    void thread(unsigned i)
    {
        if (i == 0) {
            who.store(1, at("get: who", seq_cst, relaxed));
            count.add(1, at("get: count", seq_cst, relaxed));
            next.store(1, at("get: next", release));
        } else if (next.load(at("join: load of next", seq_cst, acquire)) == 1) {
            must(who.load(at("join: load of who", seq_cst, relaxed)) == 1);
            must(count.load(at("join: load of count", seq_cst, relaxed)) == 1);
        }
    }
};

// A task that puts another one and is done: who sees it done sees the other's message.
TEST(task_done, 2)
{
    shared tail, count{1};
    void thread(unsigned i)
    {
        if (i == 0) {
            tail.store(1, at("put: tail", release, relaxed));
            count.cas(1, 0, at("task_done: count", seq_cst, release));
        } else if (count.load(at("join: load of count", seq_cst, acquire)) == 0) {
            must(tail.load(at("join: second load of tail", seq_cst, relaxed)) == 1);
        }
    }
};

// The last task done and a join that is about to sleep.
TEST(join_sleeper, 2)
{
    shared count{1}, finished;
    bool waiters = false, done = false;
    void thread(unsigned i)
    {
        if (i == 0) {
            count.cas(1, 0, at("task_done: count", seq_cst));
            waiters = finished.load(at("task_done: load of WAITERS", seq_cst)) == 1;
        } else {
            finished.set(1, at("join: WAITERS", seq_cst));
            done = count.load(at("join: load of count", seq_cst)) == 0;
        }
    }
    void after()
    {
        must(waiters || done);
    }
};

// A record that was reserved: it is written before it is READY.
TEST(commit, 2)
{
    shared owner{RESERVED};
    plain record;
    void thread(unsigned i)
    {
        if (i == 0) {
            record.set(1);
            owner.cas(RESERVED, READY, at("commit", seq_cst, release));
        } else if (owner.load(at("get: load of owner", acquire)) == READY) {
            must(record.get() == 1);
        }
    }
};

// A record that is read in place: its room is used again after that, though another thread moves `head`.
TEST(consume, 3)
{
    shared owner{TAKEN}, head;
    plain record;
    void thread(unsigned i)
    {
        if (i == 0) {
            record.get();
            owner.cas(TAKEN, DONE, at("consume", seq_cst, release));
        } else if (i == 1) {
            if (owner.load(at("reclaim: load of owner", acquire)) == DONE) {
                head.store(1, at("reclaim: head", release));
            }
        } else if (head.load(at("put: load of head", acquire)) == 1) {
            record.set(1);
        }
    }
};

// A commit, or a consume, and a waiter that is about to sleep.
TEST(commit_sleeper, 2)
{
    shared owner{RESERVED}, word;
    bool waiters = false, ready = false;
    void thread(unsigned i)
    {
        if (i == 0) {
            owner.cas(RESERVED, READY, at("commit", seq_cst));
            waiters = word.load(at("waker: load of WAITERS", seq_cst)) == 1;
        } else {
            word.set(1, at("waiter: WAITERS", seq_cst));
            ready = owner.load(at("waiter: load of owner", seq_cst)) == READY;
        }
    }
    void after()
    {
        must(waiters || ready);
    }
};

// A close and a consumer that is about to sleep.
TEST(close_sleeper, 2)
{
    shared writable, readable;
    bool waiters = false, closed = false;
    void thread(unsigned i)
    {
        if (i == 0) {
            writable.set(1, at("CLOSED", seq_cst));
            waiters = readable.load(at("close: load of WAITERS", seq_cst)) == 1;
        } else {
            readable.set(1, at("waiter: WAITERS", seq_cst));
            closed = writable.load(at("waiter: load of CLOSED", seq_cst)) == 1;
        }
    }
    void after()
    {
        must(waiters || closed);
    }
};

// Who finds the queue closed sees all messages that were put before.
TEST(closed, 3)
{
    shared tail, lock{1}, writable;
    void thread(unsigned i)
    {
        if (i == 0) {
            tail.store(1, at("put: tail", release, relaxed));
            lock.cas(1, 0, at("put: unlock", seq_cst, release));
        } else if (i == 1) {
            if (lock.cas(0, 2, at("close: lock", acquire))) {
                writable.set(1, at("CLOSED", seq_cst, release));
            }
        } else if (writable.load(at("get: load of CLOSED", seq_cst, acquire)) == 1) {
            must(tail.load(at("get: load of tail", acquire, relaxed)) == 1);
        }
    }
};

// A put and a waiter that is about to sleep, while a third thread takes the put's lock.
TEST(waiters, 3)
{
    shared tail, lock{1}, readable;
    bool told = false, there = false;
    void thread(unsigned i)
    {
        if (i == 0) {
            tail.store(1, at("put: tail", release, relaxed));
            lock.cas(1, 0, at("put: unlock", seq_cst));
            told = readable.load(at("put: load of WAITERS", seq_cst)) == 1;
        } else if (i == 1) {
            readable.set(1, at("waiter: WAITERS", seq_cst));
            lock.load(at("waiter: load of the lock's word", seq_cst));
            there = tail.load(at("waiter: load of tail", seq_cst, relaxed)) == 1;
        } else {
            lock.cas(0, 2, at("another's lock", acquire, relaxed));
        }
    }
    void after()
    {
        must(told || there);
    }
};

// A put that finds WAKING and does nothing: the thread that clears it sees the message.
TEST(waking, 2)
{
    enum { WAITERS = 1, WAKING = 2 };
    shared tail, readable{WAITERS | WAKING};
    bool passed = false, there = false;
    void thread(unsigned i)
    {
        if (i == 0) {
            tail.store(1, at("put: tail", release, relaxed));
            passed = readable.set(WAKING, at("waker: WAKING", seq_cst, release)) & WAKING;
        } else {
            readable.clear(WAKING, at("woken: WAKING cleared", seq_cst, acquire));
            there = tail.load(at("woken: load of tail", seq_cst, relaxed)) == 1;
        }
    }
    void after()
    {
        must(!passed || there);
    }
};

// A look without a lock: if `next` is unchanged, the bytes there were the record's, and no later put's.
TEST(state_at, 3)
{
    enum { LATER = 9 };
    shared next, head, bytes{READY};
    void thread(unsigned i)
    {
        if (i == 0) {
            next.store(1, at("get: next", release, relaxed));
            head.store(1, at("get: head", release));
        } else if (i == 1) {
            if (head.load(at("put: load of head", acquire)) == 1) {
                fence(at("put: fence before the record", release));
                bytes.store(LATER, at("put: the record's bytes", relaxed));
            }
        } else {
            int before = next.load(at("look: load of next", seq_cst, relaxed));
            int state = bytes.load(at("look: the state", seq_cst, acquire));
            if (before == 0 && next.load(at("look: second load of next", seq_cst, relaxed)) == 0) {
                must(state != LATER);
            }
        }
    }
};
