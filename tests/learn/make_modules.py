#!/usr/bin/env python3
"""Writes TorchScript modules for torchscript_test.cpp into a folder: make_modules.py FOLDER"""
import pathlib
import sys

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


def main():
    folder = pathlib.Path(sys.argv[1])
    torch.manual_seed(1)
    modules = {"lenet": LeNet([1, 28, 28], 10), "dropping": Dropping(), "odd": Odd(), "images": Images(),
               "colour": LeNet([3, 28, 28], 10), "double": nn.Sequential(nn.Flatten(), nn.Linear(784, 10)).double(),
               "twelve": nn.Sequential(nn.Flatten(), nn.Linear(784, 12)),
               "nothing": nn.Sequential(nn.Flatten(), nn.ReLU())}
    for name, module in modules.items():
        torch.jit.script(module).save(str(folder / f"{name}.pt"))
    (folder / "garbage.pt").write_bytes(b"PK\x03\x04 no module")


if __name__ == "__main__":
    main()
