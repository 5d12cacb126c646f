/* kin.hpp: kin for C++17, headers only: RAII over the C functions, which they link.
 *
 *     KIN_CHILD(count)
 *     {
 *         auto total = args.get<kin::value_ref<int>>("total");
 *         std::lock_guard guard(total);
 *         *total += 1;
 *         return 0;
 *     }
 *
 *     int main()
 *     {
 *         kin::child_main();
 *         kin::value<int> total;
 *         kin::args args;
 *         args.add("total", total);
 *         kin::process child(count, args);
 *         child.join();
 *         std::cout << total.get() << '\n';
 *     }
 *
 * What an object does, costs and guarantees, also when a process dies, its C header says; a header of cpp/ says what
 * C++ adds. Rules for all:
 *
 * - Errors. A negative kin_status is thrown as kin::error (cpp/error.hpp). Where the standard library returns false or
 *   an empty std::optional, so does kin: a try_ or _for function whose time is over, a key that a dict does not have.
 * - Ownership. x_ref refers to an object, x owns it (cpp/family.hpp). Options and infos are the C structs.
 * - Time. A timeout is any duration or time point of <chrono>, kin::now or kin::forever (cpp/timeout.hpp).
 * - Callbacks. What a function of the program's throws never passes kin's C code: a predicate's, an action's and a dict
 *   change's exception comes out of the call that it was given to; a task's fails the task (cpp/pool.hpp); an entry's
 *   ends the child (cpp/process.hpp). Nothing stays locked by it.
 *
 * blob.h and inspect.h have no C++ of their own: use the C functions. Pass the C functions' callbacks
 * (kin_job.finished, kin_inspector and the like) functions that are noexcept.
 */
#ifndef KIN_KIN_HPP
#define KIN_KIN_HPP

#include "kin.h"

#include "cpp/barrier.hpp"
#include "cpp/bytes.hpp"
#include "cpp/condition.hpp"
#include "cpp/counter.hpp"
#include "cpp/dict.hpp"
#include "cpp/error.hpp"
#include "cpp/event.hpp"
#include "cpp/family.hpp"
#include "cpp/list.hpp"
#include "cpp/lock.hpp"
#include "cpp/manager.hpp"
#include "cpp/memory.hpp"
#include "cpp/named.hpp"
#include "cpp/object.hpp"
#include "cpp/pipe.hpp"
#include "cpp/pool.hpp"
#include "cpp/process.hpp"
#include "cpp/queue.hpp"
#include "cpp/run.hpp"
#include "cpp/rwlock.hpp"
#include "cpp/semaphore.hpp"
#include "cpp/thread.hpp"
#include "cpp/timeout.hpp"
#include "cpp/value.hpp"
#include "cpp/wait.hpp"
#include "cpp/watch.hpp"

#endif
