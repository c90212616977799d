"""Lines out of spectrum images: whole pixels, each once, whatever the angle."""

import numpy as np
import pytest

from made_scans import core, low
from oxyspy.errors import InputError
from oxyspy.io import cut_line, load_scan
from oxyspy.io.dose import dose_of

STEP = 0.5
ROWS, COLUMNS = 20, 30


@pytest.fixture(scope="module")
def image():
    """Each spectrum's height is its number: row after row, from one."""
    return load_scan(core=core((ROWS, COLUMNS), step=STEP), low_loss=low((ROWS, COLUMNS), step=STEP), name="image")


def numbers(scan, image):
    """Which pixels (row, column) a line's spectra are."""
    height = scan.core_counts()[..., 0] / image.core_counts()[0, 0, 0]
    return np.divmod(np.rint(height).astype(int) - 1, COLUMNS)


def test_line_along_the_rows_is_those_rows(image):
    # rows 4, 5 and 6 of the image: 2.0, 2.5 and 3.0 nm; columns 2 to 20
    cut = cut_line(image, (1.0, 2.5, 10.0, 2.5), width=1.5)
    assert cut.core_counts().shape == (3, 19, 2048)
    np.testing.assert_array_equal(cut.core_counts(), image.core_counts()[4:7, 2:21])
    np.testing.assert_array_equal(cut.low_counts(), image.low_counts()[4:7, 2:21])
    np.testing.assert_allclose(cut.positions_nm, 0.5 * np.arange(19), atol=1e-12)
    assert cut.step_nm == pytest.approx(STEP) and "none interpolated" in cut.warnings[-1]


def test_line_along_the_columns_and_backwards_runs_as_it_was_drawn(image):
    down = cut_line(image, (4.0, 0.0, 4.0, 9.5), width=STEP)
    np.testing.assert_array_equal(down.core_counts()[0], image.core_counts()[:, 8])
    up = cut_line(image, (4.0, 9.5, 4.0, 0.0), width=STEP)
    np.testing.assert_array_equal(up.core_counts()[0], image.core_counts()[::-1, 8])


@pytest.mark.parametrize("angle", [3.0, 20.0, 45.0, 63.0])
@pytest.mark.parametrize("width", [0.5, 1.5, 3.0])
def test_slanting_line_takes_each_pixel_of_its_strip_once(image, angle, width):
    along = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    start = np.array([2.0, 1.0])
    length = 8.0
    cut = cut_line(image, (*start, *(start + length * along)), width)
    row, column = numbers(cut, image)
    assert len(set(zip(row.ravel(), column.ravel(), strict=True))) == row.size
    at = np.stack([column * STEP, row * STEP], axis=-1) - start
    distance, aside = at @ along, at @ [-along[1], along[0]]
    assert (distance > -1e-6).all() and (distance < length + 1e-6).all() and (np.abs(aside) < width / 2 + 1e-6).all()
    # positions are the means of their pixels, and rise; rows lie beside each other
    np.testing.assert_allclose(cut.positions_nm, distance.mean(0), atol=1e-9)
    assert (np.diff(cut.positions_nm) > 0).all() and (np.diff(aside, axis=0) >= -1e-9).all()
    # what is left over at the end is less than a position has, beside the two ends' own
    inside = _strip(start, along, length, width)
    assert 0 <= inside - row.size < cut.core_counts().shape[0]


def _strip(start, along, length, width):
    """How many pixels' centres lie in a strip."""
    y, x = np.mgrid[:ROWS, :COLUMNS] * STEP
    at = np.stack([x, y], axis=-1) - start
    distance, aside = at @ along, at @ [-along[1], along[0]]
    inside = (distance >= -1e-9) & (distance <= length + 1e-9)
    return int((inside & (aside >= -width / 2 - 1e-9) & (aside < width / 2 - 1e-9)).sum())


def test_lazy_image_gives_the_same_counts(image):
    lazy = load_scan(core=core((ROWS, COLUMNS), step=STEP).as_lazy(), low_loss=low((1, 1)), name="image")
    cut, same = (cut_line(scan, (1, 1, 9, 6), width=2.0) for scan in (lazy, image))
    np.testing.assert_array_equal(cut.core_counts(), same.core_counts())
    # one low loss for all stays that
    assert cut.low_counts().shape == (1, 1, 2048)


def test_method_of_the_scan_does_the_same(image):
    line = (1.0, 2.5, 10.0, 4.5)
    np.testing.assert_array_equal(image.along_line(line, 1.0).core_counts(), cut_line(image, line, 1.0).core_counts())
    assert image.along_line(line).core_counts().shape[0] == 1


@pytest.mark.parametrize(
    ("line", "width", "message"),
    [
        ((0, 0, 0, 0), 1.0, "two ends"),
        ((0, 0, 5, 0), 6.0, "longer than wide"),
        ((50, 50, 60, 60), 1.0, "fewer than 2 positions"),
        ((0, 0, np.nan, 1), 1.0, "two ends"),
    ],
)
def test_line_that_is_none_says_what_is_wrong(image, line, width, message):
    with pytest.raises(InputError, match=message):
        cut_line(image, line, width)


def test_dose_needs_current_time_and_area():
    tags = {"Acquisition_instrument__TEM__beam_current": 0.1}
    no_time = dose_of(load_scan(core=core((1, 12), **tags)))
    assert np.isnan(no_time.electrons_per_nm2) and "dwell time" in no_time.reason
    tags["Acquisition_instrument__TEM__Detector__EELS__exposure"] = 0.02
    line = dose_of(load_scan(core=core((1, 12), step=0.4, **tags)))
    # 0.1 nA x 0.02 s / e over 0.16 nm²
    assert line.electrons_per_nm2 == pytest.approx(0.1e-9 * 0.02 / 1.602176634e-19 / 0.16)
    assert "single row" in line.method and "dose" in str(line)
    no_length = dose_of(load_scan(core=core((1, 12), length="px", **tags)))
    assert np.isnan(no_length.electrons_per_nm2) and "length calibration" in no_length.reason
    assert no_length.electrons == pytest.approx(0.1e-9 * 0.02 / 1.602176634e-19)
    unknown = dose_of(load_scan(core=core((1, 12))))
    assert np.isnan(unknown.electrons) and "not recorded" in unknown.reason
