"""Networks as people write them in Python, independently of src/learn/networks: what state_dicts are loaded into."""
import math

import torch
import torch.nn.functional as F
from torch import nn


class LeNet(nn.Module):
    def __init__(self, image_shape, classes):
        super().__init__()
        side = (image_shape[1] - 12) // 4
        self.conv1 = nn.Conv2d(image_shape[0], 20, 5, 1)
        self.conv2 = nn.Conv2d(20, 50, 5, 1)
        self.fc1 = nn.Linear(side * side * 50, 500)
        self.fc2 = nn.Linear(500, classes)

    def forward(self, x):
        x = F.relu(F.max_pool2d(self.conv1(x), 2, 2))
        x = F.relu(F.max_pool2d(self.conv2(x), 2, 2))
        return self.fc2(self.fc1(x.flatten(1)))


class FC(nn.Module):
    def __init__(self, image_shape, classes):
        super().__init__()
        self.fc1 = nn.Linear(math.prod(image_shape), 800)
        self.fc2 = nn.Linear(800, 500)
        self.fc3 = nn.Linear(500, classes)

    def forward(self, x):
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc3(F.relu(self.fc2(x)))


class BasicBlock(nn.Module):
    def __init__(self, inplanes, planes, stride, downsample):
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = downsample

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        identity = x if self.downsample is None else self.downsample(x)
        return F.relu(out + identity)


class ZeroPadding(nn.Module):
    """Option A: every second pixel, zeros for the channels that are new."""

    def __init__(self, added):
        super().__init__()
        self.added = added

    def forward(self, x):
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.added // 2, self.added // 2))


class ResNet(nn.Module):
    def __init__(self, image_shape, classes, widths, blocks, projection):
        super().__init__()
        self.conv1 = nn.Conv2d(image_shape[0], widths[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        inplanes = widths[0]
        self.stages = []
        for stage, planes in enumerate(widths):
            layers = []
            for block in range(blocks):
                stride = 2 if stage > 0 and block == 0 else 1
                downsample = None
                if stride == 2 and projection:
                    downsample = nn.Sequential(nn.Conv2d(inplanes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))
                elif stride == 2:
                    downsample = ZeroPadding(planes - inplanes)
                layers.append(BasicBlock(inplanes, planes, stride, downsample))
                inplanes = planes
            self.add_module(f"layer{stage + 1}", nn.Sequential(*layers))
            self.stages.append(f"layer{stage + 1}")
        self.fc = nn.Linear(inplanes, classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        for name in self.stages:
            x = getattr(self, name)(x)
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


def resnet18(image_shape, classes):
    return ResNet(image_shape, classes, [64, 128, 256, 512], 2, projection=True)


def resnet20(image_shape, classes):
    return ResNet(image_shape, classes, [16, 32, 64], 3, projection=False)


class VGG(nn.Module):
    def __init__(self, image_shape, classes, configuration):
        super().__init__()
        layers, channels = [], image_shape[0]
        for entry in configuration:
            if entry == "M":
                layers.append(nn.MaxPool2d(2, 2))
            else:
                layers += [nn.Conv2d(channels, entry, 3, padding=1), nn.BatchNorm2d(entry), nn.ReLU()]
                channels = entry
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(512, classes)

    def forward(self, x):
        x = self.features(x)
        return self.classifier(F.adaptive_avg_pool2d(x, 1).flatten(1))


def vgg11(image_shape, classes):
    return VGG(image_shape, classes, [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"])


class DenseLayer(nn.Module):
    def __init__(self, channels, growth):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv1 = nn.Conv2d(channels, 4 * growth, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=False)

    def forward(self, x):
        out = self.conv1(F.relu(self.norm1(x)))
        out = self.conv2(F.relu(self.norm2(out)))
        return torch.cat([x, out], 1)


class Transition(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)
        self.conv = nn.Conv2d(channels, channels // 2, 1, bias=False)

    def forward(self, x):
        return F.avg_pool2d(self.conv(F.relu(self.norm(x))), 2)


class DenseNet121(nn.Module):
    def __init__(self, image_shape, classes, growth=32):
        super().__init__()
        channels = 2 * growth
        self.features = nn.Sequential()
        self.features.add_module("conv0", nn.Conv2d(image_shape[0], channels, 3, padding=1, bias=False))
        for index, layers in enumerate([6, 12, 24, 16], 1):
            block = nn.Sequential()
            for layer in range(1, layers + 1):
                block.add_module(f"denselayer{layer}", DenseLayer(channels, growth))
                channels += growth
            self.features.add_module(f"denseblock{index}", block)
            if index < 4:
                self.features.add_module(f"transition{index}", Transition(channels))
                channels //= 2
        self.features.add_module("norm5", nn.BatchNorm2d(channels))
        self.classifier = nn.Linear(channels, classes)

    def forward(self, x):
        x = F.relu(self.features(x))
        return self.classifier(F.adaptive_avg_pool2d(x, 1).flatten(1))


NETWORKS = {"LeNet": LeNet, "FC": FC, "ResNet18": resnet18, "ResNet20": resnet20, "VGG11": vgg11,
            "DenseNet121": DenseNet121}
