"""GLB files: meshes for Blender, Godot, Unity and every other program that reads glTF 2.0 (Khronos 2021)."""

from pathlib import Path

from imagegen_lessons import runtime
from imagegen_lessons.provenance import ai_label, c2pa
from imagegen_lessons.shapes.mesh import Mesh, is_closed

LABEL = {"comment": ai_label.COMMENT, "digitalSourceType": c2pa.IPTC + ai_label.SOURCE}


class GLBError(ValueError):
    """A file cannot be written; the message is one sentence that says why."""


def save_glb(meshes, path) -> Path:
    """Writes meshes to `path` (.glb) with the AI label in the file's metadata; returns the path.

    Each mesh is a part with a name and a material of its own. Raises GLBError for another ending, for no mesh at all,
    for an open mesh, and where the file cannot be written.
    """
    path = runtime.as_path(path)
    if path.suffix.lower() != ".glb":
        raise GLBError(f"The name of the file must end in .glb, not {path.suffix!r}.")
    data = to_glb(meshes)
    try:
        runtime.write_atomically(path, data)
    except OSError as error:
        raise GLBError(
            f"{path.name!r} cannot be written: {error.strerror or type(error).__name__}."
        ) from None
    return path


def to_glb(meshes) -> bytes:
    """The bytes of such a file, for one mesh or several; see `save_glb`. The same meshes give the same bytes."""
    import trimesh  # takes a second

    meshes = [meshes] if isinstance(meshes, Mesh) else list(meshes)
    if not meshes:
        raise GLBError("There is no mesh to save.")
    scene = trimesh.Scene()
    for mesh in meshes:
        if not is_closed(mesh):
            raise GLBError(
                f"The mesh {mesh.name!r} is open: some edge belongs to one face only, or to three."
            )
        material = trimesh.visual.material.PBRMaterial(
            mesh.name,
            # A material's colour is the light that it gives back, not what a screen is told.
            baseColorFactor=trimesh.visual.color.srgb_to_linear(mesh.colour),
            metallicFactor=0.0,
            roughnessFactor=mesh.roughness,
        )
        look = trimesh.visual.TextureVisuals(material=material)
        part = trimesh.Trimesh(mesh.vertices.numpy(), mesh.faces.numpy(), process=False, visual=look)
        scene.add_geometry(part, geom_name=mesh.name)

    def label(tree):
        tree["asset"] |= {"generator": "imagegen_lessons", "extras": LABEL}
        tree["scenes"][0]["extras"] = LABEL  # these Blender shows

    return trimesh.exchange.gltf.export_glb(scene, tree_postprocessor=label)
