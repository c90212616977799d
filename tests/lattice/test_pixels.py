"""Pixels that no crystal made are mended and counted; those that one did are left alone."""

import numpy as np
import pytest

from oxyspy.lattice import phase_map
from oxyspy.lattice.pixels import mend
from oxyspy.simulate import simulate_image


@pytest.fixture(scope="module")
def image():
    return simulate_image((512, 512), shell="rocksalt", thickness_nm=2.0, dose=5e3, seed=11)


@pytest.mark.parametrize("height", [5.0, 100.0])
def test_x_ray_hits_move_no_layer(image, height):
    counts = np.asarray(image.counts, float)
    clean = phase_map(counts, image.pixel_nm).layer_thickness()
    where = np.random.default_rng(1).random(counts.shape) < 2e-4
    hit = phase_map(np.where(where, height * counts.max(), counts), image.pixel_nm)
    assert any(f"{where.sum()} single pixels" in text for text in hit.warnings)
    assert abs(hit.layer_thickness().thickness_nm - clean.thickness_nm) < 0.3 * clean.sigma_nm


@pytest.mark.parametrize("binned", [1, 2, 4])
@pytest.mark.parametrize("dose", [500.0, 2e4])
def test_columns_and_shot_noise_are_no_hits(dose, binned):
    made = simulate_image((512, 512), shell="rocksalt", thickness_nm=2.0, dose=dose, seed=12)
    counts = np.asarray(made.counts, np.float32).reshape(512 // binned, binned, 512 // binned, binned).sum((1, 3))
    same, said = mend(counts.copy())
    assert said == () and np.array_equal(same, counts)


def test_saturated_image_is_said_to_be(image):
    counts = np.minimum(image.counts, np.quantile(image.counts, 0.95))
    assert any("saturated" in text for text in phase_map(counts, image.pixel_nm).warnings)
