/* An io table whose operations fail when told to. */
#ifndef TESTS_SUPPORT_FAILING_IO_H
#define TESTS_SUPPORT_FAILING_IO_H

#include "base/context.h"

typedef struct failing_io {
    long long calls;    /* operations so far */
    long long fail_at;  /* the call (from 1) that fails; 0: none */
    int stays;          /* 1: all later ones fail, too */
    int error;          /* errno of a failure */
    const char *failed; /* name of the operation that failed first; NULL: none did */
} failing_io;

/* Sets the failure and puts the table into the context. `close` fails after closing; a failing write writes half. */
void failing_io_set(gan_context *context, failing_io *how);
/* The same for a context that does not exist yet, which is then given failing_io_table. */
void failing_io_begin(failing_io *how, const gani_io *table);
extern const gani_io failing_io_table;
void failing_io_reset(gan_context *context); /* the table it had before */

/* The system's table, but nothing is synced. */
gani_io quick_io(void);

#endif
