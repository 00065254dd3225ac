"""What make_programs.py puts into networks: random numbers in the order in which the library draws them, images in its
order, and initial values.

All of it comes from Philox4x32-10 by the formulas of include/gan/tensor.h and include/gan/context.h."""
import math

import numpy as np
import torch
import torch.nn as nn

import check_programs
from golden import normal, philox, uniform

SEED = 7
STREAM_INIT, STREAM_NOISE, STREAM_DATA = 0, 1, 2


# ---- random numbers, in the order in which the library draws them ----

class Stream:
    """One of the context's streams: each draw takes whole blocks of four."""

    def __init__(self, number):
        self.number, self.position = number, 0

    def take(self, shape):
        index = self.position
        self.position += (math.prod(shape) + 3) // 4
        return {"seed": SEED, "index": index}

    def uniform(self, shape, low, high):
        return uniform(self.number, shape, low, high, **self.take(shape))

    def normal(self, shape, mean=0.0, deviation=1.0):
        return normal(self.number, shape, mean, deviation, **self.take(shape))

    def bernoulli(self, shape, p):
        return (self.uniform(shape, 0, 1) < p).double()

    def labels(self, count, classes):
        """The first class at which the sum of equal parts reaches u."""
        return (self.uniform((count,), 0, 1) * classes).ceil().long() - 1


def fnv(content, start=14695981039346656037):
    for byte in content:
        start = (start ^ byte) * 1099511628211 % 2**64
    return start


def shuffled(epoch, fingerprint, count):
    """Fisher and Yates' order on the epoch's stream; 64-bit draws, those of the last uneven part rejected."""
    lanes = philox(SEED, STREAM_DATA + ((epoch + 1) << 32), fingerprint, 4 * count).reshape(-1, 2).tolist()
    draws = (low | high << 32 for low, high in lanes)
    order = list(range(count))
    for i in range(count - 1, 0, -1):
        limit = 2**64 - 1 - (2**64 - 1) % (i + 1)
        j = next(value for value in draws if value < limit) % (i + 1)
        order[i], order[j] = order[j], order[i]
    return order


def numbers(*values):
    return b"".join(value.to_bytes(8, "little") for value in values)


class Batches:
    """`items` with `labels`, `batch` of them a step and `batches` an epoch, in the library's order."""

    def at(self, step):
        order = shuffled(step // self.batches, self.fingerprint, len(self.items))
        chosen = order[step % self.batches * self.batch:][:self.batch]
        return self.items[chosen], self.labels[chosen]


class Loader(Batches):
    """Batches of check_programs.py's data; images are centred in black where networks are for larger ones."""

    def __init__(self, name, batch, size, low):
        count = check_programs.COUNT
        if name.startswith("grey"):
            stored = int(name[4:])
            pixels, labels = check_programs.grey_parts(stored)
            images = np.frombuffer(pixels, np.uint8).reshape(count, 1, stored, stored)
            self.labels = torch.tensor(list(labels))
            edge = (size - stored) // 2
            images = np.pad(images, ((0, 0), (0, 0), (edge, size - stored - edge), (edge, size - stored - edge)))
            self.fingerprint = fnv(b"idx" + numbers(count, 1, size, size) + pixels + labels)
        else:
            records = check_programs.colour_records()
            images = np.frombuffer(records, np.uint8).reshape(count, 3073)
            self.labels = torch.from_numpy(images[:, 0].astype(np.int64))
            images = images[:, 1:].reshape(count, 3, 32, 32)
            self.fingerprint = fnv(b"cifar" + numbers(count, 3, 32, 32) + records + (10).to_bytes(4, "little"))
        self.bytes = images
        self.items = torch.from_numpy(low + images * ((1 - low) / 255))
        self.shape = images.shape[1:]
        self.batch, self.batches = batch, count // batch


def memory_fingerprint(kind, items, labels):
    told = b"".join(label.to_bytes(4, "little") for label in labels.tolist())
    return fnv(b"memory" + kind + numbers(*items.shape) + items.tobytes() + told)


def ring(radius):
    angle = torch.arange(8).double() * (2 * math.pi / 8)
    return radius * torch.stack([angle.cos(), angle.sin()], 1)


def grid(step):
    return step * torch.tensor([[i % 5 - 2, i // 5 - 2] for i in range(25)]).double()


def high():
    """Ten centres whose 1200 coordinates are all the same."""
    return torch.tensor([-1, -0.5, 0, 0.5, -2, -2.5, 10, 0.25, -13, -5.5]).double()[:, None].expand(10, 1200)


class Points(Batches):
    """Batches of the mixture program's points: the components in turn. noisy: coordinates with noise, the first."""

    def __init__(self, count, batch, centres=ring(2), deviation=0.1, noisy=2):
        self.labels = torch.arange(count) % len(centres)
        shape = (count, centres.shape[1])
        noise = normal(1000, shape, 0, deviation, seed=SEED)
        noise[:, noisy:] = 0
        # the fingerprint tells every bit: the program rounds to single precision
        self.items = (centres[self.labels] + noise).float().double()
        self.fingerprint = memory_fingerprint(b"f64", self.items.numpy(), self.labels)
        self.shape, self.batch, self.batches = shape[1:], batch, count // batch


class Domain(Batches):
    """Batches of one of cogan's domains: the first half of the images, or the second, changed."""

    def __init__(self, name, batch, which, task, size=28, low=0):
        whole = Loader(name, batch, size, low)
        half = len(whole.bytes) // 2
        self.bytes = whole.bytes[which * half:][:half].astype(np.int64)
        if which == 1:
            framed = np.pad(self.bytes, ((0, 0), (0, 0), (1, 1), (1, 1)))
            around = [framed[:, :, i:i + size, k:k + size] for i in range(3) for k in range(3)]
            self.bytes = 255 - self.bytes if task == 0 else np.maximum.reduce(around) - self.bytes
        self.items = torch.from_numpy(low + (1 - low) * self.bytes / 255)
        self.labels = torch.zeros(half)
        self.shape, self.batch, self.batches = (1, size, size), batch, half // batch
        self.fingerprint = fnv(b"callback" + numbers(half, 1, size, size) + numbers(whole.fingerprint + 2 * task + which))


class Stacks(Batches):
    """Batches of veegan's stacks: three images as one, any three."""

    def __init__(self, name, batch):
        whole, count = Loader(name, batch, 28, -1), 128000
        self.chosen = (len(whole.bytes) * uniform(1003, (count, 3), 0, 1, seed=SEED)).long()
        self.digits, self.shape, self.batch, self.batches = whole.items, (3, 28, 28), batch, count // batch
        self.fingerprint = fnv(b"callback" + numbers(count, *self.shape) + numbers(whole.fingerprint + SEED))

    def at(self, step):
        if step % self.batches == 0:
            self.order = shuffled(step // self.batches, self.fingerprint, len(self.chosen))
        stacks = self.chosen[self.order[step % self.batches * self.batch:][:self.batch]]
        return self.digits[stacks][:, :, 0], None


class Moons(Batches):
    """Batches of improved_gan's two half circles: 2000 points, deviation 0.1."""

    def __init__(self, count, batch):
        self.labels = torch.arange(count) % 2
        t = (torch.arange(count) // 2).double() * math.pi / (count // 2 - 1)
        first, second = torch.stack([t.cos(), t.sin()], 1), torch.stack([1 - t.cos(), 0.5 - t.sin()], 1)
        centres = torch.where((self.labels == 0)[:, None], first, second)
        self.items = (centres + normal(1000, (count, 2), 0, 0.1, seed=SEED)).float().double()
        self.bytes, self.kind, self.shape, self.batch, self.batches = self.items.numpy(), b"f64", (2,), batch, count // batch
        self.fingerprint = memory_fingerprint(self.kind, self.bytes, self.labels)


class Labelled(Batches):
    """Batches of the items whose labels are told: of each class those with the smallest numbers of the seed 0, repeated
    until a batch is full."""

    def __init__(self, loader, per_class):
        count, classes = len(loader.labels), int(loader.labels.max()) + 1
        keys = uniform(1001, (count,), 0, 1, seed=0)
        chosen, of_class = [], [0] * classes
        for item in keys.argsort().tolist():
            label = int(loader.labels[item])
            if of_class[label] < per_class:
                of_class[label] += 1
                chosen.append(item)
        chosen = chosen * -(-loader.batch // len(chosen))
        self.items = loader.items[chosen]
        self.labels, self.batch, self.batches = loader.labels[chosen], loader.batch, len(chosen) // loader.batch
        self.fingerprint = memory_fingerprint(getattr(loader, "kind", b""), loader.bytes[chosen], self.labels)


# ---- initial values ----

WEIGHTED = (nn.Linear, nn.Conv2d, nn.ConvTranspose2d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


class Init:
    def __init__(self):
        self.stream = Stream(STREAM_INIT)

    def normal(self, tensor, mean, deviation):
        tensor.data = self.stream.normal(tensor.shape, mean, deviation)

    def uniform(self, tensor, low, high):
        tensor.data = self.stream.uniform(tensor.shape, low, high)

    def truncated_normal(self, tensor, deviation, most):
        """Cut at `most` deviations: the inverse of the distribution function at a uniform number."""
        edge = math.erf(most / math.sqrt(2))
        tensor.data = deviation * math.sqrt(2) * torch.erfinv(self.stream.uniform(tensor.shape, -edge, edge))

    def orthogonal(self, tensor, gain):
        """Columns of numbers, made orthonormal one after the other; a wide weight is the transpose of a tall one."""
        rows, columns = tensor.shape
        numbers = self.stream.normal((min(rows, columns), max(rows, columns))).t()
        q, r = torch.linalg.qr(numbers)
        q = q * r.diagonal().sign()
        tensor.data = gain * (q.t() if rows < columns else q).contiguous()

    def default(self, network):
        for m in network.modules():
            if isinstance(m, WEIGHTED):
                bound = 1 / math.sqrt(m.weight[0].numel())
                for tensor in (m.weight, m.bias):
                    if tensor is not None:
                        self.uniform(tensor, -bound, bound)
            elif isinstance(m, nn.Embedding):
                self.normal(m.weight, 0, 1)

    def weights(self, network, draw, norms=None):
        """Each weight by draw(weight); biases 0. Gains of normalisation by norms(gain) or as they are."""
        for m in network.modules():
            if isinstance(m, WEIGHTED):
                draw(m.weight)
                if m.bias is not None:
                    m.bias.data.zero_()
            elif isinstance(m, NORMS) and m.affine and norms is not None:
                norms(m.weight)

    def dcgan(self, network):
        self.weights(network, lambda t: self.normal(t, 0, 0.02), lambda t: self.normal(t, 1, 0.02))

    def convolutions(self, network):
        """weights_init_normal of PyTorch-GAN: dense layers and all biases stay as they are."""
        for m in network.modules():
            if isinstance(m, WEIGHTED[1:]):
                self.normal(m.weight, 0, 0.02)
            elif isinstance(m, NORMS):
                self.normal(m.weight, 1, 0.02)


def init_default(init, run):
    init.default(run.g), init.default(run.d)


def init_dcgan(init, run):
    init_default(init, run)
    init.dcgan(run.g), init.dcgan(run.d)


def init_convolutions(init, run):
    init_default(init, run)
    init.convolutions(run.g), init.convolutions(run.d)


def init_cogan_pytorch_gan(init, run):
    """Part after part: defaults; then N(0, 0.02) for dense layers and N(1, 0.02) for normalisation, but convolutions stay."""
    parts = [part for network in (run.g, run.d) for part in (network.shared, network.first, network.second)]
    for part in parts:
        init.default(part)
    for part in parts:
        for m in part.modules():
            if isinstance(m, nn.Linear):
                init.normal(m.weight, 0, 0.02)
            elif isinstance(m, NORMS):
                init.normal(m.weight, 1, 0.02)


def init_gan_paper(init, run):
    """The program's first layer of G has a scale of its own, in place of the range of z; such layers are drawn from
    N(0, 1) before they are given these values, and their biases are 0."""
    first, rest = run.g[0], run.g[1:]
    init.stream.take(first.weight.shape)
    init.default(rest), init.default(run.d)
    init.stream.take(first.weight.shape)
    first.bias.data.zero_()
    init.weights(rest, lambda t: init.uniform(t, -0.05, 0.05))
    init.uniform(first.weight, -0.05, 0.05)
    mean = torch.from_numpy(run.loader.bytes / 255).mean(0).reshape(-1).clamp(1e-3, 1 - 1e-3)
    run.g[4].bias.data = torch.log(mean / (1 - mean))
    init.weights(run.d, lambda t: init.uniform(t, -0.005, 0.005))


def init_cgan_paper(init, run):
    init_default(init, run)
    init.weights(run.g, lambda t: init.uniform(t, -0.05, 0.05))
    init.weights(run.d, lambda t: init.uniform(t, -0.005, 0.005))


def init_mixture(init, run):
    """Each network as it is built: PyTorch's defaults, then Kaiming's normal distribution and biases 0."""
    for network in (run.g, run.d):
        init.default(network)
        init.weights(network, lambda t: init.normal(t, 0, math.sqrt(2 / t.shape[1])))


def init_mixture_lsgan(init, run):
    for network in (run.g, run.d):
        init.default(network)
        init.weights(network, lambda t: init.orthogonal(t, 1.4))


def init_mixture_spectral(init, run):
    def kaiming(weight):
        init.normal(weight, 0, math.sqrt(2 / weight.shape[1]))

    for network in (run.g, run.d):
        default_spectral(init, network)
        each_spectral(init, network, kaiming, lambda bias, bound: bias.data.zero_())


def init_veegan(init, run):
    """Defaults of G, F and D as they are built, then Glorot's uniform distribution, biases 0, in the same order."""
    networks = (run.g, run.f, run.d)
    for network in networks:
        init.default(network)
    for network in networks:
        init.weights(network, lambda t: init.uniform(t, -math.sqrt(6 / sum(t.shape)), math.sqrt(6 / sum(t.shape))))


def init_veegan_stacked(init, run):
    """Defaults and then DCGAN's, of G, F and D, as they are built."""
    networks = (run.g, run.f, run.d)
    for network in networks:
        init.default(network)
    for network in networks:
        init.dcgan(network)


def init_cogan(init, run):
    """Part after part: defaults, of D's parts the shared one last; then Glorot's uniform distribution times sqrt 2 and
    biases of 0.1."""
    parts = (run.g.shared, run.g.first, run.g.second, run.d.first, run.d.second, run.d.shared)

    def glorot(weight):
        bound = math.sqrt(12 / ((weight.shape[0] + weight.shape[1]) * weight[0][0].numel()))
        init.uniform(weight, -bound, bound)

    for part in parts:
        init.default(part)
    for part in parts:
        init.weights(part, glorot)
        for m in part.modules():
            if isinstance(m, WEIGHTED):
                m.bias.data.fill_(0.1)


def each_spectral(init, network, set_weight, set_bias):
    """Vectors of spectral norms begin anew with each weight."""
    for m in network.modules():
        weight = getattr(m, "weight_orig", m.weight if isinstance(m, WEIGHTED) else None)
        if weight is None:
            continue
        set_weight(weight)
        if m.bias is not None:
            set_bias(m.bias, 1 / math.sqrt(weight[0].numel()))
        if hasattr(m, "weight_orig"):
            m.start(init.stream.normal)


def default_spectral(init, network):
    def default(weight):
        bound = 1 / math.sqrt(weight[0].numel())
        if hasattr(weight, "table"):
            init.normal(weight, 0, 1)
        else:
            init.uniform(weight, -bound, bound)

    each_spectral(init, network, default, lambda bias, bound: init.uniform(bias, -bound, bound))


def init_spectral_cnn(init, run):
    for network in (run.g, run.d):
        default_spectral(init, network)
    for network in (run.g, run.d):
        each_spectral(init, network, lambda weight: init.normal(weight, 0, 0.02), lambda bias, bound: bias.data.zero_())


def init_residual(init, run):
    """Defaults of both networks, then Glorot's uniform distribution, times sqrt 2 in the 3 x 3 convolutions that do not
    make an image. Vectors of spectral norms fit a scaled weight."""
    def glorot(weight):
        area = weight[0][0].numel()
        bound = math.sqrt(6 / ((weight.shape[0] + weight.shape[1]) * area))
        init.uniform(weight, -bound, bound)

    for network in (run.g, run.d):
        default_spectral(init, network)
    for network in (run.g, run.d):
        each_spectral(init, network, glorot, lambda bias, bound: bias.data.zero_())
        for p in network.parameters():
            if p.dim() == 4 and p.shape[2] == 3 and p.shape[0] != run.loader.shape[0]:
                p.data *= math.sqrt(2)


def cut_convolutions(init, network):
    for m in network.modules():
        if isinstance(m, nn.Conv2d):
            init.truncated_normal(m.weight, 0.02, 2)


def init_infogan_pair(init, run):
    init_dcgan(init, run)
    cut_convolutions(init, run.d)


def init_infogan(init, run):
    """Part after part, as DCGAN; then convolutions cut at two deviations."""
    parts = (run.g, run.d.trunk, run.d.d, run.d.q)
    for part in parts:
        init.default(part)
    for part in parts:
        init.dcgan(part)
    cut_convolutions(init, run.d.trunk)


def init_infogan_keras(init, run):
    """N(0, 0.02), and Glorot's uniform distribution for dense layers of D and Q."""
    parts = (run.g, run.d.trunk, run.d.d, run.d.q)
    for part in parts:
        init.default(part)
    for part in parts:
        for m in part.modules():
            if isinstance(m, WEIGHTED):
                bound = math.sqrt(6 / sum(m.weight.shape[:2]))
                if m.weight.dim() == 4 or part is run.g:
                    init.normal(m.weight, 0, 0.02)
                else:
                    init.uniform(m.weight, -bound, bound)
                m.bias.data.zero_()


def init_improved(init, run, of_g=None, of_d=0.1, last_deviation=1):
    """Sheet 5: defaults of both; G N(0, of_g), or Glorot's, lengths 1; D N(0, of_d). Then D is fitted to the first items, noise
    on, and with another deviation of last outputs also G, to z."""
    def weights(network):
        for m in network.modules():
            weight = getattr(m, "weight_v", m.weight if isinstance(m, WEIGHTED) else None)
            if weight is not None:
                yield m, weight
            elif hasattr(m, "log_scale"):
                init.normal(m.T, 0, 0.05)
                m.log_scale.data.zero_()
                m.bias.data.fill_(-1)

    def fit(layers, x):
        for m in layers:
            if hasattr(m, "fit"):
                m.fit(x, *[last_deviation] * (m is layers[-1]))
            x = m(x)

    for network in (run.g, run.d):
        for m, weight in weights(network):
            bound = 1 / math.sqrt(weight[0].numel())
            init.uniform(weight, -bound, bound)
            if m.bias is not None:
                init.uniform(m.bias, -bound, bound)
    for m, weight in weights(run.g):
        if of_g is None:
            bound = math.sqrt(6 / sum(weight.shape))
            init.uniform(weight, -bound, bound)
        else:
            init.normal(weight, 0, of_g)
        if m.bias is not None:
            m.bias.data.zero_()
    for m, weight in weights(run.d):
        init.normal(weight, 0, of_d)
        m.bias.data.zero_()
        m.weight_g.data = m.lengths().data
    items = shuffled(0, run.loader.fingerprint, len(run.loader.labels))[:500]
    with torch.no_grad():
        if last_deviation != 1:
            *layers, end = run.g
            fit(layers, *run.latent())
        fit([*run.d.body, *run.d.last], run.loader.items[items])


def init_improved_dcgan(init, run):
    """Twice, as defaults and as DCGAN; what has no such rule is the same both times."""
    def each(network, weighted, norm):
        for m in network.modules():
            if isinstance(m, WEIGHTED):
                weighted(m)
            elif isinstance(m, NORMS):
                norm(m)
            elif hasattr(m, "gamma"):
                init.normal(m.gamma, 1, 0.02)
                m.beta.data.zero_()
            elif hasattr(m, "log_scale"):
                init.normal(m.T, 0, 0.05)
                m.log_scale.data.zero_()
                m.bias.data.fill_(-1)

    def plain(m):
        bound = 1 / math.sqrt(m.weight[0].numel())
        init.uniform(m.weight, -bound, bound)
        if m.bias is not None:
            init.uniform(m.bias, -bound, bound)

    def dcgan(m):
        init.normal(m.weight, 0, 0.02)
        if m.bias is not None:
            m.bias.data.zero_()

    for network in (run.g, run.d):
        each(network, plain, lambda m: None)
    for network in (run.g, run.d):
        each(network, dcgan, lambda m: init.normal(m.weight, 1, 0.02))
    run.reference = normal(1002, (run.loader.batch, run.latent_dim), 0, 1, seed=SEED)


def init_lsgan(init, run):
    init_default(init, run)
    for network in (run.g, run.d):
        init.weights(network, lambda t: init.normal(t, 0, 0.02))
    for m in run.d.modules():
        if isinstance(m, nn.Conv2d):
            init.truncated_normal(m.weight, 0.02, 2)
