// The viewer needs WebGL 2. Without it, or opened from a disk, the picture and the links remain.
if (document.createElement("canvas").getContext("webgl2")) {
  import("./model-viewer.min.js").catch((error) => console.warn(error));
}
