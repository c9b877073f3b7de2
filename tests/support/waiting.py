"""Waits for what another process does."""

import time


def wait_for(condition, seconds=60):
    """Whether it came to hold in that time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.05)
    return False
