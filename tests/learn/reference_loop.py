#!/usr/bin/env python3
"""Repeats a recorded training run in PyTorch and compares it step by step.

    reference_loop.py DIRECTORY [--loss-tolerance T] [--weight-tolerance T] [--precision-tolerance T]

DIRECTORY/manifest.json says what was done; file names in it are relative to DIRECTORY, or absolute:

  network, classes, image_shape   a name of reference_networks.py, 10, [1, 28, 28]
  lr, momentum, weight_decay, nesterov      of SGD; a step may have its own "lr"
  tensors     [{name, shape, offset, size}, ...]: how a raw float32 file of weights is divided
  initial     weights before the first step: raw float32 (*.f32), or safetensors (any other name)
  dataset     optional: {folder, mean, std}, gzipped IDX files in MNIST's names
  steps       [{slices: [BATCH, ...], lr?, loss?, weights?}, ...]: the step's gradient is the mean over the slices of
              the gradient of each slice's mean cross entropy; "loss" is the mean of those losses, "weights" a file with
              the weights after the step
  loss_over_slices   optional: "median" where a step's "loss" is the median of the slices' losses, not their mean
  evaluations [{batch: BATCH, after: number of steps done, loss?, prec1?, prec5?}, ...]
  BATCH       {images: raw float32, labels: raw int64}, or {samples: [indices]} or {range: [from, to]} of the data set,
              with split: "train" (default) or "test"

Ends with 0 where everything agrees, with 1 and a line for the first disagreement where not.
"""
import argparse
import gzip
import json
import pathlib
import statistics
import sys

import numpy
import torch
import torch.nn.functional as F

from reference_networks import NETWORKS


class Disagreement(Exception):
    pass


class Run:
    """A manifest and the files it names."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.manifest = json.loads((self.directory / "manifest.json").read_text())
        self.splits = {}

    def weights(self, name):
        path = self.directory / name
        if path.suffix == ".f32":
            flat = numpy.fromfile(path, dtype="<f4")
            total = sum(tensor["size"] for tensor in self.manifest["tensors"])
            if flat.size != total:
                raise Disagreement(f"{name} has {flat.size} values, and the tensors have {total}")
            return {t["name"]: torch.from_numpy(flat[t["offset"]:t["offset"] + t["size"]].reshape(t["shape"]).copy())
                    for t in self.manifest["tensors"]}
        return read_safetensors(path)

    def batch(self, batch):
        shape = [-1] + self.manifest["image_shape"]
        if "images" in batch:
            images = numpy.fromfile(self.directory / batch["images"], dtype="<f4")
            labels = numpy.fromfile(self.directory / batch["labels"], dtype="<i8")
        else:
            all_images, all_labels = self.split(batch.get("split", "train"))
            chosen = batch["samples"] if "samples" in batch else slice(*batch["range"])
            images, labels = all_images[chosen], all_labels[chosen]
        return in_channels_last(torch.from_numpy(images.reshape(shape))), torch.from_numpy(labels)

    def split(self, name):
        if name not in self.splits:
            source = self.manifest["dataset"]
            start = {"train": "train", "test": "t10k"}[name]
            pixels = read_idx(source["folder"], f"{start}-images-idx3-ubyte.gz", 16).reshape(-1, 28 * 28)
            labels = read_idx(source["folder"], f"{start}-labels-idx1-ubyte.gz", 8)
            scaled = (pixels.astype(numpy.float32) / 255 - source["mean"]) / source["std"]
            self.splits[name] = scaled.astype(numpy.float32), labels.astype(numpy.int64)
        return self.splits[name]


def in_channels_last(tensor):
    """The layout that the program computes convolutions in. In another one sums have other last bits, and where two values
    nearly tie a pooling then takes the other. Said in strides: for one channel both layouts look alike to torch."""
    if tensor.dim() != 4:
        return tensor
    return torch.empty(tensor.shape, memory_format=torch.channels_last).copy_(tensor)


def read_idx(folder, name, header):
    with gzip.open(pathlib.Path(folder) / name) as file:
        return numpy.frombuffer(file.read(), dtype=numpy.uint8, offset=header)


def read_safetensors(path):
    data = path.read_bytes()
    start = 8 + int.from_bytes(data[:8], "little")
    tensors = {}
    for name, info in json.loads(data[8:start]).items():
        if name != "__metadata__" and info["dtype"] == "F32":
            begin, end = info["data_offsets"]
            values = numpy.frombuffer(data[start + begin:start + end], dtype="<f4")
            tensors[name] = torch.from_numpy(values.reshape(info["shape"]).copy())
    return tensors


def take_step(run, model, optimizer, step):
    """One step of SGD on the mean of the slices' gradients; returns the mean or the median of the slices' losses."""
    optimizer.zero_grad()
    losses = []
    for batch in step["slices"]:
        images, labels = run.batch(batch)
        loss = F.cross_entropy(model(images), labels)
        (loss / len(step["slices"])).backward()
        losses.append(loss.item())
    for group in optimizer.param_groups:
        group["lr"] = step.get("lr", run.manifest["lr"])
    optimizer.step()
    return {"mean": statistics.fmean, "median": statistics.median}[run.manifest.get("loss_over_slices", "mean")](losses)


def evaluate(run, model, batch):
    images, labels = run.batch(batch)
    model.eval()
    with torch.no_grad():
        logits = torch.cat([model(part) for part in images.split(1000)])
    model.train()
    best = logits.topk(5, dim=1).indices == labels[:, None]
    count = len(labels)
    return {"loss": F.cross_entropy(logits, labels).item(),
            "prec1": 100 * best[:, :1].sum().item() / count,
            "prec5": 100 * best.sum().item() / count}


class Comparison:
    """Remembers the largest difference of each kind and refuses one above its tolerance."""

    def __init__(self):
        self.largest = {}

    def check(self, where, kind, ours, theirs, tolerance):
        difference = abs(ours - theirs)
        if not difference <= tolerance:
            raise Disagreement(f"{where}: {kind} is {theirs:.8g} in the record and {ours:.8g} in PyTorch "
                               f"(tolerance {tolerance:g})")
        self.largest[kind] = max(self.largest.get(kind, 0.0), difference)

    def check_weights(self, where, model, recorded, tolerance):
        state = {name: value for name, value in model.state_dict().items() if value.dtype == torch.float32}
        if set(state) != set(recorded):
            raise Disagreement(f"{where}: tensors {sorted(recorded)} in the record, {sorted(state)} in PyTorch")
        for name, value in state.items():
            gap = (value - recorded[name]).abs().reshape(-1)
            at = int(gap.argmax())
            self.check(where, f"weight {name}[{at}]", value.reshape(-1)[at].item(),
                       recorded[name].reshape(-1)[at].item(), tolerance)
        largest = max((v for k, v in self.largest.items() if k.startswith("weight ")), default=0.0)
        self.largest = {k: v for k, v in self.largest.items() if not k.startswith("weight ")}
        self.largest["weights"] = max(largest, self.largest.get("weights", 0.0))


def compare(directory, loss_tolerance, weight_tolerance, precision_tolerance):
    run = Run(directory)
    manifest = run.manifest
    model = NETWORKS[manifest["network"]](manifest["image_shape"], manifest["classes"])
    # Counters of batches are integers: they are no part of a record of floats.
    missing, unexpected = model.load_state_dict(run.weights(manifest["initial"]), strict=False)
    if unexpected or not all(name.endswith("num_batches_tracked") for name in missing):
        raise Disagreement(f"tensors {missing} are missing in the record, and {unexpected} are in excess")
    for parameter in model.parameters():
        parameter.data = in_channels_last(parameter.data)
    optimizer = torch.optim.SGD(model.parameters(), lr=manifest["lr"], momentum=manifest["momentum"],
                                weight_decay=manifest["weight_decay"], nesterov=manifest["nesterov"])
    comparison = Comparison()
    for done in range(len(manifest["steps"]) + 1):
        for wanted in manifest.get("evaluations", []):
            if wanted["after"] == done:
                found = evaluate(run, model, wanted["batch"])
                # A sample whose two best logits nearly tie may fall on either side.
                one_sample = 100.0 / len(run.batch(wanted["batch"])[1]) * 1.01
                precision = one_sample if precision_tolerance is None else precision_tolerance
                for kind, tolerance in (("loss", loss_tolerance), ("prec1", precision), ("prec5", precision)):
                    if kind in wanted:
                        comparison.check(f"evaluation after step {done}", kind, found[kind], wanted[kind], tolerance)
        if done == len(manifest["steps"]):
            break
        step = manifest["steps"][done]
        loss = take_step(run, model, optimizer, step)
        where = f"step {done + 1}"
        if "loss" in step:
            comparison.check(where, "loss", loss, step["loss"], loss_tolerance)
        if "weights" in step:
            comparison.check_weights(where, model, run.weights(step["weights"]), weight_tolerance)
    return comparison.largest


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("directory")
    parser.add_argument("--loss-tolerance", type=float, default=1e-4)
    parser.add_argument("--weight-tolerance", type=float, default=1e-4)
    parser.add_argument("--precision-tolerance", type=float, help="percentage points [one sample]")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    try:
        largest = compare(arguments.directory, arguments.loss_tolerance, arguments.weight_tolerance,
                          arguments.precision_tolerance)
    except Disagreement as disagreement:
        print(disagreement)
        return 1
    print("agrees; largest differences:", ", ".join(f"{kind} {value:.2g}" for kind, value in sorted(largest.items())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
