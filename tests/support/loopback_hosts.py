"""Hosts on the loopback addresses of this machine, 127.0.0.2 and up: a real sshd each, with keys, a port and a home of its
own, and programs of ours in front of those that would change this machine. For any user, root or not."""

import getpass
import os
import pathlib
import shutil
import socket
import subprocess
import time

SSHD = "/usr/sbin/sshd"
CONFIG = """Port {port}
ListenAddress {address}
HostKey {folder}/host_key
PidFile none
UsePAM no
StrictModes no
UseDNS no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
AuthorizedKeysFile {home}/.ssh/authorized_keys
SetEnv HOME={home} PATH={folder}/bin:/usr/sbin:/usr/bin:/sbin:/bin
Subsystem sftp internal-sftp
"""
# In place of the programs that these names stand for, on the hosts.
PROGRAMS = {
    # ssh looks for the user's files where the user data base says, and not in $HOME.
    "ssh": 'exec /usr/bin/ssh -F "$HOME/.ssh/config" "$@"',
    "sudo": '[ "$1" = -n ] && shift\nexec "$@"',
    "apt-get": 'echo "$*" >>"$HOME/apt-get"',
    "findmnt": 'if [ -f "$HOME/mounted" ]; then cat "$HOME/mounted"; else exit 1; fi',
    "mount": 'for word; do what=$folder; folder=$word; done\necho "$what" >"$HOME/mounted"\necho "$*" >>"$HOME/mount"',
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.2", 0))
        return probe.getsockname()[1]


def make_key(file):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", file.name, "-f", file], check=True)


class LoopbackHosts:
    """`client` is the key that opens all of them."""

    def __init__(self, folder, count):
        self.folder, self.port, self.sshds = pathlib.Path(folder), free_port(), []
        self.addresses = [f"127.0.0.{number + 2}" for number in range(count)]
        self.client = self.folder / "client"

    def __enter__(self):
        self.folder.mkdir(exist_ok=True)
        make_key(self.client)
        try:
            for address in self.addresses:
                self.start(address)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for sshd in self.sshds:
            sshd.terminate()
            sshd.wait()

    def host(self, address):
        return self.folder / address

    def home(self, address):
        return self.host(address) / "home"

    def start(self, address):
        folder, home = self.host(address), self.home(address)
        (folder / "bin").mkdir(parents=True)
        (home / ".ssh").mkdir(parents=True, mode=0o700)
        make_key(folder / "host_key")
        shutil.copy(self.client.with_suffix(".pub"), home / ".ssh" / "authorized_keys")
        for name, script in PROGRAMS.items():
            (folder / "bin" / name).write_text(f"#!/bin/sh\n{script}\n")
            (folder / "bin" / name).chmod(0o755)
        config = folder / "sshd_config"
        config.write_text(CONFIG.format(port=self.port, address=address, folder=folder, home=home))
        if os.geteuid() == 0:
            os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # sshd does not start without it
        sshd = subprocess.Popen([SSHD, "-D", "-e", "-f", config], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.sshds.append(sshd)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and sshd.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex((address, self.port)) == 0:
                    return
            time.sleep(0.05)
        raise OSError(f"no sshd answers on {address}")

    def configuration(self, **more):
        """For `--cluster`, beside a hostfile."""
        keys = {"name": "loopback", "ssh_username": getpass.getuser(), "path_to_keyfile": str(self.client),
                "install_dir": str(self.folder / "opt"), **more}
        return f"ssh_port = {self.port}\n" + "".join(f'{key} = "{value}"\n' for key, value in keys.items())
