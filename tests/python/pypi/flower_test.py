"""Strategies of Flower, with the real package's classes: both of its interfaces, and what hostile clients send."""
import json
import logging
import pathlib
import random
import re
import tempfile
import unittest

import detoxml as detox
import numpy
from detoxml.flower import DetoxFitStrategy, DetoxStrategy
from flwr.app import Array, ArrayRecord, ConfigRecord, Error, Message, MetricRecord, RecordDict
from flwr.common import Code, FitRes, EvaluateRes, Parameters, Status, ndarrays_to_parameters, parameters_to_ndarrays
from flwr.server import Server
from flwr.server.client_manager import SimpleClientManager
from flwr.server.client_proxy import ClientProxy
from flwr.server.strategy import FedAvg as FitFedAvg
from flwr.server.strategy import FedMedian
from flwr.serverapp import strategy as strategies

try:  # what a SuperLink tells a ServerApp before it runs
    from flwr.supercore.task_identity import TaskIdentity
    TaskIdentity.task_id, TaskIdentity.run_id, TaskIdentity.node_id = 1, 1, 1
except ImportError:
    pass

ROOT = pathlib.Path(__file__).resolve().parents[3]
NAMES = ["conv.weight", "conv.bias", "batches"]


def model(seed=0, batches=5):
    draw = numpy.random.default_rng(seed)
    return [draw.standard_normal((3, 4)).astype("f4"), draw.standard_normal(5).astype("f4"), numpy.array(batches, "i8")]


SENT = model()


def honest(client, batches=9):
    """What a client that trains answers: all of them near to one another."""
    there = model(1000 + client)
    return [SENT[0] + 0.1 + 0.01 * there[0], SENT[1] - 0.1 + 0.01 * there[1], numpy.array(batches, "i8")]


def row(arrays):
    return numpy.concatenate([(array - before).ravel() for array, before in zip(arrays[:2], SENT)])


class Proxy(ClientProxy):
    def get_properties(self, *_): raise NotImplementedError
    def get_parameters(self, *_): raise NotImplementedError
    def fit(self, *_): raise NotImplementedError
    def evaluate(self, *_): raise NotImplementedError
    def reconnect(self, *_): raise NotImplementedError


class Grid:
    """The nodes of a federation: who there is, and what they answer."""

    def __init__(self, nodes, answer=None):
        self.nodes, self.answer = nodes, answer

    def get_node_ids(self):
        return self.nodes

    def send_and_receive(self, messages, timeout):
        return [self.answer(message) for message in messages]


TARGET = model(77)


def trained(client, arrays, step):
    """Half of the way to the target, and noise; of two clients of eleven whatever a liar thinks of."""
    arrays = [numpy.array(array) for array in arrays]
    if client < 2:
        kinds = (lambda a: a * numpy.float32("nan"), lambda a: a + numpy.float32(1e6), lambda a: -30 * a, lambda a: a[:1])
        return [kinds[(step + client) % 4](array) for array in arrays[:2]] + [numpy.array(-99)]
    draw = numpy.random.default_rng((client, step))
    return [array + (goal - array) / 2 + 1e-3 * draw.standard_normal(array.shape).astype("f4")
            for array, goal in zip(arrays[:2], TARGET)] + [numpy.array(arrays[2] + 1)]


class Trainer(Proxy):
    """A client of the older interface that trains."""

    def fit(self, instructions, timeout, group_id):
        step = instructions.config["step"]
        arrays = trained(int(self.cid), parameters_to_ndarrays(instructions.parameters), step)
        if int(self.cid) == 1 and step % 3 == 0:
            raise RuntimeError("gone")
        return FitRes(Status(Code.OK, ""), ndarrays_to_parameters(arrays), 10**9 if int(self.cid) == 0 else 10, {})

    def evaluate(self, instructions, timeout, group_id):
        weights = parameters_to_ndarrays(instructions.parameters)[0]
        loss = float(((weights - TARGET[0]) ** 2).mean()) if int(self.cid) > 1 else -1e9
        return EvaluateRes(Status(Code.OK, ""), loss, 10**9, {})


class Fit:
    """Rounds of configure_fit and aggregate_fit."""

    name, make = "fit", DetoxFitStrategy

    @staticmethod
    def parameters(arrays):
        return ndarrays_to_parameters(arrays)

    @staticmethod
    def answer(client, arrays, examples=10, **metrics):
        parameters = arrays if isinstance(arrays, Parameters) else ndarrays_to_parameters(arrays)
        return Proxy(str(client)), FitRes(Status(Code.OK, ""), parameters, examples, metrics)

    @staticmethod
    def failure(_client):
        return RuntimeError("gone")

    @classmethod
    def begin(cls, strategy, sent=SENT):
        manager = SimpleClientManager()
        for client in range(40):
            manager.register(Proxy(str(client)))
        strategy.configure_fit(1, ndarrays_to_parameters(sent), manager)

    @classmethod
    def round(cls, strategy, answers, failures=(), step=1):
        cls.begin(strategy)
        parameters, metrics = strategy.aggregate_fit(step, list(answers), list(failures))
        ranks = {name: [int(rank) for rank in metrics[f"detox-{name}"].split(",") if rank] for name in ("malformed", "rejected")}
        return (None if parameters is None else parameters_to_ndarrays(parameters)), metrics, ranks


class Messages:
    """Rounds of configure_train and aggregate_train."""

    name, make = "messages", DetoxStrategy

    @staticmethod
    def message(client, content=None, error=None):
        begun = Message(RecordDict(), dst_node_id=client, message_type="train")
        return Message(content, reply_to=begun) if error is None else Message(error, reply_to=begun)

    @classmethod
    def answer(cls, client, arrays, examples=10, **metrics):
        record = arrays if isinstance(arrays, ArrayRecord) else ArrayRecord({name: Array(a) for name, a in zip([*NAMES, "more"], arrays)})
        return cls.message(client, RecordDict({"arrays": record, "metrics": MetricRecord({"num-examples": examples, **metrics})}))

    @classmethod
    def failure(cls, client):
        return cls.message(client, error=Error(code=0, reason="gone"))

    @classmethod
    def begin(cls, strategy, sent=SENT):
        grid = Grid(list(range(40)))
        list(strategy.configure_train(1, ArrayRecord({name: Array(a) for name, a in zip(NAMES, sent)}), ConfigRecord(), grid))

    @classmethod
    def round(cls, strategy, answers, failures=(), step=1):
        cls.begin(strategy)
        arrays, metrics = strategy.aggregate_train(step, iter([*answers, *failures]))
        ranks = {name: list(metrics[f"detox-{name}"]) for name in ("malformed", "rejected")}
        return (None if arrays is None else [arrays[name].numpy() for name in NAMES]), metrics, ranks


class Flower(unittest.TestCase):
    def setUp(self):
        logging.disable(logging.CRITICAL)
        self.addCleanup(logging.disable, logging.NOTSET)

    def assert_same(self, arrays, others):
        for one, other in zip(arrays, others):
            self.assertEqual((one.dtype, one.shape, one.tobytes()), (other.dtype, other.shape, other.tobytes()))

    def test_are_fedavgs_of_flower(self):
        self.assertTrue(issubclass(DetoxStrategy, strategies.FedAvg) and issubclass(DetoxFitStrategy, FitFedAvg))

    def test_a_rule_over_the_updates_is_added_to_the_model(self):
        for rule, f in (("coord-median", 2), ("multi-krum", 2), ("bulyan", 2), ("centered-clipping", 2), ("meamed", 3)):
            for way in (Fit, Messages):
                clients = [honest(client) for client in range(11)]
                made, metrics, ranks = way.round(way.make(rule, f=f, weighted=False), [way.answer(i, a) for i, a in enumerate(clients)])
                update = detox.aggregate(numpy.stack([row(a) for a in clients]), rule, f=f, step=1)
                self.assert_same(made, [SENT[0] + update[:12].reshape(3, 4), SENT[1] + update[12:], numpy.array(9, "i8")])
                self.assertEqual(metrics["detox-clients"], 11)
                self.assertEqual(ranks["malformed"], [])

    def test_order_in_which_clients_come_in_changes_no_bit(self):
        for way in (Fit, Messages):
            answers = [way.answer(client, honest(client), 10 + client) for client in (7, 11, 3, 100, 5, 23, 9)]
            made = []
            for seed in range(5):
                random.Random(seed).shuffle(answers)
                strategy = way.make("geometric-median", f=2)
                made.append(way.round(strategy, answers)[0])
                self.assertEqual([int(client) for client in strategy.outcome.clients], [3, 5, 7, 9, 11, 23, 100])
            for other in made[1:]:
                self.assert_same(made[0], other)

    def test_two_rows_of_nan_of_eleven_bend_flowers_median_and_not_this_one(self):
        spoilt = [numpy.full_like(SENT[0], numpy.nan), numpy.full_like(SENT[1], numpy.nan), SENT[2]]
        for way in (Fit, Messages):
            made, _, _ = way.round(way.make("coord-median", f=2), [way.answer(i, spoilt if i < 2 else honest(i)) for i in range(11)])
            self.assertTrue(all(numpy.isfinite(array).all() for array in made))
        theirs, _ = FedMedian().aggregate_fit(1, [Fit.answer(i, spoilt if i < 2 else honest(i)) for i in range(11)], [])
        self.assertTrue(numpy.isnan(parameters_to_ndarrays(theirs)[0]).all())

    def test_a_claim_of_a_billion_examples_buys_no_more_than_the_cap(self):
        liar = [SENT[0] + 50, SENT[1] + 50, SENT[2]]
        for way in (Fit, Messages):
            for claim in (10**9, 2**62, 1e300 if way is Messages else 10**18):
                for rule in ("coord-median", "geometric-median", "centered-clipping", "trimmed-mean"):
                    answers = [way.answer(i, liar if i == 4 else honest(i), claim if i == 4 else 10) for i in range(11)]
                    made, _, _ = way.round(way.make(rule, f=1), answers)
                    self.assertLess(numpy.abs(made[0] - SENT[0]).max(), 8 if rule == "centered-clipping" else 0.2)
            # However many of them claim: the f that claim most never have half of it.
            answers = [way.answer(i, liar if i < 5 else honest(i), 10**9 if i < 5 else 10) for i in range(11)]
            self.assertLess(numpy.abs(way.round(way.make(f=5), answers)[0][0] - SENT[0]).max(), 0.2)

    def test_examples_weigh_where_the_rule_takes_weights(self):
        for way in (Fit, Messages):
            clients, examples = [honest(i) for i in range(7)], [10, 11, 12, 9, 8, 14, 10]
            answers = [way.answer(i, a, examples[i]) for i, a in enumerate(clients)]
            made, _, _ = way.round(way.make("coord-median", f=1), answers)
            update = detox.aggregate(numpy.stack([row(a) for a in clients]), "coord-median", f=1, weights=examples, step=1)
            self.assert_same(made[:1], [SENT[0] + update[:12].reshape(3, 4)])
            self.assertRaisesRegex(detox.UsageError, "weights", way.make, "krum", f=1, weighted=True)
            way.round(way.make("krum", f=1), answers)

    def test_answers_that_do_not_fit_are_malformed_and_count_as_hostile(self):
        good = honest(3)
        wrong = {"shape": [good[0].T, good[1], good[2]], "dtype": [good[0].astype("f8"), good[1], good[2]],
                 "order of bytes": [good[0].astype(">f4"), good[1], good[2]], "too few": good[:2], "too many": [*good, good[0]],
                 "scalar": [good[0], numpy.array(1, "f4"), good[2]], "text": [good[0].astype("U8"), good[1], good[2]],
                 "large": [numpy.zeros((3000, 40), "f4"), good[1], good[2]]}
        for way in (Fit, Messages):
            wrong["fields"] = [numpy.zeros(12, [("a\x1b[2J", "f4")]), good[1], good[2]]
            for name, arrays in wrong.items():
                answers = [way.answer(i, arrays if i == 3 else honest(i)) for i in range(7)]
                made, metrics, ranks = way.round(strategy := way.make("multi-krum", f=2), answers)
                self.assertEqual(ranks["malformed"], [3], name)
                others = numpy.stack([row(honest(i)) for i in range(7) if i != 3])
                self.assert_same(made[:1], [SENT[0] + detox.aggregate(others, "multi-krum", f=1, step=1)[:12].reshape(3, 4)])
                self.assertTrue(strategy.outcome.malformed[3].isprintable())
                self.assertLess(len(strategy.outcome.malformed[3]), 200)

    def test_bytes_that_are_no_arrays_are_malformed(self):
        whole = ndarrays_to_parameters(honest(3)).tensors
        claim = numpy.lib.format.magic(1, 0) + b"\x76\x00{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999, 4), }"
        pickled = numpy.lib.format.magic(1, 0) + b"\x76\x00{'descr': '|O', 'fortran_order': False, 'shape': (3, 4), }".ljust(120) + b"cos\nsystem\n."
        for data in (b"", b"no array", whole[0][:-1], b"PK\3\4" + bytes(60), claim.ljust(128), pickled, bytes(10**6),
                     whole[0][:10] + b"(" * 110 + b"\n" + bytes(48)):
            stranger = {"fit": Parameters([data, *whole[1:]], "numpy.ndarray"),
                        "messages": ArrayRecord({NAMES[0]: Array("float32", (3, 4), "numpy.ndarray", data), NAMES[1]: Array(honest(3)[1]),
                                                 NAMES[2]: Array(honest(3)[2])})}
            for way in (Fit, Messages):
                answers = [way.answer(i, stranger[way.name] if i == 3 else honest(i)) for i in range(7)]
                made, _, ranks = way.round(way.make(f=1), answers)
                self.assertEqual(ranks["malformed"], [3])
                self.assertIsNotNone(made)

    def test_records_of_other_names_and_kinds_are_malformed(self):
        arrays = [Array(array) for array in honest(3)]
        other = {"names": RecordDict({"arrays": ArrayRecord(dict(zip("abc", arrays))), "metrics": MetricRecord({"num-examples": 3})}),
                 "two": RecordDict({name: ArrayRecord(dict(zip(NAMES, arrays))) for name in "ab"} | {"metrics": MetricRecord({"num-examples": 3})}),
                 "none": RecordDict({"metrics": MetricRecord({"num-examples": 3})}), "empty": RecordDict(),
                 "no examples": RecordDict({"arrays": ArrayRecord(dict(zip(NAMES, arrays))), "metrics": MetricRecord({"loss": 3})}),
                 "lists": RecordDict({"arrays": ArrayRecord(dict(zip(NAMES, arrays))), "metrics": MetricRecord({"num-examples": [3, 4]})}),
                 "stype": RecordDict({"arrays": ArrayRecord(dict(zip(NAMES, [Array("float32", (3, 4), "pickle", b"x"), *arrays[1:]]))),
                                      "metrics": MetricRecord({"num-examples": 3})})}
        for name, content in other.items():
            answers = [Messages.message(i, content) if i == 3 else Messages.answer(i, honest(i)) for i in range(7)]
            made, _, ranks = Messages.round(DetoxStrategy(f=1), answers)
            self.assertEqual(ranks["malformed"], [3], name)
            self.assertIsNotNone(made)

    def test_examples_that_are_no_number_are_malformed(self):
        for way in (Fit, Messages):
            for claim in (-1, float("nan"), float("inf"), 10**400) + (() if way is Messages else ("many", None)):
                if way is Messages and claim == 10**400:
                    continue
                made, _, ranks = way.round(way.make(f=1), [way.answer(i, honest(i), claim if i == 3 else 10) for i in range(7)])
                self.assertEqual(ranks["malformed"], [3])
                self.assertIsNotNone(made)

    def test_a_client_that_answers_twice_is_malformed(self):
        for way in (Fit, Messages):
            answers = [way.answer(i, honest(i)) for i in range(7)] + [way.answer(3, honest(9))]
            made, metrics, ranks = way.round(way.make(f=1), answers)
            self.assertEqual((ranks["malformed"], metrics["detox-clients"]), ([3], 7))
            self.assertIsNotNone(made)

    def test_a_round_that_cannot_be_defended_keeps_the_old_parameters_and_says_why(self):
        few = lambda way: [way.answer(i, honest(i)) for i in range(4)]  # noqa: E731
        cut = lambda way: [way.answer(i, honest(i)[: 3 - (i < 3)]) for i in range(11)]  # noqa: E731
        infinite = lambda way: [way.answer(i, [SENT[0] + numpy.float32("inf"), *SENT[1:]]) for i in range(11)]  # noqa: E731
        unknown = lambda way: [way.answer(i, honest(i), 0) for i in range(11)]  # noqa: E731
        nobody = lambda way: []  # noqa: E731
        for way in (Fit, Messages):
            for answers, why in ((few, "coord-median needs n >= 2f [+] 1: n = 4, f = 2"), (cut, "3 answers are malformed, and f = 2"),
                                 (infinite, "would not be finite"), (unknown, "all weights are 0"), (nobody, "nobody answered")):
                strategy = way.make("coord-median", f=2)
                made, metrics, _ = way.round(strategy, answers(way))
                self.assertIsNone(made)
                self.assertRegex(strategy.outcome.why, why)
                self.assertEqual(metrics["detox-kept"], strategy.outcome.why if way is Fit else 1)
                # The next one is a round like any other.
                self.assertIsNotNone(way.round(strategy, [way.answer(i, honest(i)) for i in range(11)])[0])

    def test_failures_make_the_others_fewer_and_are_no_accusation(self):
        for way in (Fit, Messages):
            with tempfile.TemporaryDirectory() as folder:
                ledger = pathlib.Path(folder, "ledger.jsonl")
                strategy = way.make(f=2, ledger=ledger)
                self.assertIsNotNone(way.round(strategy, [way.answer(i, honest(i)) for i in range(5)], [way.failure(8), way.failure(9)])[0])
                lines = [json.loads(line) for line in ledger.read_text().splitlines()]
                self.assertEqual([(line["kind"], line["accusation"]) for line in lines], [("failed", False)] * 2)
                self.assertIsNone(way.round(strategy, [way.answer(i, honest(i)) for i in range(4)], [way.failure(9)])[0])

    def test_ledger_and_metrics_name_who_was_rejected_and_malformed(self):
        liar = [SENT[0] + 50, SENT[1] + 50, SENT[2]]
        for way in (Fit, Messages):
            with tempfile.TemporaryDirectory() as folder:
                ledger = pathlib.Path(folder, "ledger.jsonl")
                strategy = way.make("multi-krum", f=2, ledger=ledger)
                clients = [50, 41, 32, 23, 14, 5, 60, 70, 80]
                answers = [way.answer(client, honest(client)[:2] if client == 23 else liar if client == 5 else honest(client)) for client in clients]
                _, _, ranks = way.round(strategy, answers, step=6)
                self.assertEqual(ranks["malformed"], [2])  # 5, 14, 23, ...
                self.assertIn(0, ranks["rejected"])
                self.assertEqual(max(strategy.outcome.scores, key=strategy.outcome.scores.get), 0)
                lines = [json.loads(line) for line in ledger.read_text().splitlines()]
                self.assertIn({"step": 6, "client": "23" if way is Fit else 23, "rank": 2, "kind": "malformed", "accusation": True,
                               "why": "2 arrays in place of 3" if way is Fit else "2 arrays of other names than the model's 3"}, lines)
                self.assertTrue(any((line["kind"], line["rank"], line["accusation"]) == ("rejected", 0, False) for line in lines))

    def test_a_ledger_that_cannot_be_written_ends_nothing(self):
        for way in (Fit, Messages):
            self.assertIsNone(way.round(way.make(f=2, ledger="/proc/none/ledger"), [way.answer(1, honest(1))])[0])

    def test_metrics_of_liars_do_not_count(self):
        losses = [0.5, 1e30, 0.25, 0.75, float("nan"), 0.6, 0.4]
        for way in (Fit, Messages):
            answers = [way.answer(i, honest(i), 10**9 if i == 1 else 10, loss=loss) for i, loss in enumerate(losses)]
            _, metrics, _ = way.round(way.make(f=2), answers)
            self.assertEqual(metrics["loss"], 0.5)
        results = [(Proxy(str(i)), EvaluateRes(Status(Code.OK, ""), loss, 10**9, {"top1": 1 - loss})) for i, loss in enumerate(losses)]
        loss, metrics = DetoxFitStrategy(f=2).aggregate_evaluate(1, results, [])
        self.assertEqual((loss, metrics), (0.5, {"top1": 0.4}))
        self.assertEqual(DetoxFitStrategy(f=2).aggregate_evaluate(1, [], []), (None, {}))
        replies = [Messages.message(i, RecordDict({"metrics": MetricRecord({"num-examples": 10**9, "loss": loss})})) for i, loss in enumerate(losses)]
        self.assertEqual(dict(DetoxStrategy(f=2).aggregate_evaluate(1, replies)), {"loss": 0.5})
        self.assertIsNone(DetoxStrategy(f=2).aggregate_evaluate(1, []))

    def test_a_function_of_ones_own_gets_the_accepted(self):
        seen = []
        strategy = DetoxFitStrategy("krum", f=1, fit_metrics_aggregation_fn=lambda metrics: seen.extend(metrics) or {"mine": 1})
        _, metrics, ranks = Fit.round(strategy, [Fit.answer(i, honest(i), i) for i in range(7)])
        self.assertEqual((len(seen), metrics["mine"], len(ranks["rejected"])), (1, 1, 6))

    def test_whole_numbers_take_the_lower_median(self):
        for way in (Fit, Messages):
            counts = [9, -(2**60), 8, 9, 2**60, 7, 9]
            made, _, _ = way.round(way.make(f=2), [way.answer(i, honest(i, count)) for i, count in enumerate(counts)])
            self.assertEqual((made[2].dtype, int(made[2])), (numpy.int64, 9))
            strategy = way.make("mean")
            self.assertEqual(int(way.round(strategy, [way.answer(i, honest(i, count)) for i, count in enumerate([4, 6])])[0][2]), 4)

    def test_other_dtypes_keep_theirs(self):
        sent = [numpy.ones(4, "f2"), numpy.ones(3, "f8"), numpy.array([True, False])]
        strategy = DetoxFitStrategy(f=1)
        Fit.begin(strategy, sent)
        parameters, _ = strategy.aggregate_fit(1, [Fit.answer(i, [sent[0] * i, sent[1] * i, numpy.array([i > 1, i > 2])]) for i in range(5)], [])
        self.assert_same(parameters_to_ndarrays(parameters), [numpy.full(4, 2, "f2"), numpy.full(3, 2.0), numpy.array([True, False])])
        strategy = DetoxFitStrategy(f=1)
        Fit.begin(strategy, [numpy.ones(2, "c8")])
        self.assertRaisesRegex(detox.UsageError, "array '0' has dtype complex64; valid: float16", strategy.aggregate_fit, 1, [], [])

    def test_signs_go_by_the_servers_learning_rate(self):
        for way in (Fit, Messages):
            made, _, _ = way.round(way.make("sign-sgd", server_learning_rate=2**-6), [way.answer(i, honest(i)) for i in range(5)])
            self.assertEqual(set(numpy.unique(numpy.sign(made[0] - SENT[0])).tolist()), {1.0})
            self.assertLess(numpy.abs(made[0] - SENT[0] - 2**-6).max(), 1e-6)
            self.assertRaisesRegex(detox.UsageError, "server_learning_rate is 0; valid", way.make, server_learning_rate=0)

    def test_what_cannot_be_is_said_when_the_strategy_is_made(self):
        for way in (Fit, Messages):
            self.assertRaisesRegex(detox.UsageError, "valid|did you mean", way.make, "no-such-rule")
            self.assertRaises(detox.UsageError, way.make, rule_options={"colour": 3})
            self.assertRaises(TypeError, way.make, colour=3)
        self.assertRaisesRegex(detox.UsageError, "configure_fit", DetoxFitStrategy().aggregate_fit, 1, [], [])
        self.assertRaisesRegex(detox.UsageError, "configure_train", DetoxStrategy().aggregate_train, 1, [])

    def test_no_round_begins_with_fewer_clients_than_the_rule_needs(self):
        self.assertEqual(DetoxFitStrategy("bulyan", f=2).min_fit_clients, 11)
        self.assertEqual(DetoxStrategy("bulyan", f=2).min_train_nodes, 11)
        self.assertEqual(DetoxStrategy("bulyan", f=2, min_train_nodes=12, min_available_nodes=15).min_available_nodes, 15)
        self.assertEqual(DetoxFitStrategy().min_fit_clients, 2)

    @unittest.skipUnless(hasattr(strategies, "MultiKrum"), "this flwr has none over messages")
    def test_an_inlier_with_a_billion_examples_is_not_the_result(self):
        # In flwr's MultiKrum the average over those selected goes by what they claim.
        inlier = [SENT[0] + 0.1, SENT[1] - 0.1, honest(0)[2]]
        answers = [Messages.answer(i, inlier if i == 4 else honest(i), 10**9 if i == 4 else 10) for i in range(11)]
        theirs, _ = strategies.MultiKrum(num_malicious_nodes=2, num_nodes_to_select=7).aggregate_train(1, answers)
        self.assertLess(numpy.abs(theirs[NAMES[0]].numpy() - inlier[0]).max(), 1e-5)
        ours, _, _ = Messages.round(DetoxStrategy("multi-krum", f=2), answers)
        self.assertGreater(numpy.abs(ours[0] - inlier[0]).max(), 1e-3)

    def test_a_whole_run_over_messages_trains_with_two_liars_of_eleven(self):
        def answer(message):
            client, step = message.metadata.dst_node_id, message.content["config"]["server-round"]
            arrays = trained(client, [array.numpy() for array in message.content["arrays"].values()], step)
            if message.metadata.message_type == "evaluate":
                loss = float(((message.content["arrays"][NAMES[0]].numpy() - TARGET[0]) ** 2).mean()) if client > 1 else -1e9
                content = RecordDict({"metrics": MetricRecord({"num-examples": 10**9, "loss": loss})})
            else:
                content = RecordDict({"arrays": ArrayRecord({name: Array(array) for name, array in zip(NAMES, arrays)}),
                                      "metrics": MetricRecord({"num-examples": 10**9 if client == 0 else 10})})
            return Message(Error(code=0, reason="gone"), reply_to=message) if client == 1 and step % 3 == 0 else Message(content, reply_to=message)

        for rule in ("coord-median", "multi-krum"):
            strategy = DetoxStrategy(rule, f=2)
            result = strategy.start(Grid(list(range(11)), answer), ArrayRecord({name: Array(a) for name, a in zip(NAMES, SENT)}), num_rounds=12)
            for name, goal in zip(NAMES[:2], TARGET):
                self.assertLess(numpy.abs(result.arrays[name].numpy() - goal).max(), 0.01)
            self.assertEqual(int(result.arrays["batches"].numpy()), 5 + 12)
            self.assertLess(abs(result.evaluate_metrics_clientapp[12]["loss"]), 1e-5)
            self.assertTrue(all(metrics["detox-kept"] == 0 for metrics in result.train_metrics_clientapp.values()))

    def test_a_whole_run_of_the_older_interface_trains_with_two_liars_of_eleven(self):
        manager = SimpleClientManager()
        for client in range(11):
            manager.register(Trainer(str(client)))
        strategy = DetoxFitStrategy("coord-median", f=2, initial_parameters=ndarrays_to_parameters(SENT), on_fit_config_fn=lambda step: {"step": step})
        server = Server(client_manager=manager, strategy=strategy)
        history, _seconds = server.fit(12, None)
        for array, goal in zip(parameters_to_ndarrays(server.parameters)[:2], TARGET):
            self.assertLess(numpy.abs(array - goal).max(), 0.01)
        self.assertLess(abs(history.losses_distributed[-1][1]), 1e-5)
        self.assertEqual({why for _, why in history.metrics_distributed_fit["detox-kept"]}, {""})

    def test_page_of_the_documentation_does_what_it_shows(self):
        blocks = re.findall(r"^```python flwr\n(.*?)^```$", (ROOT / "docs/python.md").read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
        self.assertEqual(len(blocks), 1)
        exec(compile(blocks[0], "docs/python.md", "exec"), {})


if __name__ == "__main__":
    unittest.main()
