#!/usr/bin/python3
"""Prints "passed failed skipped" of a JUnit file that ctest left.

A test that ctest could not run at all (its program is missing) counts as failed; one that skipped itself or is disabled
counts as skipped.
"""
import sys
import xml.etree.ElementTree as ElementTree


def count(path):
    passed = failed = skipped = 0
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        status = case.get("status")
        if status == "run":
            passed += 1
        elif status == "disabled" or (status == "notrun" and skipped_itself(case)):
            skipped += 1
        else:
            failed += 1
    return passed, failed, skipped


def skipped_itself(case):
    reason = case.find("skipped")
    return reason is not None and reason.get("message", "").startswith("SKIP_")


if __name__ == "__main__":
    try:
        print(*count(sys.argv[1]))
    except (OSError, ElementTree.ParseError) as error:
        sys.exit(f"count_tests: {sys.argv[1]}: {error}")
