"""Runs inside a Blender window: executes Python that comes over a Unix socket, on the main thread.

Everything defined here is in reach of that Python.
"""

import contextlib
import io
import json
import socket
import sys
import time
import traceback
from collections.abc import Callable

import bpy

LOOK = 0.01  # seconds between two looks at the socket
TICK = 0.05  # seconds, the period of the tick meter


def view3d() -> tuple[bpy.types.Window, bpy.types.Area, bpy.types.Region]:
    """Return the window, its 3D viewport and that viewport's sidebar."""
    window = bpy.context.window_manager.windows[0]
    area = max(
        (area for area in window.screen.areas if area.type == "VIEW_3D"),
        key=lambda area: area.width * area.height,
    )
    return window, area, next(region for region in area.regions if region.type == "UI")


def rectangle(region: bpy.types.Region) -> list[int]:
    """Return x, y, width and height in X's pixels, whose origin is the top left corner."""
    window = bpy.context.window_manager.windows[0]
    return [region.x, window.height - region.y - region.height, region.width, region.height]


def open_tab(tab: str) -> list[int] | None:
    """Show a tab of the sidebar; None while the sidebar was not drawn yet, so ask again."""
    _, area, sidebar = view3d()
    area.spaces.active.show_region_ui = True
    area.tag_redraw()
    sidebar.tag_redraw()
    try:
        sidebar.active_panel_category = tab
    except (AttributeError, TypeError):  # read-only or unknown until drawn once
        return None
    return rectangle(sidebar) if sidebar.width > 1 else None


def under_mouse() -> dict[str, str]:
    """Return the operator call and the data path of the sidebar's button under the mouse."""
    window, area, sidebar = view3d()
    found = {}
    manager = bpy.context.window_manager
    with bpy.context.temp_override(window=window, area=area, region=sidebar):
        for kind, copy, options in (
            ("operator", bpy.ops.ui.copy_python_command_button, {}),
            ("property", bpy.ops.ui.copy_data_path_button, {"full_path": True}),
        ):
            manager.clipboard = ""
            if copy.poll():
                copy(**options)
            found[kind] = manager.clipboard
    return found


class TickMeter:
    """Measures the longest gap between two calls of a timer that asks for one every 50 ms.

    A gap counts when `during` is true at its end.
    """

    def __init__(self, during: Callable[[], bool]) -> None:
        self.during = during
        self.longest = 0.0
        self.last = time.perf_counter()
        self.timer = self.tick  # kept, as every access makes a new bound method
        bpy.app.timers.register(self.timer, first_interval=TICK, persistent=True)

    def tick(self) -> float:
        now = time.perf_counter()
        if self.during():
            self.longest = max(self.longest, now - self.last)
        self.last = now
        return TICK

    def stop(self) -> float:
        """Return the longest gap in milliseconds."""
        bpy.app.timers.unregister(self.timer)
        return 1000 * self.longest


def serve() -> float:
    try:
        connection, _ = listener.accept()
    except BlockingIOError:
        return LOOK
    with connection:
        connection.settimeout(10)
        source = b"".join(iter(lambda: connection.recv(65536), b""))
        output, error = io.StringIO(), None
        with contextlib.redirect_stdout(output):
            try:
                exec(compile(source, "<window test>", "exec"), namespace)
            except BaseException:  # whatever the test's code raised is the test's to see
                error = traceback.format_exc()
        reply = {"output": output.getvalue(), "error": error}
        with contextlib.suppress(OSError):  # the test gave up waiting
            connection.sendall(json.dumps(reply).encode())
    return LOOK


namespace = dict(globals())

preferences = bpy.context.preferences
preferences.use_preferences_save = False
preferences.view.show_splash = False
preferences.view.use_save_prompt = False
preferences.view.show_tooltips = False  # they would cover the screenshots
preferences.view.smooth_view = 0
preferences.view.filebrowser_display_type = "SCREEN"  # a second window is lost without a manager

listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[-1])
listener.listen()
listener.setblocking(False)
bpy.app.timers.register(serve, persistent=True)
