#!/usr/bin/env python3
"""Makes the golden numbers of test_golden_metrics.c: metrics by NumPy and SciPy, each written as in the program that made it known, where there is one.

Usage: make_metrics.py FOLDER      (writes FOLDER/metrics.inc)

Needs PyTorch (for golden.py), NumPy and SciPy; the test itself needs none of them."""
import sys

import numpy as np
import torch
from scipy import linalg, ndimage, signal, special
from scipy.spatial import distance
from scipy.stats import norm

from golden import Book, philox, uniform

REAL, FAKE, LOGITS, IMAGES, MORE = 300, 310, 320, 330, 340  # streams; also in test_golden_metrics.c
STREAM_METRICS = 6  # GAN_STREAM_METRICS

book = Book()


def array(stream, shape, low=-1.0, high=1.0):
    return uniform(stream, shape, low, high).numpy()


def enter(name, *values):
    book.enter(name, torch.tensor(values, dtype=torch.float64))


# ---- Fréchet distance: covariances with N - 1, scipy's root of the product (the TTUR authors' program) ----


def frechet(x, y):
    s1, s2 = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root, _ = linalg.sqrtm(s1 @ s2, disp=False)
    d = x.mean(0) - y.mean(0)
    return d @ d + np.trace(s1) + np.trace(s2) - 2 * np.trace(root.real)


def frechet_of_few(x, y):
    """For fewer vectors than the dimension, where that root is not accurate: the nuclear norm of A B^T."""
    a, b = (x - x.mean(0)) / np.sqrt(len(x) - 1), (y - y.mean(0)) / np.sqrt(len(y) - 1)
    d = x.mean(0) - y.mean(0)
    return d @ d + (a * a).sum() + (b * b).sum() - 2 * np.linalg.svd(a @ b.T, compute_uv=False).sum()


def frechets():
    for name, n, m, d in (("small", 60, 50, 12), ("lenet", 300, 280, 84)):
        enter(f"frechet_{name}", frechet(array(REAL, (n, d)), array(FAKE, (m, d), -1.2, 1.5)))
    enter("frechet_few", frechet_of_few(array(REAL, (8, 12)), array(FAKE, (7, 12), -1.2, 1.5)))
    enter("frechet_mixed", frechet_of_few(array(REAL, (8, 12)), array(FAKE, (40, 12), -1.2, 1.5)))


# ---- kernel distance ----


def shuffle(seed, index, count):
    """gani_shuffle: Fisher-Yates with 64-bit numbers by rejection, two to a block."""
    lanes = philox(seed, STREAM_METRICS, index, count).astype(object)
    numbers = iter([int(v) for block in lanes for v in (block[0] | block[1] << 32, block[2] | block[3] << 32)])
    order = list(range(count))
    for i in range(count - 1, 0, -1):
        limit = 2**64 - 1 - (2**64 - 1) % (i + 1)
        value = next(numbers)
        while value >= limit:
            value = next(numbers)
        order[i], order[value % (i + 1)] = order[value % (i + 1)], order[i]
    return order


def mmd(x, y):
    m, d = len(x), x.shape[1]
    xx, yy, xy = ((a @ b.T / d + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    return (xx.sum() - np.trace(xx) + yy.sum() - np.trace(yy)) / (m * (m - 1)) - 2 * xy.mean()


def kernels():
    x, y = array(REAL, (60, 12)), array(FAKE, (50, 12), -1.2, 1.5)
    enter("kernel_all", mmd(x[:50], y))
    seed, size, count = 5, 20, 4
    values = [mmd(x[shuffle(seed, s << 33, 60)[:size]], y[shuffle(seed, (s << 33) + (1 << 32), 50)[:size]]) for s in range(count)]
    enter("kernel_subsets", np.mean(values), np.std(values) / np.sqrt(count))


# ---- precision, recall, density, coverage (Naeem et al.'s program, but precision and recall with <=) ----


def neighbours():
    x, y = array(REAL, (60, 4)), array(FAKE, (50, 4), -0.7, 0.9)
    for k in (3, 5):
        def radii(a):
            return np.partition(distance.cdist(a, a), k, axis=1)[:, k]

        rx, ry, d = radii(x), radii(y), distance.cdist(x, y)
        enter(f"precision_recall_{k}", (d <= rx[:, None]).any(0).mean(), (d <= ry[None]).any(1).mean())
        enter(f"density_coverage_{k}", (d < rx[:, None]).sum(0).mean() / k, (d.min(1) < rx).mean())


# ---- classifier score (Salimans et al.'s program) ----


def classifier():
    p = special.softmax(array(LOGITS, (53, 10), -4, 4), axis=1)
    scores = []
    for i in range(10):
        part = p[i * len(p) // 10:(i + 1) * len(p) // 10]
        kl = part * (np.log(part) - np.log(part.mean(0, keepdims=True)))
        scores.append(np.exp(kl.sum(1).mean()))
    enter("classifier", np.mean(scores), np.std(scores))


# ---- Parzen window (Goodfellow et al.'s program) ----


def parzen():
    x, mu = array(REAL, (60, 12)), array(FAKE, (50, 12))

    def likelihood(sigma):
        a = (x[:, None] - mu[None]) / sigma
        e = special.logsumexp(-0.5 * (a**2).sum(2), axis=1) - np.log(len(mu))
        return e - mu.shape[1] * np.log(sigma * np.sqrt(np.pi * 2))

    v = likelihood(0.3)
    enter("parzen", v.mean(), v.std() / np.sqrt(len(v)))
    sigmas = np.logspace(-1, 0, 10)
    enter("parzen_sigma", max(sigmas, key=lambda s: likelihood(s).mean()))


# ---- bins (Richardson and Weiss's test) ----


def bins():
    n, m = np.array([30, 5, 0, 44, 12, 9]), np.array([12, 8, 0, 61, 1, 40])
    p, q = n / n.sum(), m / m.sum()
    pooled = (n + m) / (n.sum() + m.sum())
    se = np.sqrt(pooled * (1 - pooled) * (1 / n.sum() + 1 / m.sum()))
    z = np.divide(p - q, se, out=np.zeros_like(p), where=se > 0)
    enter("bins", np.mean(2 * norm.sf(np.abs(z)) < 0.05), distance.jensenshannon(p, q) ** 2)


# ---- MS-SSIM (TensorFlow models' program, one value an image as in ProGAN's) ----


def ssim(a, b, range_):
    """Maps of one channel: the mean of all, and of contrast and structure."""
    size = min(11, *a.shape)
    sigma = size * 1.5 / 11
    i = np.arange(size) - (size - 1) / 2
    window = np.exp(-(i[:, None]**2 + i[None]**2) / (2 * sigma**2))
    window /= window.sum()

    def mean(v):
        return signal.convolve2d(v, window, mode="valid")

    c1, c2 = (0.01 * range_) ** 2, (0.03 * range_) ** 2
    ma, mb = mean(a), mean(b)
    v1, v2 = 2 * (mean(a * b) - ma * mb) + c2, mean(a * a) - ma**2 + mean(b * b) - mb**2 + c2
    return (((2 * ma * mb + c1) * v1) / ((ma**2 + mb**2 + c1) * v2)).mean(), (v1 / v2).mean()


def ms_ssim(a, b, range_, scales):
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])[:scales]
    weights /= weights.sum()
    value = 1.0
    for s in range(scales):
        pairs = [ssim(x, y, range_) for x, y in zip(a, b)]
        value *= max(np.mean([p[0 if s + 1 == scales else 1] for p in pairs]), 0) ** weights[s]
        a, b = ([ndimage.convolve(x, np.ones((2, 2)) / 4, mode="reflect")[::2, ::2] for x in v] for v in (a, b))
    return value


def images():
    for name, shape, scales in (("28", (4, 1, 28, 28), 2), ("odd", (4, 3, 47, 53), 3), ("forced", (4, 1, 28, 28), 5), ("tiny", (4, 2, 7, 9), 1)):
        a = array(IMAGES, shape)
        b = 0.7 * a + 0.3 * array(MORE, shape)
        values = [ms_ssim(x, y, 2.0, scales) for x, y in zip(a, b)]
        enter(f"ms_ssim_{name}", np.mean(values), np.std(values) / np.sqrt(len(values)), scales)
        if name == "28":
            c = np.stack([a[0], b[0], b[1], a[1]])
            values = [ms_ssim(c[i], c[i + 1], 2.0, scales) for i in (0, 2)]
            enter("diversity", np.mean(values), np.std(values) / np.sqrt(2), scales)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for part in (frechets, kernels, neighbours, classifier, parzen, bins, images):
        part()
    book.write(f"{sys.argv[1]}/metrics.inc", "make_metrics.py")


if __name__ == "__main__":
    main()
