/* The reference level: plain C for any machine. */
#define IMPL ref
#include "kernel/ref/instantiate.h"
