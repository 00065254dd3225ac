#!/usr/bin/env python3
"""The cases of gan-bench in PyTorch: the same networks, the same step, the same members of the line of JSON.

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
    from torch.nn import functional as F
except ImportError:
    print("torch_peer.py: this Python has no PyTorch", file=sys.stderr)
    sys.exit(77)

NZ = 100
IMAGE28, IMAGE32, IMAGE64 = (1, 28, 28), (3, 32, 32), (3, 64, 64)

# ---- networks: lists of layers ----


def up(i, o, kernel, stride, padding, bias=False):
    return [nn.ConvTranspose2d(i, o, kernel, stride, padding, bias=bias), nn.BatchNorm2d(o), nn.ReLU(True)]


def down(i, o, bias=False, slope=0.2):
    return [nn.Conv2d(i, o, 4, 2, 1, bias=bias), nn.BatchNorm2d(o), nn.LeakyReLU(slope, True)]


def mlp():
    g, width = [], NZ
    for o in (128, 256, 512, 1024):
        g += [nn.Linear(width, o)] + ([nn.BatchNorm1d(o)] if o > 128 else []) + [nn.LeakyReLU(0.2, True)]
        width = o
    g += [nn.Linear(width, 784), nn.Tanh(), nn.Unflatten(1, IMAGE28)]
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


def wgangp32():
    g = [nn.Linear(128, 256 * 4 * 4), nn.Unflatten(1, (256, 4, 4)), nn.BatchNorm2d(256), nn.ReLU(True)]
    g += up(256, 128, 4, 2, 1, bias=True) + up(128, 64, 4, 2, 1, bias=True)
    g += [nn.ConvTranspose2d(64, 3, 4, 2, 1), nn.Tanh()]
    critic, width = [], 3
    for o in (64, 128, 256):
        critic += [nn.Conv2d(width, o, 4, 2, 1), nn.LeakyReLU(0.2, True)]
        width = o
    return g, critic + [nn.Flatten(), nn.Linear(256 * 4 * 4, 1)]


def infogan28():
    g = [nn.Linear(74, 1024), nn.BatchNorm1d(1024), nn.ReLU(True)]
    g += [nn.Linear(1024, 7 * 7 * 128), nn.BatchNorm1d(7 * 7 * 128), nn.ReLU(True), nn.Unflatten(1, (128, 7, 7))]
    g += [*up(128, 64, 4, 2, 1, bias=True), nn.ConvTranspose2d(64, 1, 4, 2, 1), nn.Sigmoid()]
    trunk = [nn.Conv2d(1, 64, 4, 2, 1), nn.LeakyReLU(0.1, True), *down(64, 128, bias=True, slope=0.1), nn.Flatten()]
    trunk += [nn.Linear(7 * 7 * 128, 1024), nn.BatchNorm1d(1024), nn.LeakyReLU(0.1, True)]
    code = [nn.Linear(1024, 128), nn.BatchNorm1d(128), nn.LeakyReLU(0.1, True), nn.Linear(128, 12)]
    return g, trunk, [nn.Linear(1024, 1)], code


class Residual(nn.Sequential):
    def __init__(self, width):
        half = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width)]
        again = [nn.ReflectionPad2d(1), nn.Conv2d(width, width, 3), nn.InstanceNorm2d(width)]
        super().__init__(*half, nn.ReLU(True), *again)

    def forward(self, x):
        return x + super().forward(x)


def resnet(blocks):
    def then(layer, o):
        return [layer, nn.InstanceNorm2d(o), nn.ReLU(True)]

    g = [nn.ReflectionPad2d(3), *then(nn.Conv2d(3, 64, 7), 64)]
    for i, o in ((64, 128), (128, 256)):
        g += then(nn.Conv2d(i, o, 3, stride=2, padding=1), o)
    g += [Residual(256) for _ in range(blocks)]
    for i, o in ((256, 128), (128, 64)):
        g += then(nn.ConvTranspose2d(i, o, 3, stride=2, padding=1, output_padding=1), o)
    return g + [nn.ReflectionPad2d(3), nn.Conv2d(64, 3, 7), nn.Tanh()]


def patchgan():
    d = [nn.Conv2d(3, 64, 4, 2, 1), nn.LeakyReLU(0.2, True)]
    for o, stride in ((128, 2), (256, 2), (512, 1)):
        d += [nn.Conv2d(o // 2, o, 4, stride, 1), nn.InstanceNorm2d(o), nn.LeakyReLU(0.2, True)]
    return d + [nn.Conv2d(512, 1, 4, 1, 1)]


# ---- steps: each takes a batch size, gives the networks and what to do in a step ----


def sequences(*lists):
    return [nn.Sequential(*layers) for layers in lists]


def adam(*networks, rate=2e-4, betas=(0.5, 0.999)):
    return torch.optim.Adam([p for m in networks for p in m.parameters()], rate, betas)


def images(batch, shape):
    return torch.rand(batch, *shape) * 2 - 1


def logistic(scores, target):
    return F.binary_cross_entropy_with_logits(scores, torch.full_like(scores, target))


def squares(scores, target):
    return F.mse_loss(scores, torch.full_like(scores, target))


def learn(optimizer, *losses):
    """Gradients of each loss in turn, as soon as it is there, then one update."""
    optimizer.zero_grad(set_to_none=True)
    for loss in losses:
        loss().backward()
    optimizer.step()


def pair(networks, image, latent):
    def make(batch):
        g, d = sequences(*networks())
        of_g, of_d = adam(g), adam(d)
        real = images(batch, image)

        def step():
            z, fake = torch.randn(batch, *latent), []

            def on_fakes():
                fake.append(g(z))
                return logistic(d(fake[0].detach()), 0.0)

            learn(of_d, lambda: logistic(d(real), 1.0), on_fakes)
            learn(of_g, lambda: logistic(d(fake[0]), 1.0))

        return (g, d), step
    return make


def wgangp_step(batch):
    g, d = sequences(*wgangp32())
    of_g, of_d = (adam(m, rate=1e-4, betas=(0.0, 0.9)) for m in (g, d))
    real = images(batch, IMAGE32)

    def critic_loss(fake):
        between = torch.lerp(fake, real, torch.rand(batch, 1, 1, 1)).requires_grad_()
        slope = torch.autograd.grad(d(between).sum(), between, create_graph=True)[0]
        penalty = (slope.flatten(1).norm(dim=1) - 1).square().mean()
        return d(fake).mean() - d(real).mean() + 10 * penalty

    def step():
        fake = g(torch.randn(batch, 128))
        learn(of_d, lambda: critic_loss(fake.detach()))
        learn(of_g, lambda: -d(fake).mean())

    return (g, d), step


def infogan_step(batch):
    g, trunk, score, code = networks = sequences(*infogan28())
    of_g, of_d = adam(g, code, rate=1e-3), adam(trunk, score)
    real = images(batch, IMAGE28)

    def step():
        kind, free = torch.randint(10, (batch,)), images(batch, (2,))
        fake = g(torch.cat([torch.randn(batch, 62), F.one_hot(kind, 10).float(), free], dim=1))

        def generator_loss():
            features = trunk(fake)
            guess = code(features)
            told = F.cross_entropy(guess[:, :10], kind) + 0.1 * F.mse_loss(guess[:, 10:], free)
            return logistic(score(features), 1.0) + told

        learn(of_d, lambda: logistic(score(trunk(real)), 1.0) + logistic(score(trunk(fake.detach())), 0.0))
        learn(of_g, generator_loss)

    return networks, step


def cyclegan_step(batch):
    to_x, to_y, d_x, d_y = networks = sequences(resnet(6), resnet(6), patchgan(), patchgan())
    of_g, of_d = adam(to_x, to_y), adam(d_x, d_y)
    x, y = (images(batch, (3, 128, 128)) for _ in range(2))

    def learning(on):
        for d in (d_x, d_y):
            d.requires_grad_(on)

    def step():
        learning(False)  # no gradients for weights of D while G learns
        fake_x, fake_y = to_x(y), to_y(x)

        def generator_loss():
            fooled = squares(d_x(fake_x), 1.0) + squares(d_y(fake_y), 1.0)
            cycle = F.l1_loss(to_x(fake_y), x) + F.l1_loss(to_y(fake_x), y)
            return fooled + 10 * cycle + 5 * (F.l1_loss(to_x(x), x) + F.l1_loss(to_y(y), y))

        def discriminator_loss(d, real, fake):
            return lambda: (squares(d(real), 1.0) + squares(d(fake.detach()), 0.0)) / 2

        learn(of_g, generator_loss)
        learning(True)
        learn(of_d, discriminator_loss(d_x, x, fake_x), discriminator_loss(d_y, y, fake_y))

    return networks, step


def generate(layers, shape):
    def make(batch):
        g = nn.Sequential(*layers()).eval()
        given = images(batch, shape)

        def step():
            with torch.inference_mode():
                g(given)

        return (g,), step
    return make


CASES = {  # the usual batch, and what makes the step
    "mlp": (64, pair(mlp, IMAGE28, (NZ,))),
    "dcgan28": (64, pair(dcgan28, IMAGE28, (NZ,))),
    "dcgan28cpp": (64, pair(dcgan28cpp, IMAGE28, (NZ, 1, 1))),
    "infogan28": (128, infogan_step),
    "wgangp32": (64, wgangp_step),
    "dcgan64": (128, pair(dcgan64, IMAGE64, (NZ, 1, 1))),
    "cyclegan128": (1, cyclegan_step),
    "dcgan64-g": (64, generate(lambda: dcgan64()[0], (NZ, 1, 1))),
    "dcgan64-g-b1": (1, generate(lambda: dcgan64()[0], (NZ, 1, 1))),
    "cyclegan256-g": (1, generate(lambda: resnet(9), (3, 256, 256))),
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
    usual, make = CASES[a.case]
    batch = a.batch or usual
    networks, step = make(batch)
    times = []
    for i in range(a.warmup + a.steps):
        start = time.perf_counter()
        step()
        if i >= a.warmup:
            times.append(time.perf_counter() - start)
    m = statistics.median(times)
    print(json.dumps({"case": a.case, "batch": batch, "threads": torch.get_num_threads(), "s_per_step": round(m, 5),
                      "images_per_s": round(batch / m, 2),
                      "parameters": sum(p.numel() for n in networks for p in n.parameters())}))


if __name__ == "__main__":
    main()
