"""Three dimensions: shapes as signed distances, rendering, meshes and GLB files, radiance fields."""

from imagegen_lessons.shapes.building_networks import (
    BuildingClassifier,
    BuildingDecoder,
    BuildingVAE,
    Decoded,
    building_loss,
    fit_latent,
)
from imagegen_lessons.shapes.glb import GLBError, save_glb, to_glb
from imagegen_lessons.shapes.grid import Grids, ShapeGrid, drawn_grids
from imagegen_lessons.shapes.mesh import (
    Mesh,
    edges,
    is_closed,
    marching_cubes,
    stands_on_ground,
    to_mesh,
    volume,
)
from imagegen_lessons.shapes.networks import ShapeMLP, positional_encoding, sample_points
from imagegen_lessons.shapes.radiance import (
    RadianceGrid,
    rays_of_views,
    render_rays,
    render_view,
    total_variation,
    volume_weights,
)
from imagegen_lessons.shapes.sdf import (
    bake,
    box,
    cylinder,
    difference,
    from_grid,
    gable_roof,
    grid_points,
    intersection,
    normals,
    on_grid,
    plane,
    smooth_union,
    sphere,
    translate,
    turn,
    union,
    within,
)
from imagegen_lessons.shapes.shading import occlusion, render, shade, shadow, sky
from imagegen_lessons.shapes.tracing import Camera, orbit, rays, sphere_trace
from imagegen_lessons.shapes.viewer import view, view_html
