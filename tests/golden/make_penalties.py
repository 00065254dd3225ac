#!/usr/bin/env python3
"""Makes the golden numbers of test_penalties.c: gradients of gradients in PyTorch, in double precision.

Usage: make_penalties.py FOLDER      (writes FOLDER/penalties.inc)

Needs PyTorch and NumPy; the test itself needs neither. Every case is a stretch of layers in the middle of a small critic
and of a small generator. The critic gets R1 (Mescheder et al. 2018) and WGAN-GP's penalty (Gulrajani et al. 2017), the
generator the path length penalty (Karras et al. 2020, eq. 4); written are the penalty and, for the gradient with respect
to each parameter, its norm and its products with two fixed vectors, and the distance that PyTorch's own single precision
has from all of it: the largest of four networks with other weights, since one alone may be lucky. Weights, inputs and these vectors come from Philox by
the formulas of include/gan/tensor.h.
"""
import sys

import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F

from golden import unit
from make_styles import adaptive_instance_norm, blur, conv2d_downsample, minibatch_std, pixel_norm, upsample_conv2d
from make_weights import Attention
from pixel_layers import DiagonalBiLSTM, MaskedConv2d, RowLSTM

SEED = 20061  # this and the following also in test_penalties.c
STREAM_WEIGHT, STREAM_REAL, STREAM_FAKE, STREAM_BETWEEN, STREAM_LATENT, STREAM_IMAGE, STREAM_VECTOR = range(16, 23)
BATCH, LATENT, LAMBDA, LENGTH, VECTORS = 3, 5, 10.0, 0.1, 2
DRAWS = 4
BLOCKS = 4096  # of random numbers kept for each tensor


def uniform(stream, index, shape):
    """In (-1, 1)."""
    count = int(np.prod(shape))
    u = unit(SEED, stream, index, count)
    return torch.from_numpy(2 * u.reshape(-1)[:count] - 1).reshape(shape)


class Join(nn.Module):
    """The current point and the one of that label."""

    def __init__(self, label, function):
        super().__init__()
        self.source, self.function = label, function


class Op(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def label(module, name):
    module.label = name
    return module


class Network(nn.Sequential):
    def forward(self, x):
        points = {}
        for module in self:
            x = module.function(x, points[module.source]) if isinstance(module, Join) else module(x)
            if hasattr(module, "label"):
                points[module.label] = x
        return x


def conv(i, o, *more, **options):
    return nn.Conv2d(i, o, *(more or (3, 1, 1)), **options)


def add(a, b):
    return a + b


def mul(a, b):
    return a * b


def concat(a, b):
    return torch.cat([a, b], 1)


def maxout(pieces):
    return Op(lambda x: x.reshape(x.shape[0], -1, pieces, *x.shape[2:]).max(2)[0])


class UpsampleConv(nn.Conv2d):
    def forward(self, x):
        return upsample_conv2d(x, self.weight, self.bias)


class ConvDownsample(nn.Conv2d):
    def forward(self, x):
        return conv2d_downsample(x, self.weight, self.bias)


def activation(make):
    return lambda: [make(), conv(4, 4), make()]


def norm(make):
    return lambda: [make(), nn.Tanh(), conv(4, 4), make(), nn.Softplus()]


def padded(pad):
    return [nn.Tanh(), pad((1, 2, 3, 0)), conv(4, 5, 3, 2, 0), nn.Tanh()]


# What lies between the first and the last layers: takes 4 x 6 x 6. One module a layer of libgan's.
CASES = {
    "relu": activation(nn.ReLU),
    "leaky_relu": activation(lambda: nn.LeakyReLU(0.2)),
    "elu": activation(lambda: nn.ELU(0.7)),
    "prelu": activation(nn.PReLU),
    "prelu_each": activation(lambda: nn.PReLU(4)),
    "softmax": activation(lambda: nn.Softmax(1)),
    "log_softmax": activation(lambda: nn.LogSoftmax(1)),
    "maxout": lambda: [maxout(2), conv(2, 6), maxout(3)],
    "softplus": activation(nn.Softplus),
    "tanh": activation(nn.Tanh),
    "sigmoid": activation(nn.Sigmoid),
    "batch_norm": norm(lambda: nn.BatchNorm2d(4)),
    "batch_norm_plain": norm(lambda: nn.BatchNorm2d(4, affine=False, track_running_stats=False)),
    "instance_norm": norm(lambda: nn.InstanceNorm2d(4)),
    "instance_norm_affine": norm(lambda: nn.InstanceNorm2d(4, affine=True)),
    "layer_norm": norm(lambda: nn.LayerNorm((4, 6, 6))),
    "layer_norm_plain": norm(lambda: nn.LayerNorm((4, 6, 6), elementwise_affine=False)),
    "batch_norm_relu": lambda: [nn.BatchNorm2d(4), nn.ReLU(), conv(4, 4), nn.BatchNorm2d(4), nn.ReLU()],
    "instance_norm_leaky_relu": lambda: [nn.InstanceNorm2d(4), nn.LeakyReLU(0.2), conv(4, 4), nn.InstanceNorm2d(4),
                                         nn.LeakyReLU(0.2)],
    "layer_norm_leaky_relu": lambda: [nn.LayerNorm((4, 6, 6)), nn.LeakyReLU(0.2), conv(4, 4), nn.LayerNorm((4, 6, 6)),
                                      nn.LeakyReLU(0.2)],
    "global_avg_pool": lambda: [nn.Tanh(), Op(lambda x: x.mean((2, 3))), nn.Linear(4, 5), nn.Tanh()],
    "avg_pool": lambda: [nn.Tanh(), nn.AvgPool2d(2), conv(4, 4), nn.Tanh(), nn.AvgPool2d(3, 2, 1)],
    "max_pool": lambda: [nn.Tanh(), nn.MaxPool2d(2), conv(4, 4), nn.Tanh(), nn.MaxPool2d(3, 2, 1)],
    "nearest": lambda: [nn.Tanh(), nn.Upsample(scale_factor=2), conv(4, 4, 4, 2, 1), nn.Tanh()],
    "bilinear": lambda: [nn.Tanh(), nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
                         conv(4, 4, 4, 2, 1), nn.Tanh()],
    "bilinear_corners": lambda: [nn.Tanh(), nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
                                 conv(4, 4, 4, 2, 1), nn.Tanh()],
    "zero_pad": lambda: padded(nn.ZeroPad2d),
    "reflect_pad": lambda: padded(nn.ReflectionPad2d),
    "replicate_pad": lambda: padded(nn.ReplicationPad2d),
    "sum": lambda: [label(nn.Tanh(), "skip"), conv(4, 4), nn.Tanh(), conv(4, 4), Join("skip", add), nn.Softplus()],
    "product": lambda: [label(nn.Tanh(), "skip"), conv(4, 4), nn.Sigmoid(), Join("skip", mul), conv(4, 4), nn.Tanh()],
    "concat": lambda: [label(nn.Tanh(), "skip"), conv(4, 3), nn.Tanh(), Join("skip", concat), conv(7, 4), nn.Tanh()],
    "strided": lambda: [nn.Tanh(), conv(4, 6, 4, 2, 1), nn.Tanh()],
    "dilated": lambda: [nn.Tanh(), conv(4, 5, 3, 1, 2, dilation=2), nn.Tanh()],
    "grouped": lambda: [nn.Tanh(), conv(4, 8, 3, 1, 1, groups=2), nn.Tanh(), conv(8, 8, 3, 1, 1, groups=8), nn.Tanh()],
    "rectangular": lambda: [nn.Tanh(), conv(4, 6, (3, 2), (2, 1), (1, 0), dilation=(1, 2), groups=2), nn.Tanh()],
    "transposed": lambda: [nn.Tanh(), nn.ConvTranspose2d(4, 3, 4, 2, 1), nn.Tanh()],
    "transposed_grouped": lambda: [nn.Tanh(), nn.ConvTranspose2d(4, 6, 3, 2, 1, output_padding=1, groups=2, dilation=2),
                                   nn.Tanh()],
    "pixel_norm": lambda: [Op(pixel_norm), nn.Tanh(), conv(4, 4), Op(pixel_norm), nn.Softplus()],
    "minibatch_std": lambda: [nn.Tanh(), Op(minibatch_std), conv(5, 4), nn.Tanh()],
    "adaptive_instance_norm": lambda: [label(nn.Tanh(), "maps"), Op(lambda x: x.mean((2, 3))), nn.Linear(4, 8),
                                       Join("maps", lambda style, x: adaptive_instance_norm(x, style)), nn.Softplus()],
    "blur": lambda: [nn.Tanh(), Op(blur), nn.Tanh(), Op(lambda x: blur(x, stride=2, pads=(2, 2))), nn.Tanh()],
    "upsample_conv2d": lambda: [nn.Tanh(), UpsampleConv(4, 3, 3), nn.Tanh()],
    "conv2d_downsample": lambda: [nn.Tanh(), ConvDownsample(4, 6, 3), nn.Tanh()],
    "self_attention": lambda: [nn.Tanh(), Attention(4, 1, 2, 2, True, False), conv(4, 4), nn.Softplus()],
    "masked": lambda: [nn.Tanh(), MaskedConv2d(4, 5, 3, "A"), nn.Tanh(), MaskedConv2d(5, 6, 3, "B", 3), nn.Tanh()],
    "row_lstm": lambda: [nn.Tanh(), RowLSTM(4, 3, 3, 6), nn.Tanh()],
    "diagonal_bilstm": lambda: [nn.Tanh(), DiagonalBiLSTM(4, 3, 6), nn.Tanh()],
}


def critic(middle):
    modules = [conv(2, 4)] + middle()
    with torch.no_grad():
        size = Network(*modules)(torch.zeros(2, 2, 6, 6)).flatten(1).shape[1]
    return Network(*modules, nn.Flatten(), nn.Linear(size, 1))


def generator(middle):
    modules = [nn.Linear(LATENT, 4 * 6 * 6), nn.Unflatten(1, (4, 6, 6))] + middle()
    with torch.no_grad():
        size = Network(*modules)(torch.zeros(2, LATENT)).flatten(1).shape[1]
    return Network(*modules, nn.Flatten(), nn.Linear(size, 18), nn.Unflatten(1, (2, 3, 3)), nn.Tanh())


NORMS = nn.BatchNorm2d, nn.InstanceNorm2d, nn.LayerNorm


def fill(network, draw):
    """Values of every parameter: offset + scale u. Returns (name, offset, scale) of each. Draw 0 is the test's."""
    out = []
    network.double()
    for i, (name, p) in enumerate(network.named_parameters()):
        module = network[int(name.split(".")[0])]
        if isinstance(module, NORMS):
            offset, scale = float(name.endswith("weight")), 0.3
        elif name.endswith("weight"):
            offset, scale = 0.0, float(f"{3 / (p.numel() / p.shape[0]) ** 0.5:.4f}")
        else:
            offset, scale = 0.0, 0.3
        p.data = offset + scale * uniform(STREAM_WEIGHT + 100 * draw, i * BLOCKS, p.shape)
        out.append((name, offset, scale))
    return out


def penalties(critic_network, generator_network, dtype):
    """(name, value, gradients with respect to the parameters of its network) of the three."""
    critic_network.to(dtype), generator_network.to(dtype)
    shape = BATCH, 2, 6, 6
    real, fake = uniform(STREAM_REAL, 0, shape), uniform(STREAM_FAKE, 0, shape)  # rounded only when they are used
    t = 0.5 + 0.5 * uniform(STREAM_BETWEEN, 0, (BATCH, 1, 1, 1))
    between = real + t * (fake - real)

    def slope(network, x, weights=None):
        x = x.to(dtype).requires_grad_(True)
        y = network(x)
        y = y.sum() if weights is None else (y * weights.to(dtype)).sum()
        return torch.autograd.grad(y, x, create_graph=True)[0].flatten(1)

    r1 = 0.5 * slope(critic_network, real).square().sum(1).mean()
    gp = LAMBDA * (slope(critic_network, between).norm(2, 1) - 1).square().mean()
    latent = uniform(STREAM_LATENT, 0, (BATCH, LATENT))
    image = uniform(STREAM_IMAGE, 0, (BATCH, 2, 3, 3)) / 3.0
    path = (slope(generator_network, latent, image).norm(2, 1) - LENGTH).square().mean()
    for name, value, network in (("r1", r1, critic_network), ("gp", gp, critic_network), ("path", path, generator_network)):
        parameters = list(network.parameters())
        gradients = torch.autograd.grad(value, parameters, allow_unused=True)
        yield name, value.item(), [torch.zeros_like(p) if g is None else g for p, g in zip(parameters, gradients)]


def write(f, name, middle):
    networks = critic(middle), generator(middle)
    distances = [0.0] * 3
    for draw in reversed(range(DRAWS)):
        tensors = [fill(network, draw) for network in networks]
        wide, narrow = list(penalties(*networks, torch.float64)), list(penalties(*networks, torch.float32))
        for i in range(3):
            whole, whole32 = (torch.cat([g.double().flatten() for g in run[i][2]]) for run in (wide, narrow))
            distances[i] = max(distances[i], ((whole32 - whole).norm() / whole.norm()).item())
    for (kind, value, gradients), distance in zip(wide, distances):
        owned = tensors[kind == "path"]
        f.write(f"static const golden_tensor {name}_{kind}[] = {{\n")
        for i, ((key, offset, scale), g) in enumerate(zip(owned, gradients)):
            products = [(g * uniform(STREAM_VECTOR, (VECTORS * i + k) * BLOCKS, g.shape)).sum().item() for k in range(VECTORS)]
            row = ", ".join(repr(v) for v in products)
            f.write(f'    {{"{key}", {g.numel()}, {offset}, {scale}, {g.norm().item()!r}, {{{row}}}}},\n')
        f.write("};\n")
        yield f"{{{value!r}, {distance:.3e}, {name}_{kind}, {len(gradients)}}}"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    with open(f"{sys.argv[1]}/penalties.inc", "w") as f:
        f.write(f"/* Written by make_penalties.py with PyTorch {torch.__version__.split('+')[0]}; not to be edited. */\n")
        rows = [(name, list(write(f, name, middle))) for name, middle in CASES.items()]
        f.write("static const golden goldens[] = {\n")
        for name, penalty in rows:
            f.write(f'    {{"{name}",\n     {{' + ",\n      ".join(penalty) + "}},\n")
        f.write("};\n")


if __name__ == "__main__":
    main()
