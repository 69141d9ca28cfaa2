"""A Blender window with an extension installed, driven as an artist would: mouse, keys and eyes."""

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from root_session import HERE, INSIDE, RootSession

WIDTH, HEIGHT = 1280, 1040
HOVER = 0.4  # seconds; below 0.3 Blender may not know yet what is under the mouse
SCAN_STEP = 16  # pixels; a button is 20 high
EDGE_STEP = 2  # pixels
MIDDLE, END = 0.5, 0.83  # parts of the sidebar's width: the middle of a row, an icon at its end
SOCKET = "server.sock"
LOG = "blender.log"


@dataclass(frozen=True)
class Exit:
    """How Blender ended."""

    code: int
    log: str


@dataclass
class Gap:
    """The longest time, in milliseconds, in which Blender answered nothing."""

    milliseconds: float = 0.0


class Window:
    """Blender in a window of its own X server, with a private profile.

    Coordinates are X's: pixels from the top left corner.

    Attributes:
        sidebar: x, y, width and height of the sidebar, once a tab was opened.
    """

    def __init__(
        self, root: Path, screenshots: Path, size: tuple[int, int] = (WIDTH, HEIGHT)
    ) -> None:
        self.screenshots = screenshots
        self.size = size
        self.session = RootSession(root)
        self.version = ""
        self._blender: Any = None
        self.sidebar: Sequence[int] = ()
        self._found: dict[tuple[str, str, int], tuple[int, str]] = {}

    def __enter__(self) -> "Window":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.screenshots.mkdir(parents=True, exist_ok=True)
        log = self.session.folder / LOG
        if log.exists():
            (self.screenshots / LOG).write_bytes(log.read_bytes())
        self.session.close()

    # Blender's life

    def install(self, extension: Path) -> None:
        """Install and enable a built extension as `blender --command extension` does."""
        inside = self.session.put(extension)
        command = ("blender", "--command", "extension")
        self.session.run(*command, "validate", inside)
        self.session.run(*command, "install-file", "-r", "user_default", "--enable", inside)

    def start(self) -> None:
        """Start Blender, with the X server first if there is none yet."""
        if self.session.display is None:
            self.session.start_display(*self.size)
        (self.session.folder / SOCKET).unlink(missing_ok=True)
        server = self.session.put(HERE / "server.py")
        self._blender = self.session.spawn(
            *("blender", "--window-geometry", "0", "0", *map(str, self.size)),
            *("--python-exit-code", "3", "--python", server, "--", str(INSIDE / SOCKET)),
            log=LOG,
        )
        self._until(self._answers, 120, "Blender's window")
        self.version = ".".join(map(str, self.evaluate("bpy.app.version[:2]")))

    def reset(self) -> None:
        """Open a new file, with no popup left over and the mouse out of the way."""
        self.key("Escape")
        self.move(*self.viewport_center())
        self.run("bpy.ops.wm.read_homefile()")

    @property
    def running(self) -> bool:
        return self._blender is not None and self._blender.poll() is None

    def kill(self) -> None:
        """End Blender at once, as a crash or a power cut does."""
        os.kill(self.evaluate("__import__('os').getpid()"), signal.SIGKILL)
        self._blender.wait(60)

    def close(self) -> Exit:
        """Quit Blender as its menu does and report how it ended."""
        self.run("bpy.ops.wm.quit_blender()")
        code = self._blender.wait(120)
        return Exit(code, self.session.log_tail(LOG))

    # Python in Blender

    def run(self, source: str, timeout: float = 300.0) -> str:
        """Run code on Blender's main thread and return what it printed; names stay defined."""
        if not self.running:
            raise RuntimeError("Blender is not running:\n" + self.session.log_tail(LOG))
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout)
            try:
                connection.connect(str(self.session.folder / SOCKET))
                connection.sendall(source.encode())
                connection.shutdown(socket.SHUT_WR)
                reply = b"".join(iter(lambda: connection.recv(65536), b""))
            except TimeoutError:
                raise TimeoutError(f"no answer within {timeout:g} s to:\n{source}") from None
        if not reply:
            raise RuntimeError("Blender ended:\n" + self.session.log_tail(LOG))
        answer = json.loads(reply)
        if answer["error"]:
            raise RuntimeError(f"{answer['error']}\nin:\n{source}")
        return answer["output"]

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression in Blender (anything JSON can carry)."""
        return json.loads(self.run(f"print(json.dumps({expression}))"))

    def wait(self, expression: str, timeout: float, what: str) -> Any:
        """Wait until an expression in Blender is true and return its value."""
        return self._until(lambda: self.evaluate(expression), timeout, what)

    # The sidebar

    def open_tab(self, tab: str) -> None:
        """Show the 3D viewport's sidebar with the given tab in front, and wait until it rests."""
        self.move(*self.viewport_center())
        self.sidebar = self.wait(f"open_tab({tab!r})", 60, f"the tab {tab}")
        before = b""
        for _ in range(20):
            self.run("view3d()[2].tag_redraw()")
            now = self._capture(self.sidebar)
            if now == before:
                return
            before = now
            time.sleep(0.2)
        raise RuntimeError(f"the tab {tab} does not stop moving")

    def find_button(self, call: str, across: float = MIDDLE) -> tuple[int, int]:
        """Return where the open tab has the button whose operator call starts with `call`.

        The mouse goes down the tab, `across` of its width from the left, and is left there.
        """
        return self._find("operator", call, across)

    def find_property(self, path: str, across: float = MIDDLE) -> tuple[int, int]:
        """Return where the open tab shows the property whose full data path ends with `path`."""
        return self._find("property", path, across)

    def click_button(self, call: str, across: float = MIDDLE) -> None:
        self.find_button(call, across)
        self._xdotool("click", "1")

    def below_button(self, call: str, across: float = MIDDLE) -> tuple[int, int]:
        """Return the first point below a button, found as by `find_button`."""
        x, y = self.find_button(call, across)
        while self.evaluate("under_mouse()")["operator"].startswith(call):
            y += EDGE_STEP
            self.move(x, y)
            time.sleep(HOVER)
        return x, y

    def controls(self) -> set[str]:
        """The operator calls and full data paths of all that the open tab shows."""
        x, y, width, height = self.sidebar
        seen: set[str] = set()
        for across in (0.4, END):
            for row in range(y + SCAN_STEP, y + height, SCAN_STEP):
                self.move(x + round(width * across), row)
                time.sleep(0.08)
                seen.update(self.evaluate("under_mouse()").values())
        return seen - {""}

    def _find(self, kind: str, wanted: str, across: float) -> tuple[int, int]:
        x, y, width, height = self.sidebar
        column = x + round(width * across)
        seen: set[str] = set()
        # Most often it is where it was when it was last looked for.
        row, exactly = self._found.get((kind, wanted, column), (0, ""))
        if row:
            self.move(column, row)
            time.sleep(HOVER)
            if self.evaluate("under_mouse()")[kind] == exactly:
                return column, row
        for patience in (0.05, 0.15, HOVER):
            for row in range(y + SCAN_STEP, y + height, SCAN_STEP):
                self.move(column, row)
                time.sleep(patience)
                if not self._under_mouse(kind, wanted, seen):
                    continue
                time.sleep(HOVER)
                found = self._under_mouse(kind, wanted, seen)
                if found:  # still: the panel does not move
                    self._found[kind, wanted, column] = row, found
                    return column, row
        self.screenshot("missing")
        raise LookupError(f"no {kind} {wanted} in the sidebar, only {sorted(seen - {''})}")

    def _under_mouse(self, kind: str, wanted: str, seen: set[str]) -> str:
        """Return the call or data path under the mouse if it is the wanted one, else nothing."""
        found: str = self.evaluate("under_mouse()")[kind]
        seen.add(found)
        is_it = found.startswith(wanted) if kind == "operator" else found.endswith(wanted)
        return found if is_it else ""

    # Mouse, keys and eyes

    def move(self, x: int, y: int) -> None:
        self._xdotool("mousemove", str(x), str(y))

    def click(self, x: int, y: int) -> None:
        self.move(x, y)
        time.sleep(HOVER)
        self._xdotool("click", "1")

    @contextmanager
    def dragging(self, x: int, y: int) -> Iterator[None]:
        """Hold the left mouse button, pressed at a point, while the block moves the mouse."""
        self.move(x, y)
        time.sleep(HOVER)
        self._xdotool("mousedown", "1")
        time.sleep(HOVER)
        try:
            yield
        finally:
            self._xdotool("mouseup", "1")
            time.sleep(HOVER)

    def key(self, *keys: str) -> None:
        """Press keys, such as "ctrl+z", one after the other, where the mouse is."""
        for key in keys:
            self._xdotool("key", key)
            time.sleep(0.2)

    def viewport_center(self) -> tuple[int, int]:
        """Return the middle of the 3D viewport."""
        x, y, width, height = self.evaluate(
            "rectangle(next(r for r in view3d()[1].regions if r.type == 'WINDOW'))"
        )
        return x + width // 2, y + height // 2

    def drop(self, files: list[str], x: int, y: int) -> None:
        """Drop files (paths inside the root) at a point, as from a file manager."""
        script = self.session.put(HERE / "xdnd_drop.py")
        self.session.run("python3", script, str(x), str(y), *files)
        time.sleep(1)  # where several add-ons take such files, Blender opens a menu

    def choose(self, label: str) -> None:
        """Choose an entry of the open menu by its underlined letter, taken to be the first."""
        self.key(label[0].lower())

    def screenshot(self, name: str, crop: Sequence[int] | None = None) -> Path:
        """Save what the window shows, or the (x, y, width, height) part of it, as NAME.png."""
        path = self.screenshots / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self._capture(crop))
        return path

    def _capture(self, crop: Sequence[int] | None) -> bytes:
        part = []
        if crop is not None:
            x, y, width, height = crop
            part = ["-crop", f"{width}x{height}+{x}+{y}", "+repage"]
        # ImageMagick would else write the time into the picture.
        options = ["-define", "png:exclude-chunks=date,time"]
        return self.session.run("import", "-window", "root", *part, *options, "png:-")

    # Responsiveness

    @contextmanager
    def tick_gap(self, during: str = "True") -> Iterator[Gap]:
        """Measure the longest gap between Blender's timer calls while the block runs.

        A gap counts when the expression `during` is true at its end.
        """
        gap = Gap()
        self.run(f"meter = TickMeter(lambda: {during})")
        try:
            yield gap
        finally:
            gap.milliseconds = self.evaluate("meter.stop()")

    def _xdotool(self, *arguments: str) -> None:
        self.session.run("xdotool", *arguments)

    def _answers(self) -> bool:
        try:
            return self.evaluate("True")
        except (FileNotFoundError, ConnectionRefusedError):  # it does not listen yet
            return False

    def _until(self, look: Callable[[], Any], timeout: float, what: str) -> Any:
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if value := look():
                return value
            time.sleep(0.2)
        self.screenshot("timeout")
        tail = self.session.log_tail(LOG)
        raise TimeoutError(f"{what} did not come within {timeout:g} s\n{tail}")
