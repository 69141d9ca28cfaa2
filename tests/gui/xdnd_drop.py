"""Runs inside a root: drops files on the X window under a point, as a file manager would (XDND).

Usage: xdnd_drop.py X Y FILE...
"""

import select
import sys
import time
import urllib.parse
from collections.abc import Sequence

from Xlib import X
from Xlib.display import Display
from Xlib.protocol import event
from Xlib.xobject.drawable import Window

PROTOCOL_VERSION = 5
ACCEPTED = 1  # bit of the second word of XdndStatus


def window_under(parent: Window, x: int, y: int) -> Window | None:
    """Return the deepest window that takes drops at (x, y), given in the parent's pixels."""
    aware = parent.display.get_atom("XdndAware")
    for child in reversed(parent.query_tree().children):  # the topmost first
        if child.get_attributes().map_state != X.IsViewable:
            continue
        box = child.get_geometry()
        inner_x, inner_y = x - box.x, y - box.y
        if 0 <= inner_x < box.width and 0 <= inner_y < box.height:
            if child.get_full_property(aware, X.AnyPropertyType):
                return child
            return window_under(child, inner_x, inner_y)
    return None


class Drag:
    """One drag of files from a window of ours to a window that takes drops."""

    def __init__(self, display: Display, target: Window, files: Sequence[str]) -> None:
        self.display = display
        self.target = target
        self.uris = "".join(f"file://{urllib.parse.quote(file)}\r\n" for file in files).encode()
        self.uri_list = self.atom("text/uri-list")
        screen = display.screen()
        self.source = screen.root.create_window(0, 0, 1, 1, 0, screen.root_depth)
        self.source.set_selection_owner(self.atom("XdndSelection"), X.CurrentTime)

    def atom(self, name: str) -> int:
        return self.display.intern_atom(name)

    def drop(self, x: int, y: int) -> None:
        """Enter the target, move over (x, y), drop, and wait until the files were taken."""
        self.send("XdndEnter", PROTOCOL_VERSION << 24, self.uri_list, 0, 0)
        status: Sequence[int] | None = None
        for step in range(6):  # a few moves, as the target decides while being moved over
            position = (x << 16) | (y + step % 2)
            self.send("XdndPosition", 0, position, X.CurrentTime, self.atom("XdndActionCopy"))
            status = self.answer("XdndStatus", 5) or status
        if status is None or not status[1] & ACCEPTED:
            sys.exit(f"the window does not take the files: {status}")
        self.send("XdndDrop", 0, X.CurrentTime, 0, 0)
        if self.answer("XdndFinished", 30) is None:
            sys.exit("the window did not finish the drop")

    def send(self, message: str, *data: int) -> None:
        self.target.send_event(
            event.ClientMessage(
                window=self.target,
                client_type=self.atom(message),
                data=(32, [self.source.id, *data]),
            )
        )
        self.display.flush()

    def answer(self, message: str, timeout: float) -> Sequence[int] | None:
        """Wait for the target's message; meanwhile hand it the list of files when it asks."""
        end = time.monotonic() + timeout
        while time.monotonic() < end:
            if not self.display.pending_events():
                select.select([self.display.fileno()], [], [], 0.05)
                continue
            received = self.display.next_event()
            if received.type == X.SelectionRequest:
                self.hand_over(received)
            elif received.type == X.ClientMessage and received.client_type == self.atom(message):
                return received.data[1]
        return None

    def hand_over(self, request: event.SelectionRequest) -> None:
        known = request.target == self.uri_list
        if known:
            request.requestor.change_property(request.property, self.uri_list, 8, self.uris)
        request.requestor.send_event(
            event.SelectionNotify(
                time=request.time,
                requestor=request.requestor,
                selection=request.selection,
                target=request.target,
                property=request.property if known else X.NONE,
            )
        )
        self.display.flush()


def main() -> None:
    x, y = int(sys.argv[1]), int(sys.argv[2])
    display = Display()
    root = display.screen().root
    root.warp_pointer(x, y)
    display.sync()
    time.sleep(0.3)  # Blender takes the drop where it last saw the pointer
    target = window_under(root, x, y)
    if target is None:
        sys.exit(f"no window takes drops at {x}, {y}")
    Drag(display, target, sys.argv[3:]).drop(x, y)


main()
