"""A small decoder from the encoder's maps back to pixels, for methods that restore ("context-encoder").

    4 x 4 x D  ->  8 x 8 x 64  ->  16 x 16 x 32  ->  a 3 x 3 convolution to the wanted channels

Each arrow doubles the sides (nearest neighbour, then a 3 x 3 convolution, which leaves no chequered pattern as strides
of transposed convolutions may), with batch norm and ReLU. It is thrown away after pretraining.
"""

from __future__ import annotations

from torch import Tensor, nn

from course_lib.core.checks import check_positive, check_shapes


class MapDecoder(nn.Module):
    """From maps (B, D, h, w) to (B, C, 4 h, 4 w).

    Args:
        dimensions: D.
        channels: C.
        widths: Channels at twice and at four times the maps' sides.
    """

    def __init__(self, dimensions: int, channels: int, widths: tuple[int, int] = (64, 32)):
        super().__init__()
        check_positive(dimensions=dimensions, channels=channels)
        layers: list[nn.Module] = []
        for inputs, outputs in ((dimensions, widths[0]), widths):
            layers += [nn.Upsample(scale_factor=2), nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False),
                       nn.BatchNorm2d(outputs), nn.ReLU()]  # fmt: skip
        self.layers = nn.Sequential(*layers, nn.Conv2d(widths[1], channels, 3, 1, 1))

    def forward(self, maps: Tensor) -> Tensor:
        """(B, D, h, w) to (B, C, 4 h, 4 w)."""
        check_shapes(maps=(maps, "B D h w"))
        return self.layers(maps)
