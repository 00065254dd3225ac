#!/usr/bin/env python3
"""Makes the golden numbers of test_golden_styles.c: the layers of ProGAN and StyleGAN in PyTorch, in double precision.

Usage: make_styles.py FOLDER      (writes FOLDER/styles.inc)

Needs PyTorch and NumPy; the test itself needs neither. Every layer is written here from its paper's formula with
PyTorch's own functions; resampling convolutions are an interpolation or a pooling and a convolution, one after the
other. Inputs, parameters and the weights of the sum that is differentiated come from uniform() of golden.py, noise from
the formulas of include/gan/tensor.h.
"""
import math
import sys

import torch
import torch.nn.functional as F

from golden import Book, normal, uniform

# Streams: also in test_golden_styles.c
INPUT, WEIGHTS, PARAMETER, IMAGE = 1, 9, 100, 20
NOISE = 1  # GAN_STREAM_NOISE
STEPS = 5


class Noise:
    """The noise stream of a context with this seed, from its beginning."""

    def __init__(self):
        self.index = 0

    def normal(self, shape):
        index = self.index
        self.index += (math.prod(shape) + 3) // 4
        return normal(NOISE, shape, index=index)


# ---- the layers ----

def pixel_norm(x, epsilon=1e-8):
    return x / (x.pow(2).mean(1, keepdim=True) + epsilon).sqrt()


def minibatch_std(x, group=4, epsilon=1e-8):
    """Groups one after the other: item n belongs to group n mod M."""
    group = min(group, len(x)) if group else len(x)
    groups = len(x) // group
    channel = [None] * len(x)
    for m in range(groups):
        members = x[m::groups]
        value = (members.var(0, unbiased=False) + epsilon).sqrt().mean()
        for n in range(m, len(x), groups):
            channel[n] = value.expand(1, *x.shape[2:])
    return torch.cat([x, torch.stack(channel)], 1)


def adaptive_instance_norm(x, style, one_plus=True, epsilon=1e-8):
    scale, shift = (s[:, :, None, None] for s in style.chunk(2, 1))
    return F.instance_norm(x, eps=epsilon) * (1 + scale if one_plus else scale) + shift


def inject(x, weight, noise):
    return x + weight.reshape(1, -1, 1, 1) * noise


def blur(x, taps=(1, 2, 1), stride=1, pads=None, normalise=True):
    t = torch.tensor(taps, dtype=x.dtype)
    t = t / t.sum() if normalise else t
    kernel = torch.outer(t, t).expand(x.shape[1], 1, len(taps), len(taps))
    pads = pads or (len(taps) // 2, (len(taps) - 1) // 2)
    return F.conv2d(F.pad(x, pads * 2), kernel, stride=stride, groups=x.shape[1])


def upsample_conv2d(x, weight, bias=None):
    return F.conv2d(F.interpolate(x, scale_factor=2), weight, bias, padding=weight.shape[-1] // 2)


def conv2d_downsample(x, weight, bias=None):
    return F.avg_pool2d(F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2), 2)


# ---- one layer at a time ----

def leaf(tensor):
    return tensor.clone().requires_grad_(True)


def case(book, name, function, inputs, parameters=()):
    """function(*inputs, *parameters); parameters: (name, shape)"""
    xs = [leaf(uniform(INPUT + i, shape, -1, 1)) for i, shape in enumerate(inputs)]
    ps = [leaf(uniform(PARAMETER + i, shape, -1, 1)) for i, (_, shape) in enumerate(parameters)]
    y = function(*xs, *ps)
    gradients = torch.autograd.grad((y * uniform(WEIGHTS, y.shape, -1, 1)).sum(), xs + ps)
    names = [f"x{i}" for i in range(len(xs))] + [p for p, _ in parameters]
    book.enter(f"{name}/y", y)
    for key, g in zip(names, gradients):
        book.enter(f"{name}/{key}", g)


def layers(book):
    maps = (4, 3, 5, 6)
    case(book, "pixel_norm", pixel_norm, [maps])
    case(book, "pixel_norm_vector", lambda x: pixel_norm(x, 0.25), [(3, 7)])
    case(book, "minibatch_std", minibatch_std, [(8, 3, 2, 3)])
    case(book, "minibatch_std_all", lambda x: minibatch_std(x, 0), [(6, 3, 2, 3)])
    case(book, "minibatch_std_few", minibatch_std, [(3, 3, 2, 3)])
    case(book, "minibatch_std_vector", lambda x: minibatch_std(x, 2, 0.125), [(6, 5)])
    case(book, "adaptive_instance_norm", adaptive_instance_norm, [maps, (4, 6)])
    case(book, "adaptive_instance_norm_plain", lambda x, s: adaptive_instance_norm(x, s, False, 0.25), [maps, (4, 6)])
    case(book, "blur", blur, [maps])
    case(book, "blur_even", lambda x: blur(x, (1, 3, 3, 1)), [maps])
    case(book, "blur_strided", lambda x: blur(x, (1, 3, 3, 1), 2, (1, 1)), [maps])
    case(book, "blur_plain", lambda x: blur(x, (0.5, -1, 2, 0.25, -0.75), 1, (0, 3), False), [maps])
    for kernel in 1, 3, 5:
        parameters = [("0.weight", (4, 3, kernel, kernel)), ("0.bias", (4,))]
        case(book, f"upsample_conv2d_{kernel}", upsample_conv2d, [maps], parameters)
        case(book, f"conv2d_downsample_{kernel}", conv2d_downsample, [maps], parameters)
    case(book, "constant", lambda x, w: w.expand(4, -1, -1, -1) + 0 * x.sum(), [(4, 2)], [("0.weight", (3, 2, 4))])
    case(book, "fade", lambda new, old: old + 0.3 * (new - old), [maps, maps])
    fixed = uniform(PARAMETER + 1, (5, 6), -1, 1)
    case(book, "noise_fixed", lambda x, w: inject(x, w, fixed), [maps], [("0.weight", (3,))])


def states(book):
    """Consecutive steps: of random numbers, of a running average."""
    noise = Noise()
    for step in range(STEPS):
        case(book, f"noise_{step}", lambda x, w: inject(x, w, noise.normal((4, 1, 5, 6))), [(4, 3, 5, 6)],
             [("0.weight", (3,))])
    noise = Noise()
    for step in range(STEPS):
        case(book, f"noise_one_{step}", lambda x, w: inject(x, w, noise.normal((3, 1, 3, 3))), [(3, 2, 3, 3)],
             [("0.weight", (1,))])
    noise = Noise()
    for step in range(STEPS):
        case(book, f"gaussian_noise_{step}", lambda x: x + 0.3 * noise.normal(x.shape), [(4, 7)])
    average = torch.zeros(7, dtype=torch.float64)
    for step in range(STEPS):
        average = 0.9 * average + 0.1 * uniform(IMAGE + step, (4, 7), -1, 2).mean(0)
        book.enter(f"truncation_{step}/average", average)
    for psi in 0.7, -0.5:
        case(book, f"truncation_{psi}", lambda w: average + psi * (w - average), [(4, 7)])


# ---- networks under second-order terms ----

def parameters(shapes):
    return [leaf(uniform(PARAMETER + i, shape, -0.5, 0.5)) for i, shape in enumerate(shapes)]


def critic(book):
    """ProGAN's blocks and StyleGAN's blur: R1 on 8 images, in 2 groups of 4."""
    ps = parameters([(4, 2, 1, 1), (4,), (5, 4, 3, 3), (5,), (6, 6, 3, 3), (6,), (1, 6 * 3 * 3), (1,)])
    x = leaf(uniform(IMAGE, (8, 2, 6, 6), -1, 1))

    def forward(x):
        h = F.leaky_relu(F.conv2d(x, ps[0], ps[1]), 0.2)
        h = F.leaky_relu(conv2d_downsample(blur(h), ps[2], ps[3]), 0.2)
        h = F.leaky_relu(F.conv2d(minibatch_std(h), ps[4], ps[5], padding=1), 0.2)
        return F.linear(h.flatten(1), ps[6], ps[7])

    y = forward(x)
    slope, = torch.autograd.grad(y.sum(), x, create_graph=True)
    r1 = 5 * slope.square().sum((1, 2, 3)).mean()
    book.enter("critic/y", y)
    book.enter("critic/r1", r1)
    names = [f"{i}.{kind}" for i in (0, 3, 6, 9) for kind in ("weight", "bias")]
    for name, g in zip(names, torch.autograd.grad(r1 + F.softplus(-y).mean(), ps)):
        book.enter(f"critic/{name}", g)


def generator(book):
    """StyleGAN's synthesis of 8 x 8 from two vectors w, with fresh noise: the path length penalty, and an image loss."""
    shapes = {"constant.weight": (4, 4, 4), "noise0.weight": (4,), "style0.weight": (8, 5), "style0.bias": (8,),
              "up.weight": (3, 4, 3, 3), "up.bias": (3,), "noise1.weight": (3,), "style1.weight": (6, 5),
              "style1.bias": (6,), "rgb.weight": (2, 3, 1, 1), "rgb.bias": (2,)}
    p = dict(zip(shapes, parameters(shapes.values())))
    w = [leaf(uniform(INPUT + i, (3, 5), -1, 1)) for i in range(2)]
    noise = Noise()

    def epilogue(x, k):
        x = F.leaky_relu(inject(x, p[f"noise{k}.weight"], noise.normal((len(x), 1, *x.shape[2:]))), 0.2)
        return adaptive_instance_norm(x, F.linear(pixel_norm(w[k]), p[f"style{k}.weight"], p[f"style{k}.bias"]))

    h = epilogue(p["constant.weight"].expand(3, -1, -1, -1), 0)
    h = epilogue(blur(upsample_conv2d(h, p["up.weight"], p["up.bias"])), 1)
    image = F.conv2d(h, p["rgb.weight"], p["rgb.bias"])
    weights = uniform(WEIGHTS, image.shape, -1, 1) / 8
    slopes = torch.autograd.grad((image * weights).sum(), w, create_graph=True)
    length = (sum(s.square().sum(1) for s in slopes) / 2).sqrt()
    penalty = (length - 0.1).square().mean()
    book.enter("generator/image", image)
    book.enter("generator/length", length)
    book.enter("generator/penalty", penalty)
    for name, g in zip(p, torch.autograd.grad(penalty + image.square().mean(), p.values())):
        book.enter(f"generator/{name}", g)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    book = Book()
    for part in layers, states, critic, generator:
        part(book)
    book.write(f"{sys.argv[1]}/styles.inc", "make_styles.py")


if __name__ == "__main__":
    main()
