#!/usr/bin/python3
"""Prints "passed failed skipped" of a JUnit file that ctest left, and in a second line the names of those that failed.

A test that ctest could not run at all (its program is missing) counts as failed; one that skipped itself or is disabled
counts as skipped.
"""
import sys
import xml.etree.ElementTree as ElementTree

NAMED = 8


def count(path):
    passed = skipped = 0
    failed = []
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        status = case.get("status")
        if status == "run":
            passed += 1
        elif status == "disabled" or (status == "notrun" and skipped_itself(case)):
            skipped += 1
        else:
            failed.append(case.get("name", "?"))
    return passed, failed, skipped


def skipped_itself(case):
    reason = case.find("skipped")
    return reason is not None and reason.get("message", "").startswith("SKIP_")


if __name__ == "__main__":
    try:
        passed, failed, skipped = count(sys.argv[1])
        print(passed, len(failed), skipped)
        print(", ".join(failed[:NAMED]) + (f" and {len(failed) - NAMED} more" if len(failed) > NAMED else ""))
    except (OSError, ElementTree.ParseError) as error:
        sys.exit(f"count_tests: {sys.argv[1]}: {error}")
