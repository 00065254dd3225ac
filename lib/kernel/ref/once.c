/* Kernels that exist once for all levels: they move values and keep account, and leave what is elementwise to the
 * kernels of the level that they are called for. */
#include <math.h>
#include <string.h>

#include "kernel/elementwise.h"
#include "kernel/ref/names.h"

#define IMPL once

#define REAL float
#define DTYPE f32
#include "kernel/ref/elu.inc"
#include "kernel/ref/index.inc"
#include "kernel/ref/softmax.inc"
#undef REAL
#undef DTYPE

#define REAL double
#define DTYPE f64
#include "kernel/ref/elu.inc"
#include "kernel/ref/index.inc"
#include "kernel/ref/softmax.inc"
#undef REAL
#undef DTYPE
