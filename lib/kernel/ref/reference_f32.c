/* The reference level: plain C for any machine. */
#define IMPL ref
#define REAL float
#define DTYPE f32
#include "kernel/ref/instantiate.h"
