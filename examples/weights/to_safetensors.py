#!/usr/bin/env python3
"""What torch.save or torch.jit.save wrote -> safetensors, for --pretrained: to_safetensors.py FROM TO

Takes a state_dict, a checkpoint that holds one, a whole model, also where its classes are not there any more, and a
TorchScript module. Needs torch and nothing else. Reading a pickle runs what is in it: only files that you trust.
"""
import json
import pickle
import struct
import sys
import types

import torch

TYPES = {torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16", torch.bool: "BOOL",
         torch.uint8: "U8", torch.int8: "I8", torch.int16: "I16", torch.int32: "I32", torch.int64: "I64"}
HOLDERS = ["state_dict", "model_state_dict", "model", "net", "network", "weights"]


class Unpickler(pickle.Unpickler):
    """Gives classes that are not there an empty shape: a model's tensors lie where torch.nn.Module has them."""

    def find_class(self, module, name):
        try:
            return super().find_class(module, name)
        except Exception:  # noqa: BLE001 - whatever their modules raise when they are imported
            return type(name, (torch.nn.Module,), {})


def load(path):
    try:
        return torch.jit.load(path, map_location="cpu")
    except RuntimeError:
        # PyTorch 1.13 forgets pickle_module, later ones ask for it.
        reader = types.SimpleNamespace(**{**vars(pickle), "Unpickler": Unpickler})
        torch.serialization.pickle = reader
        return torch.load(path, map_location="cpu", pickle_module=reader, weights_only=False)


def state_dict_of(content):
    """The tensors by name, wherever a checkpoint has them."""
    if isinstance(content, torch.nn.Module):
        return dict(content.state_dict())
    for holder in HOLDERS:
        if isinstance(content.get(holder), (dict, torch.nn.Module)):
            return state_dict_of(content[holder])
    return {name: value for name, value in content.items() if isinstance(value, torch.Tensor)}


def write(path, tensors):
    header, parts, position = {}, [], 0
    for name, tensor in tensors.items():
        whole = tensor.detach().cpu().contiguous()
        part = whole.reshape(-1).view(torch.uint8).numpy().tobytes() if whole.numel() else b""
        header[name] = {"dtype": TYPES[whole.dtype], "shape": list(whole.shape), "data_offsets": [position, position + len(part)]}
        parts.append(part)
        position += len(part)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(parts))


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    tensors = state_dict_of(load(sys.argv[1]))
    if not tensors:
        sys.exit(f"{sys.argv[1]}: no tensors in it")
    write(sys.argv[2], tensors)
    print(f"{sys.argv[2]}: {len(tensors)} tensors")


if __name__ == "__main__":
    main()
