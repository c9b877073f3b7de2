#!/usr/bin/env python3
"""Saves ResNet18 and DenseNet121 as kuangliu/pytorch-cifar has them, from where the original's come, and prints their losses.

foreign_networks.py FOLDER writes resnet.pth, a whole model whose class nobody has afterwards, in the format before PyTorch 1.6,
and densenet.pth, a checkpoint of a model in DataParallel; the images are FOLDER/data/synthetic-cifar10's.
"""
import json
import pathlib
import sys

import numpy
import torch
from torch import nn
from torch.nn import functional as F


class Basic(nn.Module):
    def __init__(self, planes_in, planes, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(planes_in, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or planes_in != planes:
            self.shortcut = nn.Sequential(nn.Conv2d(planes_in, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))

    def forward(self, x):
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))) + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        planes = 64
        for i in range(4):
            wider = 64 << i
            setattr(self, f"layer{i + 1}", nn.Sequential(Basic(planes, wider, 2 if i else 1), Basic(wider, wider, 1)))
            planes = wider
        self.linear = nn.Linear(512, 10)

    def forward(self, x):
        x = self.layer4(self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x)))))))
        return self.linear(F.avg_pool2d(x, 4).flatten(1))


class Dense(nn.Module):
    def __init__(self, planes):
        super().__init__()
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv1 = nn.Conv2d(planes, 128, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(128)
        self.conv2 = nn.Conv2d(128, 32, 3, padding=1, bias=False)

    def forward(self, x):
        return torch.cat([self.conv2(F.relu(self.bn2(self.conv1(F.relu(self.bn1(x)))))), x], 1)


class Transition(nn.Module):
    def __init__(self, planes):
        super().__init__()
        self.bn = nn.BatchNorm2d(planes)
        self.conv = nn.Conv2d(planes, planes // 2, 1, bias=False)

    def forward(self, x):
        return F.avg_pool2d(self.conv(F.relu(self.bn(x))), 2)


class DenseNet(nn.Module):
    def __init__(self):
        super().__init__()
        planes = 64
        self.conv1 = nn.Conv2d(3, planes, 3, padding=1, bias=False)
        for i, layers in enumerate([6, 12, 24, 16], 1):
            setattr(self, f"dense{i}", nn.Sequential(*(Dense(planes + 32 * j) for j in range(layers))))
            planes += 32 * layers
            if i < 4:
                setattr(self, f"trans{i}", Transition(planes))
                planes //= 2
        self.bn = nn.BatchNorm2d(planes)
        self.linear = nn.Linear(planes, 10)

    def forward(self, x):
        x = self.conv1(x)
        x = self.trans3(self.dense3(self.trans2(self.dense2(self.trans1(self.dense1(x))))))
        return self.linear(F.avg_pool2d(F.relu(self.bn(self.dense4(x))), 4).flatten(1))


def loss_of(model, folder):
    records = numpy.fromfile(folder / "data/synthetic-cifar10/cifar-10-batches-bin/test_batch.bin", "u1").reshape(-1, 3073)
    mean = numpy.array([125.3, 123.0, 113.9]).reshape(3, 1, 1) / 255
    deviation = numpy.array([63.0, 62.1, 66.7]).reshape(3, 1, 1) / 255
    images = torch.from_numpy(((records[:, 1:].reshape(-1, 3, 32, 32) / 255 - mean) / deviation).astype("f4"))
    with torch.no_grad():
        return F.cross_entropy(model.eval()(images), torch.from_numpy(records[:, 0].astype("i8"))).item()


def main():
    folder = pathlib.Path(sys.argv[1])
    torch.manual_seed(7)
    torch.set_num_threads(1)
    models = {"ResNet18": ResNet(), "DenseNet121": DenseNet()}
    for model in models.values():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):  # so that no channel is like another
                module.weight.data.uniform_(0.5, 1.5)
                module.bias.data.normal_(0, 0.1)
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
    torch.save(models["ResNet18"], folder / "resnet.pth", _use_new_zipfile_serialization=False)
    state = {f"module.{name}": tensor for name, tensor in models["DenseNet121"].state_dict().items()}
    torch.save({"epoch": 3, "state_dict": state}, folder / "densenet.pth")
    print(json.dumps({name: loss_of(model, folder) for name, model in models.items()}))


if __name__ == "__main__":
    main()
