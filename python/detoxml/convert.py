"""Weights between torch's files and safetensors, and between the names that networks have elsewhere and here.

    python3 -m detoxml.convert model_step_2000 weights.safetensors       what the original DETOX saved, for --pretrained
    python3 -m detoxml.convert run/model_step_500 resnet.pth             a run's weights, for torch.load and torchvision's names
    python3 -m detoxml.convert run/model_step_500 old.pth --names original

Reads state_dicts, checkpoints that hold one, whole models (also where their classes are gone), TorchScript modules and
safetensors. Needs neither torch nor NumPy, and executes nothing of a file: a pickle of a stranger is only looked at.
"""
from __future__ import annotations

import argparse
import json
import math
import mmap
import os
import pathlib
import re
import struct
import sys
from collections.abc import Callable, Mapping
from typing import IO, NamedTuple, cast

from . import _journal, _safetensors, _torch_files
from ._pickles import printable
from ._torch_files import SIZES, Tensor
from .errors import Error, InputError, UsageError

_HOLDERS = ("state_dict", "model_state_dict", "model", "net", "network", "weights")
_OF_TORCH = (".pth", ".pt", ".bin")
NAMES = ("torchvision", "original", "unchanged")


class Converted(NamedTuple):
    """What `convert` wrote.

    Attributes
    ----------
    tensors : int
    network : str
        The kind of network that the names are of; empty: of none that is known, and then they are as they were.
    notes : tuple of str
        What was done to the names and the order of channels.
    """

    tensors: int
    network: str
    notes: tuple[str, ...]


# A network is told by names that no other one has together.
_MARKS = (("DenseNet", ("dense1.0.bn1.weight",)), ("DenseNet", ("features.denseblock1.denselayer1.norm1.weight",)),
          ("DenseNet", ("features.denseblock1.denselayer1.norm.1.weight",)), ("ResNet", ("layer1.0.conv1.weight",)),
          ("VGG", ("features.0.weight", "classifier.weight")),
          ("LeNet", ("conv1.weight", "conv2.weight", "fc1.weight", "fc2.weight")),
          ("FC", ("fc1.weight", "fc2.weight", "fc3.weight")))


def _network_of(names: set[str]) -> tuple[str, str]:
    """The kind of network, and what stands before all of its names."""
    for network, marks in _MARKS:
        prefixes = {name[: -len(marks[0])] for name in names if name.endswith(marks[0])}
        for prefix in sorted(prefixes, key=len):
            is_prefix = (prefix == "" or prefix.endswith(".")) and prefix.count(".") <= 2
            if is_prefix and {prefix + mark for mark in marks} <= names and all(name.startswith(prefix) for name in names):
                return network, prefix
    return "", ""


_TO_TORCHVISION: dict[str, tuple[tuple[str, str], ...]] = {
    "ResNet": ((r"^linear\.", "fc."), (r"\.shortcut\.", ".downsample.")),
    "DenseNet": ((r"^conv1\.", "features.conv0."), (r"^bn\.", "features.norm5."), (r"^linear\.", "classifier."),
                 (r"^trans(\d+)\.bn\.", r"features.transition\1.norm."),
                 (r"^trans(\d+)\.conv\.", r"features.transition\1.conv."),
                 (r"(\.denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2."))}
_TO_ORIGINAL: dict[str, tuple[tuple[str, str], ...]] = {
    "ResNet": ((r"^fc\.", "linear."), (r"\.downsample\.", ".shortcut.")),
    "DenseNet": ((r"^features\.conv0\.", "conv1."), (r"^features\.norm5\.", "bn."), (r"^classifier\.", "linear."),
                 (r"^features\.transition(\d+)\.norm\.", r"trans\1.bn."),
                 (r"^features\.transition(\d+)\.conv\.", r"trans\1.conv."))}


def _densenet_layer(name: str, to_original: bool) -> str:
    """Of a dense layer: they count from 0, torchvision from 1."""
    def ours(found: re.Match[str]) -> str:
        part = "norm" if found[3] == "bn" else "conv"
        return f"features.denseblock{found[1]}.denselayer{int(found[2]) + 1}.{part}{found[4]}."

    def theirs(found: re.Match[str]) -> str:
        return f"dense{found[1]}.{int(found[2]) - 1}.{'bn' if found[3] == 'norm' else 'conv'}{found[4]}."

    if to_original:
        return re.sub(r"^features\.denseblock(\d{1,5})\.denselayer(\d{1,5})\.(norm|conv)([12])\.", theirs, name)
    return re.sub(r"^dense(\d{1,5})\.(\d{1,5})\.(bn|conv)([12])\.", ours, name)


def _renamed(name: str, network: str, to_original: bool) -> str:
    for pattern, new in (_TO_ORIGINAL if to_original else _TO_TORCHVISION).get(network, ()):
        name = re.sub(pattern, new, name)
    return _densenet_layer(name, to_original) if network == "DenseNet" else name


def _block_of(name: str, last: int) -> int:
    """The dense block whose channels a tensor counts, by torchvision's names; 0: it counts others."""
    if name == "classifier.weight" or name.startswith("features.norm5."):
        return last
    found = re.match(r"features\.transition(\d{1,5})\.|features\.denseblock(\d{1,5})\.denselayer\d+\.(?:norm1|conv1)\.", name)
    return int(found[1] or found[2]) if found else 0


def _reordered(tensor: Tensor, first: int, growth: int, to_original: bool) -> Tensor:
    """Its channels the other way: torchvision puts a layer's new ones behind those it was given, the original before them."""
    at = 1 if len(tensor.shape) > 1 else 0
    channels = tensor.shape[at] if tensor.shape else 0
    if growth == 0 or channels < first or (channels - first) % growth:
        return tensor
    layers = (channels - first) // growth
    # Groups of channels in torchvision's order: what the block was given, then each layer's. The original's are turned round.
    sizes = [first] + [growth] * layers
    if to_original:
        begins = [sum(sizes[:group]) for group in range(layers + 1)]
        taken = [(begins[group], sizes[group]) for group in reversed(range(layers + 1))]
    else:
        turned = sizes[::-1]
        begins = [sum(turned[:group]) for group in range(layers + 1)]
        taken = [(begins[group], turned[group]) for group in reversed(range(layers + 1))]
    size = math.prod(tensor.shape[at + 1 :]) * SIZES[tensor.dtype]  # bytes of a channel
    made = bytearray()
    for outer in range(math.prod(tensor.shape[:at])):
        base = outer * channels * size
        for begin, count in taken:
            made += tensor.data[base + begin * size : base + (begin + count) * size]
    return Tensor(tensor.dtype, tensor.shape, bytes(made))


def _in_order(tensors: dict[str, Tensor], to_original: bool) -> dict[str, Tensor]:
    """A DenseNet's, by torchvision's names, with the channels of each block in the other order."""
    blocks = [int(found[1]) for found in (re.match(r"features\.denseblock(\d{1,5})\.", name) for name in tensors) if found]
    made = {}
    for name, tensor in tensors.items():
        block = _block_of(name, max(blocks, default=0))
        layer = f"features.denseblock{block}.denselayer1."
        norm, conv = tensors.get(f"{layer}norm1.weight"), tensors.get(f"{layer}conv2.weight")
        if norm and conv and norm.shape and conv.shape:
            tensor = _reordered(tensor, norm.shape[0], conv.shape[0], to_original)
        made[name] = tensor
    return made


def with_names(tensors: Mapping[str, Tensor], names: str) -> tuple[dict[str, Tensor], Converted]:
    """The tensors of a network under other names, and with its channels in the order that goes with them.

    Parameters
    ----------
    tensors : mapping of str to Tensor
    names : {"torchvision", "original", "unchanged"}
        Those of torchvision are ours as well.

    Returns
    -------
    dict of str to Tensor, and Converted

    Raises
    ------
    UsageError
    InputError
        Two tensors would have one name.

    Examples
    --------
    >>> one = Tensor("F32", (1,), bytes(4))
    >>> made, done = with_names({"module.layer1.0.conv1.weight": one, "module.linear.bias": one}, "torchvision")
    >>> list(made)
    ['layer1.0.conv1.weight', 'fc.bias']
    """
    if names not in NAMES:
        raise UsageError(f"names are {names!r:.40}; valid: {', '.join(NAMES)}")
    notes: list[str] = []
    # DataParallel says 'module' wherever it was put.
    bare = {".".join(part for part in name.split(".") if part != "module"): tensor for name, tensor in tensors.items()}
    network, prefix = _network_of(set(bare))
    if names == "unchanged" or network == "" or len(bare) != len(tensors):
        return dict(tensors), Converted(len(tensors), network, ())
    if list(bare) != list(tensors):
        notes.append("'module' in the names is left out")
    if prefix:
        notes.append(f"'{printable(prefix)}' before the names is left out")
    bare = {name[len(prefix) :]: tensor for name, tensor in bare.items()}
    is_original = network == "DenseNet" and "dense1.0.bn1.weight" in bare
    made = {_renamed(name, network, False): tensor for name, tensor in bare.items()}
    if is_original and names == "original":
        made = bare
    elif is_original:
        made = _in_order(made, False)
    elif names == "original" and network == "DenseNet":
        made = _in_order(made, True)
    if names == "original":
        made = {_renamed(name, network, True): tensor for name, tensor in made.items()}
    if len(made) != len(bare):
        raise InputError(f"two tensors of this {network} would have one name; valid: names='unchanged'")
    if list(made) != list(bare):
        notes.append(f"a {network} with the names of {'the original' if names == 'original' else 'torchvision'}"
                     + (", and its channels in the order that goes with them" if network == "DenseNet" else ""))
    return made, Converted(len(made), network, tuple(notes))


def read(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The tensors of a file, of torch's or safetensors, in its order.

    Parameters
    ----------
    path : path

    Returns
    -------
    dict of str to Tensor

    Raises
    ------
    InputError
        In one line: a file that is none of these, is damaged, or holds no tensors.
    """
    name = os.fspath(path)
    with _journal.opened(pathlib.Path(name)) as file:
        if len(head := file.read(9)) < 9 or head[8:] != b"{":
            return _torch_files.read(name, _HOLDERS)
        places = _safetensors.places(file, name)
        content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    return {tensor: Tensor(place.dtype, place.shape, content[place.begin : place.begin + place.size])
            for tensor, place in places.items()}


def _write_safetensors(file: IO[bytes], tensors: Mapping[str, Tensor]) -> None:
    header, begin = {}, 0
    for name, tensor in tensors.items():
        if name == "__metadata__":
            raise InputError(f"a tensor '{name}' cannot be in safetensors; valid: .pth")
        header[name] = {"dtype": tensor.dtype, "shape": tensor.shape, "data_offsets": [begin, begin + len(tensor.data)]}
        begin += len(tensor.data)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    file.write(struct.pack("<Q", len(text)) + text)
    for tensor in tensors.values():
        file.write(tensor.data)


def write(path: str | os.PathLike[str], tensors: Mapping[str, Tensor]) -> None:
    """Writes tensors as torch.save would a state_dict where the name ends in .pth, .pt or .bin, else as safetensors.

    Parameters
    ----------
    path : path
        A file that is there is replaced when the new one is whole.
    tensors : mapping of str to Tensor

    Raises
    ------
    InputError
        What the system says of it.
    """
    name = os.fspath(path)
    part = f"{name}.{os.getpid()}.part"
    put: Callable[[IO[bytes], Mapping[str, Tensor]], None] = _write_safetensors
    if name.endswith(_OF_TORCH):
        put = _torch_files.write
    try:
        with open(part, "xb") as file:  # what is there already is another's
            try:
                put(cast(IO[bytes], file), tensors)
                file.close()
                os.replace(part, name)
            except BaseException:
                os.unlink(part)
                raise
    except OSError as error:
        raise InputError(f"{name}: {error.strerror}") from None


def convert(source: str | os.PathLike[str], target: str | os.PathLike[str], *, names: str = "torchvision") -> Converted:
    """Reads the weights of a file and writes them into another one.

    Parameters
    ----------
    source : path
        A state_dict, a checkpoint that holds one, a model or a TorchScript module, or safetensors; told by what is in it.
    target : path
        As of `write`.
    names : {"torchvision", "original", "unchanged"}
        Whose names the tensors of ResNet, DenseNet, VGG, LeNet and FC have there. torchvision's are those that ``detoxml train
        --pretrained`` and its checkpoints have; the original's, which are pytorch-cifar's, are what the original DETOX loads.

    Returns
    -------
    Converted

    Raises
    ------
    UsageError, InputError
        In one line.

    Notes
    -----
    Source of the formats: torch/serialization.py; https://github.com/huggingface/safetensors.
    """
    tensors, done = with_names(read(source), names)
    write(target, tensors)
    return done


def _main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m detoxml.convert", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", metavar="FROM")
    parser.add_argument("target", metavar="TO", help="as of torch.save where it ends in .pth, .pt or .bin, else safetensors")
    parser.add_argument("--names", choices=NAMES, default=NAMES[0], help="whose names the tensors have in TO (torchvision)")
    options = parser.parse_args()
    try:
        done = convert(options.source, options.target, names=options.names)
    except Error as error:
        print(f"detoxml.convert: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError) else 1
    network = f" of a {done.network}" if done.network else ""
    print("; ".join((f"{options.target}: {done.tensors} tensors{network}", *done.notes)))
    return 0


if __name__ == "__main__":
    sys.exit(_main())
