"""The interactive view: meshes in a notebook that one can turn, offline, in JupyterLab and on Colab.

Where scripts do not run (an untrusted notebook, GitHub, paper) the still picture is seen in its place.
"""

import base64
import functools
import hashlib
import json
import zlib
from html import escape
from pathlib import Path

import numpy as np
import torch

from imagegen_lessons import images
from imagegen_lessons.display import show
from imagegen_lessons.settings import number, whole
from imagegen_lessons.shapes.mesh import Mesh
from imagegen_lessons.shapes.shading import LAWN, SUN
from imagegen_lessons.shapes.tracing import unit

MAX_BYTES = 300_000  # half of what a notebook may be
MAX_VERTICES = 2**16
WAITING = "A still picture. Run this cell, and it can be turned."


def view(meshes, alt: str, still=None, *, size=(400, 640), azimuth=30.0) -> None:
    """Shows meshes so that they can be turned, by mouse or by keyboard; see `view_html`."""
    show.publish(view_html(meshes, alt, still, size=size, azimuth=azimuth), alt)


def view_html(meshes, alt: str, still=None, *, size=(400, 640), azimuth=30.0) -> str:
    """The same as HTML, with everything in it, below 300 KB.

    meshes: one or several. alt: what there is to see, in a sentence. still: a picture (1, 3, h, w) in [0, 1] that is
    there until the script runs, or where it cannot. size: pixels, (h, w). azimuth: degrees, from where one looks at
    first: 0 is in front (+z), 90 to the right. Raises ValueError for no mesh, for no alt text, and for too large ones.
    """
    show.require_alt(alt)
    meshes = [meshes] if isinstance(meshes, Mesh) else list(meshes)
    if not meshes:
        raise ValueError("There is no mesh to be seen.")
    height, width = (whole(side, "The size of a view", least=16) for side in size)
    scene, packed = _pack(meshes)
    scene |= {
        "sun": [round(part, 4) for part in unit(SUN)],
        "ground": LAWN,
        "width": width,
        "height": height,
    }
    scene["azimuth"] = number(azimuth, "The azimuth")
    name = hashlib.sha256((json.dumps(scene) + packed + alt).encode()).hexdigest()[:12]
    frame = f"display:block;width:100%;aspect-ratio:{width}/{height};object-fit:cover;border-radius:4px"
    if still is None:
        picture = f'<div class="still" style="{frame};background:#d6e6f2">{escape(alt)}</div>'
    else:
        picture = show.img_tag(images.to_bytes(still, "JPEG"), alt)
        picture = picture.replace("<img ", f'<img class="still" style="{frame}" ', 1)
    html = (
        # JupyterLab leaves the keys to what carries this attribute.
        f'<figure data-lm-suppress-shortcuts="true" data-view="{name}" data-alt="{escape(alt)}" '
        f'style="margin:0;max-width:{width}px">{picture}<figcaption>{WAITING}</figcaption></figure>'
        f'<script>{_script()}("{name}", {json.dumps(scene)}, "{packed}")</script>'
    )
    if len(html) > MAX_BYTES:
        raise ValueError(
            f"The view of these meshes takes {len(html) / 1000:.0f} KB, and a notebook has room for "
            f"{MAX_BYTES / 1000:.0f}; make them with fewer cells."
        )
    return html


@functools.cache
def _script() -> str:
    return (Path(__file__).parent / "viewer.js").read_text(encoding="utf-8").strip()


def _pack(meshes: list[Mesh]):
    """What is in the scene, and its numbers as text: 16 bits each, differences of neighbours, compressed."""
    every = torch.cat([mesh.vertices for mesh in meshes]).double().numpy()
    low, size = every.min(axis=0), np.maximum(np.ptp(every, axis=0), 1e-6)
    parts, numbers = [], []
    for mesh in meshes:
        if len(mesh.vertices) >= MAX_VERTICES:
            raise ValueError(
                f"The mesh {mesh.name!r} has {len(mesh.vertices)} vertices; make it with fewer cells."
            )
        places = np.rint((mesh.vertices.double().numpy() - low) / size * (MAX_VERTICES - 1))
        numbers += [places.T.ravel(), mesh.faces.numpy().T.ravel()]
        colour = [round(part, 3) for part in mesh.colour]
        parts.append({"vertices": len(mesh.vertices), "faces": len(mesh.faces), "colour": colour})
    numbers = np.concatenate(numbers).astype(np.uint16)
    steps = np.diff(numbers, prepend=np.uint16(0)).astype("<u2")  # modulo 65,536
    packed = base64.b64encode(zlib.compress(steps.tobytes(), 9)).decode()
    return {"parts": parts, "low": low.round(4).tolist(), "size": size.round(4).tolist()}, packed
