"""The recorded numbers of chapter 20; writes chapters/cards/20_fields.json.

    python -m recipes.neural_fields --state fields.json

pictures   four kinds of field of about 13,000 weights learn every second pixel of three photographs (128 x 128), three
           seeds each; the rate of each kind is chosen on a fourth photograph, inside a grid that grows
views      a radiance field of three worlds from 4 to 24 views, and from 24 views with wrong poses
speed      other numbers of samples, widths and tables, and Gaussians, on the same views
clips      fields of three widths learn every second frame of two clips; bytes after rounding beside the course's codec

Seconds are processor seconds of one thread. Everything goes into the state file as soon as it is known.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from course_lib.codec.video import decode_clip, encode_clip
from course_lib.core.seeding import generator
from course_lib.core.training import fit
from course_lib.data.clips import camera_clip
from course_lib.data.photographs import photograph
from course_lib.data.scenes import sample_worlds
from course_lib.data.scenes.views import point_cloud
from course_lib.fields.coordinates import CoordinateNetwork, clip_coordinates, fit_field, pixel_coordinates
from course_lib.fields.hash_grid import HashField
from course_lib.fields.packing import pack_field, unpack_field
from course_lib.fields.posed import HIGH, LOW, orbit_rings, posed_pixels, turned_cameras
from course_lib.fields.radiance import RadianceField, fit_views, render_all
from course_lib.fields.siren import Siren
from course_lib.fields.splatting import GaussianScene
from course_lib.metrics.psnr import psnr
from recipes.common import CARDS, environment, start
from recipes.comparison import Known, choose_rate

SIDE, STEPS, EVERY, BATCH = 128, 300, 25, 1024
TUNED, PHOTOGRAPHS, SEEDS = "rocket", ("astronaut", "chelsea", "coffee"), 3
FIELDS: dict[str, tuple[Callable[[], nn.Module], tuple[float, ...]]] = {
    "plain": (lambda: CoordinateNetwork(2, 0, hidden=80), (3e-3, 6e-3, 12e-3)),
    "Fourier": (lambda: CoordinateNetwork(2, 6, hidden=76), (3e-3, 6e-3, 12e-3)),
    "SIREN": (lambda: Siren(2, 80, omega=30.0), (5e-4, 1e-3, 2e-3)),
    "hash grid": (lambda: HashField(2, 64, levels=8, table=2**11, coarsest=4, finest=64), (1e-2, 2e-2, 4e-2)),
}
WORLDS, TUNING_WORLD, SIZE, VIEW_STEPS, RAYS = (31, 32, 33), 20, 48, 150, 768
PASSES = {"samples": 12, "fine": 12}
BASE = {"hidden": 32, "grid": {"levels": 6, "table": 2**13, "coarsest": 8, "finest": 64}}
SPEEDS = {
    "even 8": ({"samples": 8}, BASE),
    "even 24": ({"samples": 24}, BASE),
    "4 + 4": ({"samples": 4, "fine": 4}, BASE),
    "table 512": (PASSES, {**BASE, "grid": {**BASE["grid"], "table": 2**9}}),
    "width 96": (PASSES, {**BASE, "hidden": 96}),
}
GAUSSIANS, FRAMES, CLIP, WIDTHS, CLIP_STEPS = 600, 17, 48, (24, 48, 96), 600


def square(name: str, side: int) -> Tensor:
    """The middle of a photograph, (3, side, side)."""
    picture = photograph(name)
    least = min(picture.shape[1:])
    top, left = ((n - least) // 2 for n in picture.shape[1:])
    cut = picture[None, :, top : top + least, left : left + least]
    return interpolate(cut, size=(side, side), mode="bilinear", antialias=True)[0].clamp(0, 1)


def learn_picture(kind: str, name: str, rate: float, seed: int) -> dict:
    """PSNR of seen and unseen pixels while a field learns every second row and column of a photograph."""
    picture, points = square(name, SIDE).permute(1, 2, 0), pixel_coordinates(SIDE, SIDE)
    seen = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    seen[::2, ::2] = True
    seen, values, between = seen.flatten(), picture.flatten(0, 1), []
    torch.manual_seed(seed)
    field = FIELDS[kind][0]()

    def judged(field: nn.Module) -> float:
        made = torch.cat([field(part) for part in points.split(4096)]).clamp(0, 1)
        between.append(round(psnr(made[~seen], values[~seen]), 2))
        return round(psnr(made[seen], values[seen]), 2)

    history = fit_field(field, points[seen], values[seen], rate=rate, steps=STEPS, batch=BATCH, every=EVERY,
                        generator=generator(seed), evaluate=judged)  # fmt: skip
    return {"seen": history.metric, "unseen": between, "weights": sum(p.numel() for p in field.parameters())}


def step_milliseconds(kind: str) -> float:
    """Processor time of one step."""
    torch.manual_seed(0)
    field, points, found = FIELDS[kind][0](), pixel_coordinates(64, 64), []
    for _ in range(5):
        begin = time.process_time()
        fit_field(field, points, points.repeat(1, 2)[:, :3], rate=1e-3, steps=20, batch=BATCH, generator=generator(0))
        found.append((time.process_time() - begin) / 20)
    return round(1e3 * sorted(found)[2], 2)


def between_by_bicubic(name: str) -> float:
    """PSNR of unseen pixels if the seen ones are interpolated by bicubic splines at the right places."""
    picture = square(name, SIDE)
    points = torch.arange(SIDE) / 2  # seen pixel k is pixel 2 k
    y, x = torch.meshgrid(points, points, indexing="ij")
    grid = (2 * torch.stack([x, y], -1) + 1) / (SIDE // 2) - 1
    made = torch.nn.functional.grid_sample(picture[None, :, ::2, ::2], grid[None], mode="bicubic",
                                           padding_mode="border", align_corners=False)[0].clamp(0, 1)  # fmt: skip
    unseen = torch.ones(SIDE, SIDE, dtype=torch.bool)
    unseen[::2, ::2] = False
    return round(psnr(made[:, unseen], picture[:, unseen]), 2)


def learn_views(seed: int, *, rate: float, views: int = 24, degrees: float = 0.0, passes: dict | None = None,
                model: dict | None = None) -> dict:  # fmt: skip
    """A radiance field of a world: PSNR and depth in six held-out views, and processor seconds."""
    passes, model = passes or PASSES, model or BASE
    world = sample_worlds(1, 5, generator=generator(seed))
    cameras, held = orbit_rings(views, SIZE), orbit_rings(6, SIZE, elevations=(1.02,), start=0.13)
    believed = turned_cameras(cameras, degrees, generator=generator(seed))
    rays, colours, _ = posed_pixels(world, cameras, believed)
    others, wanted, truth = posed_pixels(world, held)
    torch.manual_seed(seed)
    field = RadianceField(LOW, HIGH, **model)
    begin = time.process_time()
    fit_views(field, rays, colours, rate=rate, steps=VIEW_STEPS, batch=RAYS, generator=generator(seed), **passes)
    trained = time.process_time()
    seen = render_all(field, others, **passes)
    drawn = time.process_time()
    mine = render_all(field, rays, **passes)
    known = posed_pixels(world, cameras)[1]
    things = truth.slots.flatten() >= 0
    off = (seen.depth - truth.depth.flatten()).abs()
    return {"psnr": round(psnr(seen.colour, wanted), 2), "training_views": round(psnr(mine.colour, known), 2),
            "depth_things": round(float(off[things].median()), 4),
            "depth_ground": round(float(off[~things].median()), 4),
            "train_s": round(trained - begin, 2), "view_s": round((drawn - trained) / 6, 3),
            "weights": sum(p.numel() for p in field.parameters())}  # fmt: skip


def learn_gaussians(seed: int) -> dict:
    """A scene of Gaussians from the same views: it begins with points on surfaces, 5 cm wrong."""
    world, stream = sample_worlds(1, 5, generator=generator(seed)), generator(seed)
    cameras, held = orbit_rings(24, SIZE), orbit_rings(6, SIZE, elevations=(1.02,), start=0.13)
    _, colours, views = posed_pixels(world, cameras)
    _, wanted, _ = posed_pixels(world, held)
    surface = point_cloud(cameras, views.depth).reshape(-1, 3)
    chosen = torch.randperm(len(surface), generator=stream)[:GAUSSIANS]
    points = surface[chosen] + 0.05 * torch.randn(GAUSSIANS, 3, generator=stream)
    scene = GaussianScene(points, colours[chosen], 0.15)
    optimiser = torch.optim.Adam([{"params": [scene.means], "lr": 0.004},
                                  {"params": [scene.scales, scene.turns, scene.opacities], "lr": 0.02},
                                  {"params": [scene.colours], "lr": 0.01}])  # fmt: skip

    def loss(_: Tensor, stream: torch.Generator) -> Tensor:
        k = int(torch.randint(24, (1,), generator=stream))
        picture = scene(one_camera(cameras, k), torch.rand(3, generator=stream))
        return (picture - views.image[0, k]).square().mean()

    begin = time.process_time()
    fit(scene, loss, optimiser, samples=VIEW_STEPS, epochs=1, batch=1, generator=stream)
    trained = time.process_time()
    with torch.no_grad():
        made = torch.stack([scene(one_camera(held, k), torch.ones(3)) for k in range(6)])
    return {"psnr": round(psnr(made.movedim(1, -1).reshape(-1, 3), wanted), 2), "train_s": round(trained - begin, 2),
            "view_s": round((time.process_time() - trained) / 6, 3),
            "weights": sum(p.numel() for p in scene.parameters())}  # fmt: skip


def one_camera(cameras, k: int):
    """Camera k of one world's, pose (3, 4)."""
    return type(cameras)(cameras.pose[0, k], cameras.intrinsics[0, k], cameras.height, cameras.width)


def clip_of(name: str) -> Tensor:
    """A clip (FRAMES, 3, CLIP, CLIP): a pan and zoom over a photograph."""
    return camera_clip(photograph(name, 120), FRAMES, (CLIP, CLIP), pan=(1.5, 0.7), zoom=1.02)


def learn_clip(name: str, width: int, rate: float) -> dict:
    """Bytes and PSNR of a field of every second frame; PSNR of the frames between, and of the mean of neighbours."""
    clip = clip_of(name)
    points = clip_coordinates(FRAMES, CLIP, CLIP).view(FRAMES, -1, 3)
    values = clip.permute(0, 2, 3, 1).flatten(1, 2)
    torch.manual_seed(0)
    field = CoordinateNetwork(3, (5, 5, 1), hidden=width)
    fit_field(field, points[::2].flatten(0, 1), values[::2].flatten(0, 1), rate=rate, steps=CLIP_STEPS, batch=2048,
              generator=generator(0))  # fmt: skip

    @torch.no_grad()
    def score(field: nn.Module, which: slice) -> float:
        made = torch.stack([field(part) for part in points[which]]).clamp(0, 1)
        return round(psnr(made, values[which]), 2)

    rows = {}
    for bits in (6, 8, 12):
        data = pack_field(field, bits)
        rows[str(bits)] = {"bytes": len(data), "psnr": score(unpack_field(data, field, bits), slice(0, None, 2))}
    middle = (values[:-2:2] + values[2::2]) / 2
    return {"packed": rows, "float": score(field, slice(0, None, 2)), "between": score(field, slice(1, None, 2)),
            "neighbours": round(psnr(middle, values[1::2]), 2),
            "weights": sum(p.numel() for p in field.parameters())}  # fmt: skip


def code_clip(name: str, step: float) -> dict:
    """The same frames by the course's codec."""
    frames = clip_of(name)[::2]
    data = encode_clip(frames, step).data
    return {"bytes": len(data), "psnr": round(psnr(decode_clip(data).clamp(0, 1), frames), 2)}


def main() -> None:
    """Measure everything that is not known yet and write the card."""
    run = start(__doc__, "neural_fields", STEPS, threads=1)
    path = Path(run.state).with_suffix(".json") if run.state else Path("neural_fields.json")
    known = Known(path, {"steps": STEPS, "view_steps": VIEW_STEPS, "clip_steps": CLIP_STEPS})
    pictures = {}
    for kind, (_, rates) in FIELDS.items():
        tried = lambda rate, kind=kind: known.once(  # noqa: E731
            f"{kind}|{rate}", lambda: sum(learn_picture(kind, TUNED, rate, s)["seen"][-1] for s in (90, 91)) / 2
        )
        rate, scores = choose_rate(rates, tried)
        found = {name: [known.once(f"{kind}|{name}|{s}", lambda n=name, s=s, r=rate, k=kind: learn_picture(k, n, r, s))
                        for s in range(SEEDS)] for name in PHOTOGRAPHS}  # fmt: skip
        pictures[kind] = {"rate": rate, "rates_tried": scores, "photographs": found,
                          "step_ms": known.once(f"{kind}|ms", lambda k=kind: step_milliseconds(k))}  # fmt: skip
        print(kind, rate, scores, flush=True)
    bicubic = {name: between_by_bicubic(name) for name in PHOTOGRAPHS}
    clip_rate, clip_scores = choose_rate((0.006, 0.012, 0.024), lambda r: known.once(
        f"clips|{r}", lambda: learn_clip(TUNED, WIDTHS[1], r)["float"]))  # fmt: skip
    clips = {name: {"fields": {w: known.once(f"clip {name} {w} {clip_rate}",
                                             lambda n=name, w=w: learn_clip(n, w, clip_rate)) for w in WIDTHS},
                    "codec": {q: known.once(f"codec {name} {q}", lambda n=name, q=q: code_clip(n, q))
                              for q in (6, 12, 24, 48)}} for name in ("coffee", "chelsea")}  # fmt: skip
    print("clips", flush=True)
    rate, scores = choose_rate((0.015, 0.03, 0.06), lambda r: known.once(
        f"views|{r}", lambda: learn_views(TUNING_WORLD, rate=r)["psnr"]))  # fmt: skip
    print("views", rate, scores, flush=True)
    rows: dict[str, list] = {}
    settings: dict[str, dict] = {f"{v} views": {"views": v} for v in (24, 8, 4)}
    settings |= {f"poses wrong by {d} degrees": {"degrees": d} for d in (0.5, 2.0)}
    settings |= {name: {"passes": passes, "model": model} for name, (passes, model) in SPEEDS.items()}
    for name, options in settings.items():
        rows[name] = [known.once(f"{name}|{w}", lambda w=w, o=options: learn_views(w, rate=rate, **o)) for w in WORLDS]
        print(name, rows[name], flush=True)
    rows["Gaussians"] = [known.once(f"Gaussians|{w}", lambda w=w: learn_gaussians(w)) for w in WORLDS]
    print(rows["Gaussians"], flush=True)
    card = {"command": run.command, **environment(run.device), "steps": STEPS, "every": EVERY, "batch": BATCH,
            "tuned_on": TUNED, "pictures": pictures, "bicubic": bicubic,
            "views": {"rate": rate, "rates_tried": scores, "worlds": WORLDS, "steps": VIEW_STEPS, "rays": RAYS,
                      "rows": rows},
            "clip_rate": clip_rate, "clip_rates_tried": clip_scores, "clips": clips}  # fmt: skip
    (CARDS / "20_fields.json").write_text(json.dumps(card, indent=1) + "\n")


if __name__ == "__main__":
    main()
