"""Votes by the bytes of answers, and digests."""
import array
import doctest
import hashlib
import unittest

import detoxml as detox
import detoxml.voting
import numpy
import torch


class Voting(unittest.TestCase):
    def test_digest_is_sha_256_of_the_bytes_of_any_array(self):
        values = numpy.random.default_rng(1).standard_normal((3, 50)).astype("float32")
        wanted = hashlib.sha256(values.tobytes()).digest()
        for x in (values, torch.tensor(values), values.tobytes(), bytearray(values.tobytes()), memoryview(values), array.array("f", values.tobytes())):
            self.assertEqual(detox.digest(x), wanted)
        self.assertEqual(detox.digest(b""), hashlib.sha256().digest())
        self.assertEqual(detox.digest(torch.empty(0)), hashlib.sha256().digest())
        self.assertEqual(detox.digest(torch.ones(3, dtype=torch.bfloat16)), hashlib.sha256(b"\x80\x3f" * 3).digest())

    def test_more_than_half_of_the_assigned_win(self):
        honest, lie = torch.arange(4.0), torch.tensor([0, 1, 2, 4.0])
        vote = detox.vote({3: honest, 5: lie, 8: honest.clone()}, [3, 5, 8])
        self.assertIs(vote.winner, honest)
        self.assertEqual(vote[1:], ((3, 8), (5,), ()))
        self.assertEqual(detox.vote({3: honest, 8: honest}, [3, 5, 8])[1:], ((3, 8), (), (5,)))
        self.assertEqual(detox.vote({3: honest, 8: honest}, [3, 5, 8, 9]), (None, (), (), (5, 9)))
        self.assertEqual(detox.vote({3: honest, 8: honest, 5: None, 1: lie}, [3, 5, 8])[1:], ((3, 8), (), (5,)))
        self.assertEqual(detox.vote({1: b"", 2: b"", 3: b"x"})[:3], (b"", (1, 2), (3,)))
        self.assertEqual(detox.vote({}), (None, (), (), ()))

    def test_bits_decide_and_not_values(self):
        self.assertIsNone(detox.vote({1: numpy.float32([0.0]), 2: numpy.float32([-0.0])}).winner)
        nan = numpy.float32([numpy.nan])
        self.assertEqual(detox.vote({1: nan, 2: nan.copy()}).agreeing, (1, 2))

    def test_what_has_no_bytes_is_refused_in_one_line(self):
        for x in (5, None, "text", [1.0], torch.ones(2, 3).T, torch.ones(2, device="meta"), numpy.ones((2, 3)).T, numpy.array([None]),
                  torch.ones(3).to_sparse()):
            with self.assertRaises(detox.UsageError) as caught:
                detox.digest(x)
            self.assertIn("valid: bytes", str(caught.exception))
            self.assertNotIn("\n", str(caught.exception))
        self.assertRaisesRegex(detox.UsageError, "the answer of 1 is of type int", detox.vote, {1: 5})
        self.assertRaisesRegex(detox.UsageError, "assigned twice", detox.vote, {1: b"a"}, [1, 1])
        self.assertRaisesRegex(detox.UsageError, "valid: a mapping", detox.vote, [b"a"])

    def test_examples_of_the_docstrings_run(self):
        self.assertEqual(doctest.testmod(detoxml.voting)[:], (0, 5))


if __name__ == "__main__":
    unittest.main()
