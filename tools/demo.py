#!/usr/bin/python3
"""Runs the demo with a program that is already built; tools/demo builds it first.

Trains and evaluates every run of demo_runs.RUNS and leaves table.md, table.csv, plot.svg and plot.png beside them.
Exit code 1: a run failed; the others ran all the same and are in the table.
"""
import argparse
import pathlib
import shlex
import subprocess
import sys
import time

TOOLS = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(TOOLS))
import demo_plot  # noqa: E402
import demo_results  # noqa: E402
import demo_runs  # noqa: E402


def parse_arguments():
    parser = argparse.ArgumentParser(description="the paper's cluster in one process, thirteen runs, or three (--quick)")
    parser.add_argument("--program", type=pathlib.Path, required=True, help="the detoxml to run")
    parser.add_argument("--out", type=pathlib.Path, default=TOOLS.parent / "output/demo",
                        help="where the results go; what lies there is moved aside (default: output/demo)")
    parser.add_argument("--quick", action="store_true",
                        help=f"three runs of {demo_runs.QUICK_STEPS} steps: no liars, liars, liars behind DETOX")
    parser.add_argument("--steps", type=positive,
                        help=f"steps a run (default: 250, with --quick {demo_runs.QUICK_STEPS})")
    parser.add_argument("--lr", type=float, default=0.01, help="learning rate of every run (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=demo_runs.SEED, help="of every run (default: %(default)s)")
    options = parser.parse_args()
    options.steps = options.steps or (demo_runs.QUICK_STEPS if options.quick else 250)
    options.runs = demo_runs.QUICK_RUNS if options.quick else demo_runs.RUNS
    options.eval_freq = max(1, options.steps // 5)
    return options


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def fresh_directory(path):
    """Makes the directory; one that is there already is renamed to the first free number, never deleted."""
    if path.exists():
        number = 1
        while (aside := path.with_name(f"{path.name}-{number}")).exists():
            number += 1
        path.rename(aside)
        print(f"demo: moved the earlier {path} to {aside}", flush=True)
    path.mkdir(parents=True)


def execute(run, options):
    """One run. The program's own lines and its progress bar go straight to the terminal."""
    directory = options.out / run.name
    train = demo_runs.train_command(options.program, run, options, directory)
    code = subprocess.run(train, check=False).returncode
    if code != 0:
        return failed(run, f"failed: train, exit code {code}", train)
    # Batches of 100 stay in memory that is kept; those of 1000 are page faults again and again.
    evaluate = [str(options.program), "evaluate", "--model-dir", str(directory), "--eval-batch-size", "100", "--json"]
    answer = subprocess.run(evaluate, check=False, stdout=subprocess.PIPE, text=True)
    if answer.returncode != 0:
        return failed(run, f"failed: evaluate, exit code {answer.returncode}", evaluate)
    try:
        return demo_results.read_result(run, directory, answer.stdout.splitlines())
    except (OSError, ValueError, KeyError) as error:
        return failed(run, f"failed: results, {error!r}", train)


def failed(run, why, command):
    print(f"demo: {run.name} {why}\ndemo: the command was: {shlex.join(command)}", file=sys.stderr, flush=True)
    return demo_results.Result(run, failure=why)


def main():
    options = parse_arguments()
    if not options.program.is_file():
        sys.exit(f"demo: there is no program {options.program}: build it with cmake --build --preset demo")
    fresh_directory(options.out)
    start = time.monotonic()
    results = []
    for number, run in enumerate(options.runs, 1):
        print(f"run {number} of {len(options.runs)}: {run.defence}; attack: {run.attack_text}", flush=True)
        results.append(execute(run, options))
        if not results[-1].failure:
            print(f"    accuracy {results[-1].final_accuracy:.1f} %, {results[-1].ms_per_step:.0f} ms per step", flush=True)

    (options.out / "table.md").write_text(demo_results.markdown_table(results, options), encoding="utf-8")
    demo_results.write_csv(options.out / "table.csv", results)
    demo_plot.draw(results, options.steps, [options.out / "plot.svg", options.out / "plot.png"])
    print(f"\n{demo_results.text_table(results)}\n")
    for note in demo_results.notes(results, options):
        print(f"* {note}")
    print(f"\n{time.monotonic() - start:.0f} s for {len(results)} runs; "
          f"table.md, table.csv, plot.svg and plot.png are in {options.out}")
    failures = sum(bool(result.failure) for result in results)
    if failures:
        sys.exit(f"demo: {failures} of {len(results)} runs failed; their messages are above")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\ndemo: interrupted; the runs so far are kept")
