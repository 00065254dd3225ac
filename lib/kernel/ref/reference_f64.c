/* The reference level in double, which has no other: double is for proofs. */
#define IMPL ref
#define REAL double
#define DTYPE f64
#include "kernel/ref/instantiate.h"
