#!/usr/bin/env python3
"""Makes the golden numbers of test_dcgan.c: ten adversarial steps of three networks in PyTorch, in double precision.

Usage: make_dcgan.py FOLDER      (writes FOLDER/NETWORK.inc for each network)

Needs PyTorch and NumPy; the test itself needs neither. Weights and inputs come from Philox4x32-10 by the formulas of
include/gan/tensor.h, so that the files hold results only: losses, norms, a few elements. The order of a step is that of
PyTorch's DCGAN example: D on reals and on detached fakes, one step of Adam; G with the same fakes through the updated
D, one step of Adam.

The distance between the gradients of PyTorch's own f32 and f64 is stored too: what rounding alone does, the measure for
libgan's f32. For it, the f32 run gets the f64 run's discriminator, rounded, after D's step: Adam's first step is nearly
the sign of the gradient, and a sign that rounding turns would hide everything else.
"""
import math
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

import golden

# Also in test_dcgan.c. Chosen: with some seeds a (leaky) ReLU's input is so near 0 that rounding turns its sign, which
# moves a gradient by up to 1e-2 and would make the f32 comparison blind.
SEED = 1511
STREAM_INIT, STREAM_REAL, STREAM_LATENT = 0, 8, 9
STEPS, SAMPLES, NZ = 10, 4, 100


def uniform(stream, index, shape, low, high):
    return golden.uniform(stream, shape, low, high, SEED, index)


def normal(stream, index, shape, mean, deviation):
    return golden.normal(stream, shape, mean, deviation, SEED, index)


class Init:
    """Initial values in the order of the layer's tensors; each drawn tensor takes whole blocks."""

    def __init__(self):
        self.position = 0

    def take(self, tensor):
        index = self.position
        self.position += (tensor.numel() + 3) // 4
        return index

    def dcgan(self, network):
        for m in network:
            if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
                m.weight.data = normal(STREAM_INIT, self.take(m.weight), m.weight.shape, 0.0, 0.02)
                if m.bias is not None:
                    m.bias.data.zero_()
            elif isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d)):
                m.weight.data = normal(STREAM_INIT, self.take(m.weight), m.weight.shape, 1.0, 0.02)
                m.bias.data.zero_()

    def default(self, network):
        for m in network:
            if isinstance(m, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
                bound = 1 / math.sqrt(math.prod(m.weight.shape[1:]))
                for t in (m.weight, m.bias):
                    if t is not None:
                        t.data = uniform(STREAM_INIT, self.take(t), t.shape, -bound, bound)


def dcgan28():
    g = nn.Sequential(
        nn.Linear(NZ, 7 * 7 * 128, bias=False), nn.Unflatten(1, (128, 7, 7)), nn.BatchNorm2d(128), nn.ReLU(),
        nn.ConvTranspose2d(128, 64, 4, 2, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(),
        nn.ConvTranspose2d(64, 1, 4, 2, 1), nn.Tanh())
    d = nn.Sequential(
        nn.Conv2d(1, 64, 4, 2, 1), nn.LeakyReLU(0.2),
        nn.Conv2d(64, 128, 4, 2, 1, bias=False), nn.BatchNorm2d(128), nn.LeakyReLU(0.2),
        nn.Flatten(), nn.Linear(128 * 7 * 7, 1))
    return g, d


def dcgan64():
    g, c = [], NZ
    for i, o in enumerate((512, 256, 128, 64)):
        stride, padding = (1, 0) if i == 0 else (2, 1)
        g += [nn.ConvTranspose2d(c, o, 4, stride, padding, bias=False), nn.BatchNorm2d(o), nn.ReLU()]
        c = o
    g += [nn.ConvTranspose2d(c, 3, 4, 2, 1, bias=False), nn.Tanh()]
    d, c = [nn.Conv2d(3, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)], 64
    for o in (128, 256, 512):
        d += [nn.Conv2d(c, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o), nn.LeakyReLU(0.2)]
        c = o
    d += [nn.Conv2d(c, 1, 4, 1, 0, bias=False)]
    return nn.Sequential(*g), nn.Sequential(*d)


def mlp():
    g, c = [], NZ
    for o in (128, 256, 512, 1024):
        g += [nn.Linear(c, o)] + ([nn.BatchNorm1d(o)] if o > 128 else []) + [nn.LeakyReLU(0.2)]
        c = o
    g += [nn.Linear(c, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28))]
    d = [nn.Flatten(), nn.Linear(784, 512), nn.LeakyReLU(0.2)]
    d += [nn.Linear(512, 256), nn.LeakyReLU(0.2), nn.Linear(256, 1)]
    return nn.Sequential(*g), nn.Sequential(*d)


# name: networks, initialiser, batch, image shape, latent shape
NETWORKS = {
    "dcgan28": (dcgan28, Init.dcgan, 8, (1, 28, 28), (NZ,)),
    "dcgan64": (dcgan64, Init.dcgan, 4, (3, 64, 64), (NZ, 1, 1)),
    "mlp": (mlp, Init.default, 8, (1, 28, 28), (NZ,)),
}


def bce(s, target):
    return F.binary_cross_entropy_with_logits(s, torch.full_like(s, target))


def train(networks, init, batch, image, latent, dtype, steps, updated=None):
    """Losses of each step (D on reals, D on fakes, G), gradients of step 1, D after its first step (replaced by
    `updated`, if that is given), and the networks after the last step."""
    g, d = networks()
    draws = Init()
    init(draws, g), init(draws, d)
    g, d = g.to(dtype), d.to(dtype)
    og, od = (torch.optim.Adam(m.parameters(), 2e-4, (0.5, 0.999), 1e-8) for m in (g, d))
    losses, first = [], None
    for step in range(steps):
        shape = (batch, *image)
        x = uniform(STREAM_REAL, step * ((math.prod(shape) + 3) // 4), shape, -1, 1).to(dtype)
        shape = (batch, *latent)
        z = normal(STREAM_LATENT, step * ((math.prod(shape) + 3) // 4), shape, 0, 1).to(dtype)
        od.zero_grad()
        real = bce(d(x), 1.0)
        images = g(z)
        fake = bce(d(images.detach()), 0.0)
        (real + fake).backward()
        if step == 0:
            first = {"d": {k: p.grad.double().clone() for k, p in d.named_parameters()}}
        od.step()
        if step == 0 and updated is not None:
            d.load_state_dict(updated)
        elif step == 0:
            updated = {k: v.clone() for k, v in d.state_dict().items()}
        og.zero_grad()
        generator = bce(d(images), 1.0)
        generator.backward()
        if step == 0:
            first["g"] = {k: p.grad.double().clone() for k, p in g.named_parameters()}
        og.step()
        losses.append((real.item(), fake.item(), generator.item()))
    return losses, first, updated, {"g": g, "d": d}


def picks(tensor):
    flat = tensor.double().reshape(-1)
    return ", ".join(repr(flat[i * (flat.numel() - 1) // (SAMPLES - 1)].item()) for i in range(SAMPLES))


def write(path, name):
    networks, init, batch, image, latent = NETWORKS[name]
    losses, first, updated, trained = train(networks, init, batch, image, latent, torch.float64, STEPS)
    _, first32, _, _ = train(networks, init, batch, image, latent, torch.float32, 1, updated)
    with open(path, "w") as f:
        f.write(f"/* Written by make_dcgan.py with PyTorch {torch.__version__.split('+')[0]}; not to be edited. */\n")
        f.write(f"static const double {name}_losses[{STEPS}][3] = {{\n")
        for row in losses:
            f.write("    {" + ", ".join(repr(v) for v in row) + "},\n")
        f.write("};\n")
        for side in ("g", "d"):
            whole = torch.cat([t.reshape(-1) for t in first[side].values()])
            whole32 = torch.cat([t.reshape(-1) for t in first32[side].values()])
            distance = ((whole32 - whole).norm() / whole.norm()).item()
            f.write(f"static const double {name}_{side}_f32_distance = {distance:.3e};\n")
            whole = whole.norm()
            f.write(f"static const golden_tensor {name}_{side}[] = {{\n")
            for key, t in trained[side].state_dict().items():
                if key.endswith("num_batches_tracked"):
                    continue
                grad = first[side].get(key)
                if grad is None:
                    gradient = "0, 0, {0}"
                else:
                    distance = (first32[side][key] - grad).norm()
                    # a gradient that is truly 0 is measured against all of the network's
                    size = grad.norm() if grad.norm() > 1e-9 * whole else whole
                    gradient = f"{grad.norm().item()!r}, {(distance / size).item():.3e}, {{{picks(grad)}}}"
                f.write(f'    {{"{key}", {t.numel()}, {int(grad is not None)}, {t.norm().item()!r}, {{{picks(t)}}},\n')
                f.write(f"     {gradient}}},\n")
            f.write("};\n")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    for name in NETWORKS:
        write(f"{sys.argv[1]}/{name}.inc", name)


if __name__ == "__main__":
    main()
