"""GLB files: meshes for Blender, Godot, Unity and every other program that reads glTF 2.0 (Khronos 2021).

A GLB file is one piece of JSON, which says what there is, and one of bytes, which holds the numbers.
"""

import json
import struct
from pathlib import Path

import numpy as np
import torch

from imagegen_lessons import runtime
from imagegen_lessons.provenance import ai_label, c2pa
from imagegen_lessons.shapes.mesh import Mesh, is_closed

MAGIC, JSON, BINARY = 0x46546C67, 0x4E4F534A, 0x004E4942  # "glTF", "JSON", "BIN"
FLOAT, VERTICES, FACES = 5126, 34962, 34963
WHOLE = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32}  # the kinds of numbers that faces are stored as
MAX_BYTES = 50_000_000
GAMMA = 2.2  # a material's colour is stored as light, not as on a screen
LABEL = {"comment": ai_label.COMMENT, "digitalSourceType": c2pa.IPTC + ai_label.SOURCE}


class GLBError(ValueError):
    """A file cannot be read or written; the message is one sentence that says why."""


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
    """The bytes of such a file, for one mesh or several; see `save_glb`."""
    meshes = [meshes] if isinstance(meshes, Mesh) else list(meshes)
    if not meshes:
        raise GLBError("There is no mesh to save.")
    for mesh in meshes:
        if not is_closed(mesh):
            raise GLBError(
                f"The mesh {mesh.name!r} is open: some edge belongs to one face only, or to three."
            )
    views, accessors, materials, parts, binary = [], [], [], [], bytearray()

    def store(array, target, **accessor):
        views.append({"buffer": 0, "byteOffset": len(binary), "byteLength": array.nbytes, "target": target})
        accessors.append({"bufferView": len(views) - 1, **accessor})
        binary.extend(array.tobytes() + bytes(-array.nbytes % 4))  # numbers begin at multiples of 4
        return len(accessors) - 1

    for mesh in meshes:
        vertices, faces = mesh.vertices.numpy().astype("<f4"), mesh.faces.numpy().reshape(-1)
        kind = 5123 if len(vertices) < 2**16 else 5125
        limits = {"min": vertices.min(axis=0).tolist(), "max": vertices.max(axis=0).tolist()}
        position = store(vertices, VERTICES, componentType=FLOAT, count=len(vertices), type="VEC3", **limits)
        indices = store(faces.astype(WHOLE[kind]), FACES, componentType=kind, count=len(faces), type="SCALAR")
        colour = [*(part**GAMMA for part in mesh.colour), 1.0]
        look = {"baseColorFactor": colour, "metallicFactor": 0.0, "roughnessFactor": mesh.roughness}
        materials.append({"name": mesh.name, "pbrMetallicRoughness": look})
        piece = {"attributes": {"POSITION": position}, "indices": indices, "material": len(materials) - 1}
        parts.append({"name": mesh.name, "primitives": [piece]})
    content = {
        "asset": {"version": "2.0", "generator": "imagegen_lessons", "extras": LABEL},
        "scene": 0,
        "scenes": [{"nodes": list(range(len(parts))), "extras": LABEL}],  # these Blender shows
        "nodes": [{"mesh": k, "name": mesh.name} for k, mesh in enumerate(meshes)],
        "meshes": parts,
        "materials": materials,
        "accessors": accessors,
        "bufferViews": views,
        "buffers": [{"byteLength": len(binary)}],
    }
    text = json.dumps(content, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    chunks = struct.pack("<II", len(text), JSON) + text + struct.pack("<II", len(binary), BINARY) + binary
    return struct.pack("<III", MAGIC, 2, 12 + len(chunks)) + chunks


def load_glb(path, max_bytes=MAX_BYTES) -> list[Mesh]:
    """The meshes of a GLB file, with names, colours and roughness; textures and animations are left out.

    Raises GLBError for what is no GLB or a damaged one, larger than `max_bytes`, with NaN, with data outside of the
    file (nothing else is ever opened), compressed, or with parts that are moved by their nodes.
    """
    path = runtime.as_path(path)
    try:
        if path.stat().st_size > max_bytes:
            raise GLBError(
                f"{path.name!r} is larger than {max_bytes / 1e6:g} MB; save it with fewer triangles."
            )
        data = path.read_bytes()
    except OSError as error:
        raise GLBError(f"{path.name!r} cannot be read: {error.strerror or type(error).__name__}.") from None
    try:
        return _meshes(*_chunks(data))
    except GLBError as error:
        raise GLBError(f"{path.name!r} {error}") from None
    except ValueError as error:  # a mesh says itself what is wrong with it
        raise GLBError(f"{path.name!r} holds a broken mesh: {error}") from None
    except (AttributeError, IndexError, KeyError, TypeError, RecursionError, OverflowError):
        raise GLBError(f"{path.name!r} is damaged: its description does not fit its contents.") from None


def _chunks(data: bytes):
    """The description and the bytes of a GLB file."""
    if len(data) < 20 or struct.unpack_from("<I", data)[0] != MAGIC:
        raise GLBError("is no GLB file; export the model as 'glTF binary (.glb)'.")
    _, version, length, text, kind = struct.unpack_from("<IIIII", data)
    if version != 2 or kind != JSON:
        raise GLBError("is of another version than glTF 2.0; export it again.")
    if length != len(data) or 20 + text > length:
        raise GLBError("is incomplete; get the file again.")
    try:
        content = json.loads(data[20 : 20 + text])
    except ValueError:
        raise GLBError("is damaged: its description is no JSON.") from None
    return content, data[28 + text :]


def _meshes(content: dict, binary: bytes) -> list[Mesh]:
    if any("uri" in thing for thing in content.get("buffers", []) + content.get("images", [])):
        raise GLBError("keeps some of its data in other files, which are not opened; export it in one piece.")
    if needed := content.get("extensionsRequired"):
        raise GLBError(f"needs the extension {needed[0]}; export it without compression.")
    if any(
        key in node
        for node in content.get("nodes", [])
        for key in ("matrix", "translation", "rotation", "scale")
    ):
        raise GLBError("moves its parts with nodes; apply all transforms before exporting it.")
    found, size = [], 0
    for part in content.get("meshes", []):
        for piece in part["primitives"]:
            if piece.get("mode", 4) != 4:
                raise GLBError("holds points or lines; only triangles are read.")
            vertices = _numbers(content, binary, piece["attributes"]["POSITION"], 3)
            indices = piece.get("indices")
            faces = np.arange(len(vertices)) if indices is None else _numbers(content, binary, indices, 1)
            if faces.size % 3:
                raise GLBError("is damaged: it holds triangles of fewer than three corners.")
            size += vertices.nbytes + faces.nbytes
            if size > 4 * MAX_BYTES:  # a small file can repeat the same numbers many times
                raise GLBError("holds more triangles than can be read here.")
            found.append(
                Mesh(
                    vertices,
                    torch.from_numpy(faces.astype("int64").reshape(-1, 3)),
                    **_material(content, part, piece),
                )
            )
    if not found:
        raise GLBError("holds no mesh.")
    return found


def _material(content: dict, part: dict, piece: dict) -> dict:
    material = content["materials"][piece["material"]] if "material" in piece else {}
    look = material.get("pbrMetallicRoughness", {})
    light = look.get("baseColorFactor", [1, 1, 1, 1])[:3]
    colour = tuple(float(min(max(part, 0), 1)) ** (1 / GAMMA) for part in light)
    name = part.get("name") or material.get("name") or "mesh"
    return {"name": str(name), "colour": colour, "roughness": float(look.get("roughnessFactor", 1.0))}


def _numbers(content: dict, binary: bytes, index: int, width: int) -> np.ndarray:
    """What accessor `index` describes, (count, width): never more than the file holds."""
    accessor = content["accessors"][index]
    if "sparse" in accessor or "bufferView" not in accessor:
        raise GLBError("stores a mesh in a sparse way, which is not read; export it again.")
    view = content["bufferViews"][accessor["bufferView"]]
    kind = (
        np.dtype(np.float32)
        if accessor["componentType"] == FLOAT
        else np.dtype(WHOLE[accessor["componentType"]])
    )
    if (width == 3) != (accessor["componentType"] == FLOAT) or accessor["type"] != {1: "SCALAR", 3: "VEC3"}[
        width
    ]:
        raise GLBError("stores positions or faces in an unusual way; export it again.")
    count, step = accessor["count"], view.get("byteStride", width * kind.itemsize)
    start, inside = accessor.get("byteOffset", 0), view["byteLength"]
    end = start + (count - 1) * step + width * kind.itemsize
    first = view.get("byteOffset", 0)
    if min(count, step, inside) < 1 or min(start, first) < 0 or end > inside or first + inside > len(binary):
        raise GLBError("is damaged: it describes more numbers than it holds.")
    return np.ndarray(
        (count, width), kind.newbyteorder("<"), binary, first + start, (step, kind.itemsize)
    ).copy()
