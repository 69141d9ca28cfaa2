"""Processes of one window session inside a root, and their files."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import IO

HERE = Path(__file__).parent
INSIDE = Path("/session")
COMMAND_TIMEOUT = 120.0

LANGUAGES = "0:Automatic:DEFAULT\n1:English:en_US\n5:German:de_DE\n"
"""Languages that Blender offers, in the format of its own file. The roots have none of Blender's
translations, so any German text is the add-on's.
"""


class RootSession:
    """A private folder shown as /session in the root, and everything started with it.

    Nothing is written into the root itself, so sessions may share one.

    Args:
        root: Where Blender is.
        bare: Hide the Python packages that pip has installed there.
    """

    def __init__(self, root: Path, bare: bool = False) -> None:
        self.root = root
        self._bare = {"BARE": "1"} if bare else {}
        self.folder = Path(tempfile.mkdtemp(prefix="window-"))
        for name in ("tmp", "home", "files", "locale"):
            (self.folder / name).mkdir()
        (self.folder / "locale" / "languages").write_text(LANGUAGES)
        x_sockets = self.folder / "tmp" / ".X11-unix"
        x_sockets.mkdir()
        x_sockets.chmod(0o1777)
        self.display: str | None = None
        self._processes: list[subprocess.Popen[bytes]] = []

    def put(self, source: Path, name: str | None = None) -> str:
        """Copy a file into the session and return its path as seen inside the root."""
        target = self.folder / "files" / (name or source.name)
        shutil.copyfile(source, target)
        return str(INSIDE / "files" / target.name)

    def start_display(self, width: int, height: int) -> None:
        """Start an X server on a display number that the server itself finds free."""
        server = self.spawn(
            *("Xvfb", "-displayfd", "1", "-nolisten", "tcp"),
            *("-screen", "0", f"{width}x{height}x24"),
            log="xvfb.log",
            stdout=subprocess.PIPE,
        )
        assert server.stdout is not None
        number = server.stdout.readline().decode().strip()
        if not number:
            raise RuntimeError("Xvfb did not start:\n" + self.log_tail("xvfb.log"))
        self.display = ":" + number

    def run(self, *command: str, timeout: float = COMMAND_TIMEOUT) -> bytes:
        """Run a command inside the root and return what it printed."""
        done = subprocess.run(
            self._inside(command),
            env=self._environment(),
            capture_output=True,
            timeout=timeout,
        )
        if done.returncode:
            output = (done.stdout + done.stderr).decode(errors="replace")
            raise RuntimeError(f"{command} exited with {done.returncode}:\n{output}")
        return done.stdout

    def spawn(
        self, *command: str, log: str, stdout: int | IO[bytes] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a command inside the root; its output goes to the session file `log`."""
        with (self.folder / log).open("ab") as output:
            process = subprocess.Popen(
                self._inside(command),
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=stdout or output,
                stderr=output,
            )
        self._processes.append(process)
        return process

    def log_tail(self, name: str, lines: int = 25) -> str:
        path = self.folder / name
        text = path.read_text(errors="replace") if path.exists() else ""
        return "\n".join(text.splitlines()[-lines:])

    def close(self) -> None:
        """End what is still running, newest first, and remove the session's folder."""
        for process in reversed(self._processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            if process.stdout is not None:
                process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _inside(self, command: tuple[str, ...]) -> list[str]:
        display = ["env", f"DISPLAY={self.display}"] if self.display else []
        return [str(HERE / "inroot.sh"), str(self.root), *display, *command]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "SESSION": str(self.folder), **self._bare}
