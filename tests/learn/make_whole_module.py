#!/usr/bin/env python3
"""Writes whole.pt, a module with everything that makes a gradient hard to repeat: make_whole_module.py FOLDER"""
import pathlib
import sys

import torch
from torch import nn


class Whole(nn.Module):
    """Dropout within an LSTM and in forks, tied weights, a buffer that is replaced, one of bools, batch norm."""

    def __init__(self):
        super().__init__()
        self.rows = nn.LSTM(96, 16, num_layers=2, dropout=0.5, batch_first=True)
        self.first = nn.Linear(16, 16)
        self.second = nn.Linear(16, 16)
        self.second.weight = self.first.weight
        self.norm = nn.BatchNorm1d(16)
        self.drop = nn.Dropout(0.3)
        self.line = nn.Linear(16, 10)
        self.register_buffer("mean", torch.zeros(16))
        self.register_buffer("mask", torch.arange(16) % 4 > 0)

    def forward(self, x):
        y, _ = self.rows(x.transpose(1, 2).flatten(2))
        y = self.norm(y[:, -1])
        if self.training:
            self.mean = 0.9 * self.mean + 0.1 * y.detach().mean(0)
        one = torch.jit.fork(self.drop, self.first(y - self.mean))
        two = torch.jit.fork(self.drop, self.second(y) * self.mask)
        return self.line(self.drop(y) + torch.jit.wait(one) + torch.jit.wait(two))


def main():
    torch.manual_seed(1)
    torch.jit.script(Whole()).save(str(pathlib.Path(sys.argv[1]) / "whole.pt"))


if __name__ == "__main__":
    main()
