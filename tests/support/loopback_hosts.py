"""Hosts on the loopback addresses of this machine, 127.0.0.2 and up: a real sshd each, with keys, a port and a home of its
own, and programs of ours in front of those that would change this machine. For any user, root or not."""

import contextlib
import getpass
import os
import pathlib
import random
import shutil
import socket
import subprocess

from waiting import wait_for

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


def make_key(file):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", file.name, "-f", file], check=True)


class LoopbackHosts:
    """`client` is the key that opens all of them."""

    def __init__(self, folder, count):
        self.folder, self.sshds = pathlib.Path(folder), []
        self.addresses = [f"127.0.0.{number + 2}" for number in range(count)]
        self.port = self.free_port()
        self.client = self.folder / "client"

    def free_port(self):
        """One that is free at all the addresses, and that is not given to connections meanwhile."""
        while True:
            port = random.randrange(10_000, 30_000)
            with contextlib.ExitStack() as probes:
                try:
                    for address in self.addresses:
                        probe = probes.enter_context(socket.socket())
                        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                        probe.bind((address, port))
                except OSError:
                    continue
            return port

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

        def answers():
            with socket.socket() as probe:
                return sshd.poll() is not None or probe.connect_ex((address, self.port)) == 0

        if not wait_for(answers) or sshd.poll() is not None:
            raise OSError(f"no sshd answers on {address}")

    def configuration(self, **more):
        """For `--cluster`, beside a hostfile."""
        keys = {"name": "loopback", "ssh_username": getpass.getuser(), "path_to_keyfile": str(self.client),
                "install_dir": str(self.folder / "opt"), **more}
        return f"ssh_port = {self.port}\n" + "".join(f'{key} = "{value}"\n' for key, value in keys.items())
