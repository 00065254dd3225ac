#!/usr/bin/env python3
"""Makes the golden numbers of check_programs.py: the first steps of the example programs in PyTorch, in double precision.

Usage: make_programs.py FOLDER [NAME ...]      (writes FOLDER/programs.json; with names, only the cases that begin with one)

Needs PyTorch and NumPy; the test itself needs neither. To add a program: its networks in program_networks.py, its loop
here, if it has another than those here, and a line in CASES.
"""
import array
import json
import math
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

import check_programs
import program_networks as nets
from make_stateful import Adam as AdamOf
from program_inputs import (SEED, STREAM_NOISE, WEIGHTED, Domain, Init, Labelled, Loader, Moons, Points, Stacks, Stream,
                            grid, high, ring,
                            init_cgan_paper, init_convolutions, init_dcgan, init_default, init_gan_paper, init_improved,
                            init_improved_dcgan, init_infogan, init_infogan_keras, init_infogan_pair,
                            init_cogan_pytorch_gan, init_lsgan,
                            init_mixture, init_mixture_lsgan, init_mixture_spectral, init_cogan, init_residual,
                            init_spectral_cnn, init_veegan, init_veegan_stacked)

POINTS = 104  # of the mixture program


# ---- losses: sums for D, G's ----

def softplus_d(real, fake):
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def non_saturating(fake):
    return F.softplus(-fake).mean()


def minimax(fake):
    return -F.softplus(fake).mean()


def least_squares(real_target, fake_target, wanted, g_factor):
    def squares(scores, target):
        return (scores - target).square().mean()
    return (lambda real, fake: (squares(real, real_target) + squares(fake, fake_target)) / 2,
            lambda fake: g_factor * squares(fake, wanted))


hinge = (lambda real, fake: F.relu(1 - real).mean() + F.relu(1 + fake).mean(), lambda fake: -fake.mean())


def half(loss):
    return lambda real, fake: loss(real, fake) / 2


# ---- loops ----

class Run:
    def __init__(self, case):
        self.loader = (case["reals"](case["batch"]) if "reals" in case else case["points"](case["batch"]) if case["data"] is None
                       else Loader(case["data"], case["batch"], case.get("size", 28), case.get("low", -1)))
        self.noise = nets.noise = Stream(STREAM_NOISE)
        self.g, self.d = (network.double() for network in case["networks"](self.loader.shape))
        if hasattr(self.d, "reconstructor"):
            self.f = self.d.reconstructor
            del self.d.reconstructor
            self.opt_f = case["optimizer"](self.f.parameters())
        players = case.get("players", lambda g, d: (g.parameters(), d.parameters()))(self.g, self.d)
        self.opt_g, self.opt_d = (make(p) for make, p in zip(case.get("optimizers", 2 * [case.get("optimizer")]), players))
        self.loss_d, self.loss_g = case.get("losses", (None, None))
        self.prior, self.latent_dim, self.conditional = case.get("prior", "normal"), case.get("latent", 100), case.get("labels")
        self.loop, self.done, self.steps = case["loop"], 0, case["steps"]
        case["init"](Init(), self)

    def latent(self, count=None):
        """z and, for conditional networks, classes."""
        shape = (count or self.loader.batch, self.latent_dim)
        ranges = {"uniform": (-1, 1), "unit uniform": (0, 1), "wide uniform": (-math.sqrt(3), math.sqrt(3))}
        z = self.noise.normal(shape) if self.prior == "normal" else self.noise.uniform(shape, *ranges[self.prior])
        return (z, self.noise.labels(len(z), 10)) if self.conditional else (z,)

    def reals(self):
        images, labels = self.loader.at(self.done)
        return (images, labels) if self.conditional else (images,)

    def fakes(self, inputs):
        return (self.g(*inputs), *inputs[1:])

    def make(self, z, through):
        """Of a network with virtual batch normalisation, gradients go through the reference's statistics or not."""
        if not hasattr(self, "reference"):
            return self.g(z)
        return self.g(z, self.reference) if through else nn.Sequential.forward(self.g, z)

    def refer(self):
        with torch.no_grad():
            self.g(self.reference[:1], self.reference)

    def on_fakes_and_reals(self, fakes):
        """D is asked about the reals first."""
        real = self.d(*self.reals())
        return self.loss_d(real, self.d(fakes[0].detach(), *fakes[1:]))

    def update(self, name, optimizer, loss):
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        self.line[name] = loss.item()

    def parts(self, program):
        """Networks, by their names in the checkpoint."""
        if program == "classifier":
            return {program: self.g}
        return {"generator": self.g, "discriminator": self.d, **({"reconstructor": self.f} if hasattr(self, "f") else {})}

    def step(self):
        self.line = {"step": self.done + 1}
        self.loop(self)
        self.done += 1
        return self.line


def g_first(run):
    """Sheet 1 (e): D's step on the fakes of G's, which are a step of G old by then."""
    fakes = run.fakes(run.latent())
    run.update("loss_g", run.opt_g, run.loss_g(run.d(*fakes)))
    run.update("loss_d", run.opt_d, run.on_fakes_and_reals(fakes))


def d_first(run):
    """Sheet 2 (e): G's step on the same fakes through the D that was just updated."""
    fakes = run.fakes(run.latent())
    run.update("loss_d", run.opt_d, run.on_fakes_and_reals(fakes))
    run.update("loss_g", run.opt_g, run.loss_g(run.d(*fakes)))


def alternating(run):
    """Sheet 2.B: one network a minibatch."""
    fakes = run.fakes(run.latent())
    if run.done % 2 == 0:
        run.update("loss_g", run.opt_g, run.loss_g(run.d(*fakes)))
    else:
        run.update("loss_d", run.opt_d, run.on_fakes_and_reals(fakes))


def alternating_falling(run):
    """Sheet 2.E: the same, and the rates stay for half of a network's updates and then fall to 0."""
    updates = (run.steps + 1 - run.done % 2) // 2
    late = run.done // 2 - updates // 2
    optimizer = run.opt_d if run.done % 2 else run.opt_g
    optimizer.param_groups[0]["lr"] = 2e-4 * (1 - max(late, 0) / (updates - updates // 2))
    alternating(run)


def set_sgd(run, slower):
    """Sheets 1 (d) and 3 (d), before a step."""
    for optimizer in (run.opt_g, run.opt_d):
        optimizer.param_groups[0]["lr"] = max(0.1 / slower ** run.done, 1e-6)
        optimizer.param_groups[0]["momentum"] = 0.5 + 0.2 * min(run.done / run.loader.batches / 250, 1)


def simultaneous(run):
    """Sheet 1.B: both gradients before either step."""
    fakes = run.fakes(run.latent())
    loss_d = run.on_fakes_and_reals(fakes)
    loss_g = run.loss_g(run.d(*fakes))
    for network, optimizer, loss in ((run.d, run.opt_d, loss_d), (run.g, run.opt_g, loss_g)):
        for p, gradient in zip(network.parameters(), torch.autograd.grad(loss, list(network.parameters()))):
            p.grad = gradient
    run.opt_d.step(), run.opt_g.step()
    run.line.update(loss_d=loss_d.item(), loss_g=loss_g.item())


def simultaneous_sgd(run):
    set_sgd(run, 1.000004)
    simultaneous(run)


def g_first_sgd(run):
    set_sgd(run, 1.00004)
    g_first(run)


def critic(turn, clip=None, clip_first=False, gp=None, fresh=True):
    """Sheet 7 (e). turn(step): does G go after this step of the critic, the first of which is 0?"""
    def clamp(run):
        for p in run.d.parameters():
            p.data.clamp_(-clip, clip)

    def loop(run):
        if clip is not None and clip_first:
            clamp(run)
        fakes = run.fakes(run.latent())
        reals, made = run.reals()[0], fakes[0].detach()
        loss = run.d(reals).mean()
        loss = run.d(made).mean() - loss
        run.line["wasserstein"] = -loss.item()
        if gp is not None:
            e = 1 - run.noise.uniform((len(reals), 1, 1, 1), 0, 1)
            x = (e * reals + (1 - e) * made).requires_grad_()
            slope, = torch.autograd.grad(run.d(x).sum(), x, create_graph=True)
            penalty = gp * (slope.flatten(1).norm(dim=1) - 1).square().mean()
            run.line["penalty"] = penalty.item()
            loss = loss + penalty
        run.opt_d.zero_grad()
        loss.backward()
        run.opt_d.step()
        if clip is not None and not clip_first:
            clamp(run)
        if not turn(run):
            return
        if fresh:
            fakes = run.fakes(run.latent())
        run.update("loss_g", run.opt_g, -run.d(*fakes).mean())
    return loop


def spectrum(d):
    """Mean over the convolutions of the singular value at half the rank, divided by the largest."""
    weights = [p.detach().flatten(1) for name, p in d.named_parameters() if p.dim() == 4 and min(p.flatten(1).shape) > 1]
    values = [torch.linalg.svdvals(w) for w in weights]
    return (sum(s[len(s) // 2 - 1] / s[0] for s in values) / len(values)).item()


def n_dis(count, interval=None, start=0):
    """Sheet b 7: a step of G, with twice the batch, before every count-th of D; both rates fall to 0 in the run. In every
    interval-th round the singular values are lifted after each step of D, but in the first `start` steps."""
    def loop(run):
        updates = run.done // count
        run.opt_g.param_groups[0]["lr"] = 2e-4 * (1 - updates / ((run.steps - 1) // count + 1))
        run.opt_d.param_groups[0]["lr"] = 2e-4 * (1 - run.done / run.steps)
        if run.done % count == 0:
            run.update("loss_g", run.opt_g, run.loss_g(run.d(*run.fakes(run.latent(2 * run.loader.batch)))))
        run.update("loss_d", run.opt_d, run.on_fakes_and_reals(run.fakes(run.latent())))
        if interval is not None and run.done >= start and updates % interval == 0:
            for m in run.d.modules():
                if getattr(m, "compensation", None) is not None:
                    m.compensate()
        if run.done in (0, run.steps - 1):
            run.line["spectrum"] = spectrum(run.d)
    return loop


def on_points(clip=None, gp=None, every=1, same=False):
    """Sheet 0.6: D, then, after each `every`-th step, G, each on z of its own, or on the same; told, both know components,
    which are drawn before z."""
    def fakes(run):
        classes = run.noise.labels(run.loader.batch, 8) if run.conditional else None
        z = run.noise.normal((run.loader.batch, run.latent_dim))
        return run.g(z, classes), classes

    def loop(run):
        reals, components = run.loader.at(run.done)
        both = fakes(run)
        made, classes = both[0].detach(), both[1]
        real = run.d(reals, components)
        loss = run.loss_d(real, run.d(made, classes))
        if gp is not None:
            e = 1 - run.noise.uniform((len(reals), 1), 0, 1)
            x = (e * reals + (1 - e) * made).requires_grad_()
            slope, = torch.autograd.grad(run.d(x, components).sum(), x, create_graph=True)
            loss = loss + gp * (slope.norm(dim=1) - 1).square().mean()
        run.update("loss_d", run.opt_d, loss)
        if clip is not None:
            for p in run.d.parameters():
                p.data.clamp_(-clip, clip)
        if (run.done + 1) % every == 0:
            run.update("loss_g", run.opt_g, run.loss_g(run.d(*(both if same else fakes(run)))))
    return loop


def guess_loss(guesses, codes, categories, learned=False, weight=1):
    """Sheet 4 (c): minus the bounds, of the category and of each continuous code, weighted and one by one."""
    category = math.log(categories) - F.cross_entropy(guesses[:, :categories], codes[:, :categories].argmax(1))
    count = codes.shape[1] - categories
    c, m = codes[:, categories:], guesses[:, categories:categories + count]
    if learned:
        w = guesses[:, categories + count:].clamp(-3, 2)
        cost = 0.5 * math.log(2 * math.pi) + w + (c - m).square() / (2 * torch.exp(2 * w))
        continuous = math.log(2) - cost.mean(0)
    else:  # as if the codes were normally distributed
        continuous = (c.square() - (c - m).square()).mean(0) / 2
    return -(category + weight * continuous.sum()), category, continuous


def one_hot(labels, classes):
    return F.one_hot(labels, classes).double()


def infogan(learned=False, weight=1, apart=False):
    """Sheet 4 (e): D with Q, then G, each on fakes of its own."""
    def fakes(run, count):
        category = one_hot(run.noise.labels(count, 10), 10)
        codes = torch.cat([category, run.noise.uniform((count, 2), -1, 1)], 1)
        return run.g(*run.latent(), codes), codes

    def loop(run):
        made, codes = fakes(run, run.loader.batch)
        real = run.d.d(run.d.trunk(run.reals()[0]))
        fake, guesses = run.d(made.detach(), apart)
        loss, _, _ = guess_loss(guesses, codes, 10, learned, weight)
        adversarial = softplus_d(real, fake)
        run.line["adversarial"] = adversarial.item()
        run.update("loss_d", run.opt_d, adversarial + loss)
        made, codes = fakes(run, run.loader.batch)
        fake, guesses = run.d(made)
        loss, category, continuous = guess_loss(guesses, codes, 10, learned, weight)
        run.line.update(category=category.item(), continuous=continuous.sum().item())
        run.update("loss_g", run.opt_g, non_saturating(fake) + loss)
    return loop


def infogan_pytorch_gan(run):
    """Sheet 4.2: G, D on the same fakes, then everything by the guesses of others."""
    def fakes():
        category = one_hot(run.noise.labels(run.loader.batch, 10), 10)
        codes = torch.cat([category, run.noise.uniform((run.loader.batch, 2), -1, 1)], 1)
        return run.g(*run.latent(), codes), codes

    def score(images):
        return run.d.d(run.d.trunk(images))

    made, _ = fakes()
    run.update("loss_g", run.opt_g, (score(made) - 1).square().mean())
    real, fake = score(run.reals()[0]), score(made.detach())
    run.update("loss_d", run.opt_d, ((real - 1).square().mean() + fake.square().mean()) / 2)
    made, codes = fakes()
    loss, category, continuous = guess_loss(run.d.q(run.d.trunk(made)), codes, 10, False, 0.1)
    run.line.update(category=category.item(), continuous=continuous.sum().item())
    if not hasattr(run, "opt_all"):
        run.opt_all = adam()([*run.g.parameters(), *run.d.parameters()])
    run.opt_all.zero_grad()
    loss.backward()
    run.opt_all.step()


def infogan_keras(run):
    """Sheet 4 (e): D on reals, D on fakes, then G with Q's own layers on as many as both."""
    def fakes(count):
        category = one_hot(run.noise.labels(count, 10), 10)
        return run.g(run.noise.normal((count, run.latent_dim)), category), category

    real = F.softplus(-run.d.d(run.d.trunk(run.reals()[0]))).mean()
    run.update("loss_d", run.opt_d, real)
    made, _ = fakes(run.loader.batch)
    run.update("loss_d", run.opt_d, F.softplus(run.d.d(run.d.trunk(made.detach()))).mean())
    run.line["loss_d"] += real.item()
    made, category = fakes(2 * run.loader.batch)
    fake, guesses = run.d(made)
    loss, bound, _ = guess_loss(guesses, category, 10)
    run.line["category"] = bound.item()
    run.update("loss_g", run.opt_g, non_saturating(fake) + loss)


def history(network, weight, past):
    """Sheet 5 (b): of `past`, the sum of a network's parameters after each update so far."""
    if not past:
        return 0
    return weight * sum((p - total / past["count"]).square().sum() for p, total in zip(network.parameters(), past["sum"]))


def remember(network, past):
    now = [p.detach().clone() for p in network.parameters()]
    past["sum"] = [a + b for a, b in zip(past["sum"], now)] if past else now
    past["count"] = past.get("count", 0) + 1


def improved(matching=torch.square, historical=0, target=1, labels_only=False, minimax=True, labels=0):
    """Sheet 5 (c), (e): D on labelled items, others and fakes; then G. matching: what becomes of differences of features."""
    ahead = 2 ** 20  # epochs: another order of the same items

    def player(run, name, network, optimizer, loss, past):
        run.update(name, optimizer, loss + history(network, historical, past))
        if historical:
            remember(network, past)

    def loop(run):
        if not hasattr(run, "past"):
            run.past = {}, {}
            run.told = Labelled(run.loader, labels // (int(run.loader.labels.max()) + 1)) if labels else None
            if hasattr(run, "reference"):
                run.refer()
        loss = 0
        if not labels_only:
            fake = run.make(*run.latent(), False).detach()
        if labels:
            x, y = run.told.at(run.done)
            loss = F.cross_entropy(run.d(x)[0], y)
            run.line["loss_labelled"] = loss.item()
        if not labels_only:
            real, made = (run.d(x)[0].logsumexp(1) for x in (run.reals()[0], fake))
            others = (F.softplus(real) - target * real).mean() + F.softplus(made).mean()
            loss = loss + (0.5 if labels else 1) * others
        player(run, "loss_d", run.d, run.opt_d, loss, run.past[0])
        if labels_only:
            return
        made = run.make(*run.latent(), True)
        if matching:
            x, _ = run.loader.at(run.done + ahead * run.loader.batches)
            real = run.d(x)[1]
            loss = matching(real.mean(0).detach() - run.d(made)[1].mean(0)).mean()
        else:
            score = run.d(made)[0].logsumexp(1)
            loss = -F.softplus(score).mean() if minimax else F.softplus(-score).mean()
        player(run, "loss_g", run.g, run.opt_g, loss, run.past[1])
        if hasattr(run, "reference"):
            run.refer()
    return loop


def veegan(more):
    """Sheet b 8.2: three gradients, then three steps. more: G takes one number beside z."""
    def loop(run):
        shape = run.loader.batch, run.latent_dim
        z = run.noise.normal(shape)
        x = run.reals()[0]
        made = run.g(z, run.noise.normal((len(z), 1))) if more else run.g(z)
        guess = (run.f(x) + run.noise.normal(shape)).detach()
        loss_d = F.softplus(run.d(x, guess)).mean()
        loss_d = F.softplus(-run.d(made.detach(), z)).mean() + loss_d
        distance = (z - run.f(made)).square().sum(1).mean() / 2
        loss_g = run.d(made, z).mean() + distance
        loss_f = (z - run.f(made.detach())).square().sum(1).mean() / 2
        players = (run.d, run.opt_d, loss_d), (run.g, run.opt_g, loss_g), (run.f, run.opt_f, loss_f)
        for network, optimizer, loss in players:
            parameters = list(network.parameters())
            for p, gradient in zip(parameters, torch.autograd.grad(loss, parameters, retain_graph=True)):
                p.grad = gradient
        for _, optimizer, _ in players:
            optimizer.step()
        run.line.update(loss_d=loss_d.item(), loss_g=loss_g.item(), distance=distance.item())
    return loop


def cogan(task):
    """Sheet 10 (e): D, then G, each on fakes of its own; both domains in one mean."""
    def loop(run):
        if not hasattr(run, "second"):
            run.second = Domain("grey28", run.loader.batch, 1, task)
        real = run.d(run.reals()[0], run.second.at(run.done)[0])
        fake = run.d(*(images.detach() for images in run.g(*run.latent())))
        run.update("loss_d", run.opt_d, softplus_d(real, fake))
        run.update("loss_g", run.opt_g, non_saturating(run.d(*run.g(*run.latent()))))
    return loop


def cogan_pytorch_gan(run):
    """Sheet 10 (b): G, then D on the same fakes, by least squares of each domain."""
    def squares(scores, target):
        return sum((s - target).square().mean() for s in scores)

    if not hasattr(run, "second"):
        run.second = Domain("grey28", run.loader.batch, 1, 0, 32, -1)
    made = run.g(*run.latent())
    run.update("loss_g", run.opt_g, squares(run.d(*made), 1) / 2)
    real = run.d(run.reals()[0], run.second.at(run.done)[0])
    fake = run.d(*(images.detach() for images in made))
    run.update("loss_d", run.opt_d, (squares(real, 1) + squares(fake, 0)) / 4)


def coded_points(run):
    def fakes():
        code = run.noise.labels(run.loader.batch, 8)
        return run.g(run.noise.normal((run.loader.batch, run.latent_dim)), code), one_hot(code, 8)

    made, code = fakes()
    real, (fake, guesses) = run.d(run.loader.at(run.done)[0])[0], run.d(made.detach())
    adversarial = run.loss_d(real, fake)
    run.line["adversarial"] = adversarial.item()
    run.update("loss_d", run.opt_d, adversarial + guess_loss(guesses, code, 8)[0])
    made, code = fakes()
    fake, guesses = run.d(made)
    loss, bound, _ = guess_loss(guesses, code, 8)
    run.line["information"] = bound.item()
    run.update("loss_g", run.opt_g, run.loss_g(fake) + loss)


def classify(run):
    """The rate falls to 0 in the run, by half a cosine."""
    run.opt_g.param_groups[0]["lr"] = 1e-3 * (1 + math.cos(math.pi * run.done / run.steps)) / 2
    images, labels = run.loader.at(run.done)
    run.update("loss", run.opt_g, F.cross_entropy(run.g(images), labels))


def after_five(run):
    return run.done % 5 == 4


def with_first_of_five(run):
    """PyTorch-GAN's loop counts the batches of each epoch from 0."""
    return run.done % run.loader.batches % 5 == 0


def after_hundred(run):
    return run.done % 100 == 99


# ---- all cases ----

def adam(lr=2e-4, b1=0.5, b2=0.999, weight_decay=0):
    return lambda parameters: torch.optim.Adam(parameters, lr, (b1, b2), 1e-8, weight_decay)


def adam_inside(lr=3e-3):
    """The authors' of Improved GAN: epsilon under the root."""
    return lambda parameters: AdamOf([p for p in parameters if p.requires_grad], lr, (0.5, 0.999), 1e-8, "inside")


def rmsprop(parameters):
    return torch.optim.RMSprop(parameters, 5e-5, 0.99, 1e-8)


class TensorFlowRmsprop(torch.optim.Optimizer):
    """Epsilon under the root; the mean square begins with 1."""

    def __init__(self, parameters, lr):
        super().__init__(parameters, {"lr": lr})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                square = self.state[p].setdefault("square", torch.ones_like(p))
                square.mul_(0.9).add_(0.1 * p.grad.square())
                p -= group["lr"] * p.grad / (square + 1e-10).sqrt()


def sgd(parameters):
    return torch.optim.SGD(parameters, 0.1, 0.5)


def pair(g, d):
    return lambda image: (g(image), d(image))


def fixed(networks, *arguments, **named):
    return lambda image: networks(*arguments, **named)


def dense(eps):
    return pair(lambda image: nets.dense_g(100, image, eps), nets.dense_d)


GAN = {"init": init_default, "optimizer": adam(), "loop": g_first, "losses": (half(softplus_d), non_saturating)}
DCGAN = {"init": init_dcgan, "optimizer": adam(), "loop": d_first, "losses": (softplus_d, non_saturating)}
CGAN = {"init": init_default, "optimizer": adam(), "loop": g_first, "losses": least_squares(1, 0, 1, 1), "labels": True}
WASSERSTEIN = (lambda real, fake: fake.mean() - real.mean(), lambda fake: -fake.mean())
LSGAN = {**DCGAN, "prior": "uniform", "latent": 1024, "init": init_lsgan, "losses": least_squares(1, 0, 1, 0.5)}
LSGAN_64 = {**LSGAN, "data": "grey64", "size": 64, "batch": 2, "steps": 4}
INFOGAN = {"low": 0, "latent": 62, "prior": "uniform", "networks": fixed(nets.infogan, 0.01, 12), "init": init_infogan,
           "optimizers": (adam(1e-3), adam()), "loop": infogan(), "noise": 1e2}
INFOGAN_PAIR = {"low": 0, "latent": 64, "prior": "uniform", "networks": fixed(nets.infogan_pair), "init": init_infogan_pair,
                "optimizers": (adam(1e-3), adam()), "loop": d_first, "noise": 1e2}
IMPROVED = {"low": 0, "prior": "unit uniform", "init": init_improved, "optimizer": adam_inside(),
            "networks": nets.improved_mnist, "loop": improved(labels=20)}
MOONS = {"data": None, "points": lambda batch: Moons(2000, batch), "batch": 20, "latent": 8, "init": init_default,
         "optimizer": adam_inside(), "networks": fixed(nets.improved_two_moons), "loop": improved(labels=10)}
COGAN = {"low": 0, "reals": lambda batch: Domain("grey28", batch, 0, 0), "networks": fixed(nets.cogan, 128, 4),
         "init": init_cogan, "optimizer": adam(weight_decay=5e-4), "loop": cogan(0)}
SNGAN = {"size": 32, "batch": 4, "latent": 128, "init": init_residual, "optimizer": adam(2e-4, 0, 0.9), "loop": n_dis(5), "losses": hinge,
         "networks": fixed(nets.residual_pair, 1, 32, 32)}
SNGAN_CNN = {**SNGAN, "init": init_spectral_cnn}
SNGAN_INFOGAN = {**SNGAN, "size": 28, "low": 0, "latent": 64, "prior": "uniform", "init": init_spectral_cnn,
                 "optimizer": adam(2e-4, 0.5)}
SNGAN_32 = {**SNGAN, "data": "colour", "latent": 100, "init": init_spectral_cnn, "optimizer": adam(2e-4, 0.5)}
SNGAN_CONDITIONAL = {**SNGAN, "data": "colour", "steps": 4, "batch": 3, "labels": True}
CNN_WIDTHS = 64, 64, 128, 128, 256, 256, 512
CLASSIFIER = {"init": init_default, "optimizers": (adam(1e-3, 0.9), lambda parameters: None), "loop": classify,
              "networks": nets.classifier}
MIXTURE = {"data": None, "points": lambda batch: Points(POINTS, batch), "latent": 2, "init": init_mixture, "optimizer": adam(1e-3), "loop": on_points(),
           "losses": (softplus_d, non_saturating), "networks": fixed(nets.mixture, 128, 2, False)}
WGAN = {"init": init_default, "optimizer": rmsprop}
WGAN_GP = {"init": init_default, "optimizer": adam()}

# name: program and preset, as one gives them, with more flags behind; batch 8 and 10 steps where nothing else is said
CASES = {
    "gan dense": {**GAN, "networks": dense(1e-5)},
    "gan dense --generator-loss minimax": {**GAN, "networks": dense(1e-5), "losses": (half(softplus_d), minimax)},
    "gan dense --order d-first": {**GAN, "networks": dense(1e-5), "loop": d_first},
    "gan dense --order simultaneous": {**GAN, "networks": dense(1e-5), "loop": simultaneous},
    "gan pytorch-gan": {**GAN, "networks": dense(0.8)},
    "gan paper": {**GAN, "networks": nets.gan_paper, "init": init_gan_paper, "optimizer": sgd, "loop": simultaneous_sgd,
                  "prior": "wide uniform", "low": 0},
    "dcgan 28": {**DCGAN, "networks": fixed(nets.dcgan_28)},
    "dcgan mnist": {**INFOGAN_PAIR, "losses": (softplus_d, non_saturating)},
    "dcgan 32": {**DCGAN, "networks": fixed(nets.dcgan, 3, (256, 128, 64), True, True, True), "data": "colour", "size": 32, "batch": 2},
    "dcgan 64": {**DCGAN, "networks": fixed(nets.dcgan, 1), "data": "grey64", "size": 64, "batch": 2},
    "dcgan paper": {**DCGAN, "networks": fixed(nets.dcgan_paper, 1), "data": "grey64", "size": 64, "batch": 3, "steps": 4,
                    "prior": "uniform", "optimizer": adam(weight_decay=1e-5), "loop": alternating},
    "dcgan pytorch-gan": {**DCGAN, "networks": fixed(nets.upsampling, 3, True), "data": "colour", "size": 32, "batch": 4,
                          "init": init_convolutions, "loop": g_first, "losses": (half(softplus_d), non_saturating)},
    "cgan pytorch-gan": {**CGAN, "networks": lambda image: nets.cgan_dense(image, lambda: nn.Embedding(10, 10))},
    "cgan one-hot": {**CGAN, "networks": lambda image: nets.cgan_dense(image, nets.OneHot)},
    "cgan dcgan": {**CGAN, "networks": fixed(nets.cgan_dcgan), "batch": 4, "low": 0, "prior": "uniform", "init": init_dcgan,
                   "loop": alternating_falling,
                   "optimizer": adam(weight_decay=2.5e-5), "losses": (softplus_d, non_saturating)},
    "cgan mnist": {**INFOGAN_PAIR, "networks": fixed(nets.infogan_told), "labels": True,
                   "optimizers": (adam(1e-3), adam(4e-4)), "losses": (softplus_d, non_saturating)},
    "cgan paper": {**CGAN, "networks": nets.cgan_paper, "low": 0, "prior": "unit uniform", "init": init_cgan_paper,
                   "optimizer": sgd, "loop": g_first_sgd, "losses": (half(softplus_d), non_saturating)},
    "improved_gan mnist --labels 20": IMPROVED,
    "improved_gan mnist --labels 20 --generator-loss adversarial --minibatch-discrimination --historical 0.01 --real-target 0.9": {
        **IMPROVED, "networks": lambda image: nets.improved_mnist(image, True),
        "loop": improved(None, 0.01, 0.9, labels=20)},
    "improved_gan mnist --labels 20 --labels-only": {**IMPROVED, "loop": improved(labels_only=True, labels=20)},
    "improved_gan cifar --labels 20": {
        **IMPROVED, "data": "colour", "size": 32, "batch": 4, "low": -1, "optimizer": adam_inside(3e-4),
        "init": lambda init, run: init_improved(init, run, 0.05, 0.05, 0.1), "networks": fixed(nets.improved_cifar),
        "loop": improved(torch.abs, labels=20)},
    "improved_gan two-moons": MOONS,
    "improved_gan dcgan --minibatch-discrimination --virtual-batch-norm": {
        **DCGAN, "networks": fixed(nets.improved_dcgan), "init": init_improved_dcgan,
        "loop": improved(None, minimax=False)},
    "infogan official": INFOGAN,
    "infogan official --own-layers": {**INFOGAN, "loop": infogan(apart=True)},
    "infogan paper": {**INFOGAN, "networks": fixed(nets.infogan, 0.1, 14), "loop": infogan(True, 0.1)},
    "infogan keras": {"batch": 4, "latent": 62, "networks": fixed(nets.infogan_keras), "init": init_infogan_keras,
                      "optimizer": adam(), "loop": infogan_keras,
                      "players": lambda g, d: ([*g.parameters(), *d.q.parameters()],
                                               [*d.trunk.parameters(), *d.d.parameters()])},
    "infogan pytorch-gan": {"size": 32, "batch": 4, "latent": 62, "networks": fixed(nets.infogan_pytorch_gan),
                            "init": init_convolutions, "optimizer": adam(), "loop": infogan_pytorch_gan},
    "lsgan 28": {**DCGAN, "networks": fixed(nets.dcgan_28), "losses": least_squares(1, 0, 1, 0.5)},
    "lsgan 28 --coding pearson": {**DCGAN, "networks": fixed(nets.dcgan_28), "losses": least_squares(1, -1, 0, 0.5)},
    "lsgan 28 --optimizer rmsprop": {**DCGAN, "networks": fixed(nets.dcgan_28), "losses": least_squares(1, 0, 1, 0.5),
                                     "optimizer": lambda parameters: TensorFlowRmsprop(parameters, 2e-4)},
    "lsgan 28 --loss non-saturating": {**DCGAN, "networks": fixed(nets.dcgan_28)},
    "lsgan characters": {**LSGAN, "networks": fixed(nets.lsgan_characters), "batch": 4, "low": 0, "labels": True, "steps": 3},
    "lsgan mnist": {**INFOGAN_PAIR, "losses": least_squares(1, 0, 1, 0.5)},
    "lsgan pytorch-gan": {**DCGAN, "networks": fixed(nets.upsampling, 1, False), "size": 32, "batch": 4,
                          "init": init_convolutions, "loop": g_first, "losses": least_squares(1, 0, 1, 1)},
    # G's losses are in the thousands and in the hundreds: the more does rounding make of zero gradients, in lsun fast, so that
    # there are few steps; all other tensors and the losses stay within 1e-11
    "lsgan lsun": {**LSGAN_64, "networks": fixed(nets.lsgan_lsun, 1, 1024), "size": 112, "steps": 2, "optimizer": adam(1e-3),
                   "noise": 1e4},
    "lsgan stability": {**LSGAN_64, "networks": fixed(nets.lsgan_stability, 1, 1024, True), "noise": 1e3},
    "lsgan stability-without": {**LSGAN_64, "networks": fixed(nets.lsgan_stability, 1, 1024, False)},
    "lsgan stability-without --optimizer rmsprop": {
        **LSGAN_64, "networks": fixed(nets.lsgan_stability, 1, 1024, False), "losses": least_squares(1, -1, 0, 0.5),
        "optimizer": lambda parameters: TensorFlowRmsprop(parameters, 2e-4)},
    "wgan 28": {**WGAN, "networks": fixed(nets.dcgan_28), "init": init_dcgan, "loop": critic(after_five, clip=0.01)},
    "wgan pytorch-gan": {**WGAN, "networks": dense(0.8), "loop": critic(with_first_of_five, clip=0.01, fresh=False)},
    # G's first turn comes after step 100: one of the two goes on for so long, the one whose G no other case trains
    "wgan official": {**WGAN, "networks": fixed(nets.dcgan, 1), "data": "grey64", "size": 64, "batch": 2, "steps": 4,
                      "init": init_dcgan, "loop": critic(after_hundred, clip=0.01, clip_first=True)},
    "wgan official-without": {**WGAN, "networks": fixed(nets.dcgan, 1, norm_g=False), "data": "grey64", "size": 64, "batch": 2,
                              "steps": 101, "interval": 20, "init": init_dcgan,
                              "loop": critic(after_hundred, clip=0.01, clip_first=True)},
    "wgan official-dense": {**WGAN, "networks": nets.wgan_dense, "size": 64, "batch": 4, "steps": 105, "interval": 20,
                            "loop": critic(after_hundred, clip=0.01, clip_first=True)},
    "wgan_gp 28": {**WGAN_GP, "networks": fixed(nets.dcgan_28, False), "init": init_dcgan, "optimizer": adam(1e-4, 0, 0.9),
                   "loop": critic(after_five, gp=10)},
    "wgan_gp infogan": {**WGAN_GP, "networks": fixed(nets.infogan_pair, False), "low": 0, "latent": 64, "prior": "uniform",
                        "init": init_infogan_pair, "optimizer": adam(1e-4, 0.5, 0.9), "loop": critic(after_five, gp=10)},
    "wgan_gp 64": {**WGAN_GP, "networks": fixed(nets.dcgan, 1, norm_d=False), "data": "grey64", "size": 64, "batch": 2,
                   "steps": 5, "init": init_dcgan, "optimizer": adam(1e-4, 0, 0.9), "loop": critic(after_five, gp=10)},
    "wgan_gp mnist": {**WGAN_GP, "networks": fixed(nets.wgan_gp_mnist), "batch": 4, "low": 0, "latent": 128,
                      "optimizer": adam(1e-4, 0.5, 0.9), "loop": critic(after_five, gp=10)},
    "wgan_gp pytorch-gan": {**WGAN_GP, "networks": dense(0.8), "loop": critic(with_first_of_five, gp=10, fresh=False)},
    "sngan mnist32": SNGAN,
    "sngan mnist32 --loss logistic --n-dis 3 --d-width 16": {
        **SNGAN, "losses": (softplus_d, non_saturating), "loop": n_dis(3), "networks": fixed(nets.residual_pair, 1, 32, 16)},
    "sngan resnet --d-width 16": {**SNGAN, "steps": 6, "batch": 2, "networks": fixed(nets.residual_pair, 1, 256, 16)},
    "sngan resnet-conditional --d-width 16 --n-dis 2": {
        **SNGAN_CONDITIONAL, "loop": n_dis(2), "networks": fixed(nets.residual_pair, 3, 256, 16, None, 10)},
    "sngan cnn": {**SNGAN_CNN, "networks": fixed(nets.spectral_cnn, 1, CNN_WIDTHS, 0.1)},
    "sngan infogan": {**SNGAN_INFOGAN, "networks": fixed(nets.spectral_infogan)},
    "sngan 32": {**SNGAN_32, "networks": fixed(nets.spectral_dcgan, 3, (256, 128, 64))},
    "sngan 64": {**SNGAN, "data": "grey64", "size": 64, "batch": 2, "steps": 6, "latent": 100, "init": init_spectral_cnn,
                 "optimizer": adam(2e-4, 0.5), "networks": fixed(nets.spectral_dcgan, 1, (512, 256, 128, 64))},
    "sngan chainer-cnn": {**SNGAN_CNN, "networks": fixed(nets.spectral_cnn, 1, (64, 128, 128, 256, 256, 512, 512), 0.2)},
    "spectral_regularization mnist32 --d-width 16": {
        **SNGAN, "loop": n_dis(5, 5), "networks": fixed(nets.residual_pair, 1, 32, 16, nets.Compensation("static"))},
    "spectral_regularization mnist32 --d-width 16 --n-dis 2 --method dynamic --interval 2": {
        **SNGAN, "loop": n_dis(2, 2), "networks": fixed(nets.residual_pair, 1, 32, 16, nets.Compensation("dynamic"))},
    "spectral_regularization mnist32 --d-width 16 --n-dis 2 --interval 1 --start 3": {
        **SNGAN, "loop": n_dis(2, 1, 3), "networks": fixed(nets.residual_pair, 1, 32, 16, nets.Compensation("static"))},
    "spectral_regularization resnet-conditional --d-width 16 --n-dis 2": {
        **SNGAN_CONDITIONAL, "loop": n_dis(2, 5),
        "networks": fixed(nets.residual_pair, 3, 256, 16, nets.Compensation("static"), 10)},
    "spectral_regularization cnn": {
        **SNGAN_CNN, "steps": 6, "batch": 2, "loop": n_dis(5, 5),
        "networks": fixed(nets.spectral_cnn, 1, CNN_WIDTHS, 0.1, nets.Compensation("static"))},
    "spectral_regularization infogan": {
        **SNGAN_INFOGAN, "loop": n_dis(5, 5), "networks": fixed(nets.spectral_infogan, nets.Compensation("static"))},
    "spectral_regularization 32 --method dynamic --interval 1": {
        **SNGAN_32, "steps": 6, "loop": n_dis(5, 1),
        "networks": fixed(nets.spectral_dcgan, 3, (256, 128, 64), nets.Compensation("dynamic"))},
    "spectral_regularization mnist32 --d-width 16 --share 0.25 --differentiable": {
        **SNGAN, "networks": fixed(nets.residual_pair, 1, 32, 16, nets.Compensation("static", 0.25, formula=True))},
    "classifier lenet": CLASSIFIER,
    "classifier lenet --size 32": {**CLASSIFIER, "data": "colour", "size": 32},
    "mixture small": MIXTURE,
    "mixture small --loss minimax": {**MIXTURE, "losses": (softplus_d, minimax)},
    "mixture small --loss least-squares": {**MIXTURE, "losses": least_squares(1, 0, 1, 0.5)},
    "mixture small --loss pearson": {**MIXTURE, "losses": least_squares(1, -1, 0, 0.5)},
    "mixture small --loss hinge": {**MIXTURE, "losses": hinge},
    "mixture small --loss wasserstein": {**MIXTURE, "losses": WASSERSTEIN, "loop": on_points(clip=0.05)},
    "mixture small --target ring8-veegan": {**MIXTURE, "points": lambda batch: Points(POINTS, batch, ring(1), 0.01)},
    "mixture small --target ring8-wgan-gp": {
        **MIXTURE, "points": lambda batch: Points(POINTS, batch, ring(2 / 1.414), 0.02 / 1.414)},
    "mixture small --target grid25": {**MIXTURE, "points": lambda batch: Points(POINTS, batch, grid(2), 0.05)},
    "mixture small --target grid25-wgan-gp": {
        **MIXTURE, "points": lambda batch: Points(POINTS, batch, grid(1 / 1.414), 0.025 / 1.414)},
    "mixture small --target high1200": {
        **MIXTURE, "points": lambda batch: Points(POINTS, batch, high(), 1, 700),
        "networks": fixed(nets.mixture, 128, 2, False, 1200)},
    "mixture wgan-gp --target ring8": {
        **MIXTURE, "optimizer": adam(1e-4, 0.5, 0.9), "losses": WASSERSTEIN, "loop": on_points(gp=0.1, every=5),
        "networks": fixed(nets.mixture, 512, 3, False)},
    "mixture lsgan --target ring8": {
        **MIXTURE, "optimizers": (adam(1e-3), adam(1e-4)), "losses": least_squares(1, 0, 1, 0.5), "latent": 256,
        "loop": on_points(same=True), "networks": fixed(nets.mixture_lsgan), "init": init_mixture_lsgan},
    "mixture spectral": {
        **MIXTURE, "optimizer": adam(2e-4, 0, 0.9), "losses": hinge, "loop": on_points(every=5),
        "networks": fixed(nets.mixture_spectral), "init": init_mixture_spectral},
    "mixture small --codes": {**MIXTURE, "networks": fixed(nets.mixture_codes), "loop": coded_points},
    "mixture small --told": {**MIXTURE, "labels": True, "networks": fixed(nets.mixture, 128, 2, True)},
    "veegan ring --latent-dim 16": {
        "data": None, "points": lambda batch: Points(POINTS, batch, ring(1), 0.01), "latent": 16, "init": init_veegan,
        "optimizer": adam(1e-3), "loop": veegan(True), "networks": fixed(nets.veegan_plane, 16)},
    "veegan mnist": {"low": 0, "latent": 32, "init": init_veegan, "optimizer": adam(1e-3, 0.7), "loop": veegan(False),
                     "networks": nets.veegan_mnist},
    "veegan stacked-mnist": {"batch": 4, "reals": lambda batch: Stacks("grey28", batch), "init": init_veegan_stacked,
                             "optimizer": adam(), "loop": veegan(False), "networks": fixed(nets.veegan_stacked)},
    "cogan paper": {**COGAN, "batch": 2, "steps": 4, "networks": fixed(nets.cogan, 1024, 4)},
    "cogan slim": COGAN,
    "cogan pytorch-gan": {"batch": 4, "reals": lambda batch: Domain("grey28", batch, 0, 0, 32, -1),
                          "networks": fixed(nets.cogan_pytorch_gan), "init": init_cogan_pytorch_gan, "optimizer": adam(),
                          "loop": cogan_pytorch_gan},
    "cogan slim --task edges --shared-layers 2": {
        **COGAN, "networks": fixed(nets.cogan, 128, 2), "loop": cogan(1), "reals": lambda batch: Domain("grey28", batch, 0, 1)},
}


def measures(network, noise):
    """For check_programs.py. A bias before batch normalisation has the gradient 0, of which rounding makes something, and
    Adam more: the more, the larger rates and losses are. One that began at 0 is compared with `noise` times the size of its
    layer's weight, and so is the running mean, which takes a tenth of it. A real gradient would show: of that Adam makes
    about the rate, in each element and step."""
    entries, weight = [], None
    for m in network.modules():
        tensors = {**m._parameters, **m._buffers}
        own = {name: [list(t.shape), *check_programs.measure(array.array("d", t.detach().numpy().tobytes()))]
               for name, t in tensors.items() if t is not None and name != "num_batches_tracked"}
        if weight is not None and "running_mean" in own:
            own["running_mean"].append(max(noise / 10, 1) * weight)
        entries += own.values()
        began_at_0 = isinstance(m, WEIGHTED) and m.bias is not None and own["bias"][1] < 1e-6 * own["weight"][1]
        weight = own["weight"][1] if began_at_0 else None
        if began_at_0:
            own["bias"].append(noise * weight)
    return entries


def make(name, case):
    program, preset, *flags = name.split()
    case = {"data": "grey28", "batch": 8, "steps": 10, "interval": 1, "noise": 1, **case}
    batch, steps, interval = case["batch"], case["steps"], case["interval"]
    run = Run(case)
    log = [run.step() for _ in range(steps)]
    return {"name": name, "data": case["data"],
            "command": [program, "--preset", preset, *flags, "--seed", str(SEED), "--batch-size", str(batch), "--steps",
                        str(steps), "--log-interval", str(interval), *(["--points", str(POINTS)] if program in ("mixture", "veegan") and case["data"] is None else [])],
            "log": [line for line in log if line["step"] % interval == 0 or line["step"] == steps],
            **{part: measures(network, case["noise"]) for part, network in run.parts(program).items()}}


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    chosen = [name for name in CASES if len(sys.argv) == 2 or name.startswith(tuple(sys.argv[2:]))]
    made = []
    for name in chosen:
        print(name, file=sys.stderr, flush=True)
        made.append(json.dumps(make(name, CASES[name])).replace(", [[", ",\n   [["))
    with open(f"{sys.argv[1]}/programs.json", "w") as f:
        f.write("[" + ",\n ".join(made) + "]\n")


if __name__ == "__main__":
    main()
