/* QR factorisation by Householder's reflections, singular values by Jacobi's rotations or, alone, by bidiagonalisation,
 * and the only file that knows LAPACK. */
#include "kernel/linalg.h"

#include <math.h>
#include <string.h>

/* Columns that are worked on together, interleaved, while every reflector is read from memory once for all of them. */
#define PANEL 8

int64_t gani_qr_work(int64_t m, int64_t n) { return n + PANEL * m; }

/* panel := (1 - tau v v^T) panel, for the rows from `first` on; v[first] counts as 1 */
static void reflect(int64_t m, int64_t first, const double *v, double tau, double *panel) {
    double sum[PANEL], *row = panel + first * PANEL;
    for (int c = 0; c < PANEL; c++) sum[c] = row[c];
    for (int64_t i = first + 1; i < m; i++) {
        const double *p = panel + i * PANEL;
        for (int c = 0; c < PANEL; c++) sum[c] += v[i] * p[c];
    }
    for (int c = 0; c < PANEL; c++) sum[c] *= tau;
    for (int c = 0; c < PANEL; c++) row[c] -= sum[c];
    for (int64_t i = first + 1; i < m; i++) {
        double *p = panel + i * PANEL;
        for (int c = 0; c < PANEL; c++) p[c] -= v[i] * sum[c];
    }
}

/* Columns j to j + PANEL - 1, as far as there are any, into the panel (zeros in place of others), and back. */
static void load(int64_t m, int64_t n, const double *a, int64_t j, double *panel) {
    for (int c = 0; c < PANEL; c++)
        for (int64_t i = 0; i < m; i++) panel[i * PANEL + c] = j + c < n ? a[(j + c) * m + i] : 0;
}
static void store(int64_t m, int64_t n, double *a, int64_t j, const double *panel) {
    for (int c = 0; c < PANEL && j + c < n; c++)
        for (int64_t i = 0; i < m; i++) a[(j + c) * m + i] = panel[i * PANEL + c];
}

/* The reflection that maps x = (x[0], ..., x[count - 1]) to (beta, 0, ...): x[1...] becomes v[1...], x[0] beta. The sum
 * of squares is taken of numbers scaled to at most 1: it cannot overflow. */
static double reflector(int64_t count, double *x) {
    double most = 0, sum = 0;
    for (int64_t i = 1; i < count; i++) most = fmax(most, fabs(x[i]));
    if (most == 0) return 0;
    for (int64_t i = 1; i < count; i++) sum += (x[i] / most) * (x[i] / most);
    double alpha = x[0], beta = -copysign(hypot(alpha, most * sqrt(sum)), alpha);
    for (int64_t i = 1; i < count; i++) x[i] /= alpha - beta;
    x[0] = beta;
    return (beta - alpha) / beta;
}

void gani_qr(int64_t m, int64_t n, double *a, double *q, double *work) {
    double *tau = work, *panel = work + n;
    for (int64_t j = 0; j < n; j += PANEL) {
        load(m, n, a, j, panel);
        for (int64_t k = 0; k < j; k++) reflect(m, k, a + k * m, tau[k], panel);
        for (int64_t k = j; k < j + PANEL && k < n; k++) {
            /* column k is finished: back to where it came from, where its reflector is made for the rest */
            for (int64_t i = 0; i < m; i++) a[k * m + i] = panel[i * PANEL + (k - j)];
            tau[k] = reflector(m - k, a + k * m + k);
            reflect(m, k, a + k * m, tau[k], panel);
        }
    }
    /* Q = H(0) ... H(n - 1) I; what a reflection of a later column would do to an earlier column of I is nothing */
    for (int64_t j = 0; j < n; j += PANEL) {
        memset(panel, 0, (size_t)(m * PANEL) * sizeof *panel);
        for (int64_t k = j; k < j + PANEL && k < n; k++)
            panel[k * PANEL + (k - j)] = copysign(1, a[k * m + k]); /* the sign that R's diagonal will lose */
        for (int64_t k = (j + PANEL < n ? j + PANEL : n) - 1; k >= 0; k--) reflect(m, k, a + k * m, tau[k], panel);
        store(m, n, q, j, panel);
    }
}

/* ---- singular values ---- */

#define MAX_SWEEPS 40    /* it converges quadratically: about ten are needed */
#define ORTHOGONAL 1e-15 /* the cosine below which two columns are left alone */

int64_t gani_svd_work(int64_t m, int64_t n) { return m * n + n * n + n + gani_qr_work(m, n); }

static double dot(int64_t n, const double *x, const double *y) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += x[i] * y[i];
    return sum;
}

static void rotate(int64_t n, double *x, double *y, double c, double s) {
    for (int64_t i = 0; i < n; i++) {
        double a = x[i], b = y[i];
        x[i] = c * a - s * b;
        y[i] = s * a + c * b;
    }
}

/* Makes columns p and q of l orthogonal, and turns those of j alike; 1 if they were not. */
static int make_orthogonal(int64_t n, double *l, double *j, int64_t p, int64_t q) {
    double *x = l + p * n, *y = l + q * n;
    double xx = dot(n, x, x), yy = dot(n, y, y), xy = dot(n, x, y);
    if (!(fabs(xy) > ORTHOGONAL * sqrt(xx) * sqrt(yy))) return 0;
    double zeta = (yy - xx) / (2 * xy), t = copysign(1, zeta) / (fabs(zeta) + hypot(1, zeta));
    double c = 1 / sqrt(1 + t * t);
    rotate(n, x, y, c, c * t);
    rotate(n, j + p * n, j + q * n, c, c * t);
    return 1;
}

/* Largest singular value first. */
static void sort_columns(int64_t n, double *s, double *l, double *j) {
    for (int64_t k = 0; k < n; k++) {
        int64_t most = k;
        for (int64_t i = k + 1; i < n; i++)
            if (s[i] > s[most]) most = i;
        if (most == k) continue;
        double value = s[k];
        s[k] = s[most];
        s[most] = value;
        rotate(n, l + k * n, l + most * n, 0, 1); /* exchanges the two, and one sign in both */
        rotate(n, j + k * n, j + most * n, 0, 1);
    }
}

/* A = Q R; the columns of R^T are turned until they are orthogonal, R^T J = V diag(s), whence A = (Q J) diag(s) V^T.
 * Hestenes' method on the transposed factor, as Drmac and Veselic have it (2008, "New fast and accurate Jacobi SVD
 * algorithm"): the triangle is small where A is tall, and nearly orthogonal to begin with. */
void gani_svd(int64_t m, int64_t n, double *a, double *s, double *v, double *work) {
    double *q = work, *l = v, *j = q + m * n, *sign = j + n * n, *rest = sign + n, most = 0;
    for (int64_t i = 0; i < m * n; i++) most = fmax(most, fabs(a[i]));
    if (most == 0) most = 1;
    for (int64_t i = 0; i < m * n; i++) a[i] /= most; /* squares must stay in range */
    gani_qr(m, n, a, q, rest);
    for (int64_t i = 0; i < n; i++) sign[i] = copysign(1, a[i * m + i]);
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < n; k++) {
            l[i * n + k] = k < i ? 0 : sign[i] * a[k * m + i];
            j[i * n + k] = i == k;
        }
    for (int sweep = 0, turned = 1; sweep < MAX_SWEEPS && turned; sweep++) {
        turned = 0;
        for (int64_t p = 0; p < n; p++)
            for (int64_t k = p + 1; k < n; k++) turned |= make_orthogonal(n, l, j, p, k);
    }
    for (int64_t i = 0; i < n; i++) s[i] = sqrt(dot(n, l + i * n, l + i * n));
    sort_columns(n, s, l, j);
    for (int64_t i = 0; i < n; i++) {
        for (int64_t k = 0; k < n; k++) v[i * n + k] = s[i] > 0 ? v[i * n + k] / s[i] : 0;
        s[i] *= most;
    }
    for (int64_t i = 0; i < n; i++) {
        double *u = a + i * m;
        memset(u, 0, (size_t)m * sizeof *u);
        for (int64_t k = 0; k < n; k++)
            for (int64_t row = 0; row < m; row++) u[row] += j[i * n + k] * q[k * m + row];
    }
}

/* ---- singular values alone ---- */

#define MAX_TURNS 60 /* of one eigenvalue; two or three are needed */

int64_t gani_singular_values_work(int64_t m, int64_t n) { return m + 5 * n; }

/* Eigenvalues of the symmetric tridiagonal matrix with diagonal d and off-diagonal e (n values, the last without a
 * meaning): the implicit QL method with Wilkinson's shifts (Dubrulle, Martin, Wilkinson 1968). e below `small` is 0. */
static void tridiagonal_values(int64_t n, double *d, double *e, double small) {
    for (int64_t l = 0; l < n; l++)
        for (int turn = 0; turn < MAX_TURNS; turn++) {
            int64_t m = l;
            while (m < n - 1 && !(fabs(e[m]) <= small)) m++;
            if (m == l) break;
            double g = (d[l + 1] - d[l]) / (2 * e[l]);
            g = d[m] - d[l] + e[l] / (g + copysign(hypot(g, 1), g));
            double s = 1, c = 1, p = 0;
            int64_t i = m - 1;
            for (; i >= l; i--) {
                double f = s * e[i], b = c * e[i], r = hypot(f, g);
                e[i + 1] = r;
                if (r == 0) break;
                s = f / r;
                c = g / r;
                g = d[i + 1] - p;
                r = (d[i] - g) * s + 2 * c * b;
                p = s * r;
                d[i + 1] = g + p;
                g = c * r - b;
            }
            if (i >= l) { /* it fell in two */
                d[i + 1] -= p;
            } else {
                d[l] -= p;
                e[l] = g;
            }
            e[m] = 0;
        }
}

/* x := (1 - tau v v^T) x, v[0] counting as 1 */
static void reflect_column(int64_t n, const double *v, double tau, double *x) {
    double sum = tau * (x[0] + dot(n - 1, v + 1, x + 1));
    x[0] -= sum;
    for (int64_t i = 1; i < n; i++) x[i] -= sum * v[i];
}

/* Reflections from the left and the right make A bidiagonal (Golub, Kahan 1965). The symmetric matrix of the diagonal
 * and the other one in turn beside a diagonal of zeros has the eigenvalues s and -s: no number is squared. */
void gani_singular_values(int64_t m, int64_t n, double *a, double *s, double *work) {
    double *d = work, *e = d + 2 * n, *row = e + 2 * n, *sum = row + n, most = 0;
    for (int64_t i = 0; i < m * n; i++) most = fmax(most, fabs(a[i]));
    if (most == 0) most = 1;
    for (int64_t i = 0; i < m * n; i++) a[i] /= most;
    for (int64_t k = 0; k < n; k++) {
        double *v = a + k * m + k, tau = reflector(m - k, v);
        int64_t left = n - k - 1;
        for (int64_t j = 0; j < left; j++) {
            double *x = v + (j + 1) * m;
            reflect_column(m - k, v, tau, x);
            row[j] = x[0];
        }
        e[2 * k] = v[0];
        e[2 * k + 1] = 0;
        if (left == 0) break;
        tau = reflector(left, row);
        e[2 * k + 1] = row[0];
        row[0] = 1;
        /* the rows below: A := A (1 - tau row row^T) */
        memset(sum, 0, (size_t)(m - k) * sizeof *sum);
        for (int64_t j = 0; j < left; j++)
            for (int64_t i = 1; i < m - k; i++) sum[i] += row[j] * v[(j + 1) * m + i];
        for (int64_t j = 0; j < left; j++)
            for (int64_t i = 1; i < m - k; i++) v[(j + 1) * m + i] -= tau * row[j] * sum[i];
    }
    double norm = 0;
    for (int64_t i = 0; i < 2 * n; i++) {
        norm = fmax(norm, fabs(e[i]));
        d[i] = 0;
    }
    tridiagonal_values(2 * n, d, e, 1e-16 * norm);
    for (int64_t k = 0; k < n; k++) {
        int64_t best = 0;
        for (int64_t i = 1; i < 2 * n; i++)
            if (d[i] > d[best]) best = i;
        s[k] = fmax(d[best], 0) * most;
        d[best] = -1;
    }
}

/* ---- Cholesky ---- */

int64_t gani_cholesky(int64_t n, const double *a, double *f, double *diagonal) {
    double most = 0;
    for (int64_t i = 0; i < n; i++) {
        diagonal[i] = a[i * n + i];
        most = fmax(most, diagonal[i]);
    }
    for (int64_t k = 0; k < n; k++) {
        int64_t p = 0;
        double *row = f + k * n;
        for (int64_t i = 1; i < n; i++)
            if (diagonal[i] > diagonal[p]) p = i;
        if (!(diagonal[p] > (double)n * 2.3e-16 * most)) return k;
        memcpy(row, a + p * n, (size_t)n * sizeof *row);
        for (int64_t j = 0; j < k; j++) {
            const double *earlier = f + j * n;
            double factor = earlier[p];
            for (int64_t i = 0; i < n; i++) row[i] -= factor * earlier[i];
        }
        double root = sqrt(diagonal[p]);
        for (int64_t i = 0; i < n; i++) {
            row[i] /= root;
            diagonal[i] -= row[i] * row[i];
        }
        diagonal[p] = 0;
    }
    return n;
}

#ifdef GANI_HAVE_LAPACKE

#include <lapacke.h>
#include <limits.h>

/* The functions named _work: the others allocate with malloc, look into the environment and print. Arguments are right
 * by construction; a wrong one would be printed by LAPACK itself. */
#define BLOCK 64 /* columns at a time for which there is working space: no implementation wants more */

int64_t gani_lapack_qr_work(int64_t m, int64_t n) {
    return m > INT_MAX || n > INT_MAX / BLOCK || m < n || n < 1 ? 0 : n + BLOCK * n;
}

int gani_lapack_qr(int64_t m, int64_t n, double *a, double *q, double *work) {
    if (gani_lapack_qr_work(m, n) == 0) return 0;
    double *tau = work, *space = work + n;
    lapack_int rows = (lapack_int)m, columns = (lapack_int)n, size = (lapack_int)(BLOCK * n);
    if (LAPACKE_dgeqrf_work(LAPACK_COL_MAJOR, rows, columns, a, rows, tau, space, size) != 0) return 0;
    memcpy(q, a, (size_t)(m * n) * sizeof *q);
    if (LAPACKE_dorgqr_work(LAPACK_COL_MAJOR, rows, columns, columns, q, rows, tau, space, size) != 0) return 0;
    for (int64_t j = 0; j < n; j++)
        if (signbit(a[j * m + j]))
            for (int64_t i = 0; i < m; i++) q[j * m + i] = -q[j * m + i];
    return 1;
}

int64_t gani_lapack_svd_work(int64_t m, int64_t n) {
    return m > INT_MAX / BLOCK || n > 30000 || m < n || n < 1 ? 0 : m * n + 2 * n * n + m + (3 + 2 * BLOCK) * n;
}

int gani_lapack_svd(int64_t m, int64_t n, double *a, double *s, double *v, double *work) {
    if (gani_lapack_svd_work(m, n) == 0) return 0;
    double *u = work, *vt = u + m * n, *space = vt + n * n;
    lapack_int rows = (lapack_int)m, columns = (lapack_int)n, size = (lapack_int)(n * n + m + (3 + 2 * BLOCK) * n);
    memcpy(u, a, (size_t)(m * n) * sizeof *u); /* so that a is whole if it fails: its U goes over its own A */
    if (LAPACKE_dgesvd_work(LAPACK_COL_MAJOR, 'O', 'S', rows, columns, u, rows, s, u, rows, vt, columns, space, size) !=
        0)
        return 0;
    memcpy(a, u, (size_t)(m * n) * sizeof *a);
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < n; k++) v[i * n + k] = vt[k * n + i];
    return 1;
}

int64_t gani_lapack_singular_values_work(int64_t m, int64_t n) {
    return gani_lapack_svd_work(m, n) == 0 ? 0 : m * n + m + (3 + 2 * BLOCK) * n;
}

int gani_lapack_singular_values(int64_t m, int64_t n, double *a, double *s, double *work) {
    if (gani_lapack_singular_values_work(m, n) == 0) return 0;
    double *kept = work, *space = kept + m * n, none = 0;
    lapack_int rows = (lapack_int)m, columns = (lapack_int)n, size = (lapack_int)(m + (3 + 2 * BLOCK) * n);
    memcpy(kept, a, (size_t)(m * n) * sizeof *a);
    return LAPACKE_dgesvd_work(LAPACK_COL_MAJOR, 'N', 'N', rows, columns, kept, rows, s, &none, 1, &none, 1, space,
                               size) == 0;
}

#else

int64_t gani_lapack_singular_values_work(int64_t m, int64_t n) {
    (void)m, (void)n;
    return 0;
}
int gani_lapack_singular_values(int64_t m, int64_t n, double *a, double *s, double *work) {
    (void)m, (void)n, (void)a, (void)s, (void)work;
    return 0;
}

int64_t gani_lapack_svd_work(int64_t m, int64_t n) {
    (void)m, (void)n;
    return 0;
}
int gani_lapack_svd(int64_t m, int64_t n, double *a, double *s, double *v, double *work) {
    (void)m, (void)n, (void)a, (void)s, (void)v, (void)work;
    return 0;
}

int64_t gani_lapack_qr_work(int64_t m, int64_t n) {
    (void)m, (void)n;
    return 0;
}
int gani_lapack_qr(int64_t m, int64_t n, double *a, double *q, double *work) {
    (void)m, (void)n, (void)a, (void)q, (void)work;
    return 0;
}

#endif
