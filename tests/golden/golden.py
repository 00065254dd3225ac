"""What the make_*.py of this folder share: Philox's numbers by the formulas of include/gan/tensor.h, and a book of results.

A book holds, for each tensor that was entered, its size, its norm and its products with two vectors of random numbers:
what golden.h compares a tensor of libgan with. Scalars are tensors of one element."""
import math

import numpy as np
import torch

MASK = np.uint64(0xFFFFFFFF)
SEED = 20141  # this and the following also in golden.c
STREAM_PRODUCTS = 1 << 32


def philox(seed, stream, index, count):
    """Lanes of the blocks [index, index + count): an array of count x 4."""
    i = np.arange(index, index + count, dtype=np.uint64)
    words = stream & 0xFFFFFFFF, stream >> 32
    c = [i & MASK, i >> np.uint64(32)] + [np.full(count, word, np.uint64) for word in words]
    k = [np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32)]
    for _ in range(10):
        a, b = np.uint64(0xD2511F53) * c[0], np.uint64(0xCD9E8D57) * c[2]
        c = [(b >> np.uint64(32)) ^ c[1] ^ k[0], b & MASK, (a >> np.uint64(32)) ^ c[3] ^ k[1], a & MASK]
        k = [(k[0] + np.uint64(0x9E3779B9)) & MASK, (k[1] + np.uint64(0xBB67AE85)) & MASK]
    return np.stack(c, 1)


def unit(seed, stream, index, count):
    """Uniform in (0, 1): whole blocks of four, at least `count`."""
    return (philox(seed, stream, index, (count + 3) // 4).astype(np.float64) + 0.5) * 2.0**-32


def uniform(stream, shape, low, high, seed=SEED, index=0):
    """golden_uniform of golden.h"""
    count = math.prod(shape)
    u = unit(seed, stream, index, count).reshape(-1)[:count]
    return torch.from_numpy(low + (high - low) * u).reshape(shape)


def normal(stream, shape, mean=0.0, deviation=1.0, seed=SEED, index=0):
    """gan_tensor_fill_normal"""
    count = math.prod(shape)
    u = unit(seed, stream, index, count).reshape(-1, 2)
    radius, angle = np.sqrt(-2.0 * np.log(u[:, 0])), 6.283185307179586476925287 * u[:, 1]
    values = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1).reshape(-1)[:count]
    return torch.from_numpy(mean + deviation * values).reshape(shape)


class Book:
    def __init__(self):
        self.lines = []

    def enter(self, name, tensor):
        t = tensor.detach().double()
        products = [(t * uniform(STREAM_PRODUCTS + k, t.shape, -1, 1)).sum().item() for k in range(2)]
        self.lines.append(f'    {{"{name}", {t.numel()}, {t.norm().item()!r}, {{{products[0]!r}, {products[1]!r}}}}},\n')

    def write(self, path, script):
        with open(path, "w") as f:
            f.write(f"/* Written by {script} with PyTorch {torch.__version__.split('+')[0]}; not to be edited. */\n")
            f.write("static const golden_entry goldens[] = {\n" + "".join(self.lines) + "};\n")
