"""A captioner for chapter 14; writes course_lib/checkpoints/captioner.

    python -m recipes.captioner

12,288 scenes of 64 pixels with one to three objects, each with four captions of which every epoch reads another. The
convolutional network starts from chapter 7's classifier and is trained on at a tenth of the decoder's rate. Judged on
512 scenes from other seeds: BLEU against eight captions, how many captions are true, and how much of a word's attention
falls on the object that the word speaks of.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from course_lib.core.seeding import generator
from course_lib.core.training import fit
from course_lib.core.weights import load_checkpoint
from course_lib.data.scenes import VOCABULARY, Scene, render, sample_scenes, visible_masks, write_captions
from course_lib.data.scenes.datasets import block_generator
from course_lib.data.scenes.parallel import spell
from course_lib.data.scenes.render import Rendered
from course_lib.data.scenes.truth import judge_caption, visible_things
from course_lib.metrics import bleu
from course_lib.networks.backbones import SceneNet
from course_lib.networks.decoding import word_loss
from course_lib.optim import AdamW, warmup_cosine
from course_lib.sequences.captioner import Captioner
from course_lib.sequences.pointing import pointing_mass
from recipes.common import ship, start

TRAIN, EPOCHS, BATCH, PEAK, BLOCK, CAPTIONS, LEVEL, OBJECTS = 12_288, 12, 64, 2e-3, 256, 4, 0.3, (1, 3)
TESTED, REFERENCES = 512, 8


def draw(block: int, split: str, captions: int) -> tuple[Scene, Rendered, list]:
    """256 scenes and some captions of each."""
    stream = block_generator(14, split, block=block)
    scene = sample_scenes(BLOCK, 64, generator=stream, difficulty=LEVEL, objects=OBJECTS, split=split)
    drawn = render(scene)
    return scene, drawn, [write_captions(scene, drawn, stream) for _ in range(captions)]


def dataset(blocks: int, split: str) -> tuple[Tensor, Tensor]:
    """Pictures (N, 3, 64, 64) and captions (N, 4, 14)."""
    parts = [draw(k, split, CAPTIONS) for k in range(blocks)]
    images = torch.cat([drawn.image for _, drawn, _ in parts])
    return images, torch.cat([torch.stack([one.tokens for one in written], 1) for _, _, written in parts])


@torch.no_grad()
def scores(model: torch.nn.Module, *, width: int = 1) -> dict:
    """BLEU, truth, and how much attention falls on the object spoken of: on test scenes and on unseen combinations."""
    device, out = next(model.parameters()).device, {}
    for split, suffix in (("test", ""), ("heldout", "_heldout")):
        found, wanted, verdicts, mass, chance = [], [], [], [], []
        for block in range(TESTED // BLOCK):
            scene, drawn, written = draw(block, split, REFERENCES)
            images, things = drawn.image.to(device), visible_things(scene, drawn)
            said = [spell(row, VOCABULARY) for row in model.describe(images, width=width).cpu()]
            found += said
            wanted += [list(group) for group in zip(*([text.split() for text in one.texts] for one in written),
                                                    strict=True)]  # fmt: skip
            verdicts += [judge_caption(words, seen) for words, seen in zip(said, things, strict=True)]
            maps = model.alignment(images, written[0].tokens.to(device)).cpu()
            hit, area = pointing_mass(maps, visible_masks(scene, drawn), written[0].alignment[:, 1:])
            mass.append(hit)
            chance.append(area)
        claims = [one.relation for one in verdicts if one.relation is not None]
        mean = lambda name, rows=verdicts: sum(getattr(one, name) for one in rows) / len(rows)  # noqa: E731
        out[f"bleu{suffix}"] = round(bleu(found, wanted), 4)
        for name in ("grammar", "object", "attributes", "count", "true"):
            out[f"{name}{suffix}"] = round(mean(name), 4)
        out |= {f"relation{suffix}": round(sum(claims) / max(len(claims), 1), 4), f"relations{suffix}": len(claims),
                f"pointing{suffix}": round(float(torch.cat(mass).mean()), 4),
                f"pointing_chance{suffix}": round(float(torch.cat(chance).mean()), 4)}  # fmt: skip
    return out


def main() -> None:
    """Draw, train, judge what was stored, write weights and card."""
    run = start(__doc__, "captioner", EPOCHS, threads=1)
    images, captions = (part.to(run.device) for part in dataset(TRAIN // BLOCK, "train"))
    check_images, check_captions = (part.to(run.device) for part in dataset(2, "val"))
    torch.manual_seed(0)
    model = Captioner(len(VOCABULARY)).to(run.device)
    model.eye.load_state_dict(load_checkpoint("scene_classifier", SceneNet()).state_dict(), strict=False)
    groups = [{"params": list(model.eye.parameters()), "lr": PEAK / 10}, {"params": list(model.decoder.parameters())}]

    def loss(indices: Tensor, stream: torch.Generator) -> Tensor:
        which = torch.randint(CAPTIONS, (len(indices),), generator=stream, device=stream.device)
        target = captions[indices, which]
        return word_loss(model(images[indices], target), target)

    def validate(model: torch.nn.Module) -> float:
        parts = zip(check_images.split(BATCH), check_captions[:, 0].split(BATCH), strict=True)
        return float(torch.stack([word_loss(model(x, y), y) for x, y in parts]).mean())

    history = fit(model, loss, AdamW(groups, PEAK, weight_decay=0.02), samples=TRAIN, epochs=run.epochs, batch=BATCH,
                  generator=generator(0, run.device), schedule=partial(warmup_cosine, warmup=200), clip=1.0,
                  evaluate=validate, **run.keep())  # fmt: skip
    ship(run, model, Captioner(len(VOCABULARY)), scores, history,
         data=f"{TRAIN} scenes of 64 px, difficulty {LEVEL}, 1 to 3 objects, {CAPTIONS} captions each",
         metric=f"on {TESTED} scenes (split='test'; *_heldout: unseen combinations), greedy: BLEU against {REFERENCES} "
         "captions; shares of captions that the reader of course_lib.data.scenes.truth finds right; pointing: share "
         "of a word's attention on the object that it speaks of, pointing_chance: if spread evenly")  # fmt: skip


if __name__ == "__main__":
    main()
