"""Steps of an artist in a window that several tests share."""

from window import END, Window

MODULE = "bl_ext.user_default.triposr"
TAB = "TripoSR"
GENERATE = "bpy.ops.triposr.generate"
CANCEL = "bpy.ops.triposr.cancel"
TIMEOUT = 300.0

# Expressions for Window.wait and Window.evaluate
RUNNING = "addon.tasks.session.pictures.is_running()"
FRACTION = "addon.tasks.session.pictures.state.fraction"
ERROR = "addon.tasks.session.pictures.state.error"
NEW_OBJECTS = "[o.name for o in bpy.data.objects if o.name not in {'Camera', 'Cube', 'Light'}]"
IN_VIEWPORT = """
window, area, _ = view3d()
with bpy.context.temp_override(window=window, area=area):"""

PICTURE = "/session/files/vase.png"
RENDER_PICTURE = f"""
def paint(*color):
    material = bpy.data.materials.new("Paint")
    material.use_nodes = True
    shader = next(n for n in material.node_tree.nodes if n.type == "BSDF_PRINCIPLED")
    shader.inputs["Base Color"].default_value = (*color, 1)
    bpy.context.object.data.materials.append(material)
bpy.ops.mesh.primitive_uv_sphere_add(scale=(0.8, 0.8, 0.9), location=(0, 0, -0.4))
paint(0.03, 0.12, 0.5)
bpy.ops.mesh.primitive_cylinder_add(radius=0.32, depth=0.8, location=(0, 0, 0.6))
paint(0.03, 0.12, 0.5)
bpy.ops.mesh.primitive_cone_add(radius1=0.32, radius2=0.64, depth=0.4, location=(0, 0, 1.1))
paint(0.8, 0.5, 0.05)
bpy.data.objects["Cube"].hide_render = True
camera = bpy.data.objects["Camera"]
camera.location, camera.rotation_euler = (0, -6, 1), (1.42, 0, 0)
light = bpy.data.objects["Light"]
light.data.type, light.rotation_euler = "SUN", (0.9, 0.5, 0)
light.data.energy = 3
scene = bpy.context.scene
scene.render.engine = "CYCLES"
scene.cycles.samples, scene.cycles.use_denoising = 16, False  # Debian builds no denoiser
scene.render.resolution_x = scene.render.resolution_y = 256
scene.render.film_transparent = True
scene.render.image_settings.color_mode = "RGBA"
scene.render.filepath = {PICTURE!r}
bpy.ops.render.render(write_still=True)
"""


LOOK_AT_NEW_OBJECTS = f"""
bpy.data.objects["Cube"].hide_set(True)
for each in bpy.data.objects:
    each.select_set(each.name in {NEW_OBJECTS})
window, area, _ = view3d()
region = next(region for region in area.regions if region.type == "WINDOW")
with bpy.context.temp_override(window=window, area=area, region=region):
    bpy.ops.view3d.view_selected()
"""


def look_at_new_objects(window: Window) -> None:
    """Let the viewport show what was generated, and nothing else."""
    window.run(LOOK_AT_NEW_OBJECTS)


def render_picture(window: Window) -> None:
    """Make PICTURE, a blue vase with a yellow rim on a transparent ground."""
    window.run(RENDER_PICTURE)


def enable(window: Window) -> None:
    """Enable the add-on and open its tab, with no message in it."""
    window.run(
        f"bpy.ops.preferences.addon_enable(module={MODULE!r})\n"
        f"import {MODULE} as addon\n"
        "addon.tasks.session.pictures.dismiss()"
    )
    window.open_tab(TAB)


def disable(window: Window) -> None:
    window.run(f"bpy.ops.preferences.addon_disable(module={MODULE!r})")


def set_picture(window: Window, resolution: int = 64) -> None:
    """Choose PICTURE in the tab's picture field."""
    window.run(
        f"bpy.context.scene.triposr.image = bpy.data.images.load({PICTURE!r})\n"
        f"bpy.context.scene.triposr.resolution = {resolution}\n"
        "view3d()[2].tag_redraw()"
    )


def start_long_task(window: Window) -> None:
    """Click Generate for a fine mesh and wait until there is progress."""
    set_picture(window, resolution=1024)
    window.click_button(GENERATE)
    wait_for_progress(window, 0)


def generate(window: Window) -> None:
    """Click Generate and wait for the object."""
    set_picture(window)
    window.click_button(GENERATE)
    wait_for_object(window)


def wait_for_progress(window: Window, fraction: float) -> None:
    window.wait(f"{ERROR} or ({RUNNING} and {FRACTION} > {fraction})", TIMEOUT, "progress")
    assert window.evaluate(ERROR) == ""


def wait_for_object(window: Window) -> None:
    window.wait(f"{ERROR} or {NEW_OBJECTS}", TIMEOUT, "the object")
    assert window.evaluate(ERROR) == ""


def click_cancel(window: Window) -> None:
    window.click_button(CANCEL, END)
