/* Singular values of a tensor's values as a matrix. */
#include "kernel/linalg.h"
#include "tensor/tensor.h"

int64_t gani_singular_value_count(gan_shape shape) {
    int64_t count = gan_shape_count(shape), rows = shape.size[0];
    if (count == 0) return 0;
    return rows < count / rows ? rows : count / rows;
}

/* The longer side of the matrix runs along the columns that the decomposition works on. */
gan_status gani_tensor_singular_values(const gan_tensor *tensor, double *values) {
    int64_t n = gani_singular_value_count(tensor->shape), count = gan_shape_count(tensor->shape);
    if (n == 0) return GAN_OK;
    int64_t m = count / n, rows = tensor->shape.size[0], columns = count / rows;
    size_t size = (size_t)count + (size_t)gani_singular_values_work(m, n);
    double *a = gani_calloc(tensor->context, size, sizeof *a);
    if (a == NULL) return GAN_E_MEMORY;
    for (int64_t i = 0; i < rows; i++)
        for (int64_t k = 0; k < columns; k++)
            a[rows > columns ? k * rows + i : i * columns + k] = gan_tensor_item(tensor, i * columns + k);
    gani_singular_values(m, n, a, values, a + count);
    gani_free(tensor->context, a);
    return GAN_OK;
}
