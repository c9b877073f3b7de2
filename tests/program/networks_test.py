"""Networks with batch norm, and modules of the user's own, through the whole program: bits, resume, evaluation, PyTorch."""

import json
import os
import pathlib
import re
import subprocess
import sys

TESTS = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(TESTS / "support"))
from program import ProgramTest, main, run

PYTHON = "/usr/bin/python3"
COLOUR = ["--dataset", "synthetic-cifar10", "--data-dir", "data", "--workers", 9, "--batch-size", 2]
# Run by Debian's Python, which has torch. Reads what the program wrote without any of its code.
PYTORCH = """
import json, struct, sys
import numpy, torch
sys.path.insert(0, sys.argv[1])
from reference_networks import NETWORKS

def read_safetensors(path):
    data = open(path, "rb").read()
    start = 8 + struct.unpack("<Q", data[:8])[0]
    kinds = {"F32": "<f4", "I64": "<i8", "BOOL": "?"}
    return {name: torch.from_numpy(numpy.frombuffer(data[start + t["data_offsets"][0]:start + t["data_offsets"][1]],
                                              kinds[t["dtype"]]).reshape(t["shape"]).copy())
            for name, t in json.loads(data[8:start]).items() if name != "__metadata__"}

def write_safetensors(path, state):
    header, body = {}, b""
    for name, tensor in state.items():
        raw = tensor.contiguous().numpy().tobytes()
        kind = {torch.float32: "F32", torch.int64: "I64"}[tensor.dtype]
        header[name] = {"dtype": kind, "shape": list(tensor.shape), "data_offsets": [len(body), len(body) + len(raw)]}
        body += raw
    text = json.dumps(header).encode()
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + body)

def score(model):
    records = numpy.fromfile("data/synthetic-cifar10/cifar-10-batches-bin/test_batch.bin", "u1").reshape(-1, 3073)
    labels = torch.from_numpy(records[:, 0].astype("i8"))
    mean = numpy.array([125.3, 123.0, 113.9]).reshape(3, 1, 1) / 255
    deviation = numpy.array([63.0, 62.1, 66.7]).reshape(3, 1, 1) / 255
    images = torch.from_numpy(((records[:, 1:].reshape(-1, 3, 32, 32) / 255 - mean) / deviation).astype("f4"))
    model.eval()
    with torch.no_grad():
        logits = torch.cat([model(part) for part in images.split(100)])
    return {"loss": torch.nn.functional.cross_entropy(logits, labels).item(),
            "prec1": 100 * (logits.argmax(1) == labels).float().mean().item()}

torch.set_num_threads(1)
torch.manual_seed(3)
model = NETWORKS[sys.argv[2]]([3, 32, 32], 10)
if sys.argv[3] == "load":
    model.load_state_dict(read_safetensors(sys.argv[4]))
else:
    for module in model.modules():  # statistics that a default model does not have
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    write_safetensors(sys.argv[4], model.state_dict())
print(json.dumps(score(model)))
"""


class ColourTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.run_ok("data", "prepare", "synthetic-cifar10", "--data-dir", "data", "--samples", 500)

    def train(self, directory, *more, launch=0, steps=6):
        command = ["launch", "-n", launch, "--", "train"] if launch else ["train"]
        self.run_ok(*command, *COLOUR, "--max-steps", steps, "--eval-freq", 3, "--train-dir", directory, *more, timeout=300)
        return self.checkpoint(directory, steps)

    def score(self, *arguments):
        line = json.loads(self.run_ok("evaluate", "--json", *arguments, timeout=300).out.splitlines()[-1])
        return line["loss"], line["prec1"]

    def pytorch(self, *arguments):
        out = subprocess.run([PYTHON, "-c", PYTORCH, str(TESTS / "learn"), *map(str, arguments)], cwd=self.folder, check=True,
                             capture_output=True, text=True).stdout
        return json.loads(out)


class BatchNorm(ColourTest):
    ATTACK = ["--network", "ResNet20", "--worker-fail", 2, "--lis-simulation", "simulate", "--assume-fail", 1]

    def test_gives_the_same_bits_on_every_engine_and_after_a_resume(self):
        expected = self.train("one", *self.ATTACK, "--threads", 1)
        self.assertEqual(self.train("two", *self.ATTACK, "--threads", 2), expected)
        self.assertEqual(self.train("every", *self.ATTACK, "--compute-every-replica"), expected)
        self.assertEqual(self.train("mpi", *self.ATTACK, launch=10), expected)
        self.train("resumed", *self.ATTACK, steps=3)
        self.run_ok("train", "--resume", "auto", "--train-dir", "resumed", "--max-steps", 6)
        self.assertEqual(self.checkpoint("resumed", 6), expected)

    def test_under_attack_with_an_honest_majority_everywhere_is_as_without(self):
        for network in ["ResNet20", "VGG11"]:
            options = ["--network", network, "--assume-fail", 1]
            peaceful = self.train(f"peaceful-{network}", *options)
            attacked = self.train(f"attacked-{network}", *options, "--worker-fail", 1, "--err-mode", "constant")
            self.assertEqual(attacked[0], peaceful[0], network)
        self.assertEqual(self.score("--model-dir", "attacked-ResNet20/model_step_6"),
                         self.score("--model-dir", "peaceful-ResNet20/model_step_6"))

    def test_under_attack_of_corrupt_slices_still_evaluates_as_without(self):
        # 45 workers, 5 of them lie about gradients and statistics, two slices of 15 at the worst are theirs.
        options = ["--network", "ResNet20", "--workers", 45, "--global-batch", 360, "--lr", 0.05]
        self.run_ok("data", "prepare", "synthetic-cifar10", "--data-dir", "more", "--samples", 2000)
        options += ["--data-dir", "more"]
        self.train("peaceful", *options, "--assume-fail", 5, steps=30)
        self.train("attacked", *options, "--worker-fail", 5, "--fail-schedule", "worst-case", steps=30)
        (here, _), (there, _) = (self.score("--model-dir", f"{name}/model_step_30") for name in ("attacked", "peaceful"))
        self.assertLess(max(here, there), 2.25)  # both have learned: guessing is at 2.30
        self.assertLess(abs(here - there), 0.4)

    def test_state_dict_loads_into_the_python_model_and_gives_the_same_answers(self):
        for network in ["ResNet20", "LeNet"]:
            self.train(network, "--network", network)
            loss, prec1 = self.score("--model-dir", f"{network}/model_step_6")
            there = self.pytorch(network, "load", f"{network}/model_step_6")
            self.assertAlmostEqual(loss, there["loss"], 5)
            self.assertAlmostEqual(prec1, there["prec1"], 3)

    def test_starts_from_a_python_models_weights(self):
        there = self.pytorch("ResNet20", "save", "python.safetensors")
        loss, _ = self.score("--model-dir", "python.safetensors", "--network", "resnet-20", "--dataset", "synthetic-cifar10",
                             "--data-dir", "data")
        self.assertAlmostEqual(loss, there["loss"], 5)
        self.train("run", "--network", "ResNet20", "--pretrained", "python.safetensors", "--lr", "1e-30", steps=3)
        weights = self.pytorch("ResNet20", "load", "run/model_step_3")
        self.assertNotEqual(weights["loss"], there["loss"])  # statistics went on
        self.run_ok("train", "--resume", "auto", "--train-dir", "run", "--max-steps", 4)
        (self.folder / "python.safetensors").unlink()
        self.run_ok("train", "--resume", "auto", "--train-dir", "run", "--max-steps", 5)
        self.assert_refused(run("train", "--network", "LeNet", "--pretrained", "run/model_step_3", "--train-dir", "no",
                                cwd=self.folder), 1, "--pretrained run/model_step_3", "another network")
        self.assert_refused(run("train", "--pretrained", "none.safetensors", "--train-dir", "no", cwd=self.folder), 1,
                            "--pretrained", "none.safetensors")
        self.assertFalse((self.folder / "no").exists())

    def test_starts_from_networks_of_others_that_torch_saved(self):
        script = TESTS / "learn" / "foreign_networks.py"
        out = subprocess.run([PYTHON, "-W", "ignore", script, self.folder], check=True, capture_output=True, text=True).stdout
        expected = json.loads(out)
        for network, pickle in [("ResNet18", "resnet.pth"), ("DenseNet121", "densenet.pth")]:
            refused = run("train", *COLOUR, "--network", network, "--pretrained", pickle, "--train-dir", "no", cwd=self.folder)
            self.assert_refused(refused, 1, f"--pretrained {pickle}", f"python3 -m detoxml.convert {pickle} weights.safetensors")
            subprocess.run([PYTHON, "-m", "detoxml.convert", pickle, "weights.safetensors"], cwd=self.folder, check=True, capture_output=True,
                           env={**os.environ, "PYTHONPATH": str(TESTS.parent / "python")})
            loss, _ = self.score("--model-dir", "weights.safetensors", "--network", network, "--dataset", "synthetic-cifar10",
                                 "--data-dir", "data")
            self.assertAlmostEqual(loss, expected[network], 4)

    def test_of_another_layout_or_size_is_refused(self):
        self.assert_refused(run("train", "--network", "VGG11", cwd=self.folder), 2, "VGG11", "32x32", "28x28")


class TorchScript(ColourTest):
    def test_example_of_the_documents_trains_with_dropout_bit_by_bit(self):
        text = (TESTS.parent / "docs" / "networks.md").read_text()
        example = re.search(r"```python\n(.*?)```", text, re.DOTALL).group(1)
        self.assertLessEqual(len(example.splitlines()), 14)
        subprocess.run([PYTHON, "-c", example], cwd=self.folder, check=True)
        options = ["--network", "my/network.pt", "--worker-fail", 1]
        expected = self.train("one", *options, "--threads", 2)
        self.assertEqual(self.train("mpi", *options, launch=10), expected)
        self.train("resumed", *options, steps=3)
        (self.folder / "elsewhere").mkdir()
        (self.folder / "my" / "network.pt").rename(self.folder / "elsewhere" / "moved.pt")
        self.run_ok("train", "--resume", "auto", "--train-dir", "resumed", "--max-steps", 6,
                    "--network", "elsewhere/moved.pt")
        self.assertEqual(self.checkpoint("resumed", 6), expected)
        self.score("--model-dir", "resumed/model_step_6")
        self.assertEqual({entry["kind"] for entry in self.journal("one", "ledger.jsonl")}, {"outvoted"})
        self.assertEqual(len(self.journal("one", "ledger.jsonl")), 6)

    def test_that_draws_and_ties_everywhere_trains_bit_by_bit(self):
        subprocess.run([PYTHON, "-W", "ignore", TESTS / "learn" / "make_whole_module.py", self.folder], check=True)
        options = ["--network", "whole.pt", "--workers", 3, "--compute-every-replica"]
        expected = self.train("one", *options, "--threads", 1)
        self.assertEqual(self.train("two", *options, "--threads", 2), expected)
        self.assertEqual(self.train("mpi", *options, launch=4), expected)
        self.train("resumed", *options, steps=3)
        self.run_ok("train", "--resume", "auto", "--train-dir", "resumed", "--max-steps", 6)
        self.assertEqual(self.checkpoint("resumed", 6), expected)
        self.assertFalse((self.folder / "one" / "ledger.jsonl").read_text())
        self.assertTrue(all(line["resolved"] == 1 for line in self.journal("one")))
        # All of the state_dict, under each name.
        subprocess.run([PYTHON, "-c", PYTORCH.split("def write_safetensors")[0] + """
module, state = torch.jit.load("whole.pt"), read_safetensors("one/model_step_6")
assert sorted(state) == sorted(module.state_dict()), sorted(state)
module.load_state_dict(state)
assert torch.equal(state["first.weight"], state["second.weight"])
assert not torch.equal(state["first.weight"], torch.jit.load("whole.pt").first.weight)
""", str(TESTS / "learn")], cwd=self.folder, check=True)
        self.train("tuned", *options, "--pretrained", "one/model_step_6", steps=1)

    def test_that_fails_at_its_start_blocks_no_directory(self):
        subprocess.run([PYTHON, "-W", "ignore", TESTS / "learn" / "make_whole_module.py", self.folder], check=True)
        options = ["train", *COLOUR, "--network", "whole.pt", "--max-steps", 1, "--train-dir", "run"]
        self.assert_refused(run(*options, "--batch-size", 1, cwd=self.folder), 2, "a slice of 1 sample",
                            "Expected more than 1 value per channel when training")
        self.assertFalse((self.folder / "run").exists())
        self.run_ok(*options)

    def test_that_a_run_cannot_begin_with_is_refused_by_tensor(self):
        (self.folder / "make.py").write_text("""
import torch
from torch import nn

class Ordered(nn.Module):
    def __init__(self, seed):
        super().__init__()
        self.register_buffer("order", torch.randperm(3072, generator=torch.Generator().manual_seed(seed)))
        self.register_buffer("mask", torch.tensor([1.0, float("-inf")]))
        self.line = nn.Linear(3072, 10)

    def forward(self, x):
        return self.line(x.flatten(1)[:, self.order] * self.mask[0])

for name, seed in [("one", 1), ("other", 2), ("nan", 1)]:
    model = Ordered(seed)
    if name == "nan":
        model.line.bias.data[3] = float("nan")
    torch.jit.script(model).save(name + ".pt")
""")
        subprocess.run([PYTHON, "-W", "ignore", "make.py"], cwd=self.folder, check=True)
        self.train("run", "--network", "one.pt", steps=3)
        self.train("more", "--network", "one.pt", "--pretrained", "run/model_step_3", steps=3)
        for momentum in "on", "off":
            self.assert_refused(run("train", *COLOUR, "--network", "other.pt", "--pretrained", "run/model_step_3", "--train-dir", "no",
                                    "--pretrained-momentum", momentum, cwd=self.folder), 1,
                                "--pretrained run/model_step_3: tensor 'order' is not what the network has, and never changes")
        self.assert_refused(run("train", *COLOUR, "--network", "nan.pt", "--train-dir", "no", cwd=self.folder), 1,
                            "--network nan.pt: parameter line.bias is not finite")
        self.train("healed", "--network", "nan.pt", "--pretrained", "run/model_step_3", steps=3)

    def test_that_is_none_is_refused_before_anything_is_written(self):
        (self.folder / "no.pt").write_bytes(b"no module")
        self.assert_refused(run("train", *COLOUR, "--network", "no.pt", "--train-dir", "run", cwd=self.folder), 1,
                            "--network no.pt", "no TorchScript module")
        self.assert_refused(run("train", *COLOUR, "--network", "my/none.pt", "--train-dir", "run", cwd=self.folder), 1,
                            "--network my/none.pt", "no such file")
        self.assertFalse((self.folder / "run").exists())


main()
