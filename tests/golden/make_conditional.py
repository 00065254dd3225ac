#!/usr/bin/env python3
"""Makes the golden numbers of test_golden_conditional.c: minibatch discrimination, virtual and conditional batch
normalisation, projection heads, conditions of images, residual blocks.

Usage: make_conditional.py FOLDER      (writes FOLDER/conditional.inc)

Needs PyTorch and NumPy; the test itself needs neither. Every case is a small network that takes a step of gradient
descent, or five if it has buffers, each on another batch; written are its results, all gradients, its buffers, and at the first step the gradients of the
penalty 1/2 |d loss / d x|^2 with respect to every parameter. At the end there is a pass in evaluation mode.
"""
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

from golden import Book, uniform

# this and the following also in test_golden_conditional.c
BATCH, CLASSES, CONDITION, REFERENCE, STEPS, RATE = 4, 3, 6, 5, 5, 0.05
STREAM_WEIGHT, STREAM_X, STREAM_CONDITION, STREAM_SEED, STREAM_REFERENCE = 100, 1000, 1100, 1200, 1300


# ---- Salimans et al. 2016 ----

class MinibatchDiscrimination(nn.Module):
    def __init__(self, features, kernels, dimensions, include_self=False, weight_norm=False, bias=False):
        super().__init__()
        self.T = nn.Parameter(torch.empty(features, kernels, dimensions))
        self.log_scale = nn.Parameter(torch.empty(kernels, dimensions)) if weight_norm else None
        self.bias = nn.Parameter(torch.empty(kernels)) if bias else None
        self.include_self = include_self

    def products(self, f):
        T = self.T
        if self.log_scale is not None:
            T = T * (self.log_scale.exp() / T.norm(2, 0))
        return torch.einsum("na,abc->nbc", f, T)

    def fit(self, f):
        """The authors': half the mean distance to the nearest other item becomes 1, and the new features' mean 0."""
        M = self.products(f)
        distance = (M[:, None] - M[None]).abs().sum(3)
        distance[range(len(f)), range(len(f))] = float("inf")
        self.log_scale.data -= (distance.amin(1).mean(0) / 2).log()[:, None]
        self.bias.data -= self(f)[:, f.shape[1]:].mean(0)

    def forward(self, f):
        M = self.products(f)
        rows = []
        for i in range(len(f)):
            c = [torch.exp(-(M[i] - M[j]).abs().sum(1)) for j in range(len(f)) if self.include_self or i != j]
            rows.append(sum(c))
        o = torch.stack(rows)
        return torch.cat([f, o if self.bias is None else o + self.bias], 1)


class VirtualBatchNorm(nn.Module):
    def __init__(self, channels, combine=True):
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.empty(channels)), nn.Parameter(torch.empty(channels))
        self.combine = combine

    def set_reference(self, x):
        axes = [0] + list(range(2, x.dim()))
        self.mean, self.mean_sq, self.n = x.mean(axes, keepdim=True), (x * x).mean(axes, keepdim=True), len(x)
        return self.normalise(x, self.mean, self.mean_sq)

    def normalise(self, x, mean, mean_sq):
        shape = [1, -1] + [1] * (x.dim() - 2)
        y = (x - mean) / torch.sqrt(1e-5 + mean_sq - mean ** 2)
        return self.gamma.view(shape) * y + self.beta.view(shape)

    def forward(self, x):
        if not self.combine:
            return self.normalise(x, self.mean, self.mean_sq)
        pixels = list(range(2, x.dim()))
        mean, mean_sq = (x.mean(pixels, keepdim=True), (x * x).mean(pixels, keepdim=True)) if pixels else (x, x * x)
        n = self.n
        return self.normalise(x, (n * self.mean + mean) / (n + 1), (n * self.mean_sq + mean_sq) / (n + 1))


class VirtualNet(nn.Sequential):
    """With a reference batch that is passed through first: its statistics are constants, or parts of the formula."""

    def __init__(self, *modules, through):
        super().__init__(*modules)
        self.through = through

    def forward(self, x, reference):
        with torch.set_grad_enabled(self.through):
            r = reference
            for module in self:
                r = module.set_reference(r) if isinstance(module, VirtualBatchNorm) else module(r)
        return super().forward(x)


# ---- conditional batch normalisation ----

class ClassNorm(nn.Module):
    """By tables, as in SAGAN."""

    def __init__(self, channels, **options):
        super().__init__()
        self.bn = nn.BatchNorm2d(channels, affine=False, **options)
        self.gamma, self.beta = nn.Embedding(CLASSES, channels), nn.Embedding(CLASSES, channels)

    def forward(self, x, y):
        return self.gamma(y)[:, :, None, None] * self.bn(x) + self.beta(y)[:, :, None, None]


class VectorNorm(nn.Module):
    """By linear maps, as in BigGAN."""

    def __init__(self, channels, size):
        super().__init__()
        self.gain, self.bias = nn.Linear(size, channels, bias=False), nn.Linear(size, channels, bias=False)
        self.bn = nn.BatchNorm2d(channels, affine=False)

    def forward(self, x, c):
        return (1 + self.gain(c))[:, :, None, None] * self.bn(x) + self.bias(c)[:, :, None, None]


class Between(nn.Module):
    def __init__(self, norm):
        super().__init__()
        self.first, self.norm, self.second = nn.Conv2d(2, 4, 3, 1, 1), norm, nn.Conv2d(4, 2, 3, 1, 1)

    def forward(self, x, c):
        return self.second(torch.tanh(self.norm(self.first(x), c)))


# ---- heads and conditions ----

class Projection(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv, self.linear, self.embed = nn.Conv2d(2, 5, 3, 1, 1), nn.Linear(5, 1), nn.Embedding(CLASSES, 5)

    def forward(self, x, y):
        h = torch.tanh(self.conv(x)).sum([2, 3])
        return self.linear(h) + (self.embed(y) * h).sum(1, keepdim=True)


class Text(nn.Module):
    """A vector and a class at every pixel, as Reed et al. 2016 have the text."""

    def __init__(self):
        super().__init__()
        self.project, self.conv, self.fuse = nn.Linear(CONDITION, 3), nn.Conv2d(2, 4, 4, 2, 1), nn.Conv2d(7 + CLASSES, 3, 1)

    def forward(self, x, y, c):
        t = F.leaky_relu(self.project(c), 0.2)
        h = torch.tanh(self.conv(x))
        size = h.shape[2:]
        h = torch.cat([h, t[:, :, None, None].expand(-1, -1, *size)], 1)
        h = torch.cat([h, F.one_hot(y, CLASSES).double()[:, :, None, None].expand(-1, -1, *size)], 1)
        return self.fuse(h)


# ---- residual blocks ----

class CycleBlock(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.block = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels), nn.ReLU(),
                                   nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3), nn.InstanceNorm2d(channels))

    def forward(self, x):
        return x + self.block(x)


class GBlock(nn.Module):
    def __init__(self, i, o, norm1, norm2):
        super().__init__()
        self.bn1, self.bn2 = norm1, norm2
        self.conv1, self.conv2, self.shortcut = nn.Conv2d(i, o, 3, 1, 1), nn.Conv2d(o, o, 3, 1, 1), nn.Conv2d(i, o, 1)

    def forward(self, x, *condition):
        up = lambda t: F.interpolate(t, scale_factor=2)
        h = self.conv1(up(F.relu(self.bn1(x, *condition))))
        h = self.conv2(F.relu(self.bn2(h, *condition)))
        return h + self.shortcut(up(x))


class DBlock(nn.Module):
    def __init__(self, i, o, hidden=None, down=True, first=False):
        super().__init__()
        hidden = hidden or o
        self.conv1, self.conv2 = nn.Conv2d(i, hidden, 3, 1, 1), nn.Conv2d(hidden, o, 3, 1, 1)
        self.shortcut = nn.Conv2d(i, o, 1) if down or i != o else None
        self.down, self.first = down, first

    def forward(self, x):
        pool = (lambda t: F.avg_pool2d(t, 2)) if self.down else (lambda t: t)
        h = pool(self.conv2(F.relu(self.conv1(x if self.first else F.relu(x)))))
        if self.shortcut is None:
            return h + x
        return h + (self.shortcut(pool(x)) if self.first else pool(self.shortcut(x)))


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.blocks = nn.Sequential(DBlock(2, 3, first=True), DBlock(3, 4, hidden=3), DBlock(4, 4, down=False))
        self.linear, self.embed = nn.Linear(4, 1), nn.Embedding(CLASSES, 4)

    def forward(self, x, y):
        h = F.relu(self.blocks(x)).sum([2, 3])
        return self.linear(h) + (self.embed(y) * h).sum(1, keepdim=True)


class BigGenerator(nn.Module):
    """z in three parts of 2: one for the first layer, one for each block, joined with an embedding of 3."""

    def __init__(self):
        super().__init__()
        self.shared, self.linear = nn.Embedding(CLASSES, 3), nn.Linear(2, 4 * 2 * 2)
        self.blocks = nn.ModuleList([GBlock(4, 3, VectorNorm(4, 5), VectorNorm(3, 5)), GBlock(3, 3, VectorNorm(3, 5), VectorNorm(3, 5))])
        self.bn, self.out = nn.BatchNorm2d(3), nn.Conv2d(3, 2, 3, 1, 1)

    def forward(self, z, y):
        z = z.split(2, 1)
        e = self.shared(y)
        h = self.linear(z[0]).view(-1, 4, 2, 2)
        for part, block in zip(z[1:], self.blocks):
            h = block(h, torch.cat([part, e], 1))
        return torch.tanh(self.out(F.relu(self.bn(h))))


# ---- cases: the module, the shape of x, what else it takes, its parameters and buffers in libgan's order ----

def sequence(module, *path):
    """weight and bias of each of the named submodules, at their position in libgan's network."""
    out = []
    for position, name in path:
        sub = module.get_submodule(name)
        out += [(f"{position}.{key}", p) for key, p in sub.named_parameters()]
    return out


def minibatch(**options):
    net = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), MinibatchDiscrimination(7, 4, 3, **options), nn.Linear(11, 2))
    mbd = net[2]
    own = [("2.weight", mbd.T), ("2.log_scale", mbd.log_scale), ("2.bias", mbd.bias)]
    return net, (5,), "", sequence(net, (0, "0")) + [p for p in own if p[1] is not None] + sequence(net, (3, "3")), []


def virtual(through, combine=True):
    net = VirtualNet(nn.Conv2d(2, 3, 3, 1, 1), VirtualBatchNorm(3, combine), nn.Tanh(), nn.Conv2d(3, 3, 3, 2, 1),
                     VirtualBatchNorm(3, combine), nn.Tanh(), through=through)
    return net, (2, 4, 4), "reference", *virtual_names(net, (0, 1, 3, 4))


def virtual_vector():
    net = VirtualNet(nn.Linear(6, 4), VirtualBatchNorm(4), nn.Tanh(), through=True)
    return net, (6,), "reference", *virtual_names(net, (0, 1))


def virtual_names(net, positions):
    names, buffers = [], []
    for i in positions:
        keys = ("weight", "bias")
        names += [(f"{i}.{key}", p) for key, p in zip(keys, net[i].parameters())]
        if isinstance(net[i], VirtualBatchNorm):
            m = net[i]
            buffers += [(f"{i}.reference_mean", lambda m=m: m.mean), (f"{i}.reference_var", lambda m=m: m.mean_sq - m.mean ** 2),
                        (f"{i}.reference_count", lambda m=m: torch.tensor([float(m.n)]))]
    return names, buffers


def running(position, bn):
    return [(f"{position}.running_mean", lambda: bn.running_mean), (f"{position}.running_var", lambda: bn.running_var)]


def by_class():
    net = Between(ClassNorm(4, momentum=0.3, eps=1e-3))
    own = [("1.weight", net.norm.gamma.weight), ("1.bias", net.norm.beta.weight)]
    return net, (2, 4, 4), "labels", sequence(net, (0, "first")) + own + sequence(net, (3, "second")), running(1, net.norm.bn)


def by_vector():
    net = Between(VectorNorm(4, CONDITION))
    path = (0, "first"), (1, "norm.gain"), (2, "norm.bias"), (5, "second")
    return net, (2, 4, 4), "condition", sequence(net, *path), running(3, net.norm.bn)


def projection():
    net = Projection()
    return net, (2, 4, 4), "labels", sequence(net, (0, "conv"), (3, "linear"), (4, "embed")), []


def text():
    net = Text()
    return net, (2, 4, 4), "labels condition", sequence(net, (0, "project"), (3, "conv"), (9, "fuse")), []


def cycle():
    net = CycleBlock(3)
    return net, (3, 4, 5), "", sequence(net, (1, "block.1"), (5, "block.5")), []


def up_plain():
    net = GBlock(3, 2, nn.BatchNorm2d(3), nn.BatchNorm2d(2))
    path = (0, "bn1"), (3, "conv1"), (4, "bn2"), (6, "conv2"), (8, "shortcut")
    return net, (3, 3, 2), "", sequence(net, *path), running(0, net.bn1) + running(4, net.bn2)


def up_class():
    net = GBlock(3, 2, ClassNorm(3), ClassNorm(2))
    names = []
    for position, part in ((0, net.bn1), (3, net.conv1), (4, net.bn2), (6, net.conv2), (8, net.shortcut)):
        keys = (part.gamma.weight, part.beta.weight) if isinstance(part, ClassNorm) else (part.weight, part.bias)
        names += [(f"{position}.weight", keys[0]), (f"{position}.bias", keys[1])]
    return net, (3, 3, 2), "labels", names, running(0, net.bn1.bn) + running(4, net.bn2.bn)


def discriminator():
    net = Discriminator()
    path = ((0, "blocks.0.conv1"), (2, "blocks.0.conv2"), (5, "blocks.0.shortcut"), (8, "blocks.1.conv1"), (10, "blocks.1.conv2"),
            (12, "blocks.1.shortcut"), (16, "blocks.2.conv1"), (18, "blocks.2.conv2"), (22, "linear"), (23, "embed"))
    return net, (2, 8, 8), "labels", sequence(net, *path), []


def big():
    net = BigGenerator()
    path, buffers = [(0, "shared"), (6, "linear")], []
    for block, at in ((0, 8), (1, 22)):
        for norm, first in (("bn1", at), ("bn2", at + 6)):
            path += [(first, f"blocks.{block}.{norm}.gain"), (first + 1, f"blocks.{block}.{norm}.bias")]
            path += [(first + (5 if norm == "bn1" else 4), f"blocks.{block}.conv{norm[2]}")]
            buffers += running(first + 2, net.get_submodule(f"blocks.{block}.{norm}.bn"))
        path += [(at + 12, f"blocks.{block}.shortcut")]
    path += [(36, "bn"), (38, "out")]
    return net, (6,), "labels", sequence(net, *path), buffers + running(36, net.bn)


CASES = {
    "minibatch": lambda: minibatch(),
    "minibatch_self": lambda: minibatch(include_self=True),
    "minibatch_authors": lambda: minibatch(weight_norm=True, bias=True),
    "virtual": lambda: virtual(False),
    "virtual_through": lambda: virtual(True),
    "virtual_alone": lambda: virtual(False, combine=False),
    "virtual_vector": virtual_vector,
    "by_class": by_class,
    "by_vector": by_vector,
    "projection": projection,
    "text": text,
    "cycle": cycle,
    "up_plain": up_plain,
    "up_class": up_class,
    "discriminator": discriminator,
    "big": big,
}


def inputs(shape, takes, step):
    x = uniform(STREAM_X + step, (BATCH, *shape), -1.5, 1.5)
    others = []
    if "labels" in takes:
        others.append(torch.tensor([(3 * i + i // 2 + step) % CLASSES for i in range(BATCH)]))
    if "condition" in takes:
        others.append(uniform(STREAM_CONDITION + step, (BATCH, CONDITION), -1, 1))
    if "reference" in takes:
        others.append(uniform(STREAM_REFERENCE, (REFERENCE, *shape), -1.5, 1.5))
    return x, others


def run(book, name, make):
    net, shape, takes, parameters, buffers = make()
    net.double()
    named = {id(p) for _, p in parameters}
    assert len(named) == len(parameters) and named == {id(p) for p in net.parameters()}, name
    for i, (_, p) in enumerate(parameters):
        p.data = uniform(STREAM_WEIGHT + i, p.shape, -0.6, 0.6)
    steps = STEPS if buffers else 1
    for step in range(steps + 1):
        net.train(step < steps)
        x, others = inputs(shape, takes, step)
        at = [("x", x)] + [("condition", t) for t in others if "condition" in takes and t.is_floating_point()]
        for _, t in at:
            t.requires_grad_(True)
        y = net(x, *others)
        title = f"{name}/{step}"
        book.enter(f"{title}/y", y)
        loss = (y * uniform(STREAM_SEED + step, y.shape, -1, 1)).sum()
        wanted = at + parameters
        gradients = torch.autograd.grad(loss, [t for _, t in wanted], create_graph=True)
        for (key, _), g in zip(wanted, gradients):
            book.enter(f"{title}/{key}", g)
        if step == 0:
            penalty = 0.5 * gradients[0].square().sum()
            book.enter(f"{title}/penalty", penalty)
            tensors = [p for _, p in parameters]
            for (key, p), g in zip(parameters, torch.autograd.grad(penalty, tensors, allow_unused=True)):
                book.enter(f"{title}/penalty/{key}", torch.zeros_like(p) if g is None else g)
        for key, value in buffers:
            book.enter(f"{title}/{key}", value())
        for (_, p), g in zip(parameters, gradients[len(at):]):
            p.data = p.data - RATE * g.detach()


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    book = Book()
    for name, make in CASES.items():
        run(book, name, make)
    book.write(f"{sys.argv[1]}/conditional.inc", "make_conditional.py")


if __name__ == "__main__":
    main()
