"""A network of hosts on this machine: every host is a set of namespaces (network, host name, processes, shared memory,
mounts) and has one link to a switch. Needs root. Nothing is left of it however the process ends that made it: the
namespaces live as long as their first processes, and those end with this one."""

import pathlib
import shutil
import signal
import subprocess

SUBNET = "10.77.0"
TOOLS = ("ip", "nsenter", "setpriv", "unshare")
# The first process of a host takes in what loses its parent; the word lets `ps` tell what it is for.
INIT = "while :; do sleep 1000 & wait; done"


def run(*command, **more):
    return subprocess.run([str(word) for word in command], check=True, **more)


def why_not():
    """Why this machine cannot have such hosts, in words; None where it can."""
    missing = [name for name in TOOLS if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} not found: tools/install-deps --test"
    try:
        with Network(1):
            return None
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        words = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
        return f"no network namespaces here (they need root): {words[-1] if words else error}"


class Network:
    """Hosts 1 to n, called host1 to host<n>, with the addresses 10.77.0.1 to 10.77.0.<n> on eth0. `rate`: of every link,
    each way, as tc has it. Use it in a `with`."""

    def __init__(self, hosts, rate=None):
        self.numbers = range(1, hosts + 1)
        self.rate = rate
        self.keepers = {}
        self.first = {}

    def __enter__(self):
        try:
            self.keep("switch", "--net", "--pid")
            self.enter("switch", "ip", "link", "add", "switch", "type", "bridge")
            self.enter("switch", "ip", "link", "set", "switch", "up")
            for number in self.numbers:
                self.keep(number, "--net", "--uts", "--ipc", "--mount", "--pid", "--mount-proc")
                self.plug_in(number)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for keeper in self.keepers.values():
            keeper.kill()
        for keeper in self.keepers.values():
            keeper.communicate()
        self.keepers.clear()

    def keep(self, name, *namespaces):
        """Starts the first process of new namespaces."""
        keeper = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "unshare", *namespaces, "--fork", "--kill-child",
                                   "sh", "-c", f"echo up; {INIT}"],
                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.keepers[name] = keeper
        if keeper.stdout.readline() != "up\n":
            _, errors = keeper.communicate(timeout=60)
            raise OSError(errors.strip() or f"unshare ended with {keeper.returncode}")
        self.first[name] = int(pathlib.Path(f"/proc/{keeper.pid}/task/{keeper.pid}/children").read_text().split()[0])

    def plug_in(self, number):
        port = f"port{number}"
        run("ip", "link", "add", port, "netns", self.first["switch"], "type", "veth", "peer", "name", "eth0", "netns",
            self.first[number], capture_output=True, text=True)
        self.enter("switch", "ip", "link", "set", port, "master", "switch", "up")
        self.enter(number, "hostname", f"host{number}")
        self.enter(number, "ip", "address", "add", f"{self.address(number)}/24", "dev", "eth0")
        self.enter(number, "ip", "link", "set", "eth0", "up")
        self.enter(number, "ip", "link", "set", "lo", "up")
        if self.rate:
            for name, device in ((number, "eth0"), ("switch", port)):
                self.enter(name, "tc", "qdisc", "add", "dev", device, "root", "tbf", "rate", self.rate, "burst", "256kb",
                           "latency", "20ms")

    def address(self, number):
        return f"{SUBNET}.{number}"

    def words(self, name):
        """What, before a command, has it run on this host: it is a child of who starts it, and signals to that first
        process do not reach the command itself."""
        return ["nsenter", "--target", str(self.first[name]), "--all"]

    def enter(self, name, *command):
        """Runs something short to set a host up; RuntimeError with its words where it fails."""
        finished = subprocess.run([*self.words(name), *map(str, command)], stdin=subprocess.DEVNULL, capture_output=True,
                                  text=True, timeout=300, check=False)
        if finished.returncode != 0:
            raise RuntimeError(f"{command[0]} on {name}: exit code {finished.returncode}: {finished.stdout}{finished.stderr}")
        return finished

    def set_link(self, number, state):
        """`down`: nothing reaches this host any more, and nobody is told."""
        self.enter("switch", "ip", "link", "set", f"port{number}", state)

    def processes(self, number, pattern):
        """What runs on this host with this in its command line, numbered as the host does."""
        found = subprocess.run([*self.words(number), "pgrep", "-f", pattern], capture_output=True, text=True, check=False)
        return [int(pid) for pid in found.stdout.split()]

    def signal(self, number, pid, which=signal.SIGKILL):
        self.enter(number, "kill", f"-{int(which)}", pid)
