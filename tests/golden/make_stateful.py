#!/usr/bin/env python3
"""Makes the golden numbers of test_stateful.c: optimizers that PyTorch has not, or has beside Adam, accumulated gradients, historical
averaging, path length regularisation and the pool of images, each over six steps with what it remembers, in double precision.

Usage: make_stateful.py FOLDER      (writes FOLDER/stateful.inc)

Needs PyTorch and NumPy; the test itself needs neither."""
import math
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

from golden import Book, SEED, philox, uniform, unit

STEPS, BATCH, POOL_STEPS = 6, 4, 30
STREAM_WEIGHTS, STREAM_INPUTS = 1000, 2000  # also in test_stateful.c
STREAM_NOISE, STREAM_POOL = 1, 5  # GAN_STREAM_...


class Normals:
    """gan_normal's numbers: what context.h and tensor.h say of the stream of noise."""

    def __init__(self):
        self.index = 0

    def __call__(self, shape):
        count = math.prod(shape)
        u = torch.from_numpy(unit(SEED, STREAM_NOISE, self.index, count))
        self.index += u.shape[0]
        radius, angle = (-2 * u[:, ::2].log()).sqrt(), 2 * math.pi * u[:, 1::2]
        return torch.stack([radius * angle.cos(), radius * angle.sin()], 2).reshape(-1)[:count].reshape(shape)


def fill(*networks):
    for i, p in enumerate(p for network in networks for p in network.parameters()):
        p.data = uniform(STREAM_WEIGHTS + i, p.shape, -0.6, 0.6)


def inputs(step, number, shape):
    return uniform(STREAM_INPUTS + 10 * step + number, shape, -1, 1)


def enter_all(book, prefix, network, of):
    for name, p in network.named_parameters():
        book.enter(f"{prefix}/{name}", of(p))


# ---- optimizers: the rules that PyTorch has not, by their definitions, on top of its optimizer class ----


class Adam(torch.optim.Optimizer):
    def __init__(self, groups, lr, betas, eps, mode):
        super().__init__(groups, dict(lr=lr, betas=betas, eps=eps))
        self.mode = mode

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            b1, b2 = group["betas"]
            for p in group["params"]:
                s = self.state[p]
                if not s:
                    s.update(t=0, m=torch.zeros_like(p), v=torch.zeros_like(p))
                s["t"] += 1
                s["m"].lerp_(p.grad, 1 - b1)
                s["v"].lerp_(p.grad**2, 1 - b2)
                if self.mode == "uncorrected":
                    rate = group["lr"] * math.sqrt(1 - b2 ** s["t"]) / (1 - b1 ** s["t"])
                    p -= rate * s["m"] / (s["v"].sqrt() + group["eps"])
                else:
                    m, v = s["m"] / (1 - b1 ** s["t"]), s["v"] / (1 - b2 ** s["t"])
                    p -= group["lr"] * m / (v + group["eps"]).sqrt()


class TensorFlowRMSProp(torch.optim.Optimizer):
    def __init__(self, groups, lr, decay, momentum, eps, centered):
        super().__init__(groups, dict(lr=lr, decay=decay, momentum=momentum, eps=eps, centered=centered))

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                s = self.state[p]
                if not s:
                    s.update(square=torch.ones_like(p), mean=torch.zeros_like(p), moment=torch.zeros_like(p))
                s["square"].lerp_(p.grad**2, 1 - group["decay"])
                variance = s["square"]
                if group["centered"]:
                    s["mean"].lerp_(p.grad, 1 - group["decay"])
                    variance = variance - s["mean"] ** 2
                s["moment"].mul_(group["momentum"]).add_(group["lr"] * p.grad / (variance + group["eps"]).sqrt())
                p -= s["moment"]


RULES = {
    "adamw": lambda g: torch.optim.AdamW(g, lr=2e-2, betas=(0.5, 0.999), weight_decay=0.1),
    "adamw_groups": lambda g: torch.optim.AdamW([dict(params=g[:2]), dict(params=g[2:], lr=4e-2, weight_decay=0.3)], lr=2e-2,
                                                betas=(0.9, 0.99), eps=1e-2, weight_decay=0.1),
    "adam_uncorrected": lambda g: Adam(g, 2e-2, (0.5, 0.99), 1e-1, "uncorrected"),
    "adam_inside": lambda g: Adam(g, 2e-2, (0.9, 0.99), 1e-1, "inside"),
    "rmsprop_tensorflow": lambda g: TensorFlowRMSProp(g, 1e-2, 0.9, 0.0, 1e-10, False),
    "rmsprop_tensorflow_all": lambda g: TensorFlowRMSProp(g, 1e-2, 0.8, 0.5, 1e-2, True),
}


def small():
    network = nn.Sequential(nn.Linear(5, 3), nn.Tanh(), nn.Linear(3, 2)).double()
    fill(network)
    return network


def optimizers(book):
    for name, rule in RULES.items():
        network = small()
        optimizer = rule(list(network.parameters()))
        for step in range(STEPS):
            optimizer.zero_grad()
            network(inputs(step, 0, (BATCH, 5))).square().sum().backward()
            optimizer.step()
            enter_all(book, f"{name}/{step}", network, lambda p: p)


# ---- accumulated gradients ----


def normalised():
    network = nn.Sequential(nn.Linear(5, 3), nn.BatchNorm1d(3), nn.Tanh(), nn.Linear(3, 2)).double()
    fill(network)
    return network


def accumulate(book, name, network, rule, parts, averaging, norm=math.inf):
    """The gradient over parts of a batch, added up or averaged, as the optimizer sees it, and what the step makes of it. Without a
    statistic of the batch the mean's is the whole batch's, and that is what is entered."""
    has_statistics = any(isinstance(m, nn.BatchNorm1d) for m in network)
    optimizer = rule(list(network.parameters()))
    for step in range(STEPS):
        x = inputs(step, 0, (parts * BATCH, 5))
        optimizer.zero_grad()
        for part in x.split(BATCH):
            (network(part).square().mean() / (parts if averaging else 1)).backward()
        if averaging and not has_statistics:
            whole = torch.autograd.grad(network(x).square().mean(), list(network.parameters()))
            for p, g in zip(network.parameters(), whole):
                assert (p.grad - g).norm() < 1e-14 * g.norm()
                p.grad = g
        enter_all(book, f"{name}/{step}/gradient", network, lambda p: p.grad)
        nn.utils.clip_grad_norm_(network.parameters(), norm)
        optimizer.step()
        enter_all(book, f"{name}/{step}", network, lambda p: p)
        if has_statistics:
            for key in ("running_mean", "running_var"):
                book.enter(f"{name}/{step}/1.{key}", getattr(network[1], key))


def accumulated(book):
    adam = lambda g: torch.optim.Adam(g, lr=2e-2, betas=(0.9, 0.99), eps=1.0)  # the size of a gradient counts
    rmsprop = lambda g: TensorFlowRMSProp(g, 1e-2, 0.9, 0.5, 1e-2, False)
    accumulate(book, "mean_adam", small(), adam, 3, True)
    accumulate(book, "mean_rmsprop", small(), rmsprop, 4, True)
    accumulate(book, "sum_adam", small(), adam, 3, False)
    accumulate(book, "sum_clipped", small(), rmsprop, 2, False, 0.1)
    accumulate(book, "mean_normalised", normalised(), adam, 3, True, 0.05)


# ---- historical averaging ----


def history(book):
    network, weight, past = small(), 0.3, []
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1)
    past.append([p.detach().clone() for p in network.parameters()])
    for step in range(STEPS):
        term = sum((p - torch.stack(values).mean(0)).square().sum() for p, values in zip(network.parameters(), zip(*past)))
        gradients = torch.autograd.grad(weight * term, list(network.parameters()), retain_graph=True)
        for (name, _), g in zip(network.named_parameters(), gradients):
            book.enter(f"history/{step}/gradient/{name}", g)
        book.enter(f"history/{step}/term", weight * term)
        optimizer.zero_grad()
        (network(inputs(step, 0, (BATCH, 5))).square().sum() + weight * term).backward()
        optimizer.step()
        past.append([p.detach().clone() for p in network.parameters()])
    for (name, _), values in zip(network.named_parameters(), zip(*past)):
        book.enter(f"history/average/{name}", torch.stack(values).mean(0))


# ---- path length ----


class Flat(nn.Module):
    """w: N x 5"""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(5, 4 * 3 * 3), nn.Unflatten(1, (4, 3, 3)), nn.Tanh(), nn.Conv2d(4, 2, 3, 1, 1), nn.Softplus())

    def forward(self, w):
        return self.body(w)


class Layered(nn.Module):
    """w: N x 3 x 5, one a layer: the map, a scale of its channels, an addend of the image's"""

    def __init__(self):
        super().__init__()
        self.map, self.scale, self.conv, self.addend = nn.Linear(5, 36), nn.Linear(5, 4), nn.Conv2d(4, 2, 3, 1, 1), nn.Linear(5, 2)

    def forward(self, w):
        h = torch.tanh(self.map(w[:, 0]).unflatten(1, (4, 3, 3)))
        h = self.conv(h * self.scale(w[:, 1])[:, :, None, None])
        return F.softplus(h + self.addend(w[:, 2])[:, :, None, None])


def path_length(book, name, network, latent, weight, decay, interval, shrink):
    mapping = nn.Sequential(nn.Linear(5, math.prod(latent)), nn.Tanh(), nn.Unflatten(1, latent)).double()
    network.double()
    fill(mapping, network)
    modules = nn.ModuleDict(dict(mapping=mapping, network=network))
    optimizer, normals, a = torch.optim.SGD(modules.parameters(), lr=0.05), Normals(), 0.0
    for step in range(STEPS):
        w = mapping(inputs(step, 0, (BATCH, 5)))[: BATCH // shrink]
        images = network(w)
        noise = normals(images.shape) / math.sqrt(images.shape[2] * images.shape[3])
        (j,) = torch.autograd.grad((images * noise).sum(), w, create_graph=True)
        lengths = j.square().sum(-1)
        if lengths.dim() == 2:
            lengths = lengths.mean(1)
        lengths = lengths.sqrt()
        a = a + decay * (lengths.mean().item() - a)
        penalty = interval * weight * (lengths - a).square().mean()
        of_w, *gradients = torch.autograd.grad(penalty, [w, *modules.parameters()], retain_graph=True, allow_unused=True)
        book.enter(f"{name}/{step}/penalty", penalty)
        book.enter(f"{name}/{step}/mean", torch.tensor([a], dtype=torch.float64))
        book.enter(f"{name}/{step}/w", of_w)
        for (key, p), g in zip(modules.named_parameters(), gradients):
            book.enter(f"{name}/{step}/{key}", torch.zeros_like(p) if g is None else g)
        optimizer.zero_grad()
        (penalty + images.square().mean()).backward()
        optimizer.step()


# ---- the pool of images ----


def pool(book, name, capacity, batch):
    """The ImagePool of CycleGAN's program, with the numbers that gan_pool_exchange draws in place of its own."""
    images, block = [], 0
    for step in range(POOL_STEPS):
        given = []
        for image in inputs(step, 1, (batch, 2, 3, 3)):
            if len(images) < capacity:
                images.append(image)
            else:
                coin, place = philox(SEED, STREAM_POOL, block, 1)[0, :2].tolist()
                block += 1
                if coin >= 2**31:
                    place = place * capacity // 2**32
                    images[place], image = image, images[place]
            given.append(image)
        book.enter(f"{name}/{step}/given", torch.stack(given))
    book.enter(f"{name}/images", torch.stack(images))
    assert block == POOL_STEPS * batch - capacity


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    book = Book()
    optimizers(book)
    accumulated(book)
    history(book)
    path_length(book, "flat", Flat(), (5,), 2, 0.01, 4, 2)
    path_length(book, "layered", Layered(), (3, 5), 0.5, 0.3, 1, 1)
    pool(book, "pool50", 50, 4)
    pool(book, "pool5", 5, 3)
    book.write(f"{sys.argv[1]}/stateful.inc", "make_stateful.py")


if __name__ == "__main__":
    main()
