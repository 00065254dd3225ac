"""The networks of the example programs in PyTorch, as the papers and the programs that are named with them describe them.

Layers that draw numbers take them from `noise`, which make_programs.py sets. Modules are registered in the order in
which libgan's builders list them, because initial values are drawn in that order."""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

from make_conditional import MinibatchDiscrimination, VirtualBatchNorm, VirtualNet

noise = None  # has bernoulli(shape, p) and normal(shape)


class Dropout(nn.Module):
    """Values, or with `maps` whole channels, are kept with probability 1 - p."""

    def __init__(self, p, maps=False):
        super().__init__()
        self.p, self.maps = p, maps

    def forward(self, x):
        shape = (*x.shape[:2], 1, 1) if self.maps else x.shape
        return x * noise.bernoulli(shape, 1 - self.p) / (1 - self.p)


class Maxout(nn.Module):
    def __init__(self, pieces):
        super().__init__()
        self.pieces = pieces

    def forward(self, x):
        return x.reshape(len(x), -1, self.pieces).max(2)[0]


class SameConv(nn.Conv2d):
    """TensorFlow's "SAME" with stride 2, mirrored in both axes: where one more row and column of zeros is needed, it comes
    before the image instead of behind it."""

    def forward(self, x):
        kernel, size = self.weight.shape[2], x.shape[2]
        total = max(((size + 1) // 2 - 1) * 2 + kernel - size, 0)
        before, after = total - total // 2, total // 2
        return F.conv2d(F.pad(x, (before, after) * 2), self.weight, self.bias, 2)


class SameDeconv(nn.ConvTranspose2d):
    """The adjoint of SameConv, from n x n to 2n x 2n; of these only the last `crop` rows and columns."""

    def __init__(self, inputs, outputs, kernel, crop=None):
        super().__init__(inputs, outputs, kernel, 2)
        self.crop = crop

    def forward(self, x):
        size = 2 * x.shape[2]
        total = self.weight.shape[2] - 2
        before = total - total // 2
        y = F.conv_transpose2d(x, self.weight, None, 2)[:, :, before:before + size, before:before + size]
        if self.crop is not None:
            y = y[:, :, size - self.crop:, size - self.crop:]
        return y + self.bias.view(-1, 1, 1)


class Conditioned(nn.Module):
    """What `label` makes of the class, before or behind the flattened input, through a network."""

    def __init__(self, label, network, label_first):
        super().__init__()
        self.label, self.network, self.label_first = label, network, label_first

    def forward(self, x, y):
        both = [x.flatten(1), self.label(y)]
        return self.network(torch.cat(both[::-1] if self.label_first else both, 1))


class OneHot(nn.Module):
    def forward(self, y):
        return F.one_hot(y, 10).double()


def leaky():
    return nn.LeakyReLU(0.2)


# ---- sheet 1: GAN ----

def dense_g(inputs, image, eps):
    layers, width = [nn.Linear(inputs, 128), leaky()], 128
    for wider in (256, 512, 1024):
        layers += [nn.Linear(width, wider), nn.BatchNorm1d(wider, eps), leaky()]
        width = wider
    return nn.Sequential(*layers, nn.Linear(1024, math.prod(image)), nn.Tanh(), nn.Unflatten(1, image))


def dense_d(image):
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(image), 512), leaky(), nn.Linear(512, 256), leaky(),
                         nn.Linear(256, 1))


def gan_paper(image):
    pixels = math.prod(image)
    g = nn.Sequential(nn.Linear(100, 1200), nn.ReLU(), nn.Linear(1200, 1200), nn.ReLU(), nn.Linear(1200, pixels),
                      nn.Sigmoid(), nn.Unflatten(1, image))
    d = nn.Sequential(nn.Flatten(), Dropout(0.2), nn.Linear(pixels, 1200), Maxout(5), Dropout(0.5), nn.Linear(240, 1200),
                      Maxout(5), Dropout(0.5), nn.Linear(240, 1))
    return g, d


# ---- sheet 2: DCGAN ----

def dcgan_generator(channels, widths, norm=True):
    """widths: of its maps, from 4 x 4 on."""
    g, width = [nn.Unflatten(1, (100, 1, 1))], 100
    for i, narrower in enumerate(widths):
        stride, padding = (1, 0) if i == 0 else (2, 1)
        g += [nn.ConvTranspose2d(width, narrower, 4, stride, padding, bias=False), *[nn.BatchNorm2d(narrower)] * norm, nn.ReLU()]
        width = narrower
    return nn.Sequential(*g, nn.ConvTranspose2d(width, channels, 4, 2, 1, bias=False), nn.Tanh())


def dcgan(channels, widths=(512, 256, 128, 64), norm_g=True, norm_d=True, first_bias=False):
    width, *wider = reversed(widths)
    d = [nn.Conv2d(channels, width, 4, 2, 1, bias=first_bias), leaky()]
    for next_width in wider:
        d += [nn.Conv2d(width, next_width, 4, 2, 1, bias=False), *[nn.BatchNorm2d(next_width)] * norm_d, leaky()]
        width = next_width
    return (dcgan_generator(channels, widths, norm_g),
            nn.Sequential(*d, nn.Conv2d(width, 1, 4, 1, 0, bias=False), nn.Flatten()))


def plain_norm(channels, dims=2, affine=True):
    kind = nn.BatchNorm2d if dims == 2 else nn.BatchNorm1d
    return kind(channels, 1e-8, affine=affine, track_running_stats=False)


def deconv5(inputs, outputs):
    return nn.ConvTranspose2d(inputs, outputs, 5, 2, 2, 1, bias=False)


def conv5(inputs, outputs):
    return nn.Conv2d(inputs, outputs, 5, 2, 2, bias=False)


def dcgan_paper(channels):
    g = [nn.Linear(100, 1024 * 4 * 4, bias=False), plain_norm(1024 * 4 * 4, 1), nn.ReLU(), nn.Unflatten(1, (1024, 4, 4))]
    for width in (1024, 512, 256):
        g += [deconv5(width, width // 2), plain_norm(width // 2), nn.ReLU()]
    d = [conv5(channels, 128), leaky()]
    for width in (256, 512, 1024):
        d += [conv5(width // 2, width), plain_norm(width), leaky()]
    return (nn.Sequential(*g, deconv5(128, channels), nn.Tanh()),
            nn.Sequential(*d, nn.Flatten(), nn.Linear(1024 * 4 * 4, 1, bias=False)))


def upsampling(channels, first_norm, inputs=100):
    """PyTorch-GAN's dcgan.py and, without the first normalisation, lsgan.py."""
    g = [nn.Linear(inputs, 128 * 8 * 8), nn.Unflatten(1, (128, 8, 8))] + [nn.BatchNorm2d(128)] * first_norm
    for narrower in (128, 64):
        g += [nn.Upsample(scale_factor=2), nn.Conv2d(128, narrower, 3, 1, 1), nn.BatchNorm2d(narrower, 0.8), leaky()]
    d, width = [], channels
    for wider in (16, 32, 64, 128):
        d += [nn.Conv2d(width, wider, 3, 2, 1), leaky(), Dropout(0.25, maps=True)]
        d += [nn.BatchNorm2d(wider, 0.8)] * (wider > 16)
        width = wider
    return (nn.Sequential(*g, nn.Conv2d(64, channels, 3, 1, 1), nn.Tanh()),
            nn.Sequential(*d, nn.Flatten(), nn.Linear(512, 1)))


def dcgan_28(norm_d=True, channels=1):
    g = nn.Sequential(nn.Linear(100, 128 * 7 * 7, bias=False), nn.Unflatten(1, (128, 7, 7)), nn.BatchNorm2d(128), nn.ReLU(),
                      nn.ConvTranspose2d(128, 64, 4, 2, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(),
                      nn.ConvTranspose2d(64, channels, 4, 2, 1), nn.Tanh())
    d = [nn.Conv2d(channels, 64, 4, 2, 1), leaky(), nn.Conv2d(64, 128, 4, 2, 1, bias=not norm_d)]
    return g, nn.Sequential(*d, *[nn.BatchNorm2d(128)] * norm_d, leaky(), nn.Flatten(), nn.Linear(128 * 7 * 7, 1))


# ---- sheet 3: CGAN ----

def cgan_dense(image, label):
    d = nn.Sequential(nn.Linear(math.prod(image) + 10, 512), leaky(), nn.Linear(512, 512), Dropout(0.4), leaky(),
                      nn.Linear(512, 512), Dropout(0.4), leaky(), nn.Linear(512, 1))
    return Conditioned(label(), dense_g(110, image, 0.8), True), Conditioned(label(), d, False)


class Branches(nn.Module):
    """The class and the input through a layer each, then side by side through a network."""

    def __init__(self, of_label, of_input, network):
        super().__init__()
        self.of_label, self.of_input, self.network = of_label, of_input, network

    def forward(self, x, y):
        label = self.of_label(F.one_hot(y, 10).double())
        return self.network(torch.cat([self.of_input(x.flatten(1)), label], 1))


def cgan_paper(image):
    pixels = math.prod(image)
    g = Branches(nn.Sequential(nn.Linear(10, 1000), nn.ReLU()), nn.Sequential(nn.Linear(100, 200), nn.ReLU()),
                 nn.Sequential(Dropout(0.5), nn.Linear(1200, 1200), nn.ReLU(), Dropout(0.5), nn.Linear(1200, pixels),
                               nn.Sigmoid(), nn.Unflatten(1, image)))
    d = Branches(nn.Sequential(nn.Linear(10, 250), Maxout(5)), nn.Sequential(nn.Linear(pixels, 1200), Maxout(5)),
                 nn.Sequential(Dropout(0.5), nn.Linear(290, 960), Maxout(4), Dropout(0.5), nn.Linear(240, 1)))
    return g, d


class Repeated(nn.Module):
    """The class is put behind the input of every layer, for maps as constant channels."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x, y):
        y = F.one_hot(y, 10).double()
        for layer in self.layers:
            label = y if x.dim() == 2 else y[:, :, None, None].expand(-1, -1, *x.shape[2:])
            x = layer(torch.cat([x, label], 1))
        return x


def cgan_dcgan():
    def bare(channels, dims=2):
        return plain_norm(channels, dims, affine=False)

    g = Repeated(nn.Sequential(nn.Linear(110, 1024, bias=False), bare(1024, 1), nn.ReLU()),
                 nn.Sequential(nn.Linear(1034, 6272, bias=False), bare(6272, 1), nn.ReLU(), nn.Unflatten(1, (128, 7, 7))),
                 nn.Sequential(deconv5(138, 64), bare(64), nn.ReLU()), nn.Sequential(deconv5(74, 1), nn.Sigmoid()))
    d = Repeated(nn.Sequential(conv5(11, 64), leaky()), nn.Sequential(conv5(74, 128), bare(128), leaky(), nn.Flatten()),
                 nn.Sequential(nn.Linear(6282, 1024, bias=False), bare(1024, 1), leaky()), nn.Linear(1034, 1, bias=False))
    return g, d


# ---- sheet 4: InfoGAN ----

class Coded(nn.Module):
    """G: noise, the category's one-hot code and then the continuous codes."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, z, codes):
        return self.network(torch.cat([z, codes], 1))


class Heads(nn.Module):
    """D and Q on one trunk: the score and the guesses; `apart`: the latter without a gradient to the trunk."""

    def __init__(self, trunk, d, q):
        super().__init__()
        self.trunk, self.d, self.q = trunk, d, q

    def forward(self, x, apart=False):
        features = self.trunk(x)
        return self.d(features), self.q(features.detach() if apart else features)


def infogan_g(inputs):
    return nn.Sequential(nn.Linear(inputs, 1024), nn.BatchNorm1d(1024), nn.ReLU(), nn.Linear(1024, 6272), nn.BatchNorm1d(6272),
                         nn.ReLU(), nn.Unflatten(1, (128, 7, 7)), nn.ConvTranspose2d(128, 64, 4, 2, 1), nn.BatchNorm2d(64),
                         nn.ReLU(), nn.ConvTranspose2d(64, 1, 4, 2, 1), nn.Sigmoid())


def infogan_trunk(slope, channels=1, norm=True):
    def act():
        return nn.LeakyReLU(slope)

    return nn.Sequential(nn.Conv2d(channels, 64, 4, 2, 1), act(), nn.Conv2d(64, 128, 4, 2, 1), *[nn.BatchNorm2d(128)] * norm,
                         act(), nn.Flatten(), nn.Linear(6272, 1024), *[nn.BatchNorm1d(1024)] * norm, act())


def infogan(slope, guesses):
    q = nn.Sequential(nn.Linear(1024, 128), nn.BatchNorm1d(128), nn.LeakyReLU(slope), nn.Linear(128, guesses))
    return Coded(infogan_g(74)), Heads(infogan_trunk(slope), nn.Sequential(nn.Linear(1024, 1)), q)


def infogan_pair(norm_d=True):
    """Without codes."""
    return infogan_g(64), nn.Sequential(*infogan_trunk(0.1, 1, norm_d), nn.Linear(1024, 1))


def infogan_told():
    """Without codes; both are told the class, with their input."""
    return Repeated(infogan_g(74)), Repeated(nn.Sequential(*infogan_trunk(0.1, 11), nn.Linear(1024, 1)))


def infogan_pytorch_gan():
    g, d = upsampling(1, True, 74)
    return Coded(g), Heads(d[:-1], nn.Sequential(d[-1]), nn.Sequential(nn.Linear(512, 12)))


class KerasConv(nn.Conv2d):
    """4 x 4, stride 1, of the image's size: one row and column of zeros before it, two behind."""

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs, 4)

    def forward(self, x):
        return super().forward(F.pad(x, (1, 2, 1, 2)))


def infogan_keras():
    def norm(channels, kind=nn.BatchNorm2d):
        return kind(channels, 1e-3, 0.01)

    def act():
        return nn.LeakyReLU(0.1)

    g = nn.Sequential(nn.Linear(72, 25088), nn.ReLU(), norm(25088, nn.BatchNorm1d), nn.Unflatten(1, (512, 7, 7)),
                      KerasConv(512, 128), nn.ReLU(), norm(128), nn.ConvTranspose2d(128, 64, 4, 2, 1), nn.ReLU(), norm(64),
                      nn.ConvTranspose2d(64, 1, 4, 2, 1), nn.Tanh())
    trunk = nn.Sequential(nn.Conv2d(1, 64, 4, 2, 1), act(), nn.Conv2d(64, 128, 4, 2, 1), act(), norm(128), KerasConv(128, 256),
                          act(), norm(256), nn.Flatten())
    q = nn.Sequential(nn.Linear(12544, 128), norm(128, nn.BatchNorm1d), act(), nn.Linear(128, 10))
    return Coded(g), Heads(trunk, nn.Sequential(nn.Linear(12544, 1)), q)


# ---- sheet 5: Improved GAN ----

class Noise(nn.Module):
    def __init__(self, deviation):
        super().__init__()
        self.deviation = deviation

    def forward(self, x):
        return x + self.deviation * noise.normal(x.shape)


class Normalised(nn.Module):
    """A dense layer with weight normalisation, one length for each output."""

    outputs_axis = 0

    def __init__(self, inputs, outputs, trained=False, window=()):
        super().__init__()
        shape = [inputs, *window]
        shape.insert(self.outputs_axis, outputs)
        lengths = [n if i == self.outputs_axis else 1 for i, n in enumerate(shape)]
        self.weight_v = nn.Parameter(torch.empty(shape))
        self.bias = nn.Parameter(torch.empty(outputs))
        self.weight_g = nn.Parameter(torch.ones(lengths), requires_grad=trained)

    def lengths(self):
        others = [axis for axis in range(self.weight_v.dim()) if axis != self.outputs_axis]
        return self.weight_v.square().sum(others, keepdim=True).sqrt()

    def apply_weight(self, x, weight):
        return F.linear(x, weight, self.bias)

    def forward(self, x):
        return self.apply_weight(x, self.weight_v * (self.weight_g / self.lengths()))

    def fit(self, x, deviation=1):
        """Each output of mean 0 and of this deviation over the batch."""
        bias = self.bias.data.view(-1, *[1] * (x.dim() - 2))
        others = [axis for axis in range(x.dim()) if axis != 1]
        a = self(x) - bias
        factor = deviation / a.std(others, unbiased=False)
        self.weight_g.data *= factor.view(self.weight_g.shape)
        self.bias.data = -a.mean(others) * factor


class NormalisedConv(Normalised):
    def __init__(self, inputs, outputs, kernel, stride, padding):
        super().__init__(inputs, outputs, False, (kernel, kernel))
        self.stride, self.padding = stride, padding

    def apply_weight(self, x, weight):
        return F.conv2d(x, weight, self.bias, self.stride, self.padding)


class NormalisedDeconv5(Normalised):
    """5 x 5, to twice the size."""

    outputs_axis = 1

    def __init__(self, inputs, outputs):
        super().__init__(inputs, outputs, True, (5, 5))

    def apply_weight(self, x, weight):
        return F.conv_transpose2d(x, weight, self.bias, 2, 2, 1)


class Virtual(VirtualBatchNorm):
    """Virtual batch normalisation that remembers the reference as libgan's layer does."""

    def __init__(self, channels):
        super().__init__(channels)
        for name, size in (("reference_mean", channels), ("reference_var", channels), ("reference_count", 1)):
            self.register_buffer(name, torch.zeros(size))

    def set_reference(self, x):
        y = super().set_reference(x)
        self.reference_mean = self.mean.detach().flatten()
        self.reference_var = (self.mean_sq - self.mean ** 2).detach().flatten()
        self.reference_count = torch.full((1,), float(self.n), dtype=torch.float64)
        return y


class Logits(nn.Module):
    """D: its logits, and the features that are matched."""

    def __init__(self, body, last):
        super().__init__()
        self.body, self.last = body, last

    def forward(self, x):
        features = self.body(x)
        return self.last(features), features


def last_layers(features, layer, compares, deviation):
    return nn.Sequential(*[MinibatchDiscrimination(features, 100, 5, False, True, True)] * compares, *[Noise(deviation)] *
                         (deviation > 0), layer(features + 100 * compares))


def bias_only(channels, kind=nn.BatchNorm1d):
    norm = kind(channels, 1e-6)
    norm.weight.requires_grad = False
    return norm


def improved_mnist(image, compares=False):
    pixels = math.prod(image)
    g = nn.Sequential(nn.Linear(100, 500, bias=False), bias_only(500), nn.Softplus(), nn.Linear(500, 500, bias=False),
                      bias_only(500), nn.Softplus(), Normalised(500, pixels, True), nn.Sigmoid(), nn.Unflatten(1, image))
    d, width = [nn.Flatten()], pixels
    for narrower in (1000, 500, 250, 250, 250):
        d += [Noise(0.3 if width == pixels else 0.5), Normalised(width, narrower), nn.ReLU()]
        width = narrower
    return g, Logits(nn.Sequential(*d), last_layers(250, lambda n: Normalised(n, 10, True), compares, 0.5))


def improved_cifar():
    g = [nn.Linear(100, 8192, bias=False), bias_only(8192), nn.ReLU(), nn.Unflatten(1, (512, 4, 4))]
    for width in (256, 128):
        g += [deconv5(2 * width, width), bias_only(width, nn.BatchNorm2d), nn.ReLU()]
    d, last = [], 3
    for i, (width, kernel, stride, padding) in enumerate(((96, 3, 1, 1), (96, 3, 1, 1), (96, 3, 2, 1), (192, 3, 1, 1), (192, 3, 1, 1),
                                                          (192, 3, 2, 1), (192, 3, 1, 0), (192, 1, 1, 0), (192, 1, 1, 0))):
        d += [Dropout(0.2 if i == 0 else 0.5)] * (i % 3 == 0) + [NormalisedConv(last, width, kernel, stride, padding), leaky()]
        last = width
    return (nn.Sequential(*g, NormalisedDeconv5(128, 3), nn.Tanh()),
            Logits(nn.Sequential(*d, nn.AvgPool2d(6), nn.Flatten()), last_layers(192, lambda n: Normalised(n, 10, True), False, 0)))


def improved_two_moons(compares=False):
    g = nn.Sequential(nn.Linear(8, 64), nn.BatchNorm1d(64), nn.Softplus(), nn.Linear(64, 64), nn.BatchNorm1d(64),
                      nn.Softplus(), nn.Linear(64, 2))
    d = [layer for n in (2, 64, 64) for layer in (Noise(0.1 if n == 2 else 0.2), nn.Linear(n, 64), nn.ReLU())]
    return g, Logits(nn.Sequential(*d), last_layers(64, lambda n: nn.Linear(n, 2), compares, 0.2))


def improved_dcgan():
    g, d = dcgan_28()
    g = VirtualNet(*[Virtual(m.num_features) if isinstance(m, nn.BatchNorm2d) else m for m in g], through=True)
    return g, Logits(d[:-1], last_layers(6272, lambda n: nn.Linear(n, 1), True, 0))


# ---- sheet 6: LSGAN ----

def lsgan_d(channels, map_size, norm=True):
    d = [SameConv(channels, 64, 5), leaky()]
    for width in (128, 256, 512):
        d += [SameConv(width // 2, width, 5), *[nn.BatchNorm2d(width)] * norm, leaky()]
    return nn.Sequential(*d, nn.Flatten(), nn.Linear(512 * map_size ** 2, 1))


def lsgan_lsun(channels, latent):
    g, last = [nn.Linear(latent, 256 * 7 * 7), nn.Unflatten(1, (256, 7, 7)), nn.BatchNorm2d(256), nn.ReLU()], 256
    for width, stride in ((256, 2), (256, 1), (256, 2), (256, 1), (128, 2), (64, 2)):
        g += [nn.ConvTranspose2d(last, width, 3, stride, 1, stride - 1), nn.BatchNorm2d(width), nn.ReLU()]
        last = width
    return nn.Sequential(*g, nn.ConvTranspose2d(64, channels, 3, 1, 1), nn.Tanh()), lsgan_d(channels, 7)


class Character(nn.Module):
    """The networks of the LSGAN authors for many classes: each has numbers of its own for the class."""

    def __init__(self, generates):
        super().__init__()
        self.generates = generates
        self.meaning = nn.Linear(10, 256)
        if generates:
            self.parts = nn.ModuleList([
                nn.Linear(1280, 6272),
                nn.Sequential(nn.Unflatten(1, (128, 7, 7)), nn.BatchNorm2d(128), nn.ReLU(),
                              nn.ConvTranspose2d(128, 128, 5, 2, 2, 1), nn.BatchNorm2d(128), nn.ReLU(),
                              nn.ConvTranspose2d(128, 1, 5, 2, 2, 1), nn.Sigmoid())])
        else:
            self.parts = nn.ModuleList([
                nn.Sequential(nn.Conv2d(1, 257, 5, 2, 2), nn.LeakyReLU(0.2)),
                nn.Sequential(nn.Conv2d(513, 320, 5, 2, 2), nn.BatchNorm2d(320), nn.LeakyReLU(0.2), nn.Flatten()),
                nn.Sequential(nn.Linear(15936, 1024), nn.BatchNorm1d(1024), nn.LeakyReLU(0.2)),
                nn.Linear(1280, 1)])

    def forward(self, x, labels):
        meaning = self.meaning(F.one_hot(labels, 10).double())
        if self.generates:
            return self.parts[1](self.parts[0](torch.cat([x, meaning], 1)))
        maps = self.parts[0](x)
        planes = meaning[:, :, None, None].expand(-1, -1, *maps.shape[2:])
        features = self.parts[1](torch.cat([maps, planes], 1))
        features = self.parts[2](torch.cat([features, meaning], 1))
        return self.parts[3](torch.cat([features, meaning], 1))


def lsgan_characters():
    return Character(True), Character(False)


def lsgan_stability(channels, latent, norm_d):
    g = [nn.Linear(latent, 512 * 4 * 4), nn.Unflatten(1, (512, 4, 4)), nn.ReLU()]
    for width in (512, 256, 128):
        g += [SameDeconv(width, width // 2, 5), nn.ReLU()]
    return nn.Sequential(*g, SameDeconv(64, channels, 5), nn.Tanh()), lsgan_d(channels, 4, norm_d)


# ---- sheet 7: WGAN, WGAN-GP ----

def wgan_dense(image):
    pixels = math.prod(image)
    return [nn.Sequential(*first, nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(),
                          nn.Linear(width, width), nn.ReLU(), nn.Linear(width, outputs), *last)
            for first, inputs, width, outputs, last in (([], 100, 512, pixels, [nn.Unflatten(1, image)]),
                                                        ([nn.Flatten()], pixels, 64, 1, []))]


def wgan_gp_mnist():
    g = nn.Sequential(nn.Linear(128, 4096), nn.ReLU(), nn.Unflatten(1, (256, 4, 4)), SameDeconv(256, 128, 5, crop=7),
                      nn.ReLU(), SameDeconv(128, 64, 5), nn.ReLU(), SameDeconv(64, 1, 5), nn.Sigmoid())
    d = nn.Sequential(SameConv(1, 64, 5), leaky(), SameConv(64, 128, 5), leaky(), SameConv(128, 256, 5), leaky(),
                      nn.Flatten(), nn.Linear(4096, 1))
    return g, d


class Points(nn.Module):
    """A dense network on a point or z, the component's one-hot code behind it if there are `classes`."""

    def __init__(self, inputs, outputs, width, layers, slope, classes):
        super().__init__()
        self.classes = classes
        sizes = [inputs + classes] + layers * [width]
        parts = [part for a, b in zip(sizes, sizes[1:]) for part in (nn.Linear(a, b), nn.LeakyReLU(slope))]
        self.network = nn.Sequential(*parts, nn.Linear(width, outputs))

    def forward(self, x, y=None):
        return self.network(torch.cat([x, F.one_hot(y, self.classes).double()], 1) if self.classes else x)


class Plain(nn.Module):
    """A network on points that knows no components."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x, y=None):
        return self.network(x)


class CodedPoints(Points):
    """Points with a second head on the last hidden layer, which guesses the code."""

    def __init__(self, inputs, outputs, width, layers, slope, classes):
        super().__init__(inputs, outputs, width, layers, slope, 0)
        self.guess = nn.Linear(width, classes)

    def forward(self, x, y=None):
        hidden = self.network[:-1](x)
        return self.network[-1](hidden), self.guess(hidden)


def mixture_codes():
    return Points(2, 2, 128, 2, 0, 8), CodedPoints(2, 1, 128, 2, 0.2, 8)


def mixture_lsgan():
    def network(inputs, outputs):
        return nn.Sequential(nn.Linear(inputs, 128), nn.Tanh(), nn.Linear(128, 128), nn.Tanh(), nn.Linear(128, outputs))

    return Plain(network(256, 2)), Plain(network(2, 1))


def mixture_spectral():
    parts = [part for inputs in (2, 64, 64) for part in (Spectral(inputs, 64), nn.LeakyReLU(0.2))]
    return Points(2, 2, 128, 2, 0, 0), Plain(nn.Sequential(*parts, Spectral(64, 1)))


def mixture(width, layers, told, dimension=2):
    classes = 8 if told else 0
    return (Points(2, dimension, width, layers, 0, classes),
            Points(dimension, 1, width, layers, 0 if layers == 3 else 0.2, classes))


# ---- sheet b 8: VEEGAN ----

class Joined(nn.Module):
    """Data, through a network of their own, and noise, side by side."""

    def __init__(self, features, network):
        super().__init__()
        self.features, self.network = features, network

    def forward(self, x, z):
        return self.network(torch.cat([self.features(x), z], 1))


def dense_relu(*sizes):
    parts = [part for a, b in zip(sizes[:-1], sizes[1:-1]) for part in (nn.Linear(a, b), nn.ReLU())]
    return nn.Sequential(*parts, nn.Linear(*sizes[-2:]))


def veegan_plane(latent):
    """G takes z and one number more."""
    g = Joined(nn.Identity(), dense_relu(latent + 1, 128, 128, 2))
    d = Joined(nn.Identity(), dense_relu(2 + latent, 128, 1))
    d.reconstructor = dense_relu(2, 128, 128, latent)
    return g, d


def veegan_mnist(image):
    pixels = math.prod(image)
    g = nn.Sequential(*dense_relu(32, 256, pixels), nn.Sigmoid(), nn.Unflatten(1, image))
    d = Joined(nn.Flatten(), nn.Sequential(nn.Linear(pixels + 32, 256), nn.ReLU(), Dropout(0.5), nn.Linear(256, 1)))
    d.reconstructor = nn.Sequential(nn.Flatten(), *dense_relu(pixels, 256, 32))
    return g, d


def veegan_stacked():
    """D and F look at stacks through the features of DCGAN's discriminator, each through its own."""
    g, d = dcgan_28(channels=3)
    joined = Joined(d[:-1], nn.Sequential(nn.Linear(6272 + 100, 512), leaky(), nn.Linear(512, 1)))
    joined.reconstructor = nn.Sequential(*dcgan_28(channels=3)[1][:-1], nn.Linear(6272, 100))
    return g, joined


# ---- sheet 10: CoGAN ----

class Twins(nn.Module):
    """One thing in two domains: what is shared, and what each has for itself."""

    def __init__(self, shared, first, second):
        super().__init__()
        self.shared, self.first, self.second = shared, first, second

    def forward(self, z):
        features = self.shared(z)
        return self.first(features), self.second(features)


class Judges(nn.Module):
    """The logit of real less that of fake, of images of both domains one behind the other."""

    def __init__(self, first, shared, second):
        super().__init__()
        self.first, self.shared, self.second = first, shared, second

    def forward(self, x, y):
        logits = self.shared(torch.cat([self.first(x), self.second(y)]))
        return logits[:, 1:] - logits[:, :1]


class Apart(nn.Module):
    """Scores of both domains: what is shared comes first."""

    def __init__(self, shared, first, second):
        super().__init__()
        self.shared, self.first, self.second = shared, first, second

    def forward(self, x, y):
        a = self.first(self.shared(x))
        return a, self.second(self.shared(y))


def cogan_pytorch_gan():
    def own():
        return nn.Sequential(nn.Conv2d(128, 64, 3, 1, 1), nn.BatchNorm2d(64, 0.8), leaky(), nn.Conv2d(64, 1, 3, 1, 1), nn.Tanh())

    shared = nn.Sequential(nn.Linear(100, 8192), nn.Unflatten(1, (128, 8, 8)), nn.BatchNorm2d(128), nn.Upsample(scale_factor=2),
                           nn.Conv2d(128, 128, 3, 1, 1), nn.BatchNorm2d(128, 0.8), leaky(), nn.Upsample(scale_factor=2))
    d, width = [], 1
    for wider in (16, 32, 64, 128):
        d += [nn.Conv2d(width, wider, 3, 2, 1), *[nn.BatchNorm2d(wider, 0.8)] * (wider > 16), leaky(), Dropout(0.25, maps=True)]
        width = wider
    return Twins(shared, own(), own()), Apart(nn.Sequential(*d, nn.Flatten()), nn.Linear(512, 1), nn.Linear(512, 1))


def cogan(widest, shared):
    def up(begin, end):
        layers = []
        for i in range(begin, end):
            kernel, stride, padding = (4, 1, 0) if i == 0 else (3, 2, 1)
            layers += [nn.ConvTranspose2d(100 if i == 0 else widest >> i - 1, widest >> i, kernel, stride, padding),
                       nn.BatchNorm2d(widest >> i, affine=False), nn.PReLU()]
        return layers

    def head():
        return nn.Sequential(*up(shared, 4), nn.ConvTranspose2d(widest >> 3, 1, 6, 1, 1), nn.Sigmoid())

    def own():
        return nn.Sequential(nn.Conv2d(1, 20, 5), nn.MaxPool2d(2))

    g = Twins(nn.Sequential(nn.Unflatten(1, (100, 1, 1)), *up(0, shared)), head(), head())
    return g, Judges(own(), nn.Sequential(nn.Conv2d(20, 50, 5), nn.MaxPool2d(2), nn.Conv2d(50, 500, 4), nn.PReLU(),
                                          nn.Conv2d(500, 2, 1), nn.Flatten()), own())


# ---- the judge ----

def classifier(image):
    """LeNet-5 with ReLU and maximum pooling; 28 x 28 with a frame of zeros. The second network is none."""
    side = (image[1] + 4 * (image[1] == 28) - 12) // 4
    layers = [nn.ZeroPad2d(2)] * (image[1] == 28)
    for inputs, outputs in ((image[0], 6), (6, 16)):
        layers += [nn.Conv2d(inputs, outputs, 5), nn.ReLU(), nn.MaxPool2d(2)]
    layers += [nn.Flatten(), nn.Linear(16 * side ** 2, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    return nn.Sequential(*layers), nn.Sequential()


# ---- spectral norm ----

class Compensation:
    """What lifts the singular values of convolutions: "static" (a share of each, to the largest), "dynamic" (all, to their
    own largest share of it so far), or the static formula in each forward pass, without a spectral norm."""

    def __init__(self, method, share=0.5, formula=False):
        self.method, self.share, self.formula = method, share, formula


class Spectral(nn.Module):
    """A convolution, or with no kernel a dense layer, with the spectral norm: each forward pass in training mode begins with
    a power iteration."""

    def __init__(self, inputs, outputs, kernel=None, bias=True, compensation=None, stride=1, padding=None):
        super().__init__()
        window = () if kernel is None else (kernel, kernel)
        self.stride, self.compensation = stride, compensation
        self.padding = padding if padding is not None else 0 if kernel is None else (kernel - 1) // 2
        self.weight_orig = nn.Parameter(torch.empty(outputs, inputs, *window))
        self.bias = nn.Parameter(torch.empty(outputs)) if bias else None
        rank = min(self.weight_orig.flatten(1).shape)
        if compensation is None or not compensation.formula:
            self.register_buffer("weight_u", torch.empty(outputs))
            self.register_buffer("weight_v", torch.empty(self.weight_orig[0].numel()))
        if compensation is not None:
            self.count = max(int(compensation.share * rank), 1)
            if compensation.method == "dynamic":
                self.register_buffer("weight_gamma", torch.zeros(rank))

    def start(self, draw):
        if hasattr(self, "weight_u"):
            self.weight_u = draw(self.weight_u.shape)
            self.iterate(15)

    def iterate(self, count):
        matrix = self.weight_orig.detach().flatten(1)
        for _ in range(count):
            self.weight_v = F.normalize(matrix.t() @ self.weight_u, dim=0, eps=1e-12)
            self.weight_u = F.normalize(matrix @ self.weight_v, dim=0, eps=1e-12)

    def used(self):
        matrix = self.weight_orig.flatten(1)
        if hasattr(self, "weight_u"):
            self.iterate(1)
            return self.weight_orig / (self.weight_u @ matrix @ self.weight_v)
        u, _, vh = torch.linalg.svd(matrix.detach(), full_matrices=False)
        s = torch.stack([u[:, k] @ matrix @ vh[k] for k in range(self.count)])
        lifted = matrix + sum((s[0] - s[k]) * torch.outer(u[:, k], vh[k]) for k in range(self.count))
        return (lifted / s[0]).reshape(self.weight_orig.shape)

    def forward(self, x):
        weight = self.used()
        return F.linear(x, weight, self.bias) if x.dim() == 2 else F.conv2d(x, weight, self.bias, self.stride, self.padding)

    def compensate(self):
        """The whole decomposition, with other singular values; the first time, dynamic ones are only looked at."""
        u, s, vh = torch.linalg.svd(self.weight_orig.detach().flatten(1), full_matrices=False)
        if self.compensation.method == "dynamic":
            first = bool((self.weight_gamma == 0).all())
            self.weight_gamma = torch.maximum(self.weight_gamma, s / s[0])
            if first:
                return
            s = s[0] * self.weight_gamma
        else:
            s = s / s[0]
            s[:self.count] = 1
        self.weight_orig.data.copy_((u @ torch.diag(s) @ vh).reshape(self.weight_orig.shape))


class SpectralEmbedding(Spectral):
    def __init__(self, classes, width):
        super().__init__(width, classes, bias=False)
        self.weight_orig.table = True

    def forward(self, labels):
        return self.used()[labels]


class Projection(nn.Module):
    """Of features: a score, and their product with the class's vector."""

    def __init__(self, body, width, classes):
        super().__init__()
        self.body, self.score, self.embedding = body, Spectral(width, 1, bias=False), SpectralEmbedding(classes, width)

    def forward(self, x, labels):
        y = self.body(x)
        return self.score(y) + (self.embedding(labels) * y).sum(1, keepdim=True)


class ClassNorm(nn.Module):
    """Batch normalisation with a gain and a bias for each class."""

    def __init__(self, classes, width):
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(classes, width)), nn.Parameter(torch.zeros(classes, width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))

    def forward(self, x, labels):
        y = F.batch_norm(x, self.running_mean, self.running_var, training=self.training, eps=2e-5)
        return self.weight[labels][:, :, None, None] * y + self.bias[labels][:, :, None, None]


def twice(x):
    return F.interpolate(x, scale_factor=2, mode="nearest")


class ResidualUp(nn.Module):
    """classes: how many, where the normalisations are told the class."""

    def __init__(self, width, classes=None):
        super().__init__()

        def norm():
            return nn.BatchNorm2d(width, 2e-5) if classes is None else ClassNorm(classes, width)
        self.norm_1, self.conv_1 = norm(), nn.Conv2d(width, width, 3, padding=1)
        self.norm_2, self.conv_2 = norm(), nn.Conv2d(width, width, 3, padding=1)
        self.shortcut = nn.Conv2d(width, width, 1)

    def forward(self, x, *labels):
        y = self.conv_1(twice(F.relu(self.norm_1(x, *labels))))
        return self.conv_2(F.relu(self.norm_2(y, *labels))) + self.shortcut(twice(x))


class ResidualDown(nn.Module):
    """first: of an image, without an activation in front, and the shortcut pools before its convolution."""

    def __init__(self, inputs, width, compensation, first=False, pools=True):
        super().__init__()
        self.first, self.pools = first, pools
        self.conv_1 = Spectral(inputs, width, 3, compensation=compensation)
        self.conv_2 = Spectral(width, width, 3, compensation=compensation)
        self.shortcut = Spectral(inputs, width, 1, compensation=compensation) if pools else None

    def forward(self, x):
        y = self.conv_2(F.relu(self.conv_1(x if self.first else F.relu(x))))
        if not self.pools:
            return y + x
        short = self.shortcut(F.avg_pool2d(x, 2)) if self.first else F.avg_pool2d(self.shortcut(x), 2)
        return F.avg_pool2d(y, 2) + short


class SumPool(nn.Module):
    def forward(self, x):
        return x.sum((2, 3))


class ResidualG(nn.Module):
    def __init__(self, channels, width, classes):
        super().__init__()
        self.first = nn.Sequential(nn.Linear(128, width * 16), nn.Unflatten(1, (width, 4, 4)))
        self.blocks = nn.ModuleList(ResidualUp(width, classes) for _ in range(3))
        self.last = nn.Sequential(nn.BatchNorm2d(width, 2e-5), nn.ReLU(), nn.Conv2d(width, channels, 3, padding=1), nn.Tanh())

    def forward(self, z, *labels):
        x = self.first(z)
        for block in self.blocks:
            x = block(x, *labels)
        return self.last(x)


def residual_pair(channels, g_width, d_width, compensation=None, classes=None):
    body = nn.Sequential(ResidualDown(channels, d_width, compensation, first=True), ResidualDown(d_width, d_width, compensation),
                         ResidualDown(d_width, d_width, compensation, pools=False),
                         ResidualDown(d_width, d_width, compensation, pools=False), nn.ReLU(), SumPool())
    d = nn.Sequential(body, Spectral(d_width, 1, bias=False)) if classes is None else Projection(body, d_width, classes)
    return ResidualG(channels, g_width, classes), d


def spectral_infogan(lift=None):
    d = [Spectral(1, 64, 4, True, lift, 2), nn.LeakyReLU(0.1), Spectral(64, 128, 4, True, lift, 2), nn.LeakyReLU(0.1)]
    return infogan_g(64), nn.Sequential(*d, nn.Flatten(), Spectral(6272, 1024), nn.LeakyReLU(0.1), Spectral(1024, 1))


def spectral_dcgan(channels, widths, lift=None):
    """DCGAN's networks, D with the spectral norm. widths: of the generator's maps, from 4 x 4 on."""
    d, last = [], channels
    for width in reversed(widths):
        d += [Spectral(last, width, 4, True, lift, 2), nn.LeakyReLU(0.2)]
        last = width
    return dcgan_generator(channels, widths), nn.Sequential(*d, Spectral(last, 1, 4, True, lift, padding=0), nn.Flatten())


def spectral_cnn(channels, widths, slope, lift=None):
    """Without residuals, at 32 x 32. widths: of D's convolutions, by turns 3 x 3 and, with stride 2, 4 x 4."""
    g = [nn.Linear(128, 512 * 16), nn.Unflatten(1, (512, 4, 4)), nn.BatchNorm2d(512, 2e-5), nn.ReLU()]
    for width in (256, 128, 64):
        g += [nn.ConvTranspose2d(2 * width, width, 4, 2, 1), nn.BatchNorm2d(width, 2e-5), nn.ReLU()]
    d, last = [], channels
    for i, width in enumerate(widths):
        d += [Spectral(last, width, 4 if i % 2 else 3, True, lift, 1 + i % 2), nn.LeakyReLU(slope)]
        last = width
    return (nn.Sequential(*g, nn.Conv2d(64, channels, 3, padding=1), nn.Tanh()),
            nn.Sequential(*d, nn.Flatten(), Spectral(last * 16, 1)))
