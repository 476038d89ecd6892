"""How fast the course's scenes are drawn, beside scikit-image drawing the same discs, and whether memory stays flat.

`python -m benchmarks.scenes` prints rates and ratios.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from skimage.draw import disk

from course_lib.core.seeding import generator, pin
from course_lib.data.scenes import flow, mask_boxes, occlusion, render, sample_clips, sample_scenes, visible_masks
from course_lib.data.scenes.datasets import SceneStream

BATCH = 128


def rate(work: Callable[[], object], items: int, seconds: float = 3.0) -> float:
    """Items a second in the fastest of repeated runs, after two to warm up: what else runs here can only slow it."""
    work(), work()
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return items / min(times)


def resident_megabytes() -> float:
    """Memory this process holds now (Linux), or its peak elsewhere."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return int(statm.read_text().split()[1]) * resource.getpagesize() / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def images(random: torch.Generator) -> None:
    """Fresh scenes with image, boxes and masks."""
    scene = sample_scenes(BATCH, 64, generator=random)
    drawn = render(scene)
    mask_boxes(visible_masks(scene, drawn))


def clips(random: torch.Generator, occluded: bool) -> None:
    """Fresh clips of eight frames with flow, and occlusion if wanted."""
    scene = sample_clips(16, 8, 64, generator=random)
    drawn = render(scene)
    flow(scene, drawn)
    if occluded:
        occlusion(scene, drawn)


def flat_discs(scene):
    """The same discs without light, texture or background: what the peer can draw."""
    return replace(
        scene, texture_gain=0 * scene.texture_gain, ambient=torch.ones_like(scene.ambient), shadow=0 * scene.shadow,
        background=torch.full_like(scene.background, 2),
    )  # fmt: skip


def peer_discs(scene) -> np.ndarray:
    """The discs of a scene drawn one by one with scikit-image: image, masks and boxes."""
    out = np.zeros((len(scene), 64, 64, 3), dtype=np.float32)
    masks = np.zeros((*scene.class_id.shape, 64, 64), dtype=bool)
    boxes = np.zeros((*scene.class_id.shape, 4), dtype=np.float32)
    centre, radius, colour = scene.centre.numpy(), scene.radius.numpy(), scene.colour.numpy()
    for b, n in scene.present.nonzero().tolist():
        rows, columns = disk((centre[b, n, 1] - 0.5, centre[b, n, 0] - 0.5), 0.86 * radius[b, n], shape=(64, 64))
        out[b, rows, columns] = colour[b, n]
        masks[b, :n, rows, columns] = False
        masks[b, n, rows, columns] = True
    for b, n in scene.present.nonzero().tolist():
        rows, columns = np.nonzero(masks[b, n])
        if len(rows):
            boxes[b, n] = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    return out


def run() -> None:
    """Print rates, the ratio to scikit-image, and the memory of a long stream."""
    pin(0)
    random = generator(0)
    print(f"images of 64 pixels with boxes and masks   {rate(lambda: images(random), BATCH):8.0f} a second")
    print(f"clips of 8 frames with flow                {rate(lambda: clips(random, False), 16):8.0f} a second")
    print(f"clips of 8 frames with flow and occlusion  {rate(lambda: clips(random, True), 16):8.0f} a second")
    discs = flat_discs(sample_scenes(BATCH, 64, generator=random, objects=4, classes=("disc",)))

    def ours() -> None:
        mask_boxes(visible_masks(discs, render(discs)))

    here, peer = rate(ours, BATCH), rate(lambda: peer_discs(discs), BATCH)
    print(f"flat discs, four an image: here {here:.0f}, scikit-image {peer:.0f} a second, ratio {here / peer:.2f}")
    stream = iter(SceneStream(12_000, ("image", "boxes", "masks")))
    for number, _ in enumerate(stream):
        if number in (2_000, 11_999):
            print(f"memory after {number + 1:6d} images of a stream: {resident_megabytes():.0f} MiB")


if __name__ == "__main__":
    run()
