#!/usr/bin/env python3
"""Makes the golden numbers of test_optim.c: eight steps of each optimizer of PyTorch, with its options, parameter
groups, clipping and schedules, in double precision.

Usage: make_optim.py FOLDER      (writes FOLDER/optim.inc)

Needs PyTorch and NumPy; the test itself needs neither. Two networks have one optimizer; the loss of the first two steps
does not depend on the second, so that the rules' counts of its updates fall behind. Weights and inputs come from
Philox4x32-10, so that the file holds results only: losses and the parameters after the last step.
"""
import math
import sys

import torch
import torch.nn as nn

from make_dcgan import uniform

STEPS, BATCH, WITHOUT_SECOND = 8, 6, 2
STREAM_X, STREAM_Y, STREAM_WEIGHTS = 8, 9, 10
FOREVER = math.inf


def linear(start, length, final):
    return lambda t: 1 + (final - 1) * min(max(t - start, 0) / length, 1)


def warm_up(count):
    return lambda t: min((t + 1) / (count + 1), 1)


SGD, RMSPROP, ADAM = torch.optim.SGD, torch.optim.RMSprop, torch.optim.Adam
LAMBDA, STEP, COSINE = (getattr(torch.optim.lr_scheduler, n) for n in ("LambdaLR", "StepLR", "CosineAnnealingLR"))
# name: rule, options, groups?, clip value, clip norm, schedule. Also in test_optim.c.
CASES = {
    "adam": (ADAM, dict(lr=1e-2, betas=(0.5, 0.999)), False, FOREVER, FOREVER, None),
    "adam, weight decay, groups": (ADAM, dict(lr=2e-2, betas=(0.9, 0.99), weight_decay=0.1), True, FOREVER, FOREVER,
                                   None),
    "adam, norm, linear": (ADAM, dict(lr=1e-2, betas=(0, 0.9), eps=1e-2), False, FOREVER, 0.5,
                           (LAMBDA, linear(2, 5, 0.1))),
    "rmsprop": (RMSPROP, dict(), False, FOREVER, FOREVER, None),
    "rmsprop, weight decay": (RMSPROP, dict(lr=5e-3, alpha=0.9, weight_decay=0.1), False, FOREVER, FOREVER, None),
    "rmsprop, momentum, groups": (RMSPROP, dict(lr=5e-3, momentum=0.9), True, FOREVER, FOREVER, None),
    "rmsprop, centered": (RMSPROP, dict(lr=5e-3, alpha=0.9, centered=True, eps=1e-4), False, FOREVER, FOREVER, None),
    "rmsprop, all": (RMSPROP, dict(lr=2e-3, alpha=0.95, momentum=0.5, centered=True, weight_decay=0.05, eps=1e-3),
                     True, 0.3, FOREVER, (COSINE, 6, 0.25)),
    "sgd": (SGD, dict(lr=0.05), False, FOREVER, FOREVER, None),
    "sgd, momentum, groups": (SGD, dict(lr=0.05, momentum=0.9), True, FOREVER, FOREVER, None),
    "sgd, dampening": (SGD, dict(lr=0.05, momentum=0.9, dampening=0.4), False, FOREVER, FOREVER, None),
    "sgd, nesterov, weight decay": (SGD, dict(lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.1), False, FOREVER,
                                    FOREVER, None),
    "sgd, value, norm, step": (SGD, dict(lr=0.1, momentum=0.9), True, 0.2, 0.4, (STEP, 3, 0.5)),
    "sgd, norm that does not clip": (SGD, dict(lr=0.05), False, FOREVER, 1e3, None),
    "sgd, warm-up": (SGD, dict(lr=0.1), False, FOREVER, FOREVER, (LAMBDA, warm_up(4))),
}


def cosine(length, final):
    """PyTorch's own is defined by a recursion, up to `length` only; test here that it is this."""
    factor = lambda t: final + (1 - final) * (1 + math.cos(math.pi * min(t, length) / length)) / 2
    scheduler = COSINE(SGD([nn.Parameter(torch.zeros(1))], lr=1.0), length, final)
    for t in range(1, length + 1):
        scheduler.optimizer.step()
        scheduler.step()
        assert abs(scheduler.get_last_lr()[0] - factor(t)) < 1e-14
    return factor


def networks():
    a = nn.Sequential(nn.Linear(5, 3), nn.Tanh(), nn.Linear(3, 2)).double()
    b = nn.Sequential(nn.Linear(4, 3)).double()
    for i, p in enumerate([*a.parameters(), *b.parameters()]):
        p.data = uniform(STREAM_WEIGHTS, 16 * i, p.shape, -0.8, 0.8)
    return a, b


def train(rule, options, grouped, value, norm, schedule):
    a, b = networks()
    if grouped:
        groups = [dict(params=a[0].parameters()),
                  dict(params=a[2].parameters(), lr=0.5 * options.get("lr", 1e-2), weight_decay=0.02),
                  dict(params=b.parameters(), lr=2 * options.get("lr", 1e-2))]
    else:
        groups = [dict(params=a.parameters()), dict(params=b.parameters())]
    optimizer = rule(groups, **options)
    if schedule and schedule[0] is COSINE:
        schedule = LAMBDA, cosine(*schedule[1:])
    scheduler = schedule and schedule[0](optimizer, *schedule[1:])
    parameters = [*a.parameters(), *b.parameters()]
    losses = []
    for t in range(STEPS):
        optimizer.zero_grad(set_to_none=True)
        x = uniform(STREAM_X, 8 * t, (BATCH, 5), -1, 1)
        y = uniform(STREAM_Y, 8 * t, (BATCH, 4), -1, 1)
        loss = (a(x) ** 2).sum()
        if t >= WITHOUT_SECOND:
            loss = loss + (b(y) ** 2).sum()
        loss.backward()
        if value < FOREVER:
            nn.utils.clip_grad_value_(parameters, value)
        if norm < FOREVER:
            nn.utils.clip_grad_norm_(parameters, norm)
        optimizer.step()
        losses.append(loss.item())
        if scheduler:
            scheduler.step()
    return losses, torch.cat([p.detach().reshape(-1) for p in parameters]).tolist()


def main():
    lines = ["/* Made by make_optim.py. */", "static const golden_case goldens[] = {"]
    for name, case in CASES.items():
        losses, values = train(*case)
        number = lambda x: f"{x:.17g}"
        lines += [f'    {{"{name}",', f"     {{{', '.join(map(number, losses))}}},",
                  f"     {{{', '.join(map(number, values))}}}}},"]
    with open(f"{sys.argv[1]}/optim.inc", "w") as file:
        file.write("\n".join(lines + ["};", ""]))


if __name__ == "__main__":
    main()
