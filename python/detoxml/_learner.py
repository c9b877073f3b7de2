"""A torch module as the engine's learner: the table of C functions that src/learn/learner_module.h describes."""
from __future__ import annotations

import ctypes
import hashlib
import importlib
import inspect
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from ctypes import CFUNCTYPE, POINTER, c_double, c_int, c_int64, c_size_t, c_uint32, c_uint64, c_void_p
from typing import Any

from .errors import UsageError

OK, INPUT, USAGE = 0, 1, 2
# Torch's names of dtypes that are never computed with here, and safetensors' own.
_CONSTANT = {"torch.bool": "BOOL", "torch.uint8": "U8", "torch.int8": "I8", "torch.int16": "I16", "torch.int32": "I32"}
_FROZEN = {"torch.float32": "F32", "torch.float64": "F64", "torch.float16": "F16", "torch.bfloat16": "BF16"}
_PROBE_SAMPLES, _PROBE_SEED, _PROBE_SCALE = 8, 428, 0.02


class Text(ctypes.Structure):
    """detox_text."""

    _fields_ = [("data", c_void_p), ("size", c_size_t)]

    def __bytes__(self) -> bytes:
        return ctypes.string_at(self.data, self.size) if self.size else b""


Write = CFUNCTYPE(None, c_void_p, c_void_p, c_size_t)


class Sink(ctypes.Structure):
    """detox_sink."""

    _fields_ = [("to", c_void_p), ("write", Write)]

    def say(self, text: str) -> None:
        line = text.encode("utf-8", "replace")
        self.write(self.to, line, len(line))


class CTensor(ctypes.Structure):
    """detox_tensor."""

    _fields_ = [("name", Text), ("shape", POINTER(c_int64)), ("dimensions", c_size_t), ("offset", c_size_t), ("size", c_size_t)]


class CTied(ctypes.Structure):
    """detox_tied_tensor."""

    _fields_ = [("name", Text), ("of", Text)]


class CConstant(ctypes.Structure):
    """detox_constant_tensor."""

    _fields_ = [("name", Text), ("dtype", Text), ("shape", POINTER(c_int64)), ("dimensions", c_size_t), ("bytes", c_void_p),
                ("size", c_size_t)]


class CLayout(ctypes.Structure):
    """detox_model_layout."""

    _fields_ = [("parameters", POINTER(CTensor)), ("parameters_count", c_size_t), ("statistics", POINTER(CTensor)),
                ("statistics_count", c_size_t), ("counters", POINTER(CTensor)), ("counters_count", c_size_t),
                ("tied", POINTER(CTied)), ("tied_count", c_size_t), ("constants", POINTER(CConstant)),
                ("constants_count", c_size_t), ("source", Text), ("notices", POINTER(Text)), ("notices_count", c_size_t)]


class CBatch(ctypes.Structure):
    """detox_batch."""

    _fields_ = [("images", c_void_p), ("labels", POINTER(c_int64)), ("count", c_size_t), ("draws", c_uint64)]


class CResult(ctypes.Structure):
    """detox_batch_result."""

    _fields_ = [("loss_sum", c_double), ("correct", c_int64), ("correct_top5", c_int64)]


_Make = CFUNCTYPE(c_int, c_void_p, POINTER(c_void_p), Sink)
_Destroy = CFUNCTYPE(None, c_void_p)
_Layout = CFUNCTYPE(None, c_void_p, POINTER(CLayout))
_Profile = CFUNCTYPE(c_int, c_void_p, Sink, Sink)
_Initial = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_void_p, c_void_p, Sink)
_Gradient = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, POINTER(CBatch), c_void_p, c_void_p, POINTER(CResult), Sink)
_Evaluate = CFUNCTYPE(c_int, c_void_p, c_void_p, c_void_p, c_void_p, POINTER(CBatch), POINTER(CResult), Sink)
_Libraries = CFUNCTYPE(c_int, Sink, Sink)
_Sgemm = CFUNCTYPE(c_void_p)


class CTable(ctypes.Structure):
    """detox_learner_table."""

    _fields_ = [("interface", c_uint32), ("make", _Make), ("destroy", _Destroy), ("layout", _Layout), ("profile", _Profile),
                ("initial_state", _Initial), ("gradient", _Gradient), ("evaluate", _Evaluate), ("libraries", _Libraries),
                ("sgemm", _Sgemm)]


class _Flat:
    """Tensors of a module and their places in one flat vector of the engine."""

    def __init__(self, torch: Any, dtype: Any, ctype: Any) -> None:
        self._torch, self._dtype, self._ctype = torch, dtype, ctype
        self.names: list[str] = []
        self.get: list[Callable[[], Any]] = []
        self.shapes: list[tuple[int, ...]] = []
        self.size = 0

    def add(self, name: str, get: Callable[[], Any]) -> None:
        self.names.append(name)
        self.get.append(get)
        self.shapes.append(tuple(get().shape))
        self.size += get().numel()

    def _pieces(self, pointer: int) -> Iterator[tuple[Any, Any]]:
        """Each tensor as it is now, and what is of it at this address."""
        if self.size == 0:
            return
        flat = self._torch.frombuffer((self._ctype * self.size).from_address(pointer), dtype=self._dtype)
        offset = 0
        for name, get, shape in zip(self.names, self.get, self.shapes):
            tensor, count = get(), 1
            for extent in shape:
                count *= extent
            if tuple(tensor.shape) != shape:
                raise UsageError(f"{name} has shape {tuple(tensor.shape)}, and had {shape}; valid: one shape")
            yield tensor, flat[offset : offset + count].view(shape)
            offset += count

    def copy_in(self, pointer: int) -> None:
        for tensor, piece in self._pieces(pointer):
            tensor.data.copy_(piece)

    def copy_out(self, pointer: int) -> None:
        for tensor, piece in self._pieces(pointer):
            piece.copy_(tensor.data)

    def gradients_out(self, pointer: int) -> None:
        for tensor, piece in self._pieces(pointer):
            if tensor.grad is None:
                piece.zero_()
            else:
                piece.copy_(tensor.grad.to_dense() if tensor.grad.is_sparse else tensor.grad)
            tensor.grad = None


def _line(error: BaseException) -> str:
    name = type(error).__name__
    try:
        return (f"{name}: {error}".splitlines() or [name])[0]
    except Exception:  # of its __str__
        return name


def _takes_model(loss: Callable[..., Any]) -> bool:
    try:
        names = list(inspect.signature(loss).parameters)
    except (TypeError, ValueError):
        return False
    return names[:1] == ["model"]


class Learner:
    """Computes gradients of one module for the engine, on the thread that asks.

    Parameters
    ----------
    model : torch.nn.Module
        Its weights are those that the engine begins with, and it has them again after `put_back`.
    data, test_data : map-style datasets
    loss, collate : callable
    """

    def __init__(self, model: Any, data: Any, loss: Callable[..., Any], test_data: Any, collate: Callable[..., Any]) -> None:
        self.torch = torch = importlib.import_module("torch")
        self.model, self.data, self.test_data, self.loss, self.collate = model, data, test_data, loss, collate
        self.takes_model = _takes_model(loss)
        self.samples = len(data)
        #: What the user's code raised, for whoever called the engine.
        self.thrown: BaseException | None = None
        self._parameters = _Flat(torch, torch.float32, ctypes.c_float)
        self._statistics = _Flat(torch, torch.float32, ctypes.c_float)
        self._counters = _Flat(torch, torch.int64, c_int64)
        self._tied: list[tuple[str, str]] = []
        self._constants: list[tuple[str, str, Any]] = []
        self._before: list[tuple[dict[str, Any], str, Any]] = []  # where a tensor is, and a copy
        self._read_module()
        self._grads = [(parameter, parameter.grad) for parameter in model.parameters()]
        for parameter, _ in self._grads:
            parameter.grad = None
        self._counters_before = [get().clone() for get in self._counters.get]
        self._kept: list[Any] = []  # what the engine's pointers point to
        self._layout = self._made_layout()
        self.table = self._made_table()

    # What the module consists of.

    def _read_module(self) -> None:
        seen: dict[int, str] = {}
        places: dict[int, str] = {}
        batch_norm = self.torch.nn.modules.batchnorm._BatchNorm
        for prefix, module in self.model.named_modules(remove_duplicate=False):
            if isinstance(module, batch_norm) and module.track_running_stats and module.momentum is None:
                raise UsageError(f"{prefix or 'the model'} averages over all its steps (momentum=None), and a worker does not "
                                 "know how many there were; valid: a momentum, as 0.1")
            passing: set[str] = getattr(module, "_non_persistent_buffers_set", set())
            lasting = [(key, tensor) for key, tensor in module._buffers.items() if key not in passing]
            for key, tensor in [*module._parameters.items(), *lasting]:
                name = f"{prefix}.{key}" if prefix else key
                if tensor is None:
                    continue
                if id(tensor) in seen:
                    self._tied.append((name, seen[id(tensor)]))
                    continue
                seen[id(tensor)] = name
                self._check_tensor(name, tensor)
                other = places.setdefault(tensor.data_ptr(), name) if tensor.numel() else name
                if other != name:
                    raise UsageError(f"{name} and {other} are two tensors in one memory; valid: one tensor of two names, as in "
                                     "model.a.weight = model.b.weight")
                self._add(name, module, key, tensor)
                tensors = module._parameters if key in module._parameters else module._buffers
                self._before.append((tensors, key, tensor.detach().clone()))
        if self._parameters.size == 0:
            raise UsageError("the model has no parameter that is trained; valid: some of float32 with requires_grad")

    def _check_tensor(self, name: str, tensor: Any) -> None:
        if self.torch.nn.parameter.is_lazy(tensor):
            raise UsageError(f"{name} has no shape yet; valid: a model that has seen a batch")
        if tensor.device.type != "cpu" or tensor.layout is not self.torch.strided:
            raise UsageError(f"{name} is {tensor.layout} on {tensor.device}; valid: a model of dense tensors on the CPU, as by "
                             "model.cpu()")

        if any(stride == 0 and extent > 1 for stride, extent in zip(tensor.stride(), tensor.shape)):
            raise UsageError(f"{name} of shape {tuple(tensor.shape)} is one value that is shown many times; valid: values of "
                             "its own, as by clone()")

    def _add(self, name: str, module: Any, key: str, tensor: Any) -> None:
        dtype = str(tensor.dtype)
        is_parameter = key in module._parameters
        if is_parameter and tensor.requires_grad:
            if dtype != "torch.float32":
                raise UsageError(f"{name} is {tensor.dtype}; valid: parameters of float32, as by model.float(), or without "
                                 "requires_grad")
            self._parameters.add(name, lambda: module._parameters[key])
        elif is_parameter and dtype in _FROZEN:
            self._constants.append((name, _FROZEN[dtype], tensor.detach().contiguous()))
        elif dtype in _CONSTANT:
            self._constants.append((name, _CONSTANT[dtype], tensor.detach().contiguous()))
        elif not is_parameter and dtype == "torch.float32":
            self._statistics.add(name, lambda: module._buffers[key])
        elif dtype == "torch.int64":
            self._counters.add(name, lambda: module._parameters[key] if is_parameter else module._buffers[key])
        else:
            raise UsageError(f"{name} is {tensor.dtype}; valid: buffers of float32, bool or whole numbers")

    def put_back(self) -> None:
        """The weights that the module had."""
        for tensors, key, before in self._before:
            now = tensors.get(key)
            if now is not None and now.shape == before.shape:
                now.data.copy_(before)

    def end(self) -> None:
        """After training, whatever the weights are then: the gradients that the module had."""
        for parameter, gradient in self._grads:
            parameter.grad = gradient

    def take(self, parameters: int, statistics: int, counters: int) -> None:
        """The module gets what lies at these addresses."""
        self._parameters.copy_in(parameters)
        self._statistics.copy_in(statistics)
        self._counters.copy_in(counters)

    def fail(self, error: BaseException) -> None:
        """What is raised when the engine has ended: the first that was."""
        if self.thrown is None:
            self.thrown = error

    # What is computed.

    def seed(self, draws: int) -> None:
        """What the user's code draws from."""
        self.torch.default_generator.manual_seed(draws)
        random.seed(draws)
        numpy = sys.modules.get("numpy")
        if numpy is not None:
            numpy.random.seed(draws & 0xFFFFFFFF)

    def batch(self, numbers: Sequence[int]) -> Any:
        """These samples, collated; from the number of training samples on, those of the test data."""
        is_test = numbers[0] >= self.samples
        data = self.test_data if is_test else self.data
        places = [number - self.samples for number in numbers] if is_test else list(numbers)
        if callable(getattr(data, "__getitems__", None)):
            return self.collate(data.__getitems__(places))
        return self.collate([data[place] for place in places])

    def _value(self, batch: Any) -> tuple[Any, int, int]:
        """The loss, and samples that were recognised, at first and among the first five; -1 where there is no such thing."""
        torch = self.torch
        correct, among_five = -1, -1
        if isinstance(batch, (tuple, list)) and len(batch) == 2 and not self.takes_model:
            outputs = self.model(batch[0])
            value = self.loss(outputs, batch[1])
            correct, among_five = self._recognised(outputs, batch[1])
        else:
            value = self.loss(self.model, batch)
        if not torch.is_tensor(value) or value.numel() != 1 or not value.is_floating_point():
            what = f"{value.dtype} of shape {tuple(value.shape)}" if torch.is_tensor(value) else type(value).__name__
            raise UsageError(f"the loss is {what:.60}; valid: a tensor of one number, the mean over the batch")
        return value, correct, among_five

    def _recognised(self, outputs: Any, targets: Any) -> tuple[int, int]:
        torch = self.torch
        if not (torch.is_tensor(outputs) and torch.is_tensor(targets) and outputs.is_floating_point() and outputs.dim() == 2 and
                outputs.shape[1] > 1 and targets.dtype == torch.int64 and targets.shape == outputs.shape[:1]):
            return -1, -1
        with torch.no_grad():
            is_class = (targets >= 0) & (targets < outputs.shape[1])
            classes = targets.clamp(0, outputs.shape[1] - 1).unsqueeze(1)
            own = outputs.gather(1, classes)
            is_before = torch.arange(outputs.shape[1]) < classes
            before = ((outputs > own) | outputs.isnan() | ((outputs == own) & is_before)).sum(1)
            counts = is_class & own.isfinite().squeeze(1)
            return int((counts & (before < 1)).sum()), int((counts & (before < 5)).sum())

    def gradient(self, parameters: int, statistics: int, batch: CBatch, gradient_out: int, statistics_out: int,
                 result: CResult) -> None:
        """detox_learner_table.gradient."""
        self._parameters.copy_in(parameters)
        self._statistics.copy_in(statistics)
        for get, before in zip(self._counters.get, self._counters_before):
            get().data.copy_(before)
        self._compute(batch.labels[: batch.count], batch.draws, result)
        self._parameters.gradients_out(gradient_out)
        self._statistics.copy_out(statistics_out)

    def _compute(self, numbers: Sequence[int], draws: int, result: CResult) -> None:
        self.model.train()
        for get in self._parameters.get:
            get().grad = None
        self.seed(draws)
        with self.torch.inference_mode(False), self.torch.enable_grad():
            value, result.correct, result.correct_top5 = self._value(self.batch(numbers))
            if not value.requires_grad:
                raise UsageError("the loss does not depend on the model's parameters; valid: a loss of what the model "
                                 "computes, without no_grad and detach")
            value.backward()
        result.loss_sum = float(value.detach()) * len(numbers)

    def evaluate(self, parameters: int, statistics: int, counters: int, batch: CBatch, result: CResult) -> None:
        """detox_learner_table.evaluate."""
        self.take(parameters, statistics, counters)
        self.model.eval()
        self.seed(batch.draws)
        with self.torch.no_grad():
            numbers = batch.labels[: batch.count]
            value, result.correct, result.correct_top5 = self._value(self.batch(numbers))
        result.loss_sum = float(value) * len(numbers)

    def _identity(self) -> str:
        """Of what the module, the loss and the first samples compute, at weights that are always the same."""
        torch = self.torch
        generator = torch.Generator().manual_seed(_PROBE_SEED)
        found = hashlib.sha256()
        try:
            for get in self._parameters.get:
                get().data.copy_(torch.randn(get().shape, generator=generator) * _PROBE_SCALE)
            for get in self._statistics.get:
                get().data.zero_()
            result = CResult()
            self._compute(range(min(_PROBE_SAMPLES, self.samples)), _PROBE_SEED, result)
            out = (ctypes.c_float * self._parameters.size)()
            self._parameters.gradients_out(ctypes.addressof(out))
            found.update(bytes(out) + repr(result.loss_sum).encode())
        except Exception as error:  # such weights may be none for it
            found.update(type(error).__name__.encode())
        return found.hexdigest()[:16]

    def profile(self) -> str:
        """What the bits of a gradient depend on besides its inputs, the user's code included."""
        told = self.torch.__config__.show()
        said = [f"torch {self.torch.__version__}"]
        for label, before, after in (("ATen", "CPU capability usage: ", "\n"), ("MKL", "Math Kernel Library Version ", " "),
                                     ("oneDNN", "MKL-DNN v", " ")):
            if before in told:
                said.append(f"{label} {told.split(before, 1)[1].split(after, 1)[0].strip()}")
        return ", ".join([*said, f"1 intra-op thread, gradient of the first samples {self._identity()}"])

    # How the engine sees it.

    def text(self, text: str) -> Text:
        raw = ctypes.create_string_buffer(text.encode("utf-8", "replace"))
        self._kept.append(raw)
        return Text(ctypes.addressof(raw), len(raw) - 1)

    def _shape(self, shape: Sequence[int]) -> Any:
        values = (c_int64 * max(1, len(shape)))(*shape)
        self._kept.append(values)
        return values

    def _array(self, kind: Any, entries: list[Any]) -> Any:
        values = (kind * max(1, len(entries)))(*entries)
        self._kept.append(values)
        return values

    def _tensors(self, flat: _Flat) -> tuple[Any, int]:
        entries, offset = [], 0
        for name, get, shape in zip(flat.names, flat.get, flat.shapes):
            entries.append(CTensor(self.text(name), self._shape(shape), len(shape), offset, get().numel()))
            offset += get().numel()
        return self._array(CTensor, entries), len(entries)

    def _made_layout(self) -> CLayout:
        layout = CLayout()
        layout.parameters, layout.parameters_count = self._tensors(self._parameters)
        layout.statistics, layout.statistics_count = self._tensors(self._statistics)
        layout.counters, layout.counters_count = self._tensors(self._counters)
        tied = [CTied(self.text(name), self.text(of)) for name, of in self._tied]
        layout.tied, layout.tied_count = self._array(CTied, tied), len(tied)
        constants = [CConstant(self.text(name), self.text(dtype), self._shape(tensor.shape), tensor.dim(), tensor.data_ptr(),
                               tensor.numel() * tensor.element_size()) for name, dtype, tensor in self._constants]
        layout.constants, layout.constants_count = self._array(CConstant, constants), len(constants)
        return layout

    def _guarded(self, work: Callable[..., None]) -> Callable[..., int]:
        """Nothing is raised into the engine: what was is kept, and the engine told of it in one line."""

        def call(*arguments: Any) -> int:
            try:
                if self.thrown is not None:
                    raise self.thrown
                work(*arguments[:-1])
                return OK
            except BaseException as error:  # the interpreter's own, too
                self.fail(error)
                arguments[-1].say(_line(error))
                return USAGE if isinstance(error, UsageError) else INPUT

        return call

    def _made_table(self) -> CTable:
        def make(_request: int, out: Any) -> None:
            out[0] = 1  # a handle, of which there is one

        def layout(_learner: int, out: Any) -> None:
            ctypes.memmove(out, ctypes.byref(self._layout), ctypes.sizeof(CLayout))

        def initial(_learner: int, _key: int, parameters: int, statistics: int, counters: int) -> None:
            self.put_back()
            self._parameters.copy_out(parameters)
            self._statistics.copy_out(statistics)
            self._counters.copy_out(counters)

        def gradient(_learner: int, parameters: int, statistics: int, batch: Any, gradient_out: int, statistics_out: int,
                     result: Any) -> None:
            self.gradient(parameters, statistics, batch[0], gradient_out, statistics_out, result[0])

        def evaluate(_learner: int, parameters: int, statistics: int, counters: int, batch: Any, result: Any) -> None:
            self.evaluate(parameters, statistics, counters, batch[0], result[0])

        def profile(_learner: int, out: Any) -> None:
            out.say(self.profile())

        def libraries(out: Any) -> None:
            out.say(f"torch\t{self.torch.__version__}")

        return CTable(1, _Make(self._guarded(make)), _Destroy(lambda learner: None), _Layout(layout),
                      _Profile(self._guarded(profile)), _Initial(self._guarded(initial)),
                      _Gradient(self._guarded(gradient)), _Evaluate(self._guarded(evaluate)),
                      _Libraries(self._guarded(libraries)), _Sgemm(lambda: None))
