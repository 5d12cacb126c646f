/* python.c: CPython's multiprocessing, where it is. See ../peers.h. */
#include "../peers.h"

#include <stdio.h>

/* The number that the command prints; negative if it prints none. */
static double ask_python(const char *command)
{
    double answer = -1;
    FILE *output = popen(command, "r");
    if (output != NULL) {
        if (fscanf(output, "%lf", &answer) != 1) {
            answer = -1;
        }
        pclose(output);
    }
    return answer;
}

double peer_python_queue(int producers, int consumers)
{
    char command[1024];
    snprintf(command, sizeof command,
             "python3 -c '\n"
             "import multiprocessing as m, time\n"
             "def put(q, n):\n"
             "    x = bytes(64)\n"
             "    for i in range(n): q.put(x)\n"
             "def get(q, n):\n"
             "    for i in range(n): q.get()\n"
             "m.set_start_method(\"fork\")\n"
             "q = m.Queue()\n"
             "n = 60000\n"
             "all = [m.Process(target=put, args=(q, n // %d)) for i in range(%d)]\n"
             "all += [m.Process(target=get, args=(q, n // %d)) for i in range(%d)]\n"
             "t = time.monotonic()\n"
             "for p in all: p.start()\n"
             "for p in all: p.join()\n"
             "print(n / (time.monotonic() - t) / 1000)\n' 2>/dev/null",
             producers, producers, consumers, consumers);
    return ask_python(command);
}

double peer_python_pool(size_t count, size_t chunk)
{
    char command[1024];
    snprintf(command, sizeof command,
             "python3 -c '\n"
             "import multiprocessing as m, time\n"
             "m.set_start_method(\"fork\")\n"
             "n, chunk = %zu, %zu\n"
             "with m.Pool(2) as p:\n"
             "    p.map(abs, range(10))\n"
             "    x = list(range(n))\n"
             "    t = time.monotonic()\n"
             "    p.map(abs, x, chunk or None)\n"
             "    print(n / (time.monotonic() - t) / 1000)\n' 2>/dev/null",
             count, chunk);
    return ask_python(command);
}

double peer_python_map(const char *module, size_t count, size_t chunk)
{
    char command[1024];
    snprintf(command, sizeof command,
             "python3 -c '\n"
             "import time, %s as m\n"
             "n, chunk = %zu, %zu\n"
             "with m.ProcessPoolExecutor(2) as p:\n"
             "    list(p.map(abs, range(10)))\n"
             "    x = list(range(n))\n"
             "    t = time.monotonic()\n"
             "    list(p.map(abs, x, chunksize=chunk))\n"
             "    print(n / (time.monotonic() - t) / 1000)\n' 2>/dev/null",
             module, count, chunk);
    return ask_python(command);
}

double peer_python_submit(const char *module)
{
    char command[1024];
    snprintf(command, sizeof command,
             "python3 -c '\n"
             "import time, %s as m\n"
             "with m.ProcessPoolExecutor(2) as p:\n"
             "    list(p.map(abs, range(10)))\n"
             "    t, n = time.monotonic(), 0\n"
             "    while time.monotonic() - t < 0.3:\n"
             "        p.submit(abs, 3).result(); n += 1\n"
             "    print((time.monotonic() - t) / n * 1e6)\n' 2>/dev/null",
             module);
    return ask_python(command);
}

double peer_python_manager(const char *operation)
{
    char command[1024];
    snprintf(command, sizeof command,
             "python3 -c '\n"
             "import multiprocessing as m, time\n"
             "m.set_start_method(\"fork\")\n"
             "with m.Manager() as k:\n"
             "    d = k.dict({str(i): i for i in range(1000)}); l = k.Lock(); q = k.Queue()\n"
             "    def get(): d.get(\"77\")\n"
             "    def lock(): l.acquire(); l.release()\n"
             "    def queue(): q.put(5); q.get()\n"
             "    t, n = time.monotonic(), 0\n"
             "    while time.monotonic() - t < 0.3:\n"
             "        %s(); n += 1\n"
             "    print(n / (time.monotonic() - t) / 1000)\n' 2>/dev/null",
             operation);
    return ask_python(command);
}
