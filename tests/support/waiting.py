"""Waits for what another process does."""

import time

# Seconds. No test says how fast a machine has to be: this ends a test that hangs, and is far more than any of them needs.
PATIENCE = 300


def wait_for(condition, seconds=PATIENCE):
    """Whether it came to hold in that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False


def long_enough(attempt, lengths):
    """What attempt(length) returns for the first of the lengths that was not over too soon for it, which it says by None.
    For what has to end by itself, and on a fast machine would before the test has acted."""
    for length in lengths:
        outcome = attempt(length)
        if outcome is not None:
            return outcome
    raise AssertionError(f"over too soon, even at {length}")
