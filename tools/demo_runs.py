"""The runs of the demo, thirteen or three: which defence meets which attack, and the command of each."""
import dataclasses
import math

WORKERS = 45
BYZANTINE = 5
REPLICATION = 3
AUDIT_RATE = 0.1
GLOBAL_BATCH = 360
ALIE_Z = 1.0
SEED = 428

ATTACKS = {
    "none": "none",
    "rev_grad": "reversed gradients",
    "alie": f"a little is enough (z = {ALIE_Z})",
}
# Options that a rule needs beyond its name, behind DETOX: the published D-Median has 5 buckets.
DETOX_OPTIONS = {"coord-median": ["--buckets", "5"], "multi-krum": [], "bulyan": []}


@dataclasses.dataclass(frozen=True)
class Run:
    rule: str
    approach: str  # as of `detoxml train`
    attack: str

    @property
    def name(self):
        """The name of the run's directory."""
        return f"{'' if self.approach == 'baseline' else f'{self.approach}-'}{self.rule}-{self.attack.replace('_', '-')}"

    @property
    def defence(self):
        if self.approach == "detox":
            return f"DETOX + {self.rule}" + (", 5 buckets" if DETOX_OPTIONS[self.rule] else "")
        if self.approach == "audit":
            return f"audits + {self.rule}, healing"
        return self.rule if self.rule != "normal" else "mean (no defence)"

    @property
    def attack_text(self):
        return ATTACKS[self.attack]

    def options(self):
        """Options of `detoxml train` that differ from run to run."""
        options = ["--approach", self.approach, "--mode", self.rule]
        if self.approach == "detox":
            options += ["--group-size", str(REPLICATION), *DETOX_OPTIONS[self.rule]]
        elif self.approach == "audit":
            options += ["--audit-rate", str(AUDIT_RATE), "--heal"]
        options += ["--worker-fail", "0" if self.attack == "none" else str(BYZANTINE)]
        if self.attack != "none":
            options += ["--fail-schedule", "fixed"]
        if self.attack == "alie":
            options += ["--lis-simulation", "simulate", "--alie-z", str(ALIE_Z)]
        elif self.attack == "rev_grad":
            options += ["--err-mode", "rev_grad"]
        return options


RUNS = (
    Run("normal", "baseline", "none"),
    Run("normal", "baseline", "rev_grad"),
    *(Run(rule, "baseline", "alie") for rule in DETOX_OPTIONS),
    *(Run(rule, "detox", attack) for rule in DETOX_OPTIONS for attack in ("rev_grad", "alie")),
    *(Run("coord-median", "audit", attack) for attack in ("rev_grad", "alie")),
)
# What it is about, in a minute: a cluster without liars, with them, and with them behind DETOX.
QUICK_RUNS = (RUNS[0], RUNS[1], Run("coord-median", "detox", "rev_grad"))
QUICK_STEPS = 80


def train_command(program, run, settings, directory):
    """settings: steps, lr, eval_freq, seed."""
    return [
        str(program), "train", "--network", "LeNet", "--dataset", "FashionMNIST",
        "--workers", str(WORKERS), "--global-batch", str(GLOBAL_BATCH),
        "--lr", str(settings.lr), "--momentum", "0.9", "--seed", str(settings.seed),
        "--max-steps", str(settings.steps), "--eval-freq", str(settings.eval_freq),
        "--on-divergence", "continue",  # what it ends with is what the table shows
        "--train-dir", str(directory), *run.options(), "--no-evaluate",
    ]


def expected_corrupted_slices():
    """Mean number of slices a step whose majority is Byzantine, for workers placed uniformly at random."""
    majority = REPLICATION // 2 + 1
    ways = sum(math.comb(BYZANTINE, i) * math.comb(WORKERS - BYZANTINE, REPLICATION - i)
               for i in range(majority, REPLICATION + 1))
    return WORKERS / REPLICATION * ways / math.comb(WORKERS, REPLICATION)
