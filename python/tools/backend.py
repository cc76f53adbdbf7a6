"""The package's build backend: maturin, which builds the module, with the executable beside it.

maturin puts one binary of Rust into a wheel. The executable `pyro` goes along as a script of the
wheel: it is built first, into the folder that `pyproject.toml` names as data.

`PYRO_WHEEL_PROFILE` is cargo's profile, `release` unless it is set. `PYRO_WHEEL_EXECUTABLE` names
an executable that is built already.
"""

import os
import shutil
import subprocess
from pathlib import Path

import maturin
from maturin import (  # noqa: F401
    get_requires_for_build_editable,
    get_requires_for_build_sdist,
    get_requires_for_build_wheel,
)

ROOT = Path(__file__).resolve().parent.parent.parent
SCRIPTS = ROOT / "target" / "wheel" / "pyro_mcp.data" / "scripts"


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """Both binaries in a wheel."""
    stage()
    return maturin.build_wheel(wheel_directory, settings(config_settings), metadata_directory)


def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    """Both binaries, and the package as it lies in the work tree."""
    stage()
    return maturin.build_editable(wheel_directory, settings(config_settings), metadata_directory)


def build_sdist(sdist_directory, config_settings=None):
    """The sources of both."""
    SCRIPTS.mkdir(parents=True, exist_ok=True)
    return maturin.build_sdist(sdist_directory, config_settings)


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    """The metadata, for which nothing is built."""
    SCRIPTS.mkdir(parents=True, exist_ok=True)
    return maturin.prepare_metadata_for_build_wheel(metadata_directory, config_settings)


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def stage():
    """Put the executable where maturin takes it from."""
    SCRIPTS.mkdir(parents=True, exist_ok=True)
    target = SCRIPTS / "pyro"
    target.unlink(missing_ok=True)
    shutil.copy2(os.environ.get("PYRO_WHEEL_EXECUTABLE") or built(), target)
    target.chmod(0o755)


def built():
    """The executable, built."""
    build = ["cargo", "build", "--locked", "-p", "pyro-cli", "--bin", "pyro"]
    subprocess.run([*build, "--profile", profile()], cwd=ROOT, check=True)
    metadata = subprocess.run(
        ["cargo", "metadata", "--format-version=1", "--no-deps"],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
    )
    import json

    folder = {"dev": "debug"}.get(profile(), profile())
    return Path(json.loads(metadata.stdout)["target_directory"]) / folder / "pyro"


def profile():
    """Cargo's profile."""
    return os.environ.get("PYRO_WHEEL_PROFILE") or "release"


def settings(given):
    """What maturin is told beside `pyproject.toml`."""
    return {"build-args": f"--locked --profile {profile()}", **(given or {})}
