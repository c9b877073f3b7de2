"""A Slurm cluster on hosts of this machine: slurmctld on the first, slurmd and munged on each, with configuration, state
and keys of their own."""

import os
import shutil

from hosts import SHARED, why_no_hosts
from waiting import wait_for

DAEMONS = ("slurmctld", "slurmd", "munged", "sbatch", "srun", "scontrol")
CONFIG = """ClusterName=detox
SlurmctldHost=host1
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CryptoType=crypto/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/builtin
SchedulerParameters=sched_interval=1,batch_sched_delay=1
ReturnToService=2
KillWait=5
SlurmctldPidFile=/run/slurmctld.pid
SlurmdPidFile=/run/slurmd.pid
SlurmdSpoolDir=/run/slurmd
StateSaveLocation=/run/slurmctld
SlurmctldLogFile=/run/slurmctld.log
SlurmdLogFile=/run/slurmd.log
SlurmdParameters=config_overrides
NodeName=host[1-{hosts}] CPUs=4 RealMemory={memory} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=10 State=UP
"""


def why_no_slurm():
    missing = [name for name in DAEMONS if shutil.which(name, path="/usr/sbin:/usr/bin") is None]
    if missing:
        return f"{', '.join(missing)} not found: tools/install-deps --test"
    return why_no_hosts()


def start_slurm(hosts, memory_mb):
    """Until all hosts are idle nodes; raises OSError where they do not come up. Ends with the hosts."""
    etc = hosts.shared / "slurm"
    etc.mkdir()
    (etc / "slurm.conf").write_text(CONFIG.format(hosts=len(hosts.numbers), memory=memory_mb))
    (etc / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\nCgroupMountpoint=/run/cgroup\n")
    (etc / "munge.key").write_bytes(os.urandom(128))
    for number in hosts.numbers:
        hosts.enter(number, "sh", "-ec", f"""
            mkdir -m 755 /run/munge /run/slurmd /run/slurmctld
            chmod 755 /run
            install -m 400 {SHARED}/slurm/munge.key /run/munge/key
            mount --bind {SHARED}/slurm /etc/slurm
            munged --force --key-file=/run/munge/key --socket=/run/munge/munge.socket.2 --pid-file=/run/munge/pid \
                --log-file=/run/munge/log --seed-file=/run/munge/seed""")
        if number == 1:
            hosts.enter(1, "slurmctld")
        hosts.enter(number, "slurmd")

    def all_idle():
        states = hosts.enter(1, "sinfo", "--noheader", "--format", "%D %t").stdout.split()
        return states == [str(len(hosts.numbers)), "idle"]

    if not wait_for(all_idle):
        raise OSError("Slurm's nodes did not come up: " + hosts.enter(1, "sinfo").stdout
                      + hosts.enter(1, "cat", "/run/slurmctld.log").stdout)
