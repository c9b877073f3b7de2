"""Faults under MPI: a worker that dies, stops or sends nonsense costs its own contribution; a server that dies, nothing
that a resumed run does not make up for."""

import json
import os
import pathlib
import signal
import socket
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from program import PATIENCE, PROGRAM, ProgramTest, main, ranks, run, start, wait_for
from running import ENDLESS, keep_running, keep_training

FAULTY = os.environ.get("FAULTY_WORKER", "faulty_worker")
SMALL = ["--batch-size", 4]
DEADLINE = 2  # seconds
# What mpirun needs where it is started without the launcher.
MPIRUN = ["mpirun", "--enable-recovery", "--oversubscribe", "--bind-to", "none", "--mca", "mpi_yield_when_idle", "1",
          "--mca", "btl_vader_single_copy_mechanism", "none"]
# Where nobody dies: with recovery mpirun sometimes stays when all its processes have ended.
MPIRUN_OF_THE_LIVING = [word for word in MPIRUN if word != "--enable-recovery"]


def faulty_words(*faults, pause_ms=200):
    return ["--pause-ms", pause_ms, *(word for fault in faults for word in ("--fault", fault))]


class Faults(ProgramTest):
    def unique(self):
        return str(self.folder / "run")

    def kill(self, rank, with_signal=signal.SIGKILL):
        os.kill(ranks(self.unique())[rank], with_signal)

    def counted(self, worker):
        """The steps in which its answer counted."""
        return [line["step"] for line in self.journal("run", "rounds.jsonl")
                if any(worker in one["counted"] for one in line.get("slices", []))]

    def missing(self):
        """Worker -> steps that it missed."""
        steps = {}
        for line in self.journal("run", "ledger.jsonl"):
            if line["kind"] == "missing":
                steps.setdefault(line["worker"], set()).add(line["step"])
        return steps

    def assert_equals_its_replay(self, last):
        """The last checkpoint, model and state, against the local engine's repetition of what counted."""
        self.run_ok("train", "--replay", self.unique(), "--train-dir", "replayed")
        self.assertEqual(self.checkpoint("run", last), self.checkpoint("replayed", last))

    def kinds(self, worker):
        return {line["kind"] for line in self.journal("run", "ledger.jsonl") if line["worker"] == worker}

    def interrupt(self, run):
        """Ends the run with a checkpoint; returns its step."""
        last = run.interrupt()
        self.assertTrue(self.no_process_left(self.unique()))
        return last

    def test_killed_workers_cost_their_own_votes_and_one_deadline(self):
        run = keep_training(self, "run", *SMALL, "--step-timeout", DEADLINE, launch=10)
        run.wait_for_steps(3)
        self.kill(5)
        self.kill(7)
        run.wait_for(lambda: {5, 7} <= set(self.missing()))
        run.wait_for_more_steps(30)
        last = self.interrupt(run)

        first = max(self.counted(5) + self.counted(7))
        self.assertLess(first, last - 20)
        took = [line["seconds"]["total"] for line in self.journal("run")]
        # A busy machine may make some steps long, but not most of them ten times as long as most.
        deadline = max(DEADLINE, 10 * statistics.median(took))
        self.assertLess(sum(seconds >= deadline for seconds in took[first:]), 10, "waited for the dead")
        self.assert_equals_its_replay(last)

    def test_a_stopped_worker_that_continues_is_taken_in_again(self):
        run = keep_training(self, "run", *SMALL, "--step-timeout", DEADLINE, launch=10)
        run.wait_for_steps(3)
        self.kill(3, signal.SIGSTOP)
        run.wait_for(lambda: len(self.missing().get(3, ())) > 3)
        at = run.steps()
        self.kill(3, signal.SIGCONT)
        run.wait_for(lambda: max(self.counted(3)) > at + 1)
        self.assert_equals_its_replay(self.interrupt(run))

    def test_audits_go_on_without_the_dead_and_convict_who_lies(self):
        """One is killed, one is stopped and comes back, two lie, and what they said is taken back: nobody honest is convicted."""
        run = keep_training(self, "run", *SMALL, "--step-timeout", DEADLINE, "--approach", "audit", "--audit-rate", 0.4,
                            "--assume-fail", 3, "--worker-fail", 2, "--heal", launch=13)
        run.wait_for_steps(3)
        liars = {worker for line in self.journal("run", "attackers.jsonl") for worker in line["attackers"]}
        dead, stopped = [worker for worker in range(1, 13) if worker not in liars][:2]
        self.kill(dead)
        self.kill(stopped, signal.SIGSTOP)
        run.wait_for_more_steps(10)
        at = run.steps()
        self.kill(stopped, signal.SIGCONT)
        run.wait_for(lambda: max(self.counted(stopped), default=0) > at + 1)
        run.wait_for(lambda: len(self.journal("run", "rounds.jsonl")[-1].get("away", [])) >= 3)  # the dead, and both liars
        last = self.interrupt(run)
        convicted = {line["worker"] for line in self.journal("run", "ledger.jsonl") if line["kind"] == "convicted"}
        liars = {worker for line in self.journal("run", "attackers.jsonl") for worker in line["attackers"]}
        self.assertEqual(convicted, liars)
        self.assertEqual(len(liars), 2)
        status = json.loads((self.folder / "run/run.json").read_text())
        self.assertEqual({one["worker"]: one["host"] for one in status["convicted_on"]},
                         dict.fromkeys(liars, socket.gethostname()))
        self.assert_equals_its_replay(last)

    def test_a_worker_killed_at_the_start_ends_the_job_or_is_done_without(self):
        process = start("launch", "-n", 5, "--", "train", *SMALL, "--max-steps", 3, "--start-timeout", 6, "--train-dir",
                        self.unique())
        self.assertTrue(wait_for(lambda: 2 in ranks(self.unique()) or process.poll() is not None))
        self.kill(2)
        _, err = process.communicate(timeout=PATIENCE)
        self.assertTrue(self.no_process_left(self.unique()))
        if process.returncode == 0:
            self.assertIn("finished: step 3", err)
        else:
            self.assertEqual(process.returncode, 1, err)
            self.assertRegex(err, "not all processes came up in time|no sign of life from rank 2")
            self.assertFalse((self.folder / "run").exists())  # the next attempt stumbles over nothing

    def test_a_killed_server_is_told_and_its_run_resumes_to_the_same_bytes(self):
        killed = keep_training(self, "run", *SMALL, "--eval-freq", 4, launch=4)
        killed.wait_for_steps(6)
        self.kill(0)
        self.assertEqual(killed.end(1).count("the server (rank 0) is gone"), 1)
        self.assertTrue(self.no_process_left(self.unique()))
        last = killed.steps() // 4 * 4 + 8

        result = run("launch", "-n", 4, "--", "train", "--resume", "auto", "--max-steps", last, "--train-dir", self.unique())
        self.assertEqual(result.code, 0, result.err)
        self.run_ok("train", *SMALL, "--workers", 3, "--max-steps", last, "--eval-freq", 4, "--train-dir", "twin")
        self.assertEqual(self.checkpoint("run", last), self.checkpoint("twin", last))

    def attacker(self, options):
        """The worker that attacks in every step of a fixed schedule."""
        self.run_ok("train", *SMALL, "--workers", 9, "--max-steps", 1, "--train-dir", "look", *options)
        return self.journal("look", "ledger.jsonl")[0]["worker"]

    def run_with(self, bad, options, workers=9, mpirun=tuple(MPIRUN)):
        """A job of `workers` and a server, `bad` of which are faulty workers with these options."""
        train = ["train", *SMALL, "--train-dir", self.unique(), *options]
        words = []
        for rank in range(workers + 1):
            words += [":"] * (rank > 0) + ["-n", 1, *([FAULTY, *bad[rank]] if rank in bad else [PROGRAM, *train])]
        return keep_running(self, "run", *mpirun[1:], *words, program=mpirun[0])

    def run_with_faults(self, worker, faults, options):
        self.assertIn("finished: step 60", self.run_with({worker: faulty_words(*faults)}, ["--max-steps", 60, *options]).end(0))
        self.assertTrue(self.no_process_left(self.unique()))

    def accused(self):
        return {line["worker"] for line in self.journal("run", "ledger.jsonl") if line["accusation"]}

    def faulty(self, worker, options):
        """Every fault in turn, the last one deadly."""
        self.run_with_faults(worker, ["bad-relay:2-60", "garbage:2-3", "wrong-length:4-6", "wrong-step:7-8", "duplicate:9-10",
                                      "equivocation:11-16", "wrong-chunk:17-22", "undelivered:23-28", "slow:36-36", "slander:38-46",
                                      "stop:48-48", "half-message:54-60"], options)
        self.assertFalse(set(range(2, 9)) & set(self.counted(worker)))
        self.assertIn("equivocated", self.kinds(worker))
        self.assertEqual(self.accused(), {worker})
        self.assert_equals_its_replay(60)
        # Its slices had the majority of the others: its answers changed nothing.
        self.run_ok("train", *SMALL, "--workers", 9, "--max-steps", 60, "--train-dir", "absent", "--absent",
                    f"{worker}:1-60", *options)
        self.assertEqual(self.checkpoint("run", 60), self.checkpoint("absent", 60))

    def flooding(self, bad, kinds, *options):
        """Who sends without end costs its own votes, and is named."""
        floods = {rank: [word for flood in flags for word in ("--flood", flood)] for rank, flags in bad.items()}

        run = self.run_with({rank: [*words, *options] for rank, words in floods.items()}, ENDLESS,
                            mpirun=MPIRUN_OF_THE_LIVING)
        run.wait_for_steps(1)
        run.wait_for(lambda: all(kind in self.kinds(rank) for rank, kind in kinds.items()))
        run.wait_for_more_steps(3)
        self.kill(0, signal.SIGINT)
        said = run.end(130)
        self.assertIn("interrupted; go on with", said)
        self.assertTrue(self.no_process_left(self.unique()))
        for rank, kind in kinds.items():
            self.assertIn(f"rank {rank} is shut out and the run goes on without it: ", said)
            shut_out = min(line["step"] for line in self.journal("run", "ledger.jsonl")
                           if (line["worker"], line["kind"]) == (rank, kind))
            self.assertLessEqual(max(self.counted(rank), default=0), shut_out + 1)
        self.assertEqual(self.accused(), set(kinds))
        self.assert_equals_its_replay(run.steps())

    # RANK:TAG:BYTES; 1 is the tag of frames, 2 of the word before the end, 0 bytes are three gibibytes.
    def test_workers_that_flood_the_server_are_shut_out(self):
        """They compute honestly, and flood other workers as well."""
        self.flooding({2: ["0:1:0", "3:1:0"], 5: ["0:77:64", "0:2:1", "4:77:64"], 8: ["0:1:100", "1:1:262208", "6:2:1"]},
                      {2: "oversized", 5: "flood", 8: "flood"})

    def test_workers_that_flood_faster_than_anybody_computes_are_shut_out(self):
        self.flooding({2: ["0:1:0"], 5: ["0:77:300000"], 8: ["0:1:262208"]},
                      {2: "oversized", 5: "flood", 8: "flood"}, "--only")

    def test_a_worker_that_sends_nonsense_costs_its_own_votes(self):
        self.faulty(4, [])

    def test_a_worker_that_sends_nonsense_and_attacks_costs_its_own_votes(self):
        attack = ["--worker-fail", 1, "--fail-schedule", "fixed"]
        self.faulty(self.attacker(attack), attack)

    def test_a_liar_that_delivers_later_and_later_and_then_nothing_costs_no_step(self):
        # Worker 2 is honest and late with its digests, so that the liar is always one of the first two.
        liar = faulty_words("trickle:1-40", "undelivered:41-60", pause_ms=100)
        late = faulty_words("slow:1-60", pause_ms=300)
        self.run_with({1: liar, 2: late}, ["--max-steps", 60, "--step-timeout", 5], workers=3, mpirun=MPIRUN_OF_THE_LIVING).end(0)
        for line in self.journal("run"):
            self.assertFalse(line["skipped"], line)
        self.assertIn("undelivered", self.kinds(1))
        self.assertFalse(self.accused())

    def test_relays_that_trickle_and_slander_cost_their_place(self):
        trickle = faulty_words("trickle-relay:1-30", pause_ms=400)
        slander = faulty_words("slander:1-30")
        drip = faulty_words("drip-relay:1-30", "drip:1-30", pause_ms=60)  # and keeps up with the others
        self.run_with({1: trickle, 2: slander, 3: drip}, ["--max-steps", 30], mpirun=MPIRUN_OF_THE_LIVING).end(0)
        for line in self.journal("run"):
            self.assertFalse(line["skipped"], line)
        self.assertFalse(self.accused())


main()
