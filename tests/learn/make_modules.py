#!/usr/bin/env python3
"""Writes TorchScript modules for torchscript_test.cpp into a folder: make_modules.py FOLDER"""
import copy
import pathlib
import sys
import warnings
import zipfile
from typing import Dict, List

import torch
from torch import nn

from reference_networks import LeNet


class Dropping(nn.Module):
    """Batch norm and two kinds of dropout, one of them as a function."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.drop = nn.Dropout2d(0.3)
        self.line = nn.Linear(8 * 7 * 7, 10)

    def forward(self, x):
        x = self.drop(torch.relu(self.norm(self.conv(x))))
        x = nn.functional.max_pool2d(x, 4)
        return self.line(nn.functional.dropout(x.flatten(1), 0.5, self.training))


class Odd(nn.Module):
    """A frozen parameter, an integer buffer that counts nothing, and a parameter without any effect."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.full([1], 0.5), requires_grad=False)
        self.unused = nn.Parameter(torch.ones(3))
        self.register_buffer("order", torch.arange(784).flip(0))
        self.register_buffer("mean", torch.full([784], 0.25))
        self.line = nn.Linear(784, 10)

    def forward(self, x):
        return self.line((x.flatten(1) - self.mean)[:, self.order] * self.scale)


class Images(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 10, 3)

    def forward(self, x):
        return self.conv(x)


class Rows(nn.Module):
    """An image as a sequence of rows: the dropout is inside one operation, which is named lstm."""

    def __init__(self, kind):
        super().__init__()
        self.rows = kind(28, 8, num_layers=2, dropout=0.5, batch_first=True)
        self.line = nn.Linear(8, 10)

    def forward(self, x):
        y, _ = self.rows(x.squeeze(1))
        return self.line(y[:, -1])


class Forking(nn.Module):
    """Two tasks and the forward pass itself draw at the same time."""

    def __init__(self):
        super().__init__()
        self.line = nn.Linear(784, 10)
        self.drop = nn.Dropout(0.5)

    def forward(self, x):
        x = x.flatten(1)
        one = torch.jit.fork(self.drop, x)
        two = torch.jit.fork(self.drop, x)
        three = self.drop(x)
        return self.line(torch.jit.wait(one)) + self.line(torch.jit.wait(two)) * 0.5 + self.line(three) * 0.25


@torch.jit.interface
class Layer(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pass


class Dropped(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.dropout(x, 0.5, self.training)


class Counting(nn.Module):
    def __init__(self):
        super().__init__()
        self.n = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if float(x.abs().max()) > 1e9:  # never seen when it is tried
            self.n += 1
        return x


class Behind(nn.Module):
    """Calls a layer through an interface, which cannot be followed before it runs."""

    layer: Layer

    def __init__(self, layer):
        super().__init__()
        self.layer = layer
        self.line = nn.Linear(784, 10)

    def forward(self, x):
        return self.line(self.layer(x.flatten(1)))


class SometimesDrawing(nn.Module):
    """Draws for some batches alone, and not when it is tried."""

    def __init__(self):
        super().__init__()
        self.line = nn.Linear(784, 10)

    def forward(self, x):
        x = x.flatten(1)
        if x.size(0) > 8:
            x = x + torch.randn_like(x)
        return self.line(x)


class Keeping(nn.Module):
    """State of one kind or another; subclasses say which."""

    seen: List[float]
    batches: Dict[str, int]

    def __init__(self):
        super().__init__()
        self.line = nn.Linear(784, 10)
        self.n = 0
        self.seen = [0.0]
        self.batches = {"all": 0}
        self.plain = torch.zeros(1)
        self.register_buffer("steps", torch.zeros(1, dtype=torch.int64))
        self.register_buffer("flags", torch.zeros(2, dtype=torch.bool))
        self.register_buffer("mean", torch.zeros(784))

    def forward(self, x):
        return self.line(self.keep(x.flatten(1)))


class KeepingNumber(Keeping):
    def keep(self, x):
        self.n += 1
        return x


class KeepingList(Keeping):
    def keep(self, x):
        self.seen.append(float(x.sum()))
        return x


class KeepingDict(Keeping):
    def keep(self, x):
        self.batches["all"] = self.batches["all"] + 1
        return x


class KeepingTensor(Keeping):
    def keep(self, x):
        self.plain.add_(1)
        return x


class KeepingForked(Keeping):
    def count(self, x):
        if float(x.abs().max()) > 1e9:
            self.n += 1
        return x

    def keep(self, x):
        return torch.jit.wait(torch.jit.fork(self.count, x))


class KeepingIntegers(Keeping):
    def keep(self, x):
        self.steps += 1
        return x


class KeepingFlags(Keeping):
    def keep(self, x):
        self.flags.logical_not_()
        return x


class KeepingWeight(Keeping):
    def keep(self, x):
        with torch.no_grad():
            self.line.weight.mul_(0.5)
        return x


class Later(Keeping):
    """Changes something for some batches alone, and not when it is tried, where no name is in sight."""

    def keep(self, x):
        if x.size(0) > 8:
            self.change()
        return x


class LaterTensor(Later):
    def change(self):
        self.plain.view(-1)[0].add_(1)


class LaterTensorOfAList(Later):
    tensors: List[torch.Tensor]

    def __init__(self):
        super().__init__()
        self.tensors = [torch.zeros(1)]

    def change(self):
        self.tensors[0].add_(1)


class LaterIntegers(Later):
    def change(self):
        self.steps.add_(1)


class LaterFlags(Later):
    def change(self):
        self.flags.logical_not_()


class LaterWeight(Later):
    def change(self):
        with torch.no_grad():
            self.line.bias.add_(1)


class LaterSame(Later):
    """Writes the same again: nothing changes."""

    def change(self):
        self.steps.zero_()


class Attending(nn.Module):
    """Its dropout has training for a constant, and is behind a condition."""

    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(28, 4, dropout=0.5, batch_first=True)
        self.line = nn.Linear(784, 10)

    def forward(self, x):
        x = x.squeeze(1)
        return self.line(self.attention(x, x, x)[0].flatten(1))


class KeepingReplaced(Keeping):
    def keep(self, x):
        self.mean = 0.5 * self.mean + 0.5 * x.detach().mean(0)
        return x - self.mean


class KeepingReshaped(Keeping):
    def keep(self, x):
        self.mean = x.detach()
        return x


class Tied(nn.Module):
    """One tensor under two names, and one batch norm under two."""

    def __init__(self):
        super().__init__()
        self.one = nn.Linear(784, 32)
        self.norm = nn.BatchNorm1d(32)
        self.again = self.norm
        self.two = nn.Linear(784, 32)
        self.two.weight = self.one.weight
        self.line = nn.Linear(32, 10)

    def forward(self, x):
        x = x.flatten(1)
        return self.line(self.again(torch.relu(self.norm(self.one(x)) + self.two(x.flip(0)))))


class Masked(nn.Module):
    def __init__(self):
        super().__init__()
        self.register_buffer("mask", torch.arange(784) % 3 > 0)
        self.register_buffer("small", torch.arange(4, dtype=torch.int16))
        self.line = nn.Linear(784, 10)

    def forward(self, x):
        return self.line(x.flatten(1) * self.mask) * self.small[1]


class Greek(nn.Module):
    def __init__(self):
        super().__init__()
        self.line = nn.Linear(784, 10)

    def forward(self, x_θ):
        return self.line(x_θ.flatten(1))


class Cuda(nn.Module):
    def __init__(self):
        super().__init__()
        self.line = nn.Linear(784, 10)

    def forward(self, x):
        return self.line(x.flatten(1) + torch.arange(784, device=torch.device("cuda:0")))


def normed(momentum=0.1):
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 16), nn.BatchNorm1d(16, momentum=momentum), nn.ReLU(), nn.Dropout(0.5),
                         nn.Linear(16, 10))


KINDS = [KeepingNumber, KeepingList, KeepingDict, KeepingTensor, KeepingForked, KeepingIntegers, KeepingFlags, KeepingWeight,
         KeepingReplaced, KeepingReshaped, LaterTensor, LaterTensorOfAList, LaterIntegers, LaterFlags, LaterWeight, LaterSame]


def write_what_a_newer_torch_writes(folder):
    """Another version, and an operation that this one lacks."""
    edits = {"version": lambda name, data: b"99\n" if name.endswith("/version") else data,
             "operator": lambda name, data: data.replace(b"torch.flatten(", b"torch.not_there_yet(")
             if name.endswith(".py") else data}
    for kind, edit in edits.items():
        with zipfile.ZipFile(folder / "normed.pt") as old, zipfile.ZipFile(folder / f"{kind}.pt", "w") as new:
            for entry in old.infolist():
                if not entry.filename.endswith(".debug_pkl"):
                    new.writestr(entry.filename.replace("normed/", f"{kind}/", 1), edit(entry.filename, old.read(entry)))


def main():
    warnings.simplefilter("ignore")
    folder = pathlib.Path(sys.argv[1])
    torch.manual_seed(1)
    lenet = LeNet([1, 28, 28], 10)
    modules = {"lenet": lenet, "dropping": Dropping(), "odd": Odd(), "images": Images(),
               "colour": LeNet([3, 28, 28], 10), "double": nn.Sequential(nn.Flatten(), nn.Linear(784, 10)).double(),
               "twelve": nn.Sequential(nn.Flatten(), nn.Linear(784, 12)),
               "nothing": nn.Sequential(nn.Flatten(), nn.ReLU()), "lstm": Rows(nn.LSTM), "gru": Rows(nn.GRU),
               "rnn": Rows(nn.RNN), "forking": Forking(), "sometimes": SometimesDrawing(), "tied": Tied(), "masked": Masked(),
               "greek": Greek(), "cuda": Cuda(), "normed": normed(), "averaging": normed(momentum=None),
               "interface": Behind(torch.jit.script(Dropped())), "hidden": Behind(torch.jit.script(Counting())),
               "attending": Attending(),
               "last": copy.deepcopy(lenet).to(memory_format=torch.channels_last),
               **{kind.__name__: kind() for kind in KINDS}}
    for name, module in modules.items():
        torch.jit.script(module).save(str(folder / f"{name}.pt"))
    torch.jit.trace(normed().eval(), torch.zeros(1, 1, 28, 28)).save(str(folder / "traced.pt"))
    torch.save(normed().state_dict(), folder / "weights.pth")
    write_what_a_newer_torch_writes(folder)
    (folder / "garbage.pt").write_bytes(b"PK\x03\x04 no module")


if __name__ == "__main__":
    main()
