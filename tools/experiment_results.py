"""What a run of tools/experiments left, and a row of its table: from metrics.jsonl, rounds.jsonl, config.toml and its scores."""
import dataclasses
import json
import statistics
import tomllib

HEADINGS = ("| defence | attack | test accuracy % | corrupt slices | computed a slice used | s per step | last liar out, step |\n"
            "| --- | --- | ---: | ---: | ---: | ---: | ---: |")


@dataclasses.dataclass
class Result:
    accuracy: float  # percent, of the last checkpoint
    corrupted: int  # slices used with a lie, in the steps that count
    computed: float  # answers a slice that was used, also those of steps that were taken again
    seconds: float  # the median step's; where steps were taken again, for each that counts those that it took
    liars: int
    out: int  # workers that get no more orders
    last_out: int  # the step in which the last of them was convicted; 0 where nobody was


def status(directory):
    """As run.json says; None where there is no run."""
    file = directory / "run.json"
    return json.loads(file.read_text(encoding="utf-8"))["status"] if file.exists() else None


def journal(directory, name):
    """All its lines, and by step those that count: a run that went back takes steps again, and later lines replace earlier ones."""
    lines = [json.loads(line) for line in (directory / name).read_text(encoding="utf-8").splitlines()]
    lines = [line for line in lines if "back_from" not in line]
    return lines, {line["step"]: line for line in lines}


def read(directory):
    scores = (directory / "evaluation.jsonl").read_text(encoding="utf-8").splitlines()
    taken, steps = journal(directory, "metrics.jsonl")
    rounds, standing = journal(directory, "rounds.jsonl")
    used = sum(piece["used"] for line in standing.values() for piece in line["slices"])
    out = last_out = 0
    for before, line in zip(rounds, rounds[1:]):
        if line.get("put_out", 0) > out:
            out, last_out = line["put_out"], before["step"]
    return Result(accuracy=json.loads(scores[-1])["prec1"],
                  corrupted=sum(step.get("corrupted", 0) for step in steps.values()),
                  computed=sum(step["computed"] for step in taken) / max(1, used),
                  seconds=statistics.median(step["seconds"]["total"] for step in taken) * len(taken) / len(steps),
                  liars=int(tomllib.loads((directory / "config.toml").read_text(encoding="utf-8"))["worker-fail"]),
                  out=out, last_out=last_out)


def spread(values, digits):
    """Mean ± standard deviation; the value alone where there is one."""
    mean = f"{statistics.mean(values):.{digits}f}"
    return f"{mean} ± {statistics.stdev(values):.{digits}f}" if len(values) > 1 else mean


def who_is_out(results):
    """In which step the last liar was convicted; where not all were, how many."""
    if not any(result.out for result in results):
        return "–"
    if all(result.out == result.liars for result in results):
        return spread([result.last_out for result in results], 0)
    return f"{spread([result.out for result in results], 1)} of {results[0].liars} out"


def line(defence, attack, results, failures):
    """A row; of a defence some of whose runs failed it is over the others, and says so."""
    cells = [defence, attack]
    if results:
        cells += [spread([getattr(result, name) for result in results], digits)
                  for name, digits in (("accuracy", 1), ("corrupted", 1), ("computed", 2), ("seconds", 2))]
        cells.append(who_is_out(results))
    if failures:
        cells[-1 if results else len(cells):] = [", ".join(([cells[-1]] if results else []) + failures)]
    cells += [""] * (7 - len(cells))
    return "| " + " | ".join(cells) + " |"
