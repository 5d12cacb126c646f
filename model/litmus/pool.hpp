// pool.hpp: jobs, batches and workers (src/pool).

// A worker that sees `posted` sees the job's place.
TEST(posted, 2)
{
    shared place, posted;
    void thread(unsigned i)
    {
        if (i == 0) {
            place.store(1, at("post: jobs[]", seq_cst, relaxed));
            posted.add(2, at("post: posted", seq_cst, release));
        } else if (posted.load(at("worker: load of posted", seq_cst, acquire)) >= 2) {
            must(place.load(at("worker: load of jobs[]", seq_cst, relaxed)) == 1);
        }
    }
};

// A worker that sees the job's place sees the job.
TEST(job, 2)
{
    shared place;
    plain job;
    void thread(unsigned i)
    {
        if (i == 0) {
            job.set(1);
            place.store(1, at("post: jobs[]", seq_cst, release));
        } else if (place.load(at("worker: load of jobs[]", seq_cst, acquire)) == 1) {
            must(job.get() == 1);
        }
    }
};

// `closed`, `leave`, a lowered `first`; and a worker that is about to sleep.
TEST(pool_sleeper, 2)
{
    shared closed, posted;
    bool flagged = false, called = false;
    void thread(unsigned i)
    {
        if (i == 0) {
            closed.store(1, at("closed, leave, first", seq_cst));
            flagged = posted.load(at("wake: load of FLAG", seq_cst)) == 1;
        } else {
            posted.set(1, at("worker: FLAG", seq_cst));
            called = closed.load(at("worker: load of closed, leave, first", seq_cst)) == 1;
        }
    }
    void after()
    {
        must(flagged || called);
    }
};

// A batch that is FREE again: a worker that comes by takes it, or the hint has passed it and is lowered.
TEST(reopened, 2)
{
    enum { OPEN, OWNED, MINE };
    shared owner{OWNED}, next;
    bool lowered = false, taken = false;
    void thread(unsigned i)
    {
        if (i == 0) {
            owner.store(OPEN, at("FREE", seq_cst));
            lowered = next.load(at("lower: load of next", seq_cst)) == 1;
        } else {
            next.add(1, at("worker: next", seq_cst));
            taken = owner.cas(OPEN, MINE, at("worker: take", seq_cst));
        }
    }
    void after()
    {
        must(lowered || taken);
    }
};

// A waiter sees the results of the batches that it sees finished.
TEST(finished, 2)
{
    shared state, owner, count;
    plain results;
    void thread(unsigned i)
    {
        if (i == 0) {
            results.set(1);
            state.store(1, at("the task's state", release, relaxed));
            owner.store(1, at("DONE", seq_cst, relaxed));
            count.add(2, at("finished", seq_cst, release));
        } else if (count.load(at("waiter: load of finished", seq_cst, acquire)) == 2) {
            must(results.get() == 1);
            must(state.load(at("waiter: load of the task's state", seq_cst, relaxed)) == 1);
            must(owner.load(at("waiter: load of DONE", seq_cst, relaxed)) == 1);
        }
    }
};

// The same of a waiter that looks at the batches themselves.
TEST(batch_done, 2)
{
    shared owner;
    plain results;
    void thread(unsigned i)
    {
        if (i == 0) {
            results.set(1);
            owner.store(1, at("DONE", seq_cst, release));
        } else if (owner.load(at("waiter: load of DONE", seq_cst, acquire)) == 1) {
            must(results.get() == 1);
        }
    }
};

// kin_future_next: the results of a task that has ended.
TEST(task_state, 2)
{
    shared state;
    plain results;
    void thread(unsigned i)
    {
        if (i == 0) {
            results.set(1);
            state.store(1, at("the task's state", release));
        } else if (state.load(at("next: load of the task's state", seq_cst, acquire)) == 1) {
            must(results.get() == 1);
        }
    }
};

// A worker that finds FLAG in `finished` sees what the waiter wants, and its slot.
TEST(want, 2)
{
    enum { FLAG = 1 };
    shared finished, want, state;
    void thread(unsigned i)
    {
        if (i == 0) {
            want.store(1, at("waiter: want", seq_cst, relaxed));
            state.store(WAIT, at("begin: WAIT", seq_cst, relaxed));
            finished.set(FLAG, at("waiter: FLAG", seq_cst, release));
        } else if (finished.add(2, at("worker: finished", seq_cst, acquire)) & FLAG) {
            must(want.load(at("worker: load of want", seq_cst, relaxed)) == 1);
            must(state.load(at("unpark: load of state", seq_cst, relaxed)) == WAIT);
        }
    }
};

// The first failure: its text is there when it is READY. The same for an initializer's last words.
TEST(failure, 2)
{
    enum { NONE, WRITING, THERE };
    shared stage;
    plain text;
    void thread(unsigned i)
    {
        if (i == 0) {
            if (stage.cas(NONE, WRITING, at("worker: CLAIMED", seq_cst, relaxed))) {
                text.set(1);
                stage.store(THERE, at("worker: READY", seq_cst, release));
            }
        } else if (stage.load(at("maker: load of the stage", seq_cst, acquire)) == THERE) {
            must(text.get() == 1);
        }
    }
};

// The worker that the maker takes out of `spinner` finds the job.
TEST(spinner, 2)
{
    shared posted, spinner{1};
    bool relies = false, found = false;
    void thread(unsigned i)
    {
        if (i == 0) {
            posted.add(2, at("post: posted", seq_cst, relaxed));
            relies = spinner.cas(1, 0, at("maker: spinner", seq_cst, release));
        } else {
            spinner.cas(1, 0, at("worker: spinner", seq_cst, acquire));
            found = posted.load(at("worker: load of posted", seq_cst, relaxed)) == 2;
        }
    }
    void after()
    {
        must(!relies || found);
    }
};

// A worker that leaves and a thread of the maker that is about to sleep.
TEST(leaves, 2)
{
    shared leaves, finished;
    bool flagged = false, seen = false;
    void thread(unsigned i)
    {
        if (i == 0) {
            leaves.add(1, at("worker: leaves", seq_cst));
            flagged = finished.load(at("worker: load of FLAG", seq_cst)) == 1;
        } else {
            finished.set(1, at("maker: FLAG", seq_cst));
            seen = leaves.load(at("maker: load of leaves", seq_cst)) == 1;
        }
    }
    void after()
    {
        must(flagged || seen);
    }
};

// Who sees a worker in `leaves` finds it gone.
TEST(gone, 2)
{
    shared gone, leaves;
    void thread(unsigned i)
    {
        if (i == 0) {
            gone.store(1, at("worker: gone", seq_cst, relaxed));
            leaves.add(1, at("worker: leaves", seq_cst, release));
        } else if (leaves.load(at("maker: load of leaves", seq_cst, acquire)) == 1) {
            must(gone.load(at("maker: load of gone", seq_cst, relaxed)) == 1);
        }
    }
};

// The maker that sees a turn open sees what it is about.
TEST(turn, 2)
{
    shared turn, task;
    void thread(unsigned i)
    {
        if (i == 0) {
            task.store(1, at("worker: task, since, job", release, relaxed));
            turn.store(1, at("worker: OPEN", release));
        } else if (turn.load(at("maker: load of turn", seq_cst, acquire)) == 1) {
            must(task.load(at("maker: load of task, since, job", seq_cst, relaxed)) == 1);
        }
    }
};

// A job is not freed while a worker that found it looks at it.
TEST(job_life, 2)
{
    shared place{1}, names;
    bool looks = false, frees = false;
    void thread(unsigned i)
    {
        if (i == 0) {
            names.store(1, at("worker: names the job", seq_cst));
            looks = place.load(at("worker: load of jobs[]", seq_cst)) == 1;
        } else {
            place.store(0, at("maker: removes the job", seq_cst));
            frees = names.load(at("maker: load of the name", seq_cst)) == 0;
        }
    }
    void after()
    {
        must(!looks || !frees);
    }
};

// A pool is not freed while a worker comes in through its door.
TEST(door, 2)
{
    shared door, state;
    bool enters = false, ends = false;
    void thread(unsigned i)
    {
        if (i == 0) {
            state.store(WAIT, at("begin: WAIT", seq_cst));
            enters = door.load(at("worker: load of the door", seq_cst)) == 0;
        } else {
            door.store(1, at("maker: GONE", seq_cst));
            ends = state.load(at("maker: load of state", seq_cst)) == IDLE;
        }
    }
    void after()
    {
        must(!enters || !ends);
    }
};

// A maker that does not find a worker in the door any more finds it in its slot.
TEST(behind_the_door, 2)
{
    shared who, state{WAIT};
    void thread(unsigned i)
    {
        if (i == 0) {
            who.cas(0, 1, at("worker: who", seq_cst, relaxed));
            state.exchange(IDLE, at("end: exchange", seq_cst, release));
        } else if (state.load(at("maker: load of state", seq_cst, acquire)) == IDLE) {
            must(who.load(at("maker: load of who", seq_cst, relaxed)) == 1);
        }
    }
};
