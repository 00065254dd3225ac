#!/usr/bin/env python3
"""Makes the golden numbers of test_golden_terms.c: penalties, matching, information, cycles, orthogonality and
DiffAugment by PyTorch, in double precision.

Usage: make_terms.py FOLDER      (writes FOLDER/terms.inc)

Needs PyTorch and NumPy; the test itself needs neither. Random numbers that libgan draws are the same here: those of
stream 1, GAN_STREAM_NOISE, from index 0 on, of a context with the seed of golden.py."""
import math
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

from golden import Book, uniform

NOISE = 1
X, REAL, FAKE, LABEL, VECTOR, WEIGHT, CODES, POSTERIOR = 100, 110, 120, 130, 140, 150, 200, 210

book = Book()


def leaf(stream, shape, low=-1.0, high=1.0):
    return uniform(stream, shape, low, high).requires_grad_(True)


def enter(name, value, **inputs):
    """A value and its gradients."""
    book.enter(name, value)
    gradients = torch.autograd.grad(value, list(inputs.values()), allow_unused=True, retain_graph=True)
    for (key, x), g in zip(inputs.items(), gradients):
        book.enter(f"{name}/{key}", torch.zeros_like(x) if g is None else g)


# ---- distances, cycles ----


def distances():
    a, b = leaf(REAL, (3, 2, 4)), leaf(FAKE, (3, 2, 4))
    enter("l1", F.l1_loss(a, b), a=a, b=b)
    enter("l2", F.mse_loss(a, b), a=a, b=b)
    for name, loss in (("l1", F.l1_loss), ("l2", F.mse_loss)):
        real_a, rec_a = leaf(REAL, (2, 3, 4, 4)), leaf(REAL + 1, (2, 3, 4, 4))
        real_b, rec_b = leaf(FAKE, (2, 1, 5, 3)), leaf(FAKE + 1, (2, 1, 5, 3))
        cycle = 10 * loss(rec_a, real_a) + 7 * loss(rec_b, real_b)
        inputs = dict(real_a=real_a, other_a=rec_a, real_b=real_b, other_b=rec_b)
        enter(f"cycle_{name}", cycle, **inputs)
        enter(f"identity_{name}", 0.25 * (10 * loss(rec_a, real_a) + 7 * loss(rec_b, real_b)), **inputs)


# ---- feature matching ----


def matching():
    real = [uniform(REAL, (5, 4, 3, 3), -1, 1), uniform(REAL + 1, (5, 6), -1, 1)]
    fake = [leaf(FAKE, (7, 4, 3, 3)), leaf(FAKE + 1, (7, 6))]
    means = [(f.mean(0), r.mean(0)) for f, r in zip(fake, real)]
    names = dict(first=fake[0], second=fake[1])
    enter("matching_l2", sum(F.mse_loss(f, r) for f, r in means), **names)
    enter("matching_l2_sum", sum(torch.linalg.vector_norm(f - r) ** 2 for f, r in means), **names)
    weighted = [0.5 * F.l1_loss(*means[0]), 3 * F.l1_loss(*means[1])]
    enter("matching_l1", sum(weighted), **names)


# ---- mutual information ----

BATCH = 6
# (kind, count, sigma; None: learned)
LAYOUT = [("categorical", 5, None), ("gaussian", 2, 0.7), ("uniform", 1, None), ("gaussian", 2, None),
          ("categorical", 3, None), ("uniform", 2, 1.0)]


def information():
    width = sum(count for _, count, _ in LAYOUT)
    wide = sum(count * (2 if kind != "categorical" and sigma is None else 1) for kind, count, sigma in LAYOUT)
    for mode in ("exact", "unit"):
        codes, q = uniform(CODES, (BATCH, width), -1, 1), leaf(POSTERIOR, (BATCH, wide), -4, 4)
        at = 0
        for kind, count, _ in LAYOUT:
            if kind == "categorical":
                codes[:, at:at + count] = F.one_hot(torch.tensor([(3 * n + 1) % count for n in range(BATCH)]), count)
            at += count
        codes.requires_grad_(True)
        at = q_at = 0
        bounds, loss = [], 0
        for kind, count, sigma in LAYOUT:
            c = codes[:, at:at + count]
            at += count
            if kind == "categorical":
                bound = math.log(count) - F.cross_entropy(q[:, q_at:q_at + count], c)
                bounds.append(bound.reshape(1))
                loss = loss - 1.5 * bound
                q_at += count
                continue
            mean, q_at = q[:, q_at:q_at + count], q_at + count
            if sigma is None:
                scale, q_at = q[:, q_at:q_at + count].clamp(-3, 2).exp(), q_at + count
            else:
                scale = torch.full_like(mean, sigma)
            likelihood = torch.distributions.Normal(mean, scale).log_prob(c).mean(0)
            if mode == "unit":
                entropy = -torch.distributions.Normal(0.0, 1.0).log_prob(c).mean(0)
            elif kind == "gaussian":
                entropy = torch.distributions.Normal(torch.tensor(0.0).double(), 1.0).entropy()
            else:
                entropy = torch.distributions.Uniform(torch.tensor(-1.0).double(), 1.0).entropy()
            bounds.append(likelihood + entropy)
            loss = loss - 0.1 * bounds[-1].sum()
        enter(f"information_{mode}", loss, posterior=q, codes=codes)
        book.enter(f"information_{mode}/bound", torch.cat(bounds).sum())
        book.enter(f"information_{mode}/bounds", torch.cat(bounds))


# ---- gradient penalties ----


class Critic(nn.Module):
    """Of images and of a second input; smooth, so that second derivatives are there."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3, 1, 1)
        self.first = nn.Linear(4 * 5 * 5 + 3, 6)
        self.last = nn.Linear(6, 1)
        self.double()
        for i, p in enumerate(self.parameters()):
            p.data = uniform(WEIGHT + i, p.shape, -0.4, 0.4)

    def forward(self, x, label):
        features = F.softplus(self.conv(x)).flatten(1)
        return self.last(torch.tanh(self.first(torch.cat([features, label], 1))))


def penalty(name, points, form):
    critic, label = Critic(), uniform(LABEL, (4, 3), -1, 1)
    x = points.clone().requires_grad_(True)
    (slope,) = torch.autograd.grad(critic(x, label).sum(), x, create_graph=True)
    enter(name, form(slope.flatten(1).norm(2, 1)), **dict(critic.named_parameters()))


def penalties():
    real, fake = uniform(REAL, (4, 2, 5, 5), -1, 1), uniform(FAKE, (4, 2, 5, 5), -1, 1)
    t = uniform(NOISE, (4, 1, 1, 1), 0, 1)
    between = torch.lerp(real, fake, t)
    book.enter("points", between)
    penalty("gradient_penalty", between, lambda norm: 10 * (norm - 1).square().mean())
    # the norms are on both sides of it
    penalty("one_sided", between, lambda norm: 3 * (norm - 0.2).clamp(min=0).square().mean())
    penalty("target", between, lambda norm: 10 / 0.05**2 * (norm - 0.05).square().mean())
    penalty("at_reals", real, lambda norm: 10 * (norm - 1).square().mean())
    penalty("at_fakes", fake, lambda norm: 10 * norm.square().mean())
    penalty("r1", real, lambda norm: 5.0 * norm.square().mean())
    penalty("r2", fake, lambda norm: 0.5 * norm.square().mean())
    scores = leaf(X, (6, 1))
    enter("drift", 0.001 * scores.square().mean(), scores=scores)


# ---- orthogonality ----


def orthogonal():
    network = nn.Sequential(nn.Conv2d(3, 4, 3, 1, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.ConvTranspose2d(4, 5, 4, 2, 1),
                            nn.Flatten(), nn.Linear(5 * 64, 7)).double()
    for i, p in enumerate(network.parameters()):
        p.data = uniform(WEIGHT + i, p.shape, -0.4, 0.4)
    named = dict(network.named_parameters())
    for name, skip, form in (
            ("off_diagonal", [], lambda m: m * (1 - torch.eye(m.shape[0]).double())),
            ("identity_form", [], lambda m: m - torch.eye(m.shape[0]).double()),
            ("skipped", ["3"], lambda m: m * (1 - torch.eye(m.shape[0]).double()))):
        weights = [p.flatten(1) for key, p in named.items() if p.dim() >= 2 and key.split(".")[0] not in skip]
        enter(f"orthogonal_{name}", sum(0.01 * torch.linalg.matrix_norm(form(w @ w.T)) ** 2 for w in weights), **named)


# ---- DiffAugment ----


def color(x, u):
    x = x + (u[0] - 0.5)
    mean = x.mean(1, keepdim=True)
    x = (x - mean) * (2 * u[1]) + mean
    mean = x.mean((1, 2, 3), keepdim=True)
    return (x - mean) * (u[2] + 0.5) + mean


def translation(x, down, right):
    """Integer shifts of each image, by padding with zeros and cutting out."""
    n, c, h, w = x.shape
    padded = F.pad(x, (w, w, h, h))
    return torch.stack([padded[i, :, h - down[i]:2 * h - down[i], w - right[i]:2 * w - right[i]] for i in range(n)])


def cutout(x, u, part):
    """A hole whose centre is anywhere in the image."""
    n, c, h, w = x.shape
    mask = torch.ones(n, h, w).double()
    size = [int(h * part + 0.5), int(w * part + 0.5)]
    for i in range(n):
        top, left = [int(u[k][i].item() * (extent + 1 - size[k] % 2)) - size[k] // 2
                     for k, extent in enumerate((h, w))]
        for row in range(max(top, 0), min(top + size[0], h)):
            for column in range(max(left, 0), min(left + size[1], w)):
                mask[i, row, column] = 0
    return x * mask[:, None]


def augment(x, policy, shift=0.125, part=0.5):
    n, c, h, w = x.shape
    draws = uniform(NOISE, (n, 7), 0, 1)
    u = [draws[:, k].reshape(n, 1, 1, 1) for k in range(7)]
    if "color" in policy:
        x = color(x, u)
    if "translation" in policy:
        moves = []
        for k, extent in ((3, h), (4, w)):
            most = int(extent * shift + 0.5)
            moves.append([int(draws[i, k].item() * (2 * most + 1)) - most for i in range(n)])
        x = translation(x, *moves)
    if "cutout" in policy:
        x = cutout(x, (draws[:, 5], draws[:, 6]), part)
    return x


def augmentations():
    cases = [("color", (5, 3, 8, 6), {}), ("translation", (5, 3, 17, 12), {}), ("cutout", (5, 3, 8, 6), {}),
             ("color translation cutout", (5, 3, 9, 11), dict(shift=0.3, part=0.35))]
    for policy, shape, settings in cases:
        x, v = leaf(X, shape), uniform(VECTOR, shape, -1, 1)
        y = augment(x, policy.split(), **settings)
        name = "augment_" + policy.replace(" ", "_")
        book.enter(f"{name}/result", y)
        enter(name, (y * v).sum(), x=x)
    # a discriminator that sees augmented images, under R1
    critic, label = Critic(), uniform(LABEL, (4, 3), -1, 1)
    x = leaf(X, (4, 2, 5, 5))
    scores = critic(augment(x, ["color", "translation", "cutout"], shift=0.25), label)
    (slope,) = torch.autograd.grad(scores.sum(), x, create_graph=True)
    enter("augment_r1", 5.0 * slope.flatten(1).norm(2, 1).square().mean(), x=x, **dict(critic.named_parameters()))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    for part in (distances, matching, information, penalties, orthogonal, augmentations):
        part()
    book.write(f"{sys.argv[1]}/terms.inc", "make_terms.py")


if __name__ == "__main__":
    main()
