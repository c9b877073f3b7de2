"""Directories of runs of any size, as a run would leave them, without training: for the tests of reports, and for people who
look at pages. make_runs.py DIR WORKERS STEPS [--liars N]"""

import argparse
import json
import math
import pathlib
import random


def line(entry):
    return json.dumps(entry, separators=(",", ":"), sort_keys=True) + "\n"


def make_run(folder, workers, steps, liars=1, seed=1, options=(), status="finished", message="", rounds=True):
    """r = 3 as far as it goes; the first `liars` workers lie in each step, one in a hundred is missing."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True)
    draw = random.Random(seed)
    slices = workers // 3
    settings = {"mode": "coord-median", "lr": 0.01, "workers": workers, "worker-fail": liars, "fail-schedule": "fixed", "max-steps": steps, "seed": seed, **dict(options)}
    (folder / "config.toml").write_text(
        "# detoxml 0.1.0, resolved; libtorch 1.13.0\n" + "".join(f"{key} = {json.dumps(str(value))}\n" for key, value in settings.items()),
        encoding="utf-8")
    (folder / "run.json").write_text(line({"message": message, "status": status, "step": steps}), encoding="utf-8")
    (folder / "commitments.jsonl").write_text("", encoding="utf-8")
    with open(folder / "metrics.jsonl", "w") as metrics, open(folder / "rounds.jsonl", "w") as recorded, \
            open(folder / "ledger.jsonl", "w") as ledger, open(folder / "attackers.jsonl", "w") as attackers:
        order = list(range(1, workers + 1))
        lying = range(1, liars + 1)
        for step in range(1, steps + 1):
            draw.shuffle(order)
            lists = [sorted(order[3 * j:3 * j + 3]) for j in range(slices)]
            missing = {worker for worker in (draw.randint(1, workers) for _ in range(workers // 3)) if worker % 7 == 5 and draw.random() < .1}
            seen, owned, unresolved, entries = [], [], 0, []
            for j, members in enumerate(lists):
                said = [worker for worker in members if worker not in missing]
                lies, honest = [w for w in said if w <= liars], [w for w in said if w > liars]
                counted = next((group for group in (lies, honest) if 2 * len(group) > len(members)), [])
                unresolved += not counted
                if counted and counted is lies:
                    owned.append(j)
                seen.append({"assigned": members, "counted": counted, "slice": j, "used": bool(counted)})
                if counted:
                    entries += [{"accusation": True, "kind": "outvoted", "slice": j, "step": step, "worker": w} for w in said if w not in counted]
                entries += [{"accusation": False, "kind": "missing", "slice": j, "step": step, "worker": w} for w in members if w in missing]
            progress = step / steps
            seconds = {"broadcast": .001, "compute": .02 + .005 * draw.random(), "receive": .004, "vote": .002, "aggregate": .003, "update": .001,
                       "commit": .0005}
            seconds["total"] = round(sum(seconds.values()) + .0005, 6)
            metrics.write(line({
                "step": step, "lr": 0.01, "loss": round(.3 + 2 * math.exp(-4 * progress) * (1 + .2 * draw.random()), 6),
                "accuracy": round(min(1, .9 - .8 * math.exp(-4 * progress) + .1 * draw.random()), 4), "seconds": seconds,
                "bytes_in": 1000 * workers, "bytes_out": 3000 * workers, "computed": 3 * slices, "resolved": slices - unresolved,
                "unresolved": unresolved, "skipped": False, "skipped_because": "", "corrupted": len(owned)}))
            ledger.writelines(map(line, entries))
            attackers.write(line({"step": step, "attackers": list(lying), "owned": owned}))
            if rounds:
                recorded.write(line({"step": step, "skipped": False, "slices": seen}))
    with open(folder / "evaluation.jsonl", "w") as evaluation:
        for step in sorted({max(1, steps * part // 10) for part in range(1, 11)}):
            evaluation.write(line({"step": step, "loss": round(.35 + 2 * math.exp(-4 * step / steps), 4),
                                   "prec1": round(85 - 70 * math.exp(-4 * step / steps), 2), "prec5": 99.0}))
    return folder


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dir")
    parser.add_argument("workers", type=int)
    parser.add_argument("steps", type=int)
    parser.add_argument("--liars", type=int, default=1)
    parser.add_argument("--no-rounds", action="store_true")
    given = parser.parse_args()
    make_run(given.dir, given.workers, given.steps, given.liars, rounds=not given.no_rounds)


if __name__ == "__main__":
    main()
