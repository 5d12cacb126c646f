/* pool.pml: a model of the batches of a pool (shared.h, worker.c, tracking.c, job.c), for spin, with workers that are
 * killed at any step. model/check runs it.
 *
 * Names and steps are those of the code. Each statement or atomic {} touches the shared memory once. Memory is
 * sequentially consistent.
 *
 * A maker posts JOBS jobs one after the other. Each has BATCHES batches (1 or 2) of one task. Two workers run them.
 * DEATHS times worker 1 may be killed at any step; the maker then starts another in its slot, with another id. A task
 * is tried again after RETRIES deaths at most. When a job has ended, its memory is freed as soon as no
 * worker names it.
 *     LEAVE   worker 1 may be told to leave
 *     CANCEL  the maker may cancel a job
 *
 * Left out: the spinner, turns (a limit), the initializer, results, the inside of park.c: a worker or the maker sleeps
 * until it is woken, or until its slice ends, which it does when nothing else can happen. chunk and batch are 1.
 *
 * Properties: a task has one runner at a time, and is run once, and once more for each death in it; a task whose worker
 * did not die is not lost; a job's memory is not freed while a worker looks at it (LOOKS); if nobody is
 * killed or leaves, no slice has to end, else at most two of the maker's do (REPAIRED); a batch is counted
 * once at most.
 */
#define WORKERS 2
#define FREE 0
#define CANCELLING 254
#define DONE 255

byte owner[JOBS * BATCHES];
mtype = { TODO, ENDED, DIED, CANCELLED };
mtype state[JOBS * BATCHES] = TODO;
byte next[JOBS], finished[JOBS];
bool job_flag[JOBS], cancelled[JOBS];
bool there[JOBS];           /* the place in jobs */
byte posted, first;
bool posted_flag;
byte slot_job[WORKERS + 1], slot_task[WORKERS + 1];
bool leave, gone;           /* of worker 1 */
bool left;                  /* leaves != leaves_seen */

mtype = { IDLE, WAIT, WOKEN };
mtype wait[WORKERS + 2] = IDLE; /* of the workers, and 0: of the maker */
bool dead[WORKERS + 1], ended[WORKERS + 1];
byte id[WORKERS + 1];

/* ---- ghosts ---- */

byte runner[JOBS * BATCHES], runs[JOBS * BATCHES], deaths_in[JOBS * BATCHES];
bool freed[JOBS];
byte deaths = DEATHS;
bool over;
byte slices; /* of the maker, which have ended while nothing else could happen */

#define B(job, batch) ((job) * BATCHES + (batch))
#ifdef LEAVE
#define MAY_END true /* shared.h, 6 */
#else
#define MAY_END (deaths < DEATHS)
#endif
#define REPAIRED assert(MAY_END && slices <= 2)
#define LOOKS(job) assert(!freed[job])

/* ---- waking ---- */

inline wake_worker() { /* one, of those that sleep */
    if
    ::  posted_flag ->
        atomic {
            if
            ::  wait[1] == WAIT -> wait[1] = WOKEN
            ::  wait[2] == WAIT -> wait[2] = WOKEN
            ::  else -> posted_flag = false
            fi
        }
    ::  else
    fi
}

inline wake_all() {
    atomic {
        if :: wait[1] == WAIT -> wait[1] = WOKEN :: else fi;
        if :: wait[2] == WAIT -> wait[2] = WOKEN :: else fi
    }
}

inline wake_maker() { atomic { if :: wait[0] == WAIT -> wait[0] = WOKEN :: else fi } }

/* ---- job.c ---- */

inline finish(job, batch) {
#ifdef BREAK_FINISH
    finished[job] = finished[job] + 1;
    owner[B(job, batch)] = DONE;
#else
    owner[B(job, batch)] = DONE;
    atomic { finished[job] = finished[job] + 1; assert(finished[job] <= BATCHES) };
#endif
    if :: job_flag[job] && finished[job] >= BATCHES -> wake_maker() :: else fi
}

inline show_batch(job, batch) {
    atomic { if :: next[job] > batch -> next[job] = batch :: else fi };
    atomic { if :: first > job -> first = job :: else fi };
    wake_worker()
}

inline reopen(job, batch) {
    owner[B(job, batch)] = FREE;
    show_batch(job, batch)
}

/* ---- worker.c ---- */

inline run_task(job, batch) {
#ifndef BREAK_TASK
    slot_task[me] = batch + 1;
#endif
    LOOKS(job);
    atomic { assert(runner[B(job, batch)] == 0 || dead[runner[B(job, batch)]]); runner[B(job, batch)] = me;
             runs[B(job, batch)] = runs[B(job, batch)] + 1 };
    LOOKS(job);
    atomic { state[B(job, batch)] = ENDED; runner[B(job, batch)] = 0 }
}

inline run_batch(job, batch) {
    if
    ::  state[B(job, batch)] != TODO -> slot_task[me] = 0; finish(job, batch)
    ::  state[B(job, batch)] == TODO && cancelled[job] ->
        state[B(job, batch)] = CANCELLED;
        slot_task[me] = 0;
        finish(job, batch)
    ::  state[B(job, batch)] == TODO && !cancelled[job] && me == 1 && leave -> slot_task[me] = 0; reopen(job, batch)
    ::  state[B(job, batch)] == TODO && !cancelled[job] && !(me == 1 && leave) ->
        run_task(job, batch);
        slot_task[me] = 0;
        finish(job, batch)
    fi
}

inline take_from(job) {
    LOOKS(job); /* know() */
    do
    ::  next[job] < BATCHES ->
        LOOKS(job);
        atomic { batch = next[job]; next[job] = next[job] + 1 };
        if
        ::  batch < BATCHES ->
            atomic {
                if
#ifdef BREAK_CLAIM
                ::  true -> owner[B(job, batch)] = id[me]; took = true
#else
                ::  owner[B(job, batch)] == FREE -> owner[B(job, batch)] = id[me]; took = true
#endif
                ::  else
                fi
            }
        ::  else
        fi;
        if :: took -> run_batch(job, batch); break :: else fi
    ::  else -> break
    od;
    batch = 0
}

inline work_once() {
    atomic { limit = posted; number = first };
    do
    ::  number < limit && !took ->
#ifdef BREAK_NAME
        if
        ::  there[number] -> slot_job[me] = number + 1; take_from(number)
        ::  else -> slot_job[me] = number + 1
        fi;
#else
        slot_job[me] = number + 1;
        if
        ::  there[number] -> take_from(number)
        ::  else
        fi;
#endif
        if
        ::  !took -> atomic { if :: first == number -> first = number + 1 :: else fi }; number++
        ::  else
        fi
    ::  else -> break
    od;
    if :: !took -> slot_job[me] = 0 :: else fi;
    atomic { did = took; took = false; number = 0; limit = 0 }
}

#define CALLED (posted != seen || first < posted || over || me == 1 && leave)

inline sleep_a_slice() {
#ifndef BREAK_SHOW
    wait[me] = WAIT;
#endif
    posted_flag = true;
    called = CALLED;
#ifdef BREAK_SHOW
    wait[me] = WAIT;
#endif
    if
    ::  called
    ::  !called ->
        if
        ::  wait[me] == WOKEN
        ::  timeout -> assert(MAY_END || over)
        fi
    fi;
    atomic { wait[me] = IDLE; called = false }
}

inline life() {
    do
    ::  over -> break
    ::  me == 1 && leave -> break
    ::  else ->
        seen = posted;
        work_once();
        if :: !did -> sleep_a_slice() :: else fi;
        atomic { did = false; seen = 0 }
    od;
    if
    ::  me == 1 && leave -> gone = true; left = true; wake_maker()
    ::  else
    fi
}

#define LOCALS byte batch, number, limit, seen; bool took, did, called

proctype worker(byte me) {
    LOCALS;
    { life(); slot_job[me] = 0 } unless { dead[me] };
    atomic { dead[me] = true; ended[me] = true; wait[me] = IDLE }
}

/* ---- the maker ---- */

inline lost(who) {
    atomic {
        m_job = slot_job[who]; m_task = slot_task[who]; slot_job[who] = 0; slot_task[who] = 0
    };
    if
    ::  m_job > 0 && there[m_job - 1] ->
        m_job--;
        m_batch = 0;
        do
        ::  m_batch < BATCHES ->
            if
            ::  owner[B(m_job, m_batch)] == id[who] ->
                if
                ::  m_task == m_batch + 1 && state[B(m_job, m_batch)] == TODO ->
                    atomic {
                        runner[B(m_job, m_batch)] = 0;
                        deaths_in[B(m_job, m_batch)] = deaths_in[B(m_job, m_batch)] + 1;
                        if
                        ::  deaths_in[B(m_job, m_batch)] <= RETRIES && !cancelled[m_job]
                        ::  else -> state[B(m_job, m_batch)] = DIED
                        fi
                    }
                ::  else
                fi;
                reopen(m_job, m_batch)
            ::  else
            fi;
            m_batch++
        ::  else -> m_batch = 0; break
        od
    ::  else
    fi;
    wake_worker(); /* see shared.h, the spinner */
    atomic { m_job = 0; m_task = 0 }
}

inline start(who) {
    atomic { id[who] = id[who] + WORKERS; dead[who] = false; ended[who] = false; slot_task[who] = 0; run worker(who) }
}

inline all_done(job) {
    done = finished[job] >= BATCHES;
#ifndef BREAK_LOOK
    if :: !done -> done = owner[B(job, 0)] == DONE && owner[B(job, BATCHES - 1)] == DONE :: else fi
#endif
}

inline tend() {
    left = false;
    if
    ::  gone -> ended[1]; /* kin__workers_await_leaving */ atomic { leave = false; gone = false }
    ::  else
    fi;
    if :: ended[1] -> ended[1] = false; lost(1); start(1) :: else fi;
    if :: ended[2] -> ended[2] = false; lost(2); start(2) :: else fi;
    job = oldest;
    do
    ::  job < made ->
        all_done(job);
        if
        ::  !done ->
#ifndef BREAK_AGAIN
            if /* show_again */
            ::  (first > job || next[job] >= BATCHES) && owner[B(job, 0)] == FREE -> show_batch(job, 0)
#if BATCHES == 2
            ::  (first > job || next[job] >= 2) && owner[B(job, 0)] != FREE && owner[B(job, 1)] == FREE ->
                show_batch(job, 1)
#endif
            ::  else
            fi
#endif
        ::  else
        fi;
        job++
    ::  else -> break
    od;
    atomic { job = 0; done = false }
}

inline cancel(job) {
    cancelled[job] = true;
    m_batch = 0;
    do
    ::  m_batch < BATCHES ->
        atomic {
            if
            ::  owner[B(job, m_batch)] == FREE -> owner[B(job, m_batch)] = CANCELLING; done = true
            ::  else
            fi
        };
        if
        ::  done ->
            atomic {
                if :: state[B(job, m_batch)] == TODO -> state[B(job, m_batch)] = CANCELLED :: else fi; done = false
            };
            finish(job, m_batch)
        ::  else
        fi;
        m_batch++
    ::  else -> m_batch = 0; break
    od
}

inline settle(job) {
#ifdef BREAK_PLACE
    atomic { !(slot_job[1] == job + 1 && !ended[1]) && !(slot_job[2] == job + 1 && !ended[2]) };
    there[job] = false;
#else
    there[job] = false;
    !(slot_job[1] == job + 1 && !ended[1]);
    !(slot_job[2] == job + 1 && !ended[2]);
#endif
    freed[job] = true
}

proctype maker() {
    byte me = 0, job, m_job, m_task, m_batch, made, oldest;
    bool done;
    start(1); start(2);
    do
    ::  made < JOBS ->
        there[made] = true;
        posted++;
        wake_worker();
        atomic { made++ };
        if
#ifdef CANCEL
        ::  cancel(oldest)
#endif
#ifdef LEAVE
        ::  made == 1 -> leave = true; wake_all()
#endif
        ::  skip
        fi;
        do /* wait_until the job has ended */
        ::  all_done(oldest);
            if :: done -> break :: else fi;
            wait[0] = WAIT;
            job_flag[oldest] = true;
            if
            ::  finished[oldest] >= BATCHES || left
            ::  else ->
                if
                ::  wait[0] == WOKEN
                ::  atomic { timeout -> slices++; REPAIRED }
                fi
            fi;
            wait[0] = IDLE;
            tend()
        od;
        done = false;
        settle(oldest);
        oldest++
    ::  else -> break
    od;
    atomic { over = true; wake_all() };
    job = 0;
    do
    ::  job < JOBS * BATCHES ->
        assert(runs[job] <= 1 + deaths_in[job]);
        assert(state[job] == ENDED || state[job] == DIED && deaths_in[job] > RETRIES ||
               state[job] == CANCELLED && cancelled[job / BATCHES]);
        job++
    ::  else -> break
    od
}

proctype fate() {
    do
    ::  deaths > 0 && !over ->
        if
        ::  atomic { !dead[1] && id[1] > 0 -> dead[1] = true; deaths-- }
        ::  break
        fi
    ::  else -> break
    od
}

init {
    atomic {
        id[1] = 1; id[2] = 2;
        if :: DEATHS > 0 -> run fate() :: else fi;
        run maker()
    }
}
