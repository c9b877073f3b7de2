"""What pip calls to install a clone (PEP 517): tools/build-wheel makes the wheel."""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    done = subprocess.run([str(ROOT / "tools/build-wheel"), "-o", wheel_directory], check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(done.returncode)
    return pathlib.Path(done.stdout.splitlines()[-1]).name


def build_sdist(sdist_directory, config_settings=None):
    sys.exit("build-wheel: there is no archive of the source; valid: a wheel, from a clone")
