import pytest

from course_lib.core.seeding import generator
from course_lib.data.scenes import render, sample_scenes


@pytest.fixture(scope="module")
def scene():
    return sample_scenes(24, (64, 80), generator=generator(11), objects=(1, 6), difficulty=0.8)


@pytest.fixture(scope="module")
def drawn(scene):
    return render(scene, geometry=True)
