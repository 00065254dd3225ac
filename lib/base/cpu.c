#define _GNU_SOURCE 1
#include <sched.h>
#include <unistd.h>

#include "base/pool.h"

int32_t gani_cpu_count(void) {
#ifdef __linux__
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0) {
        int count = CPU_COUNT(&set);
        if (count > 0) return count > 256 ? 256 : count;
    }
#endif
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > 256 ? 256 : (int32_t)count;
}
