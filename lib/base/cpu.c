/* POSIX has no number of processors. Who asks for POSIX alone, as the build does, sees that of FreeBSD and its relatives
 * no more; macOS and NetBSD have a word of their own that shows it again, Linux one for the processors of a thread. */
#undef _POSIX_C_SOURCE
#define _GNU_SOURCE 1
#define _DARWIN_C_SOURCE 1
#define _NETBSD_SOURCE 1
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
#ifdef _SC_NPROCESSORS_ONLN
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > 256 ? 256 : (int32_t)count;
#else
    return 1;
#endif
}
