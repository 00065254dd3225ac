"""PixelCNN's and PixelRNN's layers in PyTorch (van den Oord et al. 2016), for the make_*.py of this folder: masks by loops
over channels and taps, LSTMs by loops over rows and over the columns of a map that was skewed pixel by pixel."""
import torch
import torch.nn as nn
import torch.nn.functional as F


def colours(count, number):
    """The colour of each channel."""
    return [channel * number // count for channel in range(count)]


def mask(kind, outputs, inputs, kh, kw, number):
    m = torch.ones(len(outputs), inputs, kh, kw, dtype=torch.float64)
    for o, to in enumerate(outputs):
        for i, of in enumerate(colours(inputs, number)):
            for r in range(kh):
                for c in range(kw):
                    place = (r - kh // 2) * kw + c - kw // 2  # of the tap, in the order of pixels
                    if place > 0 or (place == 0 and (of >= to if kind == "A" else of > to)):
                        m[o, i, r, c] = 0
    return m


class MaskedConv2d(nn.Conv2d):
    def __init__(self, i, o, kernel, kind, number=1, bias=True):
        kh, kw = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        super().__init__(i, o, (kh, kw), padding=(kh // 2, kw // 2), bias=bias)
        self.mask = mask(kind, colours(o, number), i, kh, kw, number)

    def forward(self, x):
        return F.conv2d(x, self.weight * self.mask.to(x.dtype), self.bias, padding=self.padding)


def cell(gates, c):
    o, f, i, g = gates.chunk(4, 1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(c), c


class PixelLSTM(nn.Module):
    def __init__(self, ih, hh, state, bias, learned):
        super().__init__()
        self.weight_ih, self.weight_hh = nn.Parameter(torch.zeros(ih)), nn.Parameter(torch.zeros(hh))
        self.bias = nn.Parameter(torch.zeros(ih[0])) if bias else None
        self.h0 = nn.Parameter(torch.zeros(state)) if learned else None
        self.c0 = nn.Parameter(torch.zeros(state)) if learned else None


class RowLSTM(PixelLSTM):
    def __init__(self, i, h, kernel, width, number=1, bias=True, learned=True):
        super().__init__((4 * h, i, 1, kernel), (4 * h, h, 1, kernel), (h, width), bias, learned)
        self.h, self.kernel = h, kernel
        self.mask = mask("B", 4 * colours(h, number), i, 1, kernel, number)

    def forward(self, x):
        n, _, height, width = x.shape
        state = [x.new_zeros(n, self.h, width) if s is None else s.expand(n, -1, -1) for s in (self.h0, self.c0)]
        rows = []
        for r in range(height):
            weight = (self.weight_ih * self.mask.to(x.dtype))[:, :, 0]
            gates = F.conv1d(x[:, :, r], weight, self.bias, padding=self.kernel // 2)
            gates = gates + F.conv1d(state[0], self.weight_hh[:, :, 0], padding=self.kernel // 2)
            state = cell(gates, state[1])
            rows.append(state[0])
        return torch.stack(rows, 2)


class DiagonalBiLSTM(PixelLSTM):
    def __init__(self, i, h, height, number=1, bias=True, learned=True):
        super().__init__((8 * h, i, 1, 1), (8 * h, h, 2, 1), (2, h, height), bias, learned)
        self.h, self.mask = h, mask("B", 8 * colours(h, number), i, 1, 1, number)

    def walk(self, x, side):
        n, channels, height, width = x.shape
        own = slice(4 * self.h * side, 4 * self.h * (side + 1))
        weight, state_weight = (self.weight_ih * self.mask.to(x.dtype))[own, :, 0, 0], self.weight_hh[own, :, :, 0]
        bias = x.new_zeros(4 * self.h) if self.bias is None else self.bias[own]
        h, c = [x.new_zeros(n, self.h, height) if s is None else s[side].expand(n, -1, -1) for s in (self.h0, self.c0)]
        y = [[None] * width for _ in range(height)]
        for t in range(width + height - 1):
            # the column of the skewed map: row r has pixel t - r
            column = [x[:, :, r, t - r] if 0 <= t - r < width else x.new_zeros(n, channels) for r in range(height)]
            above = torch.cat([h.new_zeros(n, self.h, 1), h[:, :, :-1]], 2)
            gates = torch.einsum("oi,nir->nor", weight, torch.stack(column, 2)) + bias[:, None]
            gates = gates + torch.einsum("oi,nir->nor", state_weight[:, :, 0], above)
            gates = gates + torch.einsum("oi,nir->nor", state_weight[:, :, 1], h)
            h, c = cell(gates, c)
            for r in range(height):
                if 0 <= t - r < width:
                    y[r][t - r] = h[:, :, r]
        return torch.stack([torch.stack(row, 2) for row in y], 2)

    def forward(self, x):
        left, right = self.walk(x, 0), self.walk(x.flip(3), 1).flip(3)
        return left + torch.cat([torch.zeros_like(right[:, :, :1]), right[:, :, :-1]], 2)
