#!/usr/bin/env python3
"""Makes the golden numbers of test_adversarial.c: every term of the adversarial losses with its gradients with respect
to all logits, and five steps of a critic whose weights are clipped, in double precision.

Usage: make_adversarial.py FOLDER      (writes FOLDER/adversarial.inc)

Needs PyTorch and NumPy; the test itself needs neither. The shapes, ranges and streams are also in test_adversarial.c.
"""
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

from golden import Book, uniform

K = 4
# stream: shape and largest logit
INPUTS = {"real": (1, (6, 1), 3), "fake": (2, (4, 1, 3, 2), 3), "wrong": (3, (5, 1), 3), "z": (4, (5, 3), 2),
          "reconstructed": (5, (5, 3), 2), "labelled": (6, (5, K), 3), "unlabelled": (7, (6, K), 3),
          "fake_classes": (8, (7, K), 3), "maps": (9, (2, K, 3, 2), 3)}
IGNORED = 255


def labels(shape, ignored=False):
    count = torch.tensor(shape).prod().item()
    return torch.tensor([IGNORED if ignored and i % 3 == 1 else (i * i + 2) % K for i in range(count)]).reshape(shape)


def bce(logits, target):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, target))


def to(logits, target):
    return F.mse_loss(logits, torch.full_like(logits, target))


def log_p(logits):
    """Logarithms of the probabilities of K classes and of one more, whose logit is 0: Improved GAN's fake."""
    return F.log_softmax(torch.cat([logits, torch.zeros_like(logits[:, :1])], 1), 1)


def unsupervised(unlabelled, fake):
    is_real = torch.logsumexp(log_p(unlabelled)[:, :K], 1)
    return -0.5 * is_real.mean() - 0.5 * log_p(fake)[:, K].mean()


def relativistic(above, below):
    """Jolicoeur-Martineau's losses from one pair of differences."""
    def discriminator(real, fake):
        return above(real - fake.mean()).mean() + below(fake - real.mean()).mean()

    return discriminator, lambda real, fake: discriminator(fake, real)


RELATIVISTIC = {
    "relativistic_bce": relativistic(lambda u: -torch.log(torch.sigmoid(u)), lambda v: -torch.log(1 - torch.sigmoid(v))),
    "relativistic_least_squares": relativistic(lambda u: (u - 1) ** 2, lambda v: (v + 1) ** 2),
    "relativistic_hinge": relativistic(lambda u: F.relu(1 - u), lambda v: F.relu(1 + v)),
}

PAIR, FAKE, MATCHING, CLASSES = ("real", "fake"), ("fake",), ("real", "wrong", "fake"), ("unlabelled", "fake_classes")
TERMS = {
    "bce/discriminator": (PAIR, lambda r, f: bce(r, 0.9) + bce(f, 0.1)),
    "bce/generator": (FAKE, lambda f: bce(f, 1.0)),
    "bce/minimax": (FAKE, lambda f: -bce(f, 0.0)),
    "bce/matching": (MATCHING, lambda r, w, f: bce(r, 0.9) + (bce(w, 0.1) + bce(f, 0.1)) / 2),
    "least_squares/discriminator": (PAIR, lambda r, f: (to(r, 1.0) + to(f, 0.0)) / 2),
    "least_squares/generator": (FAKE, lambda f: to(f, 1.0) / 2),
    "least_squares/matching": (MATCHING, lambda r, w, f: to(r, 1.0) / 2 + (to(w, 0.0) / 2 + to(f, 0.0) / 2) / 2),
    "least_squares_pearson/discriminator": (PAIR, lambda r, f: (to(r, 1.0) + to(f, -1.0)) / 2),
    "least_squares_pearson/generator": (FAKE, lambda f: to(f, 0.0) / 2),
    "wasserstein/discriminator": (PAIR, lambda r, f: f.mean() - r.mean()),
    "wasserstein/generator": (FAKE, lambda f: -f.mean()),
    "wasserstein/matching": (MATCHING, lambda r, w, f: -r.mean() + (w.mean() + f.mean()) / 2),
    "hinge/discriminator": (PAIR, lambda r, f: F.relu(1 - r).mean() + F.relu(1 + f).mean()),
    "hinge/generator": (FAKE, lambda f: -f.mean()),
    "hinge/matching": (MATCHING, lambda r, w, f: F.relu(1 - r).mean() + (F.relu(1 + w).mean() + F.relu(1 + f).mean()) / 2),
    # D > 0: a generated pair
    "veegan/discriminator": (PAIR, lambda r, f: bce(f, 1.0) + bce(r, 0.0)),
    "veegan/generator": (FAKE, lambda f: f.mean()),
    "veegan/reconstruction": (("z", "reconstructed"), lambda z, r: (torch.linalg.norm(z - r, dim=1) ** 2).mean()),
    "veegan_gaussian/reconstruction": (("z", "reconstructed"), lambda z, r: 0.5 * ((z - r) ** 2).sum(1).mean()),
    "cross_entropy/plain": (("labelled",), lambda l: F.cross_entropy(l, labels((5,)))),
    "cross_entropy/maps": (("maps",), lambda l: F.cross_entropy(l, labels((2, 3, 2)))),
    "cross_entropy/smooth": (("labelled",), lambda l: F.cross_entropy(l, labels((5,)), label_smoothing=0.1)),
    "cross_entropy/ignore": (("maps",), lambda l: F.cross_entropy(l, labels((2, 3, 2), True), ignore_index=IGNORED)),
    "cross_entropy/both": (("maps",), lambda l: F.cross_entropy(l, labels((2, 3, 2), True), ignore_index=IGNORED,
                                                               label_smoothing=0.3)),
    "cross_entropy/uniform": (("labelled",), lambda l: F.cross_entropy(l, labels((5,)), label_smoothing=1.0)),
    "semi_supervised/unsupervised": (CLASSES, unsupervised),
    "semi_supervised/both": (("labelled", *CLASSES), lambda l, u, f: F.cross_entropy(l, labels((5,))) +
                             0.7 * unsupervised(u, f)),
    "semi_supervised/generator": (("fake_classes",), lambda f: log_p(f)[:, K].mean()),
    "semi_supervised/non_saturating": (("fake_classes",), lambda f: -torch.logsumexp(log_p(f)[:, :K], 1).mean()),
}
for name, (discriminator, generator) in RELATIVISTIC.items():
    TERMS[f"{name}/discriminator"] = PAIR, discriminator
    TERMS[f"{name}/generator"] = PAIR, generator

STEPS, BATCH, CLIP = 5, 8, 0.05


def clipped(book):
    """WGAN's critic: RMSProp, then every parameter into [-c, c]."""
    critic = nn.Sequential(nn.Linear(3, 6), nn.LeakyReLU(0.2), nn.Linear(6, 5, bias=False), nn.BatchNorm1d(5), nn.Tanh(),
                           nn.Linear(5, 1)).double()
    for i, p in enumerate(critic.parameters()):
        p.data = uniform(20 + i, p.shape, -0.3, 0.3)
    optimizer = torch.optim.RMSprop(critic.parameters(), lr=0.02)
    for step in range(STEPS):
        real, fake = uniform(40 + step, (BATCH, 3), -1, 1), uniform(50 + step, (BATCH, 3), 0, 2)
        optimizer.zero_grad()
        loss = -torch.mean(critic(real)) + torch.mean(critic(fake))
        loss.backward()
        optimizer.step()
        for p in critic.parameters():
            p.data.clamp_(-CLIP, CLIP)
        book.enter(f"clipped/{step}/loss", loss)
        for name, tensor in critic.state_dict().items():
            if "num_batches" not in name:
                book.enter(f"clipped/{step}/{name}", tensor)


def main():
    book = Book()
    for name, (inputs, term) in TERMS.items():
        xs = [uniform(INPUTS[i][0], INPUTS[i][1], -INPUTS[i][2], INPUTS[i][2]).requires_grad_() for i in inputs]
        value = term(*xs)
        book.enter(name, value)
        for i, gradient in zip(inputs, torch.autograd.grad(value, xs)):
            book.enter(f"{name}/{i}", gradient)
    clipped(book)
    book.write(f"{sys.argv[1]}/adversarial.inc", "make_adversarial.py")


if __name__ == "__main__":
    main()
