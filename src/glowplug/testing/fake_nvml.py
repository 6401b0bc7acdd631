"""NVIDIA GPUs on a machine without any: a `libnvidia-ml.so.1` of our own under the real binding.

    with FakeNvml(tmp_path) as nvml:                      # in this process
        gpu = nvml.add_gpu("NVIDIA RTX 4090", "GPU-1", 24 << 30)
        nvml.allocate(gpu, some_process.pid, 5 << 30)     # gone again when the process is
        ...

    subprocess.Popen(argv, env={**os.environ, **nvml.env})   # in another one, after nvml.build()

It imitates driver r575 (see `fake_nvml.c`).  What it shows is in the file `nvml.path`, read again at every call, so a
test changes it while programs run.  Needs a C compiler (`cc`, or what $CC names) once.
"""

from __future__ import annotations

import ctypes
import os
import shlex
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from glowplug.testing.fake_nvml_state import VARIABLE, FakeGpus

SONAME = "libnvidia-ml.so.1"
SOURCE = Path(__file__).with_name("fake_nvml.c")


class FakeNvml(FakeGpus):
    """The GPUs of `glowplug.testing.fake_nvml_state.FakeGpus` and the library that shows them.

    `library`: one that was built before (building takes 0.2 s); by default it is built into `directory` at need.
    """

    def __init__(self, directory: Path, library: Path | None = None) -> None:
        super().__init__(directory / "nvml.state")
        self.library = library or directory / SONAME
        self._before: str | None = None
        with self._change():
            pass  # a driver without GPUs is another thing than no driver

    @property
    def env(self) -> dict[str, str]:
        """What another process needs to see these GPUs."""
        return {"LD_LIBRARY_PATH": str(self.library.parent), VARIABLE: str(self.path)}

    def build(self, *, old: bool = False) -> Path:
        """Compile the library unless it is there.  `old`: one without what came after r470.

        Raises subprocess.CalledProcessError, or FileNotFoundError without a compiler.
        """
        if not self.library.exists():
            fresh = self.library.with_suffix(f".{os.getpid()}")
            flags = ["-DOLD_DRIVER"] if old else []
            compiler = shlex.split(os.environ.get("CC", "")) or ["cc"]
            link = ["-shared", "-fPIC", f"-Wl,-soname,{SONAME}"]
            subprocess.run([*compiler, "-O1", *link, *flags, "-o", fresh, SOURCE], check=True)
            fresh.replace(self.library)
        return self.library

    def __enter__(self) -> Self:
        """Show these GPUs to this process.

        A library stays loaded for ever and the binding keeps its first one, so all tests of a process share it and only
        the variable changes.  Raises RuntimeError where the real one was loaded first.
        """
        self.build()
        try:
            loaded = ctypes.CDLL(SONAME, mode=os.RTLD_NOW | os.RTLD_NOLOAD)
        except OSError:
            loaded = ctypes.CDLL(str(self.library), mode=os.RTLD_NOW | os.RTLD_GLOBAL)
        if not hasattr(loaded, "glowplug_fake_nvml"):
            raise RuntimeError(f"this process has loaded the real {SONAME} before")
        self._before = os.environ.get(VARIABLE)
        os.environ[VARIABLE] = str(self.path)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._before is None:
            os.environ.pop(VARIABLE, None)
        else:
            os.environ[VARIABLE] = self._before
