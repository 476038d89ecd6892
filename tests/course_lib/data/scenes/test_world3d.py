"""Space: rays meet the solids where geometry says, cameras project back, depth, normals and boxes agree."""

import math

import pytest
import torch

from course_lib.core.seeding import generator
from course_lib.data.scenes import (
    SOLIDS,
    World,
    box_corners,
    cast,
    grid_cameras,
    occupancy,
    orbit_cameras,
    oriented_boxes,
    point_cloud,
    render_views,
    sample_worlds,
)
from course_lib.data.scenes.cast import into_frame
from course_lib.data.scenes.world3d import MESHES
from course_lib.ops.geometry.cameras import camera_rays, look_at_pose, project_points


@pytest.fixture(scope="module")
def view():
    world = sample_worlds(6, (3, 5), generator=generator(8))
    cameras = orbit_cameras(6, 3, (48, 64), distance=4.5)
    return world, cameras, render_views(world, cameras, supersample=1)


def one(solid, yaw=0.4, half=(0.5, 0.35, 0.6), centre=(0.2, -0.1, 0.6)):
    tensor = lambda value: torch.tensor(value)[None, None]  # noqa: E731
    return World(
        kind=torch.tensor([[SOLIDS.index(solid)]]),
        centre=tensor(centre),
        half=tensor(half),
        yaw=torch.tensor([[yaw]]),
        colour_id=torch.zeros(1, 1, dtype=torch.long),
        colour=tensor([0.8, 0.2, 0.2]),
        ground=torch.full((1, 2, 3), 0.6),
        sun=torch.tensor([[0.6, 0.0, 0.8]]),
    )


@pytest.mark.parametrize("name", sorted(MESHES))
def test_meshes_are_closed_and_turned_outwards(name):
    vertices, faces = MESHES[name]
    edges = [(f[i], f[(i + 1) % 3]) for f in faces for i in range(3)]
    assert len(set(edges)) == len(edges)
    assert all((b, a) in edges for a, b in edges)
    corner = torch.tensor(vertices, dtype=torch.float64)[torch.tensor(faces)]
    volume = torch.linalg.det(corner).sum() / 6
    known = {"pyramid": 8 / 3, "octahedron": 4 / 3, "prism": 4.0, "bracket": 2 * (2 * 0.8 + 0.8 * 1.2)}
    assert volume.item() == pytest.approx(known[name])
    assert corner.abs().max() == 1


@pytest.mark.parametrize("solid", SOLIDS)
def test_in_front_of_a_hit_is_empty_and_behind_it_is_solid(solid):
    world = one(solid)
    origins, directions = (rays.flatten(1, 2) for rays in camera_rays(orbit_cameras(1, 8, 32, distance=2.5)))
    hits = cast(world, origins, directions)
    struck = hits.slot[0] == 0
    points = origins + hits.distance[..., None] * directions
    inside = into_frame(world, points, 0)[0, struck]
    assert struck.sum() > 300
    assert torch.allclose(inside, hits.local[0, struck], atol=1e-4)
    if solid == "sphere":
        assert (inside.norm(dim=-1) - 1).abs().max() < 1e-3
    if solid == "box":
        assert (inside.abs().amax(-1) - 1).abs().max() < 1e-4
    towards = (hits.normal * directions)[0, struck].sum(-1)
    assert (towards < 1e-4).all()
    steep = towards < -0.2  # a step along a grazing ray would leave through the next side
    step = 4e-3 * directions[0, struck][steep]
    assert not occupancy(world, (points[0, struck][steep] - step)[None]).any()
    assert occupancy(world, (points[0, struck][steep] + step)[None]).float().mean() > 0.99


def test_sphere_against_the_formula():
    world = one("sphere", half=(0.5, 0.5, 0.5), centre=(0.0, 0.0, 0.5))
    start = torch.tensor([[[-3.0, 0.2, 0.6], [0.1, 0.0, 4.0], [-3.0, 2.0, 0.5]]])
    aim = torch.tensor([[[2.0, 0.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]]])
    hits = cast(world, start, aim)
    assert hits.slot.tolist() == [[0, 0, -2]]
    wanted = [(3 - math.sqrt(0.25 - 0.04 - 0.01)) / 2, 4 - 0.5 - math.sqrt(0.25 - 0.01), math.inf]
    assert hits.distance[0].tolist() == pytest.approx(wanted, abs=1e-5)
    point = start[0, :2] + hits.distance[0, :2, None] * aim[0, :2]
    assert torch.allclose(hits.normal[0, :2], (point - torch.tensor([0.0, 0.0, 0.5])) / 0.5, atol=1e-5)


def test_the_point_cloud_projects_back_to_its_pixels(view):
    _, cameras, views = view
    cloud = point_cloud(cameras, views.depth)
    finite = views.depth.isfinite()
    for v in range(3):
        pixels, depth = project_points(cameras, cloud[:, v, None].flatten(2, 3))
        y, x = torch.meshgrid(torch.arange(48) + 0.5, torch.arange(64) + 0.5, indexing="ij")
        gap = (pixels[:, v].view(6, 48, 64, 2) - torch.stack([x, y], -1)).abs().amax(-1)
        near = finite[:, v] & (views.depth[:, v] < 20)
        assert gap[near].max() < 2e-3
        assert (depth[:, v].view(6, 48, 64) - views.depth[:, v])[near].abs().max() < 1e-4


def test_normals_are_across_the_surface_that_depth_describes(view):
    _, cameras, views = view
    cloud, slots = point_cloud(cameras, views.depth), views.slots
    across = cloud[:, :, 1:-1, 2:] - cloud[:, :, 1:-1, :-2]
    down = cloud[:, :, 2:, 1:-1] - cloud[:, :, :-2, 1:-1]
    wanted = torch.nn.functional.normalize(torch.linalg.cross(down, across), dim=-1)
    rotation = cameras.pose[..., :3]
    turned = torch.einsum("bvij,bvhwj->bvhwi", rotation, wanted)
    got = views.normals.permute(0, 1, 3, 4, 2)[:, :, 1:-1, 1:-1]
    middle = slots[:, :, 1:-1, 1:-1]
    even = middle >= -1
    for dy, dx in ((0, 1), (2, 1), (1, 0), (1, 2)):
        even &= slots[:, :, dy : dy + 46, dx : dx + 62] == middle
    agree = (turned * got).sum(-1)
    assert (agree[even & (middle == -1)] > 0.999).all()
    assert (agree[even & (middle >= 0)] > 0.95).float().mean() > 0.8  # the rest lies across an edge between two faces
    assert (views.normals.norm(dim=2)[slots > -2] - 1).abs().max() < 1e-4


def test_surfaces_seen_from_two_views_are_the_same_points(view):
    """A ray from camera 1 to a point that camera 0 sees ends at that point, or at something before it; never beyond."""
    world, cameras, views = view
    cloud = point_cloud(cameras, views.depth)[:, 0].flatten(1, 2)
    seen = cloud.isfinite().all(-1)
    eye = cameras.position[:, 1, None].expand_as(cloud)
    hits = cast(world, eye, torch.where(seen[..., None], cloud - eye, torch.tensor([0.0, 0.0, 1.0])))
    assert (hits.distance[seen] < 1 + 1e-3).all()
    reached = (hits.distance - 1).abs() < 1e-3
    assert reached[seen].float().mean() > 0.5
    assert torch.equal(hits.slot[reached & seen], views.slots[:, 0].flatten(1)[reached & seen])
    assert (hits.slot[~reached & seen] >= 0).all()  # only objects hide


def test_oriented_boxes_hold_their_objects_tightly(view):
    world, cameras, views = view
    boxes = oriented_boxes(world)
    cloud, slots = point_cloud(cameras, views.depth).flatten(1, 3), views.slots.flatten(1)
    tight = 0
    for b, n in (world.kind >= 0).nonzero().tolist():
        points = cloud[b][slots[b] == n]
        yaw = boxes[b, n, 6]
        back = torch.tensor([[yaw.cos(), yaw.sin()], [-yaw.sin(), yaw.cos()]])
        local = (points - boxes[b, n, :3]).clone()
        local[:, :2] = local[:, :2] @ back.T
        assert (local.abs() <= boxes[b, n, 3:6] / 2 + 1e-3).all()
        if len(points) > 150:
            tight += (local.abs().amax(0) > 0.42 * boxes[b, n, 3:6]).all().item()
    assert tight > 5
    assert (boxes[world.kind < 0] == 0).all()
    corners = box_corners(boxes)
    lengths = (corners[..., 1, :] - corners[..., 0, :]).norm(dim=-1)
    assert torch.allclose(lengths, boxes[..., 3], atol=1e-5)
    assert torch.allclose(corners.mean(-2), boxes[..., :3], atol=1e-5)


def test_objects_stand_on_the_ground_and_apart():
    world = sample_worlds(100, 4, generator=generator(0))
    assert torch.allclose(world.centre[..., 2], world.half[..., 2])
    gap = torch.cdist(world.centre[..., :2], world.centre[..., :2]) + 10 * torch.eye(4)
    assert (gap.amin((1, 2)) > 0.84).float().mean() > 0.95


def test_light_field_disparity_is_focal_length_times_step_over_depth():
    cameras = grid_cameras(1, 1, 3, size=64, spacing=0.1)
    points = torch.tensor([[[0.3, 0.2, 0.4], [-0.5, 0.1, 0.2]]])
    pixels, depth = project_points(cameras, points[:, None])
    focal = cameras.intrinsics[0, 0, 0, 0]
    assert torch.allclose(depth[0, 0], depth[0, 1], atol=1e-5)
    assert torch.allclose(pixels[0, 0, :, 0] - pixels[0, 1, :, 0], focal * 0.1 / depth[0, 0], atol=1e-3)
    assert torch.allclose(pixels[0, 0, :, 1], pixels[0, 2, :, 1], atol=1e-3)


def test_camera_frame_is_right_down_forward():
    pose = look_at_pose(torch.tensor([0.0, -4.0, 1.0]), torch.tensor([0.0, 0.0, 1.0]))
    assert torch.allclose(pose[:, :3], torch.tensor([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]), atol=1e-6)
    assert torch.allclose(pose[:, :3] @ pose[:, :3].T, torch.eye(3), atol=1e-6)
    cameras = orbit_cameras(2, 5, 32)
    middle, depth = project_points(cameras, torch.tensor([0.0, 0.0, 0.3]).expand(2, 1, 1, 3))
    assert torch.allclose(middle, torch.full_like(middle, 16.0), atol=1e-3)
    assert torch.allclose(
        depth, (cameras.position - torch.tensor([0.0, 0.0, 0.3])).norm(dim=-1, keepdim=True), atol=1e-4
    )


def test_pictures_are_seeded_lit_and_shadowed(view):
    _, cameras, views = view
    again = render_views(sample_worlds(6, (3, 5), generator=generator(8)), cameras, supersample=1)
    assert torch.equal(again.image, views.image)
    assert views.image.min() >= 0
    assert views.image.max() <= 1
    box = one("box", centre=(0.0, 0.0, 0.6))
    dark = render_views(box, orbit_cameras(1, 1, 32, start=math.pi / 2), supersample=1)
    cloud = point_cloud(orbit_cameras(1, 1, 32, start=math.pi / 2), dark.depth)[0, 0]
    ground, near = dark.slots[0, 0] == -1, cloud.norm(dim=-1) < 1.6
    light = dark.image[0, 0].mean(0)
    away, towards = cloud[..., 0] < -0.6, cloud[..., 0] > 0.6  # the sun stands over +x
    assert light[ground & near & away & (cloud[..., 1].abs() < 0.2)].min() < 0.6 * light[ground & near & towards].mean()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_cpu_and_gpu_agree_in_space(view):
    from dataclasses import fields

    world, _, views = view
    there = World(**{f.name: getattr(world, f.name).cuda() for f in fields(world)})
    other = render_views(there, orbit_cameras(6, 3, (48, 64), distance=4.5, device="cuda"), supersample=1)
    assert (other.image.cpu() - views.image).abs().mean() < 1e-4


def test_bad_requests():
    for bad, words in (
        ({"objects": 0}, "1 to 6 objects"),
        ({"objects": 7}, "1 to 6"),
        ({"solids": ("cone",)}, "unknown solid 'cone'"),
    ):
        with pytest.raises(ValueError, match=words):
            sample_worlds(2, generator=generator(), **bad)
    with pytest.raises(ValueError, match="do not lie along up"):
        look_at_pose(torch.tensor([0.0, 0, 3]), torch.zeros(3))
    with pytest.raises(ValueError, match="as many sets"):
        render_views(sample_worlds(2, generator=generator()), orbit_cameras(3, 1, 16))
    with pytest.raises(ValueError, match="field of view"):
        orbit_cameras(1, 1, 16, field=200)
