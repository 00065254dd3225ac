#!/usr/bin/env python3
"""Makes the golden numbers of test_golden_weights.c: forms of weights and self-attention in PyTorch, in double precision.

Usage: make_weights.py FOLDER      (writes FOLDER/weights.inc)

Needs PyTorch and NumPy; the test itself needs neither. Training: five steps of an optimizer on a network that is applied
twice a step, as discriminators are; entered are the loss, the gradients of every parameter and of the first input, and
after the step every tensor of the state. Projected: the same, with the projection of spectral regularisation behind
each step. Fitted: weight norm's initialisation by a batch, and what the network makes of another one then. Penalties:
R1, the gradient penalty of WGAN-GP and StyleGAN 2's path length with the gradients of every parameter, by double
backward. Values come from Philox, a stream for each name.
"""
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils import spectral_norm, weight_norm

from golden import Book, uniform

STEPS, BATCH = 5, 6


def stream(name):  # also in test_golden_weights.c
    h = 0
    for c in name.encode():
        h = (31 * h + c) % (1 << 30)
    return h


class Equalised(nn.Module):
    def __init__(self, inner, gain=2**0.5, multiplier=1.0):
        super().__init__()
        self.weight, self.bias, self.inner, self.multiplier = inner.weight, inner.bias, [inner], multiplier
        shape = list(inner.weight.shape)
        if isinstance(inner, nn.Embedding):
            fan_in = 1
        elif isinstance(inner, nn.Linear):
            fan_in = inner.in_features
        else:
            fan_in = inner.in_channels // inner.groups * shape[2] * shape[3]
        self.factor = gain / fan_in**0.5 * multiplier

    def forward(self, x):
        return apply(self.inner[0], x, self.weight * self.factor, self.bias * self.multiplier)


def apply(layer, x, weight, bias):
    if isinstance(layer, nn.Linear):
        return F.linear(x, weight, bias)
    if isinstance(layer, nn.Conv2d):
        return F.conv2d(x, weight, bias, layer.stride, layer.padding, layer.dilation, layer.groups)
    return F.conv_transpose2d(x, weight, bias, layer.stride, layer.padding, layer.output_padding, layer.groups)


class Formula(torch.autograd.Function):
    """The gradient of spectral regularisation as its paper derives it, G being that of the regularised weight:
    1/s1 (G - <G, W/s1> u1 v1^T - sum over k of g_k u_k v_k^T + (sum of s_k/s1 g_k) u1 v1^T), g_k = u_k^T G v_k."""

    @staticmethod
    def forward(ctx, w, value, u, s, vh, chosen):
        ctx.save_for_backward(w, u, s, vh)
        ctx.chosen = chosen
        return value.clone()

    @staticmethod
    def backward(ctx, g):
        w, u, s, vh = ctx.saved_tensors
        first = torch.outer(u[:, 0], vh[0])
        out = g - (g * w / s[0]).sum() * first
        for k in ctx.chosen:
            gk = u[:, k] @ g @ vh[k]
            out = out - gk * torch.outer(u[:, k], vh[k]) + s[k] / s[0] * gk * first
        return out / s[0], None, None, None, None, None


class Regularised(nn.Module):
    def __init__(self, inner, dynamic, count=None, formula=False):
        super().__init__()
        self.weight_orig, self.bias, self.inner, self.formula = inner.weight, getattr(inner, "bias", None), [inner], formula
        self.transposed = isinstance(inner, nn.ConvTranspose2d)
        rank = min(self.matrix().shape)
        self.dynamic, self.count = dynamic, count or max(rank // 2, 1)
        if dynamic:
            self.register_buffer("weight_gamma", torch.zeros(rank, dtype=torch.double))

    def matrix(self):
        w = self.weight_orig
        return (w.transpose(0, 1) if self.transposed else w).flatten(1)

    def used(self):
        w = self.matrix()
        u, s, vh = torch.linalg.svd(w.detach(), full_matrices=False)
        if self.dynamic:
            gamma = torch.maximum(self.weight_gamma, s / s[0])
            if self.training:
                self.weight_gamma = gamma
            chosen = range(1, len(s))
        else:
            gamma = torch.ones_like(s)
            chosen = range(1, self.count)
        sigma = [u[:, k] @ w @ vh[k] for k in range(len(s))]
        change = sum(((gamma[k] * sigma[0] - sigma[k]) * torch.outer(u[:, k], vh[k]) for k in chosen), 0)
        used = (w + change) / sigma[0]
        if self.formula:
            used = Formula.apply(w, used.detach(), u, s, vh, list(chosen))
        shape = self.weight_orig.shape
        if self.transposed:
            used = used.reshape(shape[1], shape[0], *shape[2:]).transpose(0, 1)
        return used.reshape(shape)

    def forward(self, x):
        if isinstance(self.inner[0], nn.Embedding):
            return F.embedding(x, self.used())
        return apply(self.inner[0], x, self.used(), self.bias)


class Projected:
    """Spectral norm; project() is gan_layer_compensate, as the authors' code has it: the whole decomposition
    with other singular values in place of its own. The record is a buffer of the layer."""

    def __init__(self, share, dynamic):
        self.share, self.dynamic, self.layers = share, dynamic, []

    def __call__(self, layer):
        spectral_norm(layer)
        self.layers.append(layer)
        if self.dynamic:
            layer.register_buffer("weight_gamma", torch.zeros(min(self.matrix(layer).shape), dtype=torch.double))
        return layer

    @staticmethod
    def matrix(layer):
        w = layer.weight_orig.data
        return (w.transpose(0, 1) if isinstance(layer, nn.ConvTranspose2d) else w).flatten(1)

    def project(self):
        for layer in self.layers:
            u, s, vh = torch.linalg.svd(self.matrix(layer), full_matrices=False)
            if self.dynamic:
                first = bool((layer.weight_gamma == 0).all())
                layer.weight_gamma = torch.maximum(layer.weight_gamma, s / s[0])
                if first:
                    continue
                s = s[0] * layer.weight_gamma
            else:
                s = s / s[0]
                s[: self.share or max(len(s) // 2, 1)] = 1
            w, changed = layer.weight_orig.data, u @ torch.diag(s) @ vh
            if isinstance(layer, nn.ConvTranspose2d):
                changed = changed.reshape(w.shape[1], w.shape[0], *w.shape[2:]).transpose(0, 1)
            w.copy_(changed.reshape(w.shape))


class Attention(nn.Module):
    """f, g, h and v under the numbers that they have in libgan's network inside."""

    def __init__(self, channels, keys, values, pool, output, bias, form=lambda layer: layer):
        super().__init__()
        at = 2 if pool == 1 else 3
        conv = lambda o, i=channels: form(nn.Conv2d(i, o, 1, bias=bias))
        self.names = ["0", "1", str(at), str(at + 2 + (pool > 1))]
        self.add_module(self.names[0], conv(keys))
        self.add_module(self.names[1], conv(keys))
        self.add_module(self.names[2], conv(values))
        self.output, self.pool = output, pool
        last = at + 1 + (pool > 1)
        if output:
            self.names[3] = str(last + 1)
            self.add_module(self.names[3], conv(channels, values))
        scale = nn.Module()
        scale.gamma = nn.Parameter(torch.zeros(1))
        self.scale = str(last + 1 + output)
        self.add_module(self.scale, scale)

    def forward(self, x):
        f, g, h = (getattr(self, n) for n in self.names[:3])
        pool = lambda t: F.max_pool2d(t, self.pool) if self.pool > 1 else t
        q, k, v = f(x).flatten(2), pool(g(x)).flatten(2), pool(h(x)).flatten(2)
        attention = torch.softmax(torch.einsum("ndp,ndm->npm", q, k), 2)
        o = torch.einsum("npm,nem->nep", attention, v).reshape(x.shape[0], -1, *x.shape[2:])
        if self.output:
            o = getattr(self, self.names[3])(o)
        return x + getattr(self, self.scale).gamma * o


class Projection(nn.Module):
    """A linear layer of (embed(y) + 1) h(x), which is near to a projection discriminator."""

    def __init__(self, form):
        super().__init__()
        self.add_module("0", form(nn.Linear(5, 4)))
        self.add_module("2", form(nn.Embedding(7, 4)))
        self.add_module("5", form(nn.Linear(4, 1)))

    def forward(self, x, labels):
        h = torch.tanh(getattr(self, "0")(x))
        e = getattr(self, "2")(labels)
        return getattr(self, "5")(e * h + h)


def fill(case, network):
    network.double()
    with torch.no_grad():
        for name, t in [*network.named_parameters(), *network.named_buffers()]:
            if name.endswith("weight_gamma"):
                t.zero_()
            elif name.endswith("weight_g"):
                t.copy_(uniform(stream(f"{case}/{name}"), t.shape, 0.5, 1.5))
            elif name.endswith("weight") or name.endswith("weight_orig") or (
                    name.endswith("weight_v") and name[:-1] + "g" in dict(network.named_parameters())):
                scale = round(2 / (t.numel() / t.shape[0]) ** 0.5, 4)
                t.copy_(uniform(stream(f"{case}/{name}"), t.shape, -scale, scale))
            else:
                t.copy_(uniform(stream(f"{case}/{name}"), t.shape, -1, 1))
    return network


def conv(o=5, i=3, k=3, s=2, p=1, **more):
    return nn.Conv2d(i, o, k, s, p, **more)


def transposed(o=5, i=3, k=4, s=2, p=1, **more):
    return nn.ConvTranspose2d(i, o, k, s, p, **more)


def maps(layer, tail):
    """A layer on maps of 3 x 4 x 6, and a linear one on what it gives."""
    return nn.Sequential(layer, nn.Tanh(), nn.Flatten(), nn.Linear(tail, 2))


def weight_norm_of(layer):
    return weight_norm(layer, dim=1 if isinstance(layer, nn.ConvTranspose2d) else 0)


SN = spectral_norm
FORMS = {
    "sn": SN,
    "sn3": lambda layer: SN(layer, n_power_iterations=3, eps=1e-6),
    "wn": weight_norm_of,
    "eq": Equalised,
    "eqm": lambda layer: Equalised(layer, 1.0, 0.01),
    "static": lambda layer: Regularised(layer, False),
    "static3": lambda layer: Regularised(layer, False, 3),
    "dynamic": lambda layer: Regularised(layer, True),
}
LAYERS = {
    "linear": lambda form: nn.Sequential(form(nn.Linear(5, 4)), nn.Tanh(), nn.Linear(4, 2)),
    "conv": lambda form: maps(form(conv()), 5 * 2 * 3),
    "transposed": lambda form: maps(form(transposed()), 5 * 8 * 12),
}
TRAINED = [(f, l) for f in FORMS for l in LAYERS if f != "static3"] + [("static3", "conv")]
PROJECTED = {  # what it compensates, and of which layer
    "projected_static_linear": (Projected(0, False), "linear"),
    "projected_static_conv": (Projected(0, False), "conv"),
    "projected_static3_transposed": (Projected(3, False), "transposed"),
    "projected_dynamic_linear": (Projected(0, True), "linear"),
    "projected_dynamic_conv": (Projected(0, True), "conv"),
    "projected_dynamic_transposed": (Projected(0, True), "transposed"),
}
GROUPED = {
    "sn_grouped": lambda: maps(SN(nn.Conv2d(4, 6, 3, 1, 1, groups=2)), 6 * 4 * 6),
    "sn_transposed_grouped": lambda: maps(SN(nn.ConvTranspose2d(4, 6, 3, 1, 1, groups=2)), 6 * 4 * 6),
    "eq_transposed_grouped": lambda: maps(Equalised(nn.ConvTranspose2d(4, 6, 3, 1, 1, groups=2)), 6 * 4 * 6),
    "dynamic_transposed_grouped": lambda: maps(Regularised(nn.ConvTranspose2d(4, 6, 3, 1, 1, groups=2), True),
                                               6 * 4 * 6),
}
ATTENTION = {  # channels 8, maps 4 x 6
    "attention": lambda: Attention(8, 1, 4, 2, True, False),
    "attention_paper": lambda: Attention(8, 2, 1, 1, True, False),
    "attention_values": lambda: Attention(8, 1, 8, 1, False, True),
    "attention_sn": lambda: Attention(8, 1, 4, 2, True, False, SN),
}


def attending(block):
    return nn.Sequential(nn.Conv2d(2, 8, 3, 1, 1), block, nn.Tanh(), nn.Flatten(), nn.Linear(8 * 4 * 6, 2))


def items(case, which, network):
    shape = (BATCH, 5) if case.endswith("linear") else (BATCH, 2, 4, 6) if case.startswith("attention") else (
        BATCH, 4 if case.endswith("grouped") else 3, 4, 6)
    return uniform(stream(f"{case}/x{which}"), shape, -1, 1)


def loss_of(case, network, inputs, target):
    if case.endswith("projection"):
        labels = torch.tensor([0, 6, 3, 3, 1, 5])
        y = [network(inputs[0], labels), network(inputs[1], labels.flip(0))]
    else:
        y = [network(x) for x in inputs]
    return ((y[0] - target) ** 2).mean() + (y[1] * target).sum().tanh(), y


def train(book, case, network, adam, project=lambda: None):
    fill(case, network)
    parameters = dict(network.named_parameters())
    optimizer = (torch.optim.Adam(parameters.values(), lr=0.05, betas=(0.5, 0.9)) if adam else
                 torch.optim.SGD(parameters.values(), lr=0.1, momentum=0.9))
    if case.endswith("projection"):
        inputs = [uniform(stream(f"{case}/x{i}"), (BATCH, 5), -1, 1) for i in range(2)]
        outputs = 1
    else:
        inputs, outputs = [items(case, i, network) for i in range(2)], 2
    inputs[0].requires_grad_()
    target = uniform(stream(f"{case}/target"), (BATCH, outputs), -1, 1)
    for step in range(STEPS):
        loss, _ = loss_of(case, network, inputs, target)
        gradients = torch.autograd.grad(loss, [inputs[0], *parameters.values()])
        book.enter(f"{case}/{step}/loss", loss)
        book.enter(f"{case}/{step}/dx", gradients[0])
        for (name, p), g in zip(parameters.items(), gradients[1:]):
            book.enter(f"{case}/{step}/d{name}", g)
            p.grad = g
        optimizer.step()
        project()
        for name, t in [*network.named_parameters(), *network.named_buffers()]:
            book.enter(f"{case}/{step}/{name}", t)
    network.eval()
    _, y = loss_of(case, network, inputs, target)
    book.enter(f"{case}/eval", y[0])


def fit_to(network, x):
    """Layer after layer: with a = g v / |v| x of mean m and deviation s over the batch, g / s and the bias -m / s."""
    for layer in network:
        if hasattr(layer, "weight_v"):
            v, outputs = layer.weight_v, int(isinstance(layer, nn.ConvTranspose2d))
            norm = v.square().sum([i for i in range(v.dim()) if i != outputs], keepdim=True).sqrt()
            a = apply(layer, x, v * layer.weight_g / norm, None)
            axes = [i for i in range(a.dim()) if i != 1]
            s = a.var(axes, unbiased=False).sqrt()
            layer.weight_g.data /= s.reshape(layer.weight_g.shape)
            if layer.bias is not None:
                layer.bias.data = -a.mean(axes) / s
        x = layer(x)


def fit(book, case, training):
    network = fill(case, nn.Sequential(
        weight_norm_of(conv()), nn.ReLU(), weight_norm_of(nn.Conv2d(5, 4, 3, 1, 1, bias=False)), nn.BatchNorm2d(4),
        nn.LeakyReLU(0.2), weight_norm_of(transposed(6, 4)), nn.Tanh(), nn.Conv2d(6, 4, 3, 2, 1),
        weight_norm_of(nn.Conv2d(4, 6, 3, 2, 1, groups=2)), nn.Flatten(), weight_norm_of(nn.Linear(12, 3))))
    with torch.no_grad():
        network[3].running_var.abs_()
        network.train(training)
        fit_to(network, uniform(stream(f"{case}/x0"), (BATCH, 3, 4, 6), -1, 1))
        for name, t in [*network.named_parameters(), *network.named_buffers()]:
            if t.dtype == torch.double:
                book.enter(f"{case}/{name}", t)
        book.enter(f"{case}/y", network(uniform(stream(f"{case}/x1"), (BATCH, 3, 4, 6), -1, 1)))


def check_formula():
    """Spectral regularisation by autograd and by the paper's formula: the same gradients."""
    for dynamic in (False, True):
        for layer in (conv(), transposed(), nn.Linear(5, 4)):
            results = []
            for formula in (False, True):
                form = fill("formula", Regularised(layer, dynamic, None, formula))
                if dynamic:  # or nothing would be lifted
                    form.weight_gamma.fill_(0.9)
                x = uniform(7, (BATCH, 5) if isinstance(layer, nn.Linear) else (BATCH, 3, 4, 6), -1, 1)
                results.append(torch.autograd.grad((form(x) ** 2).sum(), form.weight_orig)[0])
            assert (results[0] - results[1]).norm() < 1e-12 * results[0].norm()


def critic(form):
    return nn.Sequential(form(conv(4, 2, 3, 1, 1)), nn.Tanh(), form(conv(5, 4, 4, 2, 1)), nn.Softplus(), nn.Flatten(),
                         form(nn.Linear(45, 1)))


def generator(form):
    return nn.Sequential(form(nn.Linear(5, 36)), nn.Tanh(), nn.Unflatten(1, (4, 3, 3)), form(transposed(2, 4)), nn.Tanh())


def attending_critic(block):
    return nn.Sequential(nn.Conv2d(2, 8, 3, 1, 1), block, nn.Softplus(), nn.Flatten(), nn.Linear(288, 1))


def penalise(book, case, kind, network, extra=()):
    fill(case, network)
    shape = (3, 5) if kind == "path" or extra else (3, 2, 6, 6)
    x = uniform(stream(f"{case}/x"), shape, -1, 1).requires_grad_()
    y = network(x, *extra)
    if kind == "path":
        y = y * uniform(stream(f"{case}/y"), y.shape, -1, 1)
    g, = torch.autograd.grad(y.sum(), x, create_graph=True)
    squares = (g**2).flatten(1).sum(1)
    penalty = {"r1": lambda: squares.mean() / 2, "gp": lambda: 10 * ((squares.sqrt() - 1) ** 2).mean(),
               "path": lambda: ((squares.sqrt() - 0.1) ** 2).mean()}[kind]()
    parameters = dict(network.named_parameters())
    gradients = torch.autograd.grad(penalty, parameters.values(), allow_unused=True)
    book.enter(f"{case}/penalty", penalty)
    for (name, p), d in zip(parameters.items(), gradients):
        book.enter(f"{case}/d{name}", torch.zeros_like(p) if d is None else d)


def main():
    torch.set_default_dtype(torch.double)
    check_formula()
    book = Book()
    for i, (form, layer) in enumerate(TRAINED):
        train(book, f"{form}_{layer}", LAYERS[layer](FORMS[form]), i % 2)
    for i, (case, make) in enumerate(GROUPED.items()):
        train(book, case, make(), i % 2)
    for i, (case, (form, layer)) in enumerate(PROJECTED.items()):
        train(book, case, LAYERS[layer](form), i % 2, form.project)
    fit(book, "fitted_training", True)
    fit(book, "fitted_evaluation", False)
    for form in ("sn", "wn", "dynamic"):
        train(book, f"{form}_projection", Projection(FORMS[form]), 1)
    for i, (case, make) in enumerate(ATTENTION.items()):
        train(book, case, attending(make()), i % 2)
    for form in ("sn", "wn", "eq", "static", "dynamic"):
        for kind in ("r1", "gp"):
            penalise(book, f"{kind}_{form}", kind, critic(FORMS[form]))
        penalise(book, f"path_{form}", "path", generator(FORMS[form]))
    for case in ("attention", "attention_sn"):
        for kind in ("r1", "gp"):
            penalise(book, f"{kind}_{case}", kind, attending_critic(ATTENTION[case]()))
    penalise(book, "gp_sn_projection", "gp", Projection(SN), (torch.tensor([0, 6, 3]),))
    book.write(f"{sys.argv[1]}/weights.inc", "make_weights.py")


if __name__ == "__main__":
    main()
