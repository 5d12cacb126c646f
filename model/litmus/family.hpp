// family.hpp: families, members, thread slots, interrupts (src/family).

// A slot that goes to another thread or process: its last holder is done with it.
TEST(lease, 2)
{
    shared lease{1};
    plain fields;
    void thread(unsigned i)
    {
        if (i == 0) {
            fields.set(1);
            lease.cas(1, 0, at("free", seq_cst, release));
        } else if (lease.load(at("first look", relaxed)) == 0 && lease.cas(0, 2, at("claim", seq_cst, acquire))) {
            fields.set(2);
        }
    }
};

// family.stage, arena.magic: what is found is complete.
TEST(stage, 2)
{
    shared stage;
    plain family;
    void thread(unsigned i)
    {
        if (i == 0) {
            family.set(1);
            stage.store(1, at("store", release));
        } else if (stage.load(at("load", acquire)) == 1) {
            must(family.get() == 1);
        }
    }
};

// An interrupt and a thread that is about to sleep.
TEST(interrupt, 2)
{
    shared pending, sleeps;
    bool posts = false, stays = false;
    void thread(unsigned i)
    {
        if (i == 0) {
            sleeps.store(1, at("thread: sleeps", seq_cst));
            stays = pending.load(at("thread: load of pending", seq_cst)) == 1;
        } else {
            pending.store(1, at("interrupt: pending", seq_cst));
            posts = sleeps.load(at("interrupt: load of sleeps", seq_cst)) == 1;
        }
    }
    void after()
    {
        must(posts || stays);
    }
};

// An interrupt that finds a thread asleep by its semaphore has the semaphore.
TEST(interrupt_sem, 2)
{
    shared sem, sleeps;
    void thread(unsigned i)
    {
        if (i == 0) {
            sem.store(1, at("thread: sem", relaxed));
            sleeps.store(1, at("thread: sleeps", seq_cst, release));
        } else if (sleeps.load(at("interrupt: load of sleeps", seq_cst, acquire)) == 1) {
            must(sem.load(at("interrupt: load of sem", relaxed)) == 1);
        }
    }
};

// A thread's record is not closed while an interrupt uses it.
TEST(interrupt_users, 2)
{
    shared users, number{1};
    bool uses = false, closes = false;
    void thread(unsigned i)
    {
        if (i == 0) {
            users.add(1, at("interrupt: users", seq_cst));
            uses = number.load(at("interrupt: load of number", seq_cst)) == 1;
        } else {
            number.store(0, at("close: number", seq_cst));
            closes = users.load(at("close: load of users", seq_cst)) == 0;
        }
    }
    void after()
    {
        must(!uses || !closes);
    }
};
