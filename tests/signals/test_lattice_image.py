"""The lattice image as HyperSpy has it: units, laziness, refusals, saving."""

import warnings

import dask.array as da
import hyperspy.api as hs
import numpy as np
import pytest

from oxyspy.errors import InputError
from oxyspy.signals import LatticeImage, LazyLatticeImage
from oxyspy.simulate import simulate_image


@pytest.fixture(scope="module")
def simulated():
    return simulate_image((448, 448), thickness_nm=2.0, dose=1e4, seed=3)


def image_of(data, scale=0.02, units="nm", kind=LatticeImage):
    image = kind(data)
    image.axes_manager.signal_axes.set(scale=scale, units=units)
    return image


@pytest.mark.parametrize(
    ("scale", "units"), [(0.02, "nm"), (0.2, "Å"), (0.2, "Angstrom"), (2e-5, "µm"), (2e-11, "m"), (20.0, "pm")]
)
def test_pixel_size_is_converted_to_nm(simulated, scale, units):
    assert image_of(simulated.counts, scale, units).pixel_nm == pytest.approx((0.02, 0.02))


def test_uncalibrated_and_reciprocal_images_are_refused_with_what_to_do(simulated):
    with pytest.raises(InputError, match="no length calibration.*signal_axes.set"):
        LatticeImage(simulated.counts).find_spots()
    with pytest.raises(InputError, match="1/nm.*converts to nm"):
        image_of(simulated.counts, 0.02, "1/nm").find_spots()


def test_loaded_image_becomes_a_lattice_image_and_measures_its_layer(simulated, tmp_path):
    plain = hs.signals.Signal2D(simulated.counts)
    plain.axes_manager.signal_axes.set(scale=0.02, units="nm")
    plain.save(tmp_path / "image.hspy")
    image = hs.load(tmp_path / "image.hspy", signal_type="lattice_image")
    assert type(image) is LatticeImage
    layer = image.layer_thickness()
    assert layer.supported
    assert layer.thickness_nm == pytest.approx(simulated.thickness_nm, abs=0.2)
    plain.set_signal_type("lattice image")
    assert type(plain) is LatticeImage


def test_lazy_image_gives_the_same_map(simulated):
    lazy = image_of(da.from_array(simulated.counts, chunks=128), kind=LazyLatticeImage)
    now = image_of(simulated.counts)
    assert isinstance(now.as_lazy(), LazyLatticeImage)
    assert np.array_equal(lazy.phase_map().phase, now.phase_map().phase)


def test_part_of_an_image_is_identified_by_slicing(simulated):
    image = image_of(simulated.counts)
    found = image.isig[5.0:, :].identify_phase(["layered", "SrTiO3"])
    assert found.phase == "NMC532"
    assert image.fit_lattice().indexed
    assert len(image.find_spots().g) > 5


def test_structures_of_the_users_are_candidates(simulated, tmp_path):
    from pymatgen.core import Lattice, Structure

    feo = Structure.from_spacegroup("Fm-3m", Lattice.cubic(4.3), ["Fe", "O"], [[0, 0, 0], [0.5, 0.5, 0.5]])
    image = image_of(simulated.counts)
    found = image.phase_map(["layered", feo])
    assert found.candidates == ("NMC532", "FeO")
    assert found.shares()["rocksalt"] > 0.1
    file = tmp_path / "mine.yaml"
    file.write_text(
        "phases:\n"
        "  mine: {family: layered, spacegroup: R-3m, cell: {a: 2.87, c: 14.2, gamma: 120}, rocksalt: hexagonal,\n"
        "         sites: [{species: {Ni: 1}, xyz: [0, 0, 0]}, {species: {Li: 1}, xyz: [0, 0, 0.5]},\n"
        "                 {species: {O: 1}, xyz: [0, 0, 0.2593]}]}\n"
        "  other: {family: rocksalt, spacegroup: Fm-3m, cell: {a: 4.2}, rocksalt: cubic,\n"
        "          sites: [{species: {Ni: 1}, xyz: [0, 0, 0]}, {species: {O: 1}, xyz: [0.5, 0.5, 0.5]}]}\n"
    )
    assert image.phase_map(file).candidates == ("mine", "other")


def test_hrtem_warns_and_stacks_are_refused(simulated):
    image = image_of(simulated.counts)
    image.metadata.set_item("Acquisition_instrument.TEM.acquisition_mode", "TEM")
    with pytest.warns(UserWarning, match="not Z-contrast"):
        image.find_spots()
    image.metadata.set_item("Acquisition_instrument.TEM.acquisition_mode", "STEM")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        image.find_spots()
    stack = image_of(np.stack([simulated.counts] * 2))
    with pytest.raises(InputError, match="stack of 2 images"):
        stack.find_spots()


def test_inverted_axis_and_float_data_change_nothing(simulated):
    image = image_of(simulated.counts.astype(np.float64) * 1e-3, -0.02)
    assert image.phase_map().bulk == image_of(simulated.counts).phase_map().bulk


def test_bulk_region_is_in_the_axes_own_coordinates(simulated):
    image = image_of(simulated.counts)
    whole = image.phase_map(bulk=(5.0, 1.0, 8.0, 8.0))
    # the same place, in a part that begins elsewhere and is measured in another unit
    part = image.isig[1.0:, :]
    assert part.phase_map(bulk=(5.0, 1.0, 8.0, 8.0)).bulk == whole.bulk
    for axis in part.axes_manager.signal_axes:
        axis.scale, axis.offset, axis.units = axis.scale * 10, axis.offset * 10, "Å"
    again = part.phase_map(bulk=(50.0, 10.0, 80.0, 80.0))
    assert again.source.calibration.level == pytest.approx(whole.source.calibration.level, rel=0.02)
    with pytest.raises(InputError, match="crystalline windows in it"):
        part.phase_map(bulk=(0.0, 10.0, 5.0, 80.0))
    with pytest.raises(InputError, match="needed 0.25 to 2.3 nm"):
        image.phase_map(window=0.0)


def test_contrast_of_the_metadata_reaches_the_map(simulated):
    image = image_of(simulated.counts)
    image.metadata.set_item("Acquisition_instrument.TEM.acquisition_mode", "TEM")
    with pytest.warns(UserWarning, match="not Z-contrast"):
        found = image.phase_map()
    assert found.contrast == "HRTEM" and found.caveats
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert image_of(simulated.counts).phase_map(contrast="HRTEM").contrast == "HRTEM"
