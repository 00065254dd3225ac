#!/usr/bin/env python3
"""The cases of gan-bench in PyTorch: the same networks, the same step, the same line of JSON.

Usage: torch_peer.py CASE [--steps N] [--warmup N] [--threads N] [--batch N]
--threads 0 (the default) leaves PyTorch's own choice, one thread a processor. Leaves with status 77 without PyTorch.
"""
import argparse
import json
import statistics
import sys
import time

try:
    import torch
    from torch import nn
    from torch.nn.functional import binary_cross_entropy_with_logits as bce
except ImportError:
    print("torch_peer.py: this Python has no PyTorch", file=sys.stderr)
    sys.exit(77)

NZ = 100


def up(i, o, kernel, stride, padding):
    return [nn.ConvTranspose2d(i, o, kernel, stride, padding, bias=False), nn.BatchNorm2d(o), nn.ReLU(True)]


def down(i, o):
    return [nn.Conv2d(i, o, 4, 2, 1, bias=False), nn.BatchNorm2d(o), nn.LeakyReLU(0.2, True)]


def mlp():
    g, width = [], NZ
    for o in (128, 256, 512, 1024):
        g += [nn.Linear(width, o)] + ([nn.BatchNorm1d(o)] if o > 128 else []) + [nn.LeakyReLU(0.2, True)]
        width = o
    g += [nn.Linear(width, 784), nn.Tanh(), nn.Unflatten(1, (1, 28, 28))]
    d = [nn.Flatten(), nn.Linear(784, 512), nn.LeakyReLU(0.2, True)]
    d += [nn.Linear(512, 256), nn.LeakyReLU(0.2, True), nn.Linear(256, 1)]
    return g, d


def dcgan28():
    g = [nn.Linear(NZ, 7 * 7 * 128, bias=False), nn.Unflatten(1, (128, 7, 7)), nn.BatchNorm2d(128), nn.ReLU(True)]
    g += [*up(128, 64, 4, 2, 1), nn.ConvTranspose2d(64, 1, 4, 2, 1), nn.Tanh()]
    d = [nn.Conv2d(1, 64, 4, 2, 1), nn.LeakyReLU(0.2, True), *down(64, 128), nn.Flatten(), nn.Linear(7 * 7 * 128, 1)]
    return g, d


def dcgan28cpp():
    g = up(NZ, 256, 4, 1, 0) + up(256, 128, 3, 2, 1) + up(128, 64, 4, 2, 1)
    g += [nn.ConvTranspose2d(64, 1, 4, 2, 1, bias=False), nn.Tanh()]
    d = [nn.Conv2d(1, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True), *down(64, 128), *down(128, 256)]
    return g, d + [nn.Conv2d(256, 1, 3, 1, 0, bias=False), nn.Flatten()]


def dcgan64():
    g = up(NZ, 512, 4, 1, 0) + up(512, 256, 4, 2, 1) + up(256, 128, 4, 2, 1) + up(128, 64, 4, 2, 1)
    g += [nn.ConvTranspose2d(64, 3, 4, 2, 1, bias=False), nn.Tanh()]
    d = [nn.Conv2d(3, 64, 4, 2, 1, bias=False), nn.LeakyReLU(0.2, True)]
    d += [*down(64, 128), *down(128, 256), *down(256, 512)]
    return g, d + [nn.Conv2d(512, 1, 4, 1, 0, bias=False), nn.Flatten()]


# networks, batch, image shape, latent shape
CASES = {
    "mlp": (mlp, 64, (1, 28, 28), (NZ,)),
    "dcgan28": (dcgan28, 64, (1, 28, 28), (NZ,)),
    "dcgan28cpp": (dcgan28cpp, 64, (1, 28, 28), (NZ, 1, 1)),
    "dcgan64": (dcgan64, 128, (3, 64, 64), (NZ, 1, 1)),
}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("case", choices=CASES)
    p.add_argument("--steps", type=int, default=10)
    p.add_argument("--warmup", type=int, default=2)
    p.add_argument("--threads", type=int, default=0)
    p.add_argument("--batch", type=int, default=0)
    a = p.parse_args()
    torch.manual_seed(0)
    if a.threads > 0:
        torch.set_num_threads(a.threads)
    networks, batch, image, latent = CASES[a.case]
    batch = a.batch or batch
    g, d = (nn.Sequential(*layers) for layers in networks())
    og, od = (torch.optim.Adam(m.parameters(), 2e-4, (0.5, 0.999)) for m in (g, d))
    real = torch.rand(batch, *image) * 2 - 1

    def loss(s, target):
        return bce(s, torch.full_like(s, target))

    times = []
    for i in range(a.warmup + a.steps):
        start = time.perf_counter()
        z = torch.randn(batch, *latent)
        od.zero_grad(set_to_none=True)
        loss(d(real), 1.0).backward()
        fake = g(z)
        loss(d(fake.detach()), 0.0).backward()
        od.step()
        og.zero_grad(set_to_none=True)
        loss(d(fake), 1.0).backward()
        og.step()
        if i >= a.warmup:
            times.append(time.perf_counter() - start)
    m = statistics.median(times)
    print(json.dumps({"case": a.case, "batch": batch, "threads": torch.get_num_threads(), "s_per_step": round(m, 5),
                      "images_per_s": round(batch / m, 2)}))


if __name__ == "__main__":
    main()
