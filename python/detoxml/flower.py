"""The rules as strategies of Flower (flwr 1.21 and later): rounds that hostile clients cannot bend.

    from detoxml.flower import DetoxStrategy
    strategy = DetoxStrategy("multi-krum", f=2, ledger="ledger.jsonl")

`DetoxStrategy` is for ServerApps of messages (``flwr.serverapp``), `DetoxFitStrategy` for those of ``flwr.server``, with
``configure_fit`` and ``aggregate_fit``. Both are their FedAvg but for what is made of the answers.
"""
from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ._federated import Answer, Malformed, Outcome, Rounds, ascending, median_metrics
from .aggregation import Pre
from .errors import InputError, UsageError

try:
    from flwr.app import Array, ArrayRecord, MetricRecord
    from flwr.common import ndarrays_to_parameters, parameters_to_ndarrays
    from flwr.server.strategy import FedAvg as _FitFedAvg
    from flwr.serverapp.strategy import FedAvg as _FedAvg
except ImportError as _error:
    raise InputError(f"detoxml.flower needs flwr 1.21 or later ({_error}); valid: flwr from PyPI, as detoxml[flower] asks for "
                     "it") from None

__all__ = ["DetoxFitStrategy", "DetoxStrategy", "Outcome"]

_NUMPY = "numpy.ndarray"


def _rounds(rule: str, f: int, pre: str | Pre, seed: int | None, semantics: str, weighted: bool | None,
            ledger: str | os.PathLike[str] | None, server_learning_rate: float, options: Mapping[str, Any] | None) -> Rounds:
    return Rounds(rule, f, pre, seed, semantics, weighted, ledger, server_learning_rate, options or {})


def _at_least(rounds: Rounds, options: dict[str, Any], *names: str) -> None:
    """No round begins with fewer clients than the rule needs, where nobody says otherwise."""
    for name in names:
        options.setdefault(name, max(2, rounds.least))


def _numbers(outcome: Outcome) -> dict[str, Any]:
    return {"detox-clients": len(outcome.clients), "detox-kept": int(outcome.arrays is None),
            "detox-malformed": sorted(outcome.malformed), "detox-rejected": sorted(outcome.rejected)}


def _tensors_of(message: Any, names: Sequence[str]) -> list[bytes]:
    records = list(message.content.array_records.values())
    if len(records) != 1:
        raise Malformed(f"{len(records)} array records in place of 1")
    (record,) = records
    if set(record) != set(names):
        raise Malformed(f"{len(record)} arrays of other names than the model's {len(names)}")
    if any(record[name].stype != _NUMPY for name in names):
        raise Malformed(f"an array that is no {_NUMPY}")
    return [record[name].data for name in names]


def _examples_of(message: Any, key: str) -> Any:
    records = list(message.content.metric_records.values())
    if len(records) != 1 or key not in records[0]:
        raise Malformed(f"no '{key}' in one record of metrics")
    return records[0][key]


def _tensors_of_result(result: Any, names: Sequence[str]) -> list[bytes]:
    return list(result.parameters.tensors)


def _failure(failure: Any) -> tuple[str, str]:
    """Whose it was, where that is known, and what it was."""
    if isinstance(failure, BaseException):
        return "unknown", type(failure).__name__
    return failure[0].cid, "an error of its own"


def _median_records(contents: Sequence[Any], weighted_by_key: str) -> Any:
    metrics = [{name: value for record in content.metric_records.values() for name, value in record.items()}
               for content in contents]
    return MetricRecord({name: value for name, value in median_metrics(metrics).items() if name != weighted_by_key})


class DetoxStrategy(_FedAvg):
    """FedAvg of ``flwr.serverapp.strategy`` whose model is a rule's result, over messages.

    A round's rows are the clients' updates, their arrays minus those that were sent. Clients are taken in the order of their
    ids, whatever order their answers come in, so equal answers give equal bits. An answer that does not fit the model (names,
    shapes, dtypes, bytes, a number of examples that is none) is malformed: it counts as one of the f, and the rule for the f
    that are left reduces the others. A round whose requirement is not met keeps the old parameters, and so does one with
    more than f malformed answers or a result that is not finite; the log, the ledger and `outcome` say why.

    Parameters
    ----------
    rule : str
        A rule's name or alias (`detoxml.rules`).
    f : int
        Hostile clients of a round that it has to survive.
    pre, seed, semantics
        As of `detoxml.Rule`.
    weighted : bool, optional
        Whether a client counts by the examples that it says it has, never for more than `weight_cap` times its equal share;
        None: where the rule takes weights and there are no steps before it. The cap is 2, or less where
        the f with most would have half of the weight.
    ledger : path, optional
        A file that gets a line of JSON for each client that failed, was malformed or was rejected, and each round that kept its
        parameters.
    server_learning_rate : float
        What the rule's result is multiplied by before it is added to the model. Rules of signs need a small one.
    rule_options : mapping, optional
        What the rule can be told, as ``{"krum_select": 3}``.
    **options
        As of FedAvg. `min_train_nodes` and `min_available_nodes` default to what the rule needs. Without
        `train_metrics_aggr_fn` and `evaluate_metrics_aggr_fn` the metrics are lower medians over the clients: averages by
        examples are what a liar likes. One of your own gets the answers that were neither malformed nor rejected, with
        whatever metrics are in them.

    Raises
    ------
    UsageError
        A rule, an option or weights that cannot be; in a round a model with other arrays than real and whole numbers and bools.

    Notes
    -----
    float16 is widened to float32 and rounded back once. Whole numbers and bools take the clients' lower median, coordinate by
    coordinate. Metrics of a round: ``detox-clients`` (who answered), ``detox-kept`` (1: the parameters are the old ones),
    ``detox-malformed`` and ``detox-rejected`` (ranks in the order of the ids, of which `outcome` has the list).
    """

    def __init__(self, rule: str = "coord-median", *, f: int = 0, pre: str | Pre = "none", seed: int | None = None,
                 semantics: str = "paper", weighted: bool | None = None, ledger: str | os.PathLike[str] | None = None,
                 server_learning_rate: float = 1.0, rule_options: Mapping[str, Any] | None = None, **options: Any) -> None:
        self.rounds = _rounds(rule, f, pre, seed, semantics, weighted, ledger, server_learning_rate, rule_options)
        _at_least(self.rounds, options, "min_train_nodes", "min_available_nodes")
        for name in ("train_metrics_aggr_fn", "evaluate_metrics_aggr_fn"):
            options[name] = options.get(name) or _median_records
        super().__init__(**options)
        #: Outcome or None: how the last round ended.
        self.outcome: Outcome | None = None
        self._sent: Any = None

    def summary(self) -> None:
        """As of FedAvg, with the rule."""
        from logging import getLogger

        getLogger("flwr").info("\t├──> %r", self.rounds.rule)
        super().summary()

    def configure_train(self, server_round: int, arrays: Any, config: Any, grid: Any) -> Iterable[Any]:
        """As of FedAvg; what is sent is what updates are measured from."""
        self._sent = arrays
        messages: Iterable[Any] = super().configure_train(server_round, arrays, config, grid)
        return messages

    def aggregate_train(self, server_round: int, replies: Iterable[Any]) -> tuple[Any, Any]:
        """The arrays after a round, or None where the old ones stay, and its metrics."""
        replies = list(replies)
        failed = [(reply.metadata.src_node_id, str(reply.error.reason)) for reply in replies if reply.has_error()]
        answered = {reply.metadata.src_node_id: reply for reply in replies if not reply.has_error()}
        answers = [Answer(reply.metadata.src_node_id, functools.partial(_tensors_of, reply),
                          functools.partial(_examples_of, reply, self.weighted_by_key))
                   for reply in replies if not reply.has_error()]
        if self._sent is None:
            raise UsageError("no round has begun; valid: configure_train before aggregate_train")
        names = list(self._sent)
        sent = [self._sent[name].numpy() for name in names]
        outcome = self.outcome = self.rounds.reduce(server_round, names, sent, answers)
        self.rounds.enter(server_round, outcome, failed)
        accepted = [answered[outcome.clients[rank]].content for rank in outcome.accepted]
        metrics = self.train_metrics_aggr_fn(accepted, self.weighted_by_key) if accepted else MetricRecord()
        metrics.update(_numbers(outcome))
        if outcome.arrays is None:
            return None, metrics
        return ArrayRecord({name: Array(array) for name, array in zip(names, outcome.arrays)}), metrics

    def aggregate_evaluate(self, server_round: int, replies: Iterable[Any]) -> Any:
        """The metrics of an evaluation, or None where nobody answered."""
        answered = [reply for reply in replies if not reply.has_error()]
        contents = [reply.content for reply in sorted(answered, key=lambda reply: ascending(reply.metadata.src_node_id))]
        return self.evaluate_metrics_aggr_fn(contents, self.weighted_by_key) if contents else None


class DetoxFitStrategy(_FitFedAvg):
    """FedAvg of ``flwr.server.strategy`` whose model is a rule's result.

    What it does with answers, and its parameters, are those of `DetoxStrategy`. In the metrics of a round the ranks are texts,
    as ``"0,3"``, and ``detox-kept`` says why the old parameters stay. Losses and metrics of clients become lower medians, where
    no function for the metrics is given.

    Parameters
    ----------
    rule, f, pre, seed, semantics, weighted, ledger, server_learning_rate, rule_options
        As of `DetoxStrategy`.
    **options
        As of FedAvg. `min_fit_clients` and `min_available_clients` default to what the rule needs.

    Raises
    ------
    UsageError
        As of `DetoxStrategy`.
    """

    def __init__(self, rule: str = "coord-median", *, f: int = 0, pre: str | Pre = "none", seed: int | None = None,
                 semantics: str = "paper", weighted: bool | None = None, ledger: str | os.PathLike[str] | None = None,
                 server_learning_rate: float = 1.0, rule_options: Mapping[str, Any] | None = None, **options: Any) -> None:
        self.rounds = _rounds(rule, f, pre, seed, semantics, weighted, ledger, server_learning_rate, rule_options)
        _at_least(self.rounds, options, "min_fit_clients", "min_available_clients")
        super().__init__(**options)
        #: Outcome or None: how the last round ended.
        self.outcome: Outcome | None = None
        self._sent: Any = None

    def __repr__(self) -> str:
        return f"<detoxml.flower.DetoxFitStrategy {self.rounds.rule!r}>"

    def configure_fit(self, server_round: int, parameters: Any, client_manager: Any) -> list[Any]:
        """As of FedAvg; what is sent is what updates are measured from."""
        self._sent = parameters
        instructions: list[Any] = super().configure_fit(server_round, parameters, client_manager)
        return instructions

    def aggregate_fit(self, server_round: int, results: list[Any], failures: list[Any]) -> tuple[Any, dict[str, Any]]:
        """The parameters after a round, or None where the old ones stay, and its metrics."""
        if failures and not self.accept_failures:
            return None, {}
        if self._sent is None:
            raise UsageError("no round has begun; valid: configure_fit before aggregate_fit")
        sent = parameters_to_ndarrays(self._sent)
        answers = [Answer(proxy.cid, functools.partial(_tensors_of_result, result),
                          functools.partial(getattr, result, "num_examples")) for proxy, result in results]
        outcome = self.outcome = self.rounds.reduce(server_round, [str(number) for number in range(len(sent))], sent, answers)
        self.rounds.enter(server_round, outcome, map(_failure, failures))
        answered = {proxy.cid: result for proxy, result in results}
        accepted = [answered[outcome.clients[rank]] for rank in outcome.accepted]
        metrics = self._metrics(self.fit_metrics_aggregation_fn, accepted)
        for name, value in _numbers(outcome).items():
            metrics[name] = ",".join(map(str, value)) if isinstance(value, list) else value
        metrics["detox-kept"] = outcome.why
        return None if outcome.arrays is None else ndarrays_to_parameters(outcome.arrays), metrics

    def aggregate_evaluate(self, server_round: int, results: list[Any],
                           failures: list[Any]) -> tuple[float | None, dict[str, Any]]:
        """The lower median of the losses, or None where there is none, and the metrics of an evaluation."""
        if not results or (failures and not self.accept_failures):
            return None, {}
        answered = [result for _, result in sorted(results, key=lambda one: ascending(one[0].cid))]
        loss = median_metrics([{"loss": result.loss} for result in answered]).get("loss")
        return loss, self._metrics(self.evaluate_metrics_aggregation_fn, answered)

    @staticmethod
    def _metrics(own: Callable[[list[tuple[int, dict[str, Any]]]], dict[str, Any]] | None,
                 results: Sequence[Any]) -> dict[str, Any]:
        if own is not None:
            return dict(own([(result.num_examples, result.metrics) for result in results])) if results else {}
        return dict(median_metrics([result.metrics for result in results]))
