#!/usr/bin/env python3
"""Makes the golden numbers of test_golden_pixel.c: masked convolutions, PixelRNN's LSTMs and likelihoods of pixels.

Usage: make_pixel.py FOLDER      (writes FOLDER/pixel.inc)

Every network takes five steps of gradient descent with momentum on one batch; written are the network's result, the
loss, the gradients of the input and of every parameter in each step, and the parameters in the end. Needs PyTorch and
NumPy; the test needs neither."""
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

from golden import Book, uniform
from pixel_layers import DiagonalBiLSTM, MaskedConv2d, RowLSTM

BATCH, HEIGHT, WIDTH, STEPS, LEVELS, MIXTURES = 3, 5, 4, 5, 4, 2  # also in test_golden_pixel.c
STREAM_INPUT, STREAM_IMAGE, STREAM_CASE = 1, 2, 1000


def masked_grey():
    return {"0": MaskedConv2d(1, 6, 7, "A"), "1": nn.Tanh(), "2": MaskedConv2d(6, 5, 3, "B"), "3": nn.Tanh(),
            "4": MaskedConv2d(5, 1, (1, 3), "B", bias=False)}


def masked_rgb():
    return {"0": MaskedConv2d(3, 7, 3, "A", 3), "1": nn.Tanh(), "2": MaskedConv2d(7, 8, 3, "B", 3), "3": nn.Tanh(),
            "4": MaskedConv2d(8, 3 * LEVELS, 1, "B", 3)}


def row():
    return {"0": MaskedConv2d(1, 4, 3, "A"), "1": RowLSTM(4, 3, 3, WIDTH), "2": MaskedConv2d(3, 4, 1, "B"), "3": "sum",
            "4": nn.ReLU(), "5": MaskedConv2d(4, 1, 1, "B")}


def row_rgb():
    return {"0": MaskedConv2d(3, 6, 3, "A", 3), "1": RowLSTM(6, 4, 5, WIDTH, 3, bias=False, learned=False),
            "2": MaskedConv2d(4, 6, 1, "B", 3), "3": "sum", "4": nn.ReLU(), "5": MaskedConv2d(6, 3 * LEVELS, 1, "B", 3)}


def diagonal():
    return {"0": MaskedConv2d(1, 4, 3, "A"), "1": DiagonalBiLSTM(4, 3, HEIGHT), "2": MaskedConv2d(3, 4, 1, "B"),
            "3": "sum", "4": nn.ReLU(), "5": MaskedConv2d(4, 3, 1, "B")}


def diagonal_rgb():
    return {"0": MaskedConv2d(3, 6, 3, "A", 3), "1": DiagonalBiLSTM(6, 3, HEIGHT, 3, bias=False, learned=False),
            "2": MaskedConv2d(3, 6, 1, "B", 3), "3": "sum", "4": nn.ReLU(), "5": MaskedConv2d(6, 10 * MIXTURES, 1, "B", 3)}


def images(colours, levels):
    u = uniform(STREAM_IMAGE, (BATCH, colours, HEIGHT, WIDTH), 0, 1)
    return (u * levels).floor().long()


def bernoulli(result):
    """Nats per image."""
    return F.binary_cross_entropy_with_logits(result, images(1, 2).double(), reduction="sum") / BATCH


def categorical(result):
    """Bits per dimension."""
    logits = result.reshape(BATCH, 3, LEVELS, HEIGHT, WIDTH).transpose(1, 2)
    return F.cross_entropy(logits, images(3, LEVELS)) / torch.log(torch.tensor(2.0, dtype=torch.float64))


def logistic(mean, log_scale, level):
    """log of the probability of levels 0 to 255."""
    x, scale = level * 2 / 255 - 1, torch.exp(log_scale.clamp(min=-7))
    upper = torch.where(level == 255, torch.ones_like(x), torch.sigmoid((x + 1 / 255 - mean) / scale))
    lower = torch.where(level == 0, torch.zeros_like(x), torch.sigmoid((x - 1 / 255 - mean) / scale))
    return torch.log(upper - lower)


def extreme(colours):
    """Levels 0 and 255 among them."""
    return ((images(colours, 300) - 20).clamp(0, 255)).double()


def mixture(result):
    """PixelCNN++'s, nats per image."""
    level, x = extreme(3), extreme(3) * 2 / 255 - 1
    total = 0
    weights = torch.log_softmax(result[:, :MIXTURES], 1)
    rest = result[:, MIXTURES:].reshape(BATCH, 3, 3, MIXTURES, HEIGHT, WIDTH)  # colour, which, mixture
    k = torch.tanh(rest[:, :, 2])
    for m in range(MIXTURES):
        red = rest[:, 0, 0, m]
        green = rest[:, 1, 0, m] + k[:, 0, m] * x[:, 0]
        blue = rest[:, 2, 0, m] + k[:, 1, m] * x[:, 0] + k[:, 2, m] * x[:, 1]
        p = sum(logistic(mean, rest[:, c, 1, m], level[:, c]) for c, mean in enumerate((red, green, blue)))
        total = total + torch.exp(weights[:, m] + p)
    return -torch.log(total).sum() / BATCH


def single(result):
    """One logistic a pixel: a weight that is of no use, mean, log of the scale."""
    return -logistic(result[:, 1], result[:, 2], extreme(1)[:, 0]).sum() / BATCH


CASES = {"masked_grey": (masked_grey, 1, bernoulli), "masked_rgb": (masked_rgb, 3, categorical), "row": (row, 1, bernoulli),
         "row_rgb": (row_rgb, 3, categorical), "diagonal": (diagonal, 1, single), "diagonal_rgb": (diagonal_rgb, 3, mixture)}


def apply(modules, x):
    for name, module in modules.items():
        if name == "1":
            skip = x
        x = x + skip if module == "sum" else module(x)
    return x


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    book = Book()
    for number, (name, (make, colours, loss_of)) in enumerate(CASES.items()):
        modules = make()
        parameters = [(f"{place}.{key}", p) for place, module in modules.items() if module != "sum"
                      for key, p in module.double().named_parameters()]
        for i, (key, p) in enumerate(parameters):
            p.data = uniform(STREAM_CASE * (number + 1) + i, p.shape, -0.6, 0.6)
        optimizer = torch.optim.SGD([p for _, p in parameters], lr=0.05, momentum=0.9)
        for step in range(STEPS):
            x = uniform(STREAM_INPUT, (BATCH, colours, HEIGHT, WIDTH), -1, 1).requires_grad_(True)
            result = apply(modules, x)
            loss = loss_of(result)
            optimizer.zero_grad()
            loss.backward()
            book.enter(f"{name}/{step}/result", result)
            book.enter(f"{name}/{step}/loss", loss)
            book.enter(f"{name}/{step}/input", x.grad)
            for key, p in parameters:
                book.enter(f"{name}/{step}/{key}", torch.zeros_like(p) if p.grad is None else p.grad)
            optimizer.step()
        for key, p in parameters:
            book.enter(f"{name}/end/{key}", p)
    book.write(f"{sys.argv[1]}/pixel.inc", "make_pixel.py")


if __name__ == "__main__":
    main()
