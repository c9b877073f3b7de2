"""Weights from files of torch and back: the networks of the original as it saved them, and what strangers may send."""
import collections
import io
import os
import pathlib
import pickle
import pickletools
import random
import subprocess
import sys
import tempfile
import unittest
import zipfile

import detoxml as detox
import torch
from detoxml import convert
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "learn"))
import foreign_networks


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 20, 5, 1), nn.Conv2d(20, 50, 5, 1)
        self.fc1, self.fc2 = nn.Linear(4 * 4 * 50, 500), nn.Linear(500, 10)
        self.ceriation = nn.CrossEntropyLoss()


class FC_NN(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(784, 80), nn.Linear(80, 50), nn.Linear(50, 10)
        self.relu, self.sigmoid = nn.ReLU(), nn.Sigmoid()


class VGG(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU(inplace=True), nn.MaxPool2d(2, 2))
        self.classifier = nn.Linear(512, 100)


NETWORKS = {"LeNet": LeNet, "FC": FC_NN, "VGG": VGG, "ResNet": foreign_networks.ResNet, "DenseNet": foreign_networks.DenseNet}


class Own(nn.Module):
    """Of names that nobody knows, with all that a module may hold."""

    def __init__(self):
        super().__init__()
        self.first = nn.Linear(3, 2)
        self.inner = nn.ModuleDict({"a": nn.Linear(2, 2, bias=False), "last": nn.BatchNorm1d(2)})
        self.tied = self.first
        self.register_buffer("kept", torch.arange(3))
        self.register_buffer("left_out", torch.arange(4), persistent=False)
        self.register_parameter("nothing", None)
        self.note, self.values = "a text", [1, {"x": (2.5, None, True)}]

    def forward(self, x):
        return self.first(x)


class Harmful:
    def __reduce__(self):
        return os.system, ("touch harmed",)


def saved(value, **options):
    file = io.BytesIO()
    torch.save(value, file, **options)
    return file.getvalue()


class Convert(unittest.TestCase):
    def setUp(self):
        temporary = tempfile.TemporaryDirectory()
        self.addCleanup(temporary.cleanup)
        self.folder = pathlib.Path(temporary.name)

    def read(self, data):
        (self.folder / "file").write_bytes(data)
        return convert.read(self.folder / "file")

    def assert_holds(self, tensors, state):
        self.assertEqual(list(tensors), list(state))
        for name, value in state.items():
            there = tensors[name]
            self.assertEqual(there.shape, tuple(value.shape), name)
            self.assertEqual(bytes(there.data), value.contiguous().view(-1).view(torch.uint8).numpy().tobytes() if value.dim() and value.numel()
                             else value.numpy().tobytes(), name)

    def assert_refused(self, data, *words):
        with self.assertRaises(detox.InputError) as caught:
            self.read(data)
        self.assertNotIn("\n", str(caught.exception))
        for word in words:
            self.assertIn(word, str(caught.exception))

    def test_takes_each_network_of_the_original_however_it_was_saved(self):
        torch.manual_seed(3)
        for kind, make in NETWORKS.items():
            model = make()
            state = model.state_dict()
            parallel = {f"module.{name}": value for name, value in state.items()}
            for zipped in (True, False):
                option = {"_use_new_zipfile_serialization": zipped}
                self.assert_holds(self.read(saved(model, **option)), state)  # as the original's master
                if kind in ("ResNet", "DenseNet") and zipped:  # which are large: once
                    continue
                self.assert_holds(self.read(saved(state, **option)), state)  # as its workers
                for holder in (parallel, {"epoch": 3, "state_dict": parallel}, {"model": {"net": parallel}, "optimizer": {"state": {}}}):
                    tensors = self.read(saved(holder, **option))
                    self.assert_holds(tensors, parallel)
                    self.assertEqual(convert.with_names(tensors, "torchvision")[1].network, kind)

    def test_goes_to_our_names_and_back_to_the_same_bits(self):
        for kind, make in NETWORKS.items():
            state = make().state_dict()
            (self.folder / "old.pth").write_bytes(saved(state))
            ours = convert.convert(self.folder / "old.pth", self.folder / "ours.safetensors")
            self.assertEqual((ours.tensors, ours.network), (len(state), kind))
            names = set(convert.read(self.folder / "ours.safetensors"))
            self.assertFalse(any(word in name for name in names for word in ("linear.", "shortcut", "dense1.", "trans1.")), kind)
            convert.convert(self.folder / "ours.safetensors", self.folder / "back.pth", names="original")
            back = torch.load(self.folder / "back.pth")
            self.assertIsInstance(back, collections.OrderedDict)
            self.assertEqual(list(back), list(state))
            for name, value in state.items():
                self.assertEqual(back[name].dtype, value.dtype)
                self.assertTrue(torch.equal(back[name], value), name)
            make().load_state_dict(back)
            # Of its own names nothing is changed.
            _, again = convert.with_names(convert.read(self.folder / "ours.safetensors"), "torchvision")
            self.assertEqual(again.notes, ())
            _, original = convert.with_names(convert.read(self.folder / "old.pth"), "original")
            self.assertEqual(original.notes, ())

    def test_takes_densenets_of_before_torchvision_0_2(self):
        theirs = foreign_networks.DenseNet().state_dict()
        ours, _ = convert.with_names(self.read(saved(theirs)), "torchvision")
        old = {name.replace(".norm1.", ".norm.1.").replace(".conv2.", ".conv.2."): tensor for name, tensor in ours.items()}
        self.assertNotEqual(list(old), list(ours))
        made, done = convert.with_names(old, "torchvision")
        self.assertEqual((list(made), done.network), (list(ours), "DenseNet"))
        self.assertTrue(all(made[name].data == ours[name].data for name in ours))

    def test_takes_modules_of_classes_that_are_gone_and_torchscript(self):
        model = Own()
        state = model.state_dict()
        self.assertIn("tied.weight", state)
        for data in (saved(model), saved(model, _use_new_zipfile_serialization=False), saved({"net": model})):
            self.assert_holds(self.read(data.replace(b"Own\n", b"Now\n")) if data[:2] != b"PK" else self.read(data), state)
        torch.jit.script(nn.Sequential(collections.OrderedDict(a=nn.Linear(2, 3), b=nn.BatchNorm1d(3)))).save(str(self.folder / "script.pt"))
        module = torch.jit.load(str(self.folder / "script.pt"))
        tensors = convert.read(self.folder / "script.pt")
        self.assertEqual(set(tensors), set(module.state_dict()))
        for name, value in module.state_dict().items():
            self.assertEqual(bytes(tensors[name].data), value.numpy().tobytes())

    def test_takes_every_dtype_and_every_view(self):
        values = torch.randn(6, 5, 4)
        state = {str(dtype)[6:]: (values * 3).to(dtype) for dtype in (torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64,
                                                                     torch.float16, torch.float32, torch.float64)}
        state.update(turned=values.permute(2, 0, 1), part=values[1:5:2, :, 1:3], row=values[3], last=torch.randn(2, 3, 4, 5).to(
            memory_format=torch.channels_last), one=torch.tensor(3.5), none=torch.empty(0, 3), shared=values.view(-1)[7:19])
        for zipped in (True, False):
            tensors = self.read(saved(state, _use_new_zipfile_serialization=zipped))
            self.assert_holds(tensors, state)
            for name in ("b.pth", "b.safetensors"):
                convert.write(self.folder / name, tensors)
                self.assert_holds(convert.read(self.folder / name), state)
            back = torch.load(self.folder / "b.pth")
            self.assertTrue(all(torch.equal(back[name], value) and back[name].dtype == value.dtype for name, value in state.items()))
        half = self.read(saved({"x": torch.ones(3, dtype=torch.bfloat16)}))["x"]
        self.assertEqual((half.dtype, bytes(half.data)), ("BF16", b"\x80\x3f" * 3))

    def test_takes_what_python_2_wrote(self):
        state = {"layer1.0.conv1.weight": torch.randn(3, 2), "linear.bias": torch.randn(2)}
        data = bytearray(saved(state, _use_new_zipfile_serialization=False))
        file = io.BytesIO(bytes(data))
        for _ in range(5):  # texts were bytes there
            begin = file.tell()
            for opcode, _argument, position in pickletools.genops(file):
                if opcode.name == "BINUNICODE":
                    data[position] = ord("T")
            self.assertGreater(file.tell(), begin)
        self.assertNotEqual(bytes(data), file.getvalue())
        self.assert_holds(self.read(bytes(data)), state)

    def test_equal_weights_give_equal_bytes_and_values_lie_at_multiples_of_64(self):
        tensors = self.read(saved(Own().state_dict()))
        for name in ("a.pth", "b.pth"):
            convert.write(self.folder / name, tensors)
        self.assertEqual((self.folder / "a.pth").read_bytes(), (self.folder / "b.pth").read_bytes())
        data = (self.folder / "a.pth").read_bytes()
        for tensor in tensors.values():
            if len(tensor.data) > 8:
                self.assertEqual(data.index(bytes(tensor.data)) % 64, 0)

    def test_executes_nothing_of_a_file(self):
        for harmful in (Harmful(), {"state_dict": Harmful()}, {"weight": torch.ones(2), "more": Harmful()}):
            for zipped in (True, False):
                (self.folder / "file").write_bytes(saved(harmful, _use_new_zipfile_serialization=zipped))
                script = "import detoxml.convert as c\ntry: print(len(c.read('file')))\nexcept c.InputError as e: print('refused', e)"
                said = subprocess.run([sys.executable, "-c", script], cwd=self.folder, capture_output=True, text=True, check=True, timeout=60)
                self.assertRegex(said.stdout, "^(1$|refused file: no tensors in it; valid: )")
                self.assertFalse((self.folder / "harmed").exists())

    def test_what_is_no_file_of_weights_is_refused_in_one_line(self):
        expanded = torch.zeros(1).expand(10**12)
        compressed = io.BytesIO()
        with zipfile.ZipFile(compressed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("a/data.pkl", bytes(10**6))
        nested = b"\x80\x02}" + b"q\x00" + b"".join(b"}(X\x01\x00\x00\x00ah\x00X\x01\x00\x00\x00bh\x00u0" for _ in range(3)) + b"."
        for data, words in ((b"", "is empty"), (b"no weights", "damaged pickle"), (pickle.dumps({"a": 1}), "none of torch.save"),
                            (saved({"a": 1}), "no tensors"), (saved({"w": expanded}), "expanded tensor"), (compressed.getvalue(), "compressed"),
                            (nested, "none of torch.save"), (saved({"w": torch.ones(3).to_sparse()}), "another kind (_rebuild_sparse_tensor)"),
                            (saved({"w": torch.ones(2, dtype=torch.complex64)}), "ComplexFloatStorage"), (b"PK\3\4" + bytes(99), "no whole archive")):
            self.assert_refused(data, words, "; valid: ")
        self.assert_refused((1).to_bytes(8, "little") + b"{", "not JSON")
        header = b'{"a\\u001b[2J\\n":{"dtype":"F32","shape":[1],"data_offsets":[0,9]}}'
        self.assert_refused(len(header).to_bytes(8, "little") + header + bytes(4), "'a\\x1b[2J\\n' of shape (1,) lies at (0, 9) of 4 bytes")
        with self.assertRaisesRegex(detox.InputError, "none: No such file"):
            convert.read(self.folder / "none")
        with self.assertRaisesRegex(detox.InputError, "not a regular file"):
            convert.read(self.folder)
        with self.assertRaisesRegex(detox.UsageError, "valid: torchvision, original, unchanged"):
            convert.with_names({}, "mine")

    def test_what_would_have_no_end_is_refused_at_once(self):
        tensor = (b"ctorch._utils\n_rebuild_tensor_v2\n((X\7\0\0\0storagectorch\nFloatStorage\nX\1\0\0\x000X\3\0\0\0cpuK\1tQK\0K\1\x85K\1\x85\x89}tR")
        twice = b")" + b"2\x86" * 60  # a tuple of two of a tuple of two ..., 2^60 in all
        pairs = b"](" + b"K\0K\0\x86" * 10_000 + b"e" + b"q\0"
        for pickled, words in ((twice + b"\x8c\1a\x93.", "a class without a name"), (b")" + b"\x85" * 10**5 + b"\x8c\1a\x93.", "class without"),
                               (tensor.replace(b"X\1\0\0\x000", twice) + b".", "tuple where a name belongs"),
                               (pairs + b"ccollections\nOrderedDict\nh\0\x85R0" * 1001 + b".", "copies without an end"),
                               (b"}(\x8b\xb8\x0b\0\0" + b"\1" * 3000 + tensor + b"u.", "int where a name belongs"),
                               (b"}(X\3\0\0\0\xed\xa0\x80" + tensor + b"u.", "a name that is no text")):
            file = io.BytesIO()
            with zipfile.ZipFile(file, "w") as archive:
                archive.writestr("archive/data.pkl", b"\x80\2" + pickled)
                archive.writestr("archive/data/0", bytes(4))
            self.assert_refused(file.getvalue(), words)
        named = {"__metadata__": convert.Tensor("F32", (1,), bytes(4))}
        with self.assertRaisesRegex(detox.InputError, "'__metadata__' cannot be"):
            convert.write(self.folder / "new", named)
        convert.write(self.folder / "new.pth", named)
        self.assertEqual([path.name for path in self.folder.glob("new*")], ["new.pth"])

    def test_modules_that_hold_one_another_are_refused(self):
        module = nn.Module()
        for _ in range(70):  # two to the power of 70 names
            outer = nn.Module()
            outer.a = outer.b = module
            module = outer
        self.assert_refused(saved(module), "without an end")

    def test_damage_anywhere_is_a_line_or_weights_and_never_more(self):
        state = {"layer1.0.conv1.weight": torch.randn(3, 2), "linear.bias": torch.randn(2, 3).T, "n": torch.tensor(3)}
        convert.write(self.folder / "whole", self.read(saved(state)))
        kinds = [saved(state), saved(state, _use_new_zipfile_serialization=False), saved(Own()), (self.folder / "whole").read_bytes()]
        draw = random.Random(7)
        refused = 0
        for kind in kinds:
            for _ in range(300):
                data = bytearray(kind)
                for _ in range(draw.choice((1, 1, 2, 5))):
                    data[draw.randrange(len(data))] = draw.choice((0, 1, 255, ord("."), ord("R"), draw.randrange(256)))
                if draw.random() < 0.2:
                    del data[draw.randrange(len(data)) :]
                try:
                    convert.with_names(self.read(bytes(data)), "original")
                except detox.InputError as error:
                    refused += 1
                    self.assertNotIn("\n", str(error))
        self.assertGreater(refused, 400)

    def test_program_says_what_it_did_or_why_not(self):
        (self.folder / "old.pth").write_bytes(saved({f"module.{k}": v for k, v in foreign_networks.ResNet().state_dict().items()}))

        def run(*words):
            return subprocess.run([sys.executable, "-m", "detoxml.convert", *words], cwd=self.folder, capture_output=True, text=True, check=False,
                                  timeout=60)
        done = run("old.pth", "new.safetensors")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout, "new.safetensors: 122 tensors of a ResNet; 'module' in the names is left out; a ResNet with the names of "
                                      "torchvision\n")
        (self.folder / "none.pth").write_bytes(b"none")
        done = run("none.pth", "no.safetensors")
        self.assertEqual((done.returncode, done.stderr.count("\n")), (1, 1))
        self.assertIn("detoxml.convert: none.pth: a damaged pickle", done.stderr)
        self.assertEqual(run("old.pth", "no/where.pth").stderr, "detoxml.convert: no/where.pth: No such file or directory\n")
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["new.safetensors", "none.pth", "old.pth"])
        self.assertEqual(run("old.pth", "x", "--names", "mine").returncode, 2)


if __name__ == "__main__":
    unittest.main()
