"""What a run of the demo left, as a row of its table: read from the run's metrics and from `detoxml evaluate`."""
import csv
import dataclasses
import json
import statistics

import demo_runs
import experiment_results

HEADINGS = ("defence", "attack", "test accuracy %", "ms per step", "slices corrupted", "computed a slice")


@dataclasses.dataclass
class Result:
    run: demo_runs.Run
    failure: str = ""  # why there are no numbers
    accuracy: list = dataclasses.field(default_factory=list)  # (step, percent), ascending
    ms_per_step: float = 0.0  # median
    computed: int = 0  # answers, also those of steps that were taken again
    corrupted: int = 0  # over all steps that count
    slices: int = 0
    unresolved: int = 0
    skipped: int = 0

    @property
    def final_accuracy(self):
        return self.accuracy[-1][1]

    @property
    def corrupted_share(self):
        return self.corrupted / self.slices if self.slices else 0.0

    @property
    def computed_a_slice(self):
        return self.computed / self.slices if self.slices else 0.0

    def cells(self):
        start = [self.run.defence, self.run.attack_text]
        if self.failure:
            return start + [self.failure, "", "", ""]
        share = f"{self.corrupted} of {self.slices} ({100 * self.corrupted_share:.1f} %)"
        return start + [f"{self.final_accuracy:.1f}", f"{self.ms_per_step:.0f}", share, f"{self.computed_a_slice:.2f}"]


def read_result(run, directory, evaluation_lines):
    """What lies in the run's directory and lines of `detoxml evaluate --json`. ValueError where they say nothing."""
    result = Result(run)
    taken, standing = experiment_results.journal(directory, "metrics.jsonl")
    seconds = [step["seconds"]["total"] for step in taken]
    result.computed = sum(step["computed"] for step in taken)
    for step in standing.values():
        result.corrupted += step.get("corrupted", 0)  # not there where nobody attacks
        result.slices += step["resolved"] + step["unresolved"]
        result.unresolved += step["unresolved"]
        result.skipped += bool(step["skipped"])
    for line in filter(str.strip, evaluation_lines):
        checkpoint = json.loads(line)
        if checkpoint["step"] == 0:  # which only a run that heals leaves
            continue
        result.accuracy.append((checkpoint["step"], checkpoint["prec1"]))
    if not seconds or not result.accuracy:
        raise ValueError("it left no steps" if not seconds else "it left no checkpoint that could be evaluated")
    result.accuracy.sort()
    result.ms_per_step = 1000 * statistics.median(seconds)
    return result


def notes(results, settings):
    """What has to be known to read the table, one line each."""
    expected = demo_runs.expected_corrupted_slices()
    slices = demo_runs.WORKERS // demo_runs.REPLICATION
    lines = [
        f"LeNet on Fashion-MNIST, {demo_runs.WORKERS} workers, of which {demo_runs.BYZANTINE} lie (the same ones "
        f"in every step), r = {demo_runs.REPLICATION} behind DETOX, {settings.steps} steps of "
        f"{demo_runs.GLOBAL_BATCH} samples in all, lr {settings.lr:g}, momentum 0.9, seed {settings.seed}.",
        f"A little is enough: mean - z * deviation of the honest gradients, z = {demo_runs.ALIE_Z}. "
        "Reversed gradients: -100 times the honest one.",
        "Accuracy is that of the last checkpoint over the 10,000 test images; ms per step is the median over the steps "
        "of this machine, all workers computed in one process.",
        f"Slices corrupted: those whose majority lied, of all {slices} slices a step behind DETOX, of the "
        f"single gradients elsewhere, of which there are {demo_runs.WORKERS} until liars are out. Random placement leaves "
        f"{expected:.3f} corrupted slices a step behind DETOX on average: {expected * settings.steps:.0f} in "
        f"{settings.steps} steps ({100 * expected / slices:.1f} %).",
    ]
    if any(result.run.approach == "audit" for result in results):
        lines.append(f"Audits: a drawn share of {demo_runs.AUDIT_RATE:g} of the slices is computed twice, who is found to lie is put out, "
                     "and the run goes back to before its lies (--heal); steps that were taken again are counted in what was computed. "
                     "More of it, over 5 seeds: docs/defence.md, by tools/experiments --network lenet-fashion-mnist.")
    if settings.steps == 250:
        lines.append("This is one seed on one processor: differences of a few points are noise. Over the seeds 428, 1 and 2 "
                     "coord-median under a little is enough ended at 74, 72 and 57 %, DETOX + coord-median at 80, 82 and 82 %; "
                     "with fresh liars each step, other seeds gave 29 to 71 % and 79 to 82 %.")
    for result in results:
        if result.skipped or result.unresolved:
            lines.append(f"{result.run.defence} under {result.run.attack_text}: {result.skipped} steps skipped, "
                         f"{result.unresolved} slices without a majority.")
    return lines


def text_table(results):
    rows = [HEADINGS] + [result.cells() for result in results]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADINGS))]
    lines = []
    for row in rows:
        padded = [cell.ljust(width) if column < 2 else cell.rjust(width)
                  for column, (cell, width) in enumerate(zip(row, widths))]
        lines.append("  ".join(padded).rstrip())
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


def markdown_table(results, settings):
    lines = ["| " + " | ".join(HEADINGS) + " |", "| --- | --- | ---: | ---: | ---: | ---: |"]
    lines += ["| " + " | ".join(result.cells()) + " |" for result in results]
    lines += [""] + [f"* {note}" for note in notes(results, settings)]
    return "\n".join(lines) + "\n"


def write_csv(path, results):
    """Every number of the table unrounded, a line a run; empty cells where a run failed."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["run", "defence", "attack", "prec1_percent", "ms_per_step_median", "slices_corrupted",
                         "slices", "slices_unresolved", "steps_skipped", "answers_computed", "failure"])
        for result in results:
            numbers = [""] * 7 if result.failure else [
                result.final_accuracy, result.ms_per_step, result.corrupted, result.slices, result.unresolved,
                result.skipped, result.computed]
            writer.writerow([result.run.name, result.run.defence, result.run.attack_text, *numbers, result.failure])
