"""PASCAL VOC: real photographs with boxes of twenty classes (chapter 10, "voc-dataset").

    root/VOCdevkit/VOC2012/JPEGImages/2007_000027.jpg            the photograph
    root/VOCdevkit/VOC2012/Annotations/2007_000027.xml           its objects: a name, four numbers, difficult or not
    root/VOCdevkit/VOC2012/ImageSets/Main/train.txt              which photographs belong to a split

Read through torchvision. The files count pixels from 1 and name the last pixel that still belongs to the object; a box
(xmin, ymin, xmax, ymax) there is (xmin - 1, ymin - 1, xmax, ymax) here, where x and y are places between pixels. An
object that is marked difficult counts neither as found nor as missed in the benchmark.
Everingham, Van Gool, Williams, Winn, Zisserman, The PASCAL visual object classes challenge, IJCV 88, 2010.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.datasets import VOCDetection
from torchvision.transforms.functional import pil_to_tensor

VOC_CLASSES = ("aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat", "chair", "cow", "diningtable",
               "dog", "horse", "motorbike", "person", "pottedplant", "sheep", "sofa", "train", "tvmonitor")  # fmt: skip


class VOCBoxes(Dataset):
    """Photographs and their boxes.

    Args:
        root: Folder that holds VOCdevkit, or is to hold it.
        split: "train", "val" or "trainval"; of 2007 also "test".
        year: "2007" to "2012".
        download: Fetch the archive first if it is not there; needs a network and 2 GB.

    Raises:
        FileNotFoundError: Without the files, or without a network to fetch them.
        ValueError: For an unknown year or split.
    """

    def __init__(self, root: str | Path, split: str = "train", *, year: str = "2012", download: bool = False):
        folder = Path(root) / "VOCdevkit" / f"VOC{year}"
        instead = "use the course's scenes: scene_dataset(512, ('image', 'classes', 'boxes'))"
        try:
            self.files = VOCDetection(root, year=year, image_set=split, download=download)
        except (OSError, RuntimeError) as problem:  # torchvision raises the second where nothing is
            if download:
                raise FileNotFoundError(f"PASCAL VOC {year} could not be fetched ({problem}). Put its archive's "
                                        f"VOCdevkit into {Path(root)}, or {instead}") from None  # fmt: skip
            raise FileNotFoundError(f"no PASCAL VOC {year} with split {split!r} under {folder}. With a network, "
                                    f"download=True fetches it; without one {instead}") from None  # fmt: skip

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[Tensor, dict[str, Tensor]]:
        """A photograph (3, H, W) in [0, 1], and "boxes" (G, 4) xyxy, "labels" (G,) int64, "difficult" (G,) bool."""
        picture, notes = self.files[index]
        objects = notes["annotation"].get("object", [])
        boxes = [[float(thing["bndbox"][side]) for side in ("xmin", "ymin", "xmax", "ymax")] for thing in objects]
        corners = torch.tensor(boxes).view(-1, 4) - torch.tensor([1.0, 1.0, 0.0, 0.0])
        labels = torch.tensor([VOC_CLASSES.index(thing["name"]) for thing in objects], dtype=torch.int64)
        difficult = torch.tensor([thing.get("difficult", "0") == "1" for thing in objects], dtype=torch.bool)
        return pil_to_tensor(picture).float() / 255, {"boxes": corners, "labels": labels, "difficult": difficult}
