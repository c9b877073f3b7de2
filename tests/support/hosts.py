"""Hosts on this machine that are strangers to each other but for the network and one shared directory: each has its own
/tmp, /root, /opt, /run and /dev/shm, and an sshd. What is elsewhere (/usr, say) is this machine's."""

import pathlib
import shutil
import subprocess
import tempfile

from network import Network, run, why_not
from waiting import wait_for

SHARED, OWN = "/srv", "/opt"
SSHD = "/usr/sbin/sshd"
SSHD_CONFIG = """Port 22
ListenAddress {address}
HostKey {etc}/host_key
PidFile none
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
StrictModes no
UseDNS no
PrintMotd no
MaxStartups 100
Subsystem sftp internal-sftp
"""


def why_no_hosts():
    """Why this machine cannot have such hosts, in words; None where it can."""
    if not pathlib.Path(SSHD).exists() or shutil.which("ssh") is None:
        return "no sshd or no ssh: tools/install-deps --test"
    return why_not()


def hosts_of_class(test_class, count):
    """For setUpClass: hosts that last as long as the tests of the class."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="detox-hosts-"))
    test_class.addClassCleanup(shutil.rmtree, folder, ignore_errors=True)
    return test_class.enterClassContext(Hosts(count, folder))


class Hosts(Network):
    """`folder`: an empty one for their files. Its `shared` is /srv on every host, own(number) the /opt of one."""

    def __init__(self, hosts, folder, rate=None):
        super().__init__(hosts, rate)
        self.folder = pathlib.Path(folder)
        self.shared = self.folder / "shared"

    def __enter__(self):
        self.shared.mkdir()
        names = "".join(f"{self.address(number)} host{number}\n" for number in self.numbers)
        (self.folder / "hosts").write_text("127.0.0.1 localhost\n" + names)
        (self.folder / "resolv.conf").write_text("")
        super().__enter__()
        try:
            for number in self.numbers:
                self.furnish(number)
            for number in self.numbers:
                if not wait_for(lambda n=number: "SSH" in self.banner(n)):
                    raise OSError(f"no sshd answers on host{number}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def root(self, number):
        return self.folder / f"root{number}"

    def own(self, number):
        return self.folder / f"opt{number}"

    def furnish(self, number):
        etc = self.folder / f"etc{number}"
        etc.mkdir()
        self.root(number).mkdir(mode=0o700)
        self.own(number).mkdir()
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"host{number}", "-f", etc / "host_key")
        (etc / "sshd_config").write_text(SSHD_CONFIG.format(address=self.address(number), etc="/etc/ssh"))
        self.enter(number, "sh", "-ec", f"""
            mount --bind {self.shared} {SHARED}
            mount --bind {self.root(number)} /root
            mount --bind {self.own(number)} {OWN}
            mount --bind {etc} /etc/ssh
            mount --bind {self.folder}/hosts /etc/hosts
            mount --bind {self.folder}/resolv.conf /etc/resolv.conf
            for place in /run /dev/shm /tmp; do mount -t tmpfs -o mode=1777 tmpfs $place; done
            mkdir -m 755 /run/sshd
            {SSHD} -f /etc/ssh/sshd_config""")

    def banner(self, number):
        script = f"exec 3<>/dev/tcp/{self.address(number)}/22; head -c 3 <&3"
        found = subprocess.run([*self.words(number), "bash", "-c", script], capture_output=True, text=True, check=False)
        return found.stdout

    def trust(self, source, numbers=None):
        """ssh from this host to the others (all) works without a question, and from nowhere else."""
        key = self.root(source) / ".ssh" / "id_ed25519"
        key.parent.mkdir(mode=0o700, exist_ok=True)
        if not key.exists():
            run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"host{source}", "-f", key)
        with open(key.parent / "known_hosts", "a", encoding="ascii") as known:
            for number in numbers or self.numbers:
                public = (self.folder / f"etc{number}" / "host_key.pub").read_text().split()
                known.write(f"host{number},{self.address(number)} {public[0]} {public[1]}\n")
                folder = self.root(number) / ".ssh"
                folder.mkdir(mode=0o700, exist_ok=True)
                with open(folder / "authorized_keys", "a", encoding="ascii") as keys:
                    keys.write(key.with_suffix(".pub").read_text())
