"""detoxml cluster on EC2, from outside: the real AWS CLI against an endpoint of ours on this machine."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "support"))
from fake_ec2 import KEY_ID, SECRET, FakeEc2, Refused
from program import PATIENCE, PROGRAM, ProgramTest, environment, main, run, wait_for

QUICK = ["--poll", "0.1"]
FILE = """name = "{name}"
region = "us-west-2"
availability_zone = "us-west-2b"
image_id = "ami-0123456789abcdef0"
ssh_username = "admin"
key_name = "training key"
path_to_keyfile = "{folder}/key.pem"
security_groups = ["sg-01234567", "sg-89abcdef"]
subnet_id = "subnet-01234567"
master_type = "m5.2xlarge"
worker_type = "m5.large"
n_workers = {workers}
endpoint_url = "{url}"
{more}
"""
SPOT = 'method = "spot"\nspot_price = 0.05\n'


class ClusterTest(ProgramTest):
    def setUp(self):
        super().setUp()
        self.seen = []

    def tearDown(self):
        for text in self.seen:
            self.assertNotIn(SECRET, text)
        for path in self.folder.rglob("*"):
            if path.is_file():
                self.assertNotIn(SECRET, path.read_text(errors="replace"), path)

    def variables(self, key_id=KEY_ID):
        return {"PATH": f"/usr/bin:/bin:{os.environ['PATH']}", "HOME": str(self.folder), "XDG_STATE_HOME": "",
                "AWS_ACCESS_KEY_ID": key_id, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_EC2_METADATA_DISABLED": "true",
                "no_proxy": "127.0.0.1"}

    def describe(self, ec2, workers=2, more="", name="paper"):
        text = FILE.format(name=name, folder=self.folder, workers=workers, url=ec2.url, more=more)
        (self.folder / "cluster.toml").write_text(text)

    def cluster(self, *words, env=None, **more):
        result = run("cluster", *words, cwd=self.folder, env=env or self.variables(), **more)
        self.seen += [result.out, result.err]
        return result

    def ok(self, result):
        self.assertEqual(result.code, 0, result.err)
        return result

    def state_files(self):
        folder = self.folder / ".local/state/detoxml/clusters"
        return sorted(p.name for p in folder.iterdir()) if folder.exists() else []


class NormalCourse(ClusterTest):
    def test_from_nothing_to_machines_to_nothing(self):
        with FakeEc2(runs_after=1, ok_after=1) as ec2:
            self.describe(ec2)
            stranger = ec2.add_machine({"detox-cluster": "somebody-else", "detox-role": "worker"})
            untagged = ec2.add_machine({})
            result = self.ok(self.cluster("launch", *QUICK))
            self.assertIn("asking for 1 master (on-demand)", result.err)
            self.assertIn("asking for 2 workers (on-demand)", result.err)
            self.assertIn("0 have passed EC2's checks", result.err)
            lines = result.out.splitlines()
            self.assertEqual([line.split()[0] for line in lines], ["role", "master", "worker", "worker"])
            asked = [form for action, form in ec2.calls if action == "RunInstances"]
            self.assertEqual([form["InstanceType"] for form in asked], ["m5.2xlarge", "m5.large"])
            for form in asked:
                self.assertEqual(form["ImageId"], "ami-0123456789abcdef0")
                self.assertEqual(form["KeyName"], "training key")
                self.assertEqual(form["SubnetId"], "subnet-01234567")
                self.assertEqual(form["SecurityGroupId.2"], "sg-89abcdef")
                self.assertEqual(form["Placement.AvailabilityZone"], "us-west-2b")
            self.assertEqual(ec2.machines[2].tags, {"detox-cluster": "paper", "detox-role": "master",
                                                    "Name": "paper-master"})
            self.assertEqual(self.state_files(), ["paper.lock"])

            status = self.ok(self.cluster("status")).out
            self.assertEqual(status.count("running"), 3)
            self.assertEqual(status.count(" ok "), 3)
            self.assertNotIn(stranger.id, status)

            self.ok(self.cluster("get_hosts"))
            self.assertEqual((self.folder / "hosts_address").read_text(), "10.0.0.12\n10.0.0.13\n10.0.0.14\n")
            self.assertEqual((self.folder / "hosts").read_text(),
                             "10.0.0.12\tpaper-master\n10.0.0.13\tpaper-worker-1\n10.0.0.14\tpaper-worker-2\n")
            self.assertEqual((self.folder / "hosts_alias").read_text(),
                             "paper-master\npaper-worker-1\npaper-worker-2\n")

            self.assert_refused(self.cluster("shutdown", *QUICK), 2, "no terminal", "--yes")
            self.assertEqual(ec2.count("TerminateInstances"), 0)
            result = self.ok(self.cluster("shutdown", "--yes", *QUICK))
            for machine in ec2.machines[2:]:
                self.assertIn(machine.id, result.out)
                self.assertEqual(machine.state, "terminated")
            self.assertEqual({stranger.state, untagged.state}, {"pending"})
            self.assertEqual(ec2.count("TerminateInstances"), 1)

    def test_dry_run_prints_calls_that_a_shell_takes_and_makes_none(self):
        with FakeEc2() as ec2:
            self.describe(ec2, more=SPOT)
            for words in (["launch"], ["shutdown"]):
                lines = self.ok(self.cluster(*words, "--dry-run")).out.splitlines()
                self.assertTrue(lines)
                for line in lines:
                    self.assertTrue(line.startswith("aws ec2 "), line)
                    self.assertEqual(subprocess.run(["sh", "-n", "-c", line]).returncode, 0)
                if words == ["launch"]:
                    launch = next(line for line in lines if "m5.large" in line)
            self.assertEqual(ec2.calls, [])
            self.assertEqual(self.state_files(), [])
            # As it stands it is what the AWS CLI takes.
            subprocess.run(["sh", "-c", launch], check=True, capture_output=True, env=environment(**self.variables()))
            form = ec2.calls[0][1]
            self.assertEqual(form["InstanceMarketOptions.SpotOptions.MaxPrice"], "0.05")
            self.assertEqual((form["MinCount"], form["MaxCount"]), ("1", "2"))


class Interrupted(ClusterTest):
    def start(self):
        return subprocess.Popen([PROGRAM, "cluster", "launch", *QUICK], cwd=self.folder, stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
                                env=environment(**self.variables()))

    def kill(self, process):
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def test_launch_goes_on_without_a_machine_too_many(self):
        """Cut off when the workers are made and before anybody heard of it; and EC2 does not show them for a while."""
        arrived, hidden, cut_off = [], [], threading.Event()

        def after(action, form, number):
            if action == "RunInstances" and form["InstanceType"] == "m5.large" and not arrived:
                hidden.extend(ec2.machines[-2:])
                del ec2.machines[-2:]
                arrived.append(True)
                cut_off.wait(PATIENCE)

        def before(action, form, number):
            # They are shown again once they were asked for a second time.
            if action == "DescribeInstances" and hidden and ec2.count("RunInstances") > 2:
                ec2.machines.extend(hidden)
                hidden.clear()

        with FakeEc2(before=before, after=after) as ec2:
            self.describe(ec2)
            process = self.start()
            self.assertTrue(wait_for(lambda: arrived))
            self.kill(process)
            cut_off.set()
            self.assertIn("paper.us-west-2.pending", self.state_files())
            result = self.ok(self.cluster("launch", *QUICK))
            self.assertIn("asking again for 2 workers", result.err)
            self.assertEqual(len(ec2.alive("paper")), 3)
            self.assertEqual(self.state_files(), ["paper.lock"])


class Misfortune(ClusterTest):
    def test_spot_machines_that_are_not_to_be_had(self):
        """The master is; for the workers there is no room, and a request stays open."""
        def before(action, form, number):
            if action == "RunInstances" and form["InstanceType"] == "m5.large":
                if not any(r["id"] == "sir-open" for r in ec2.requests):
                    ec2.requests.append({"id": "sir-open", "state": "open", "tags": {"detox-cluster": "paper"}})
                raise Refused("InsufficientInstanceCapacity", "There is no Spot capacity available.", 500)

        with FakeEc2(before=before) as ec2:
            ec2.requests.append({"id": "sir-theirs", "state": "open", "tags": {"detox-cluster": "other"}})
            self.describe(ec2, more=SPOT)
            result = self.cluster("launch", *QUICK, "--capacity-timeout", "0.1")
            self.assert_refused(result, 1, "2 spot workers not to be had", "1 open spot request cancelled",
                                "InsufficientInstanceCapacity", "spot_price")
            states = {r["id"]: r["state"] for r in ec2.requests}
            self.assertEqual(states["sir-open"], "cancelled")
            self.assertEqual(states["sir-theirs"], "open")

    def test_a_machine_that_dies_while_starting_is_named_and_replaced(self):
        def after(action, form, number):
            if action == "DescribeInstances" and len(ec2.machines) == 3:
                ec2.machines[1].die("Server.InternalError: Internal error on launch")

        with FakeEc2(after=after) as ec2:
            self.describe(ec2)
            result = self.ok(self.cluster("launch", *QUICK))
            self.assertIn(f"{ec2.machines[1].id} (worker) died while starting: terminated, Server.InternalError: "
                          "Internal error on launch", result.err)
            self.assertEqual(len(ec2.machines), 4)
            self.assertEqual(len(ec2.alive("paper")), 3)

    def test_throttling_is_waited_out(self):
        def before(action, form, number):
            if action == "RunInstances" and number == 0:
                raise Refused("RequestLimitExceeded", "Request limit exceeded.", 503)

        with FakeEc2(before=before) as ec2:
            self.describe(ec2, workers=1)
            result = self.ok(self.cluster("launch", *QUICK))
            self.assertIn("aws ec2 run-instances: RequestLimitExceeded: Request limit exceeded.; again in 1 s", result.err)
            self.assertEqual(len(ec2.alive("paper")), 2)
            asked = [form["ClientToken"] for action, form in ec2.calls if action == "RunInstances"]
            self.assertEqual(asked[0], asked[1], "the same request, with the same token")


class Refusals(ClusterTest):
    def test_wrong_and_missing_credentials(self):
        with FakeEc2() as ec2:
            self.describe(ec2)
            result = self.cluster("launch", *QUICK, env=self.variables("AKIAWRONG"))
            self.assert_refused(result, 1, "valid credentials", "AuthFailure", "aws configure")
            without = {**self.variables(), "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
            self.assert_refused(self.cluster("status", env=without), 1, "Unable to locate credentials")
            self.assertEqual(ec2.calls, [])

    def test_no_aws_cli(self):
        with FakeEc2() as ec2:
            self.describe(ec2)
            bare = self.folder / "bin"
            bare.mkdir()
            env = {**self.variables(), "PATH": str(bare)}
            self.assert_refused(self.cluster("status", env=env), 2, "awscli")

    def test_files_that_cannot_be_meant(self):
        with FakeEc2() as ec2:
            self.describe(ec2, more="n_worker = 3")
            self.assert_refused(self.cluster("launch"), 2, "cluster.toml:14", "'n_worker'", "n_workers")
            (self.folder / "cluster.toml").write_text('name = "x"')
            self.assert_refused(self.cluster("launch"), 2, "region", "image_id", "n_workers")
            (self.folder / "cluster.toml").unlink()
            self.assert_refused(self.cluster("launch"), 2, "no cluster.toml", "examples/cluster")
            self.assertEqual(ec2.calls, [])


if __name__ == "__main__":
    main()
