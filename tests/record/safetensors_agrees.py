"""Reads what checkpoint_sample wrote, and writes what it must read, from the format's description alone."""
import hashlib
import json
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import numpy as np
except ImportError:
    print("skipped: /usr/bin/python3 has no NumPy")
    sys.exit(77)

DTYPES = {"F32": "<f4", "I64": "<i8"}
MODEL = {
    "fc.weight": np.array([[0, 1.5, -2], [3.25, -0.0, 1e-40]], "<f4"),
    "fc.bias": np.array([7, 8], "<f4"),
    "bn.running_mean": np.array([0.5, -0.5], "<f4"),
    "bn.num_batches_tracked": np.array(1234567890123, "<i8"),
}


def read(path):
    raw = path.read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    assert length % 8 == 0, length
    header = json.loads(raw[8 : 8 + length])
    assert list(header) == sorted(header), list(header)
    metadata = header.pop("__metadata__", {})
    values = raw[8 + length :]
    tensors, covered = {}, 0
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        dtype = np.dtype(DTYPES[entry["dtype"]])
        assert begin % dtype.itemsize == 0, (name, begin)
        tensors[name] = np.frombuffer(values[begin:end], dtype).reshape(entry["shape"])
        covered += end - begin
    assert covered == len(values), (covered, len(values))
    return tensors, metadata, raw


def same(found, expected):
    assert found.keys() == expected.keys(), (found.keys(), expected.keys())
    for name, value in expected.items():
        assert found[name].shape == value.shape and found[name].tobytes() == value.tobytes(), name


def write(path, tensors, order, metadata):
    header, values = ({"__metadata__": metadata} if metadata else {}), b""
    for name in order:
        data = tensors[name].tobytes()
        dtype = {"<f4": "F32", "<i8": "I64"}[tensors[name].dtype.str]
        header[name] = {"dtype": dtype, "shape": list(tensors[name].shape),
                        "data_offsets": [len(values), len(values) + len(data)]}
        values += data
    text = json.dumps(header, indent=1).encode() + b"  "
    path.write_bytes(struct.pack("<Q", len(text)) + text + values)


def main(program):
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        subprocess.run([program, "write", folder], check=True)
        tensors, metadata, raw = read(folder / "model_step_7")
        same(tensors, MODEL)
        assert metadata == {}, metadata

        momentum, metadata, state = read(folder / "state_step_7")
        same(momentum, {"momentum.fc.weight": np.arange(1, 7, dtype="<f4").reshape(2, 3),
                        "momentum.fc.bias": np.array([7, 8], "<f4")})
        assert metadata["step"] == "7" and metadata["fact.skipped_in_row"] == "2", metadata
        assert metadata["model_digest"] == hashlib.sha256(raw).hexdigest(), metadata
        zeroed = re.sub(rb'"digest":"[0-9a-f]{64}"', b'"digest":"' + b"0" * 64 + b'"', state)
        assert metadata["digest"] == hashlib.sha256(zeroed).hexdigest(), metadata

        for order in (list(MODEL), sorted(MODEL), list(reversed(MODEL))):
            write(folder / "other", MODEL, order, {"format": "pt"})
            subprocess.run([program, "read", folder / "other"], check=True)
        wrong = dict(MODEL, **{"fc.bias": np.array([7, 9], "<f4")})
        write(folder / "other", wrong, list(wrong), {})
        assert subprocess.run([program, "read", folder / "other"]).returncode == 1


main(sys.argv[1])
