"""Real DigitalMicrograph-4 files, written by nionswift-io's tag writer with the tags that EELS files carry."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
from nionswift_plugin.DM_IO import dm3_image_utils, parse_dm3

from oxyspy.errors import InputError
from oxyspy.files import whole_file

# (name, offset, scale, unit), in the order of the array's axes; DigitalMicrograph keeps no names
Axis = tuple[str, float, float, str]
# an image's own, and (top, left, bottom, right) in its pixels
Number = tuple[int, int, int, int]
Rectangle = tuple[int, int, int, int]

# what a 300 kV microscope with a Gatan filter writes; no date, so that the same data make the same bytes
EELS_TAGS = {
    "voltage_kv": 300.0,
    "convergence_mrad": 21.4,
    "collection_mrad": 39.0,
    "exposure_s": 0.1,
    "current_na": 0.05,
    "aperture_mm": 5.0,
}
SPECTROMETER = "GIF (simulated)"


def image(
    data: np.ndarray,
    axes: Sequence[Axis],
    eels: dict[str, float] | None = None,
    title: str = "",
    flat: bool = False,
    number: Number | None = None,
    recorded_on: tuple[Number, Rectangle] | None = None,
) -> dict:
    """Return one image of a file as a tag tree.

    A spectrum's energy axis is the array's last and the file's slowest, as DigitalMicrograph keeps spectrum images; a
    line scan has a second, empty direction. A ``flat`` one has none: its axes are position and energy, of which
    RosettaSciIO takes the first for the signal's, whatever its unit.
    """
    if len(axes) != data.ndim:
        raise InputError(f"{len(axes)} axes given for data of shape {data.shape}; needed {data.ndim}")
    if data.dtype.type not in {known for _, known in dm3_image_utils.dm_image_dtypes.values()}:
        raise InputError(f"data of type {data.dtype} given; DigitalMicrograph has floats and integers of up to 32 bits")
    if eels is not None and data.ndim == 2 and flat:
        data, axes = data.T, axes[::-1]
    elif eels is not None and data.ndim == 2:
        data, axes = data[None], [("y", 0.0, axes[0][2], axes[0][3]), *axes]
    if eels is not None and data.ndim == 3:
        data, axes = np.moveaxis(data, -1, 0), [axes[-1], *axes[:-1]]
    tree = {"ImageData": dm3_image_utils.ndarray_to_imagedatadict(np.ascontiguousarray(data))}
    tree["ImageData"]["Calibrations"] = {
        "Dimension": [
            {"Origin": -offset / scale, "Scale": scale, "Units": unit} for _, offset, scale, unit in reversed(axes)
        ],
        "Brightness": {"Origin": 0.0, "Scale": 1.0, "Units": "Counts" if eels is not None else ""},
    }
    tree["Name"] = title
    tags: dict[str, Any] = {}
    if eels is not None:
        tags = {
            "Meta Data": {"Format": "Spectrum image" if data.ndim > 1 else "Spectrum", "Signal": "EELS"},
            "Microscope Info": {
                "Voltage": eels["voltage_kv"] * 1e3,
                "Illumination Mode": "STEM NANOPROBE",
                "Operation Mode": "SCANNING",
                "Probe Current (nA)": eels["current_na"],
            },
            "EELS": {
                "Acquisition": {"Exposure (s)": eels["exposure_s"], "Number of frames": 1},
                "Experimental Conditions": {
                    "Collection semi-angle (mrad)": eels["collection_mrad"],
                    "Convergence semi-angle (mrad)": eels["convergence_mrad"],
                },
            },
            "EELS Spectrometer": {
                "Instrument name": SPECTROMETER,
                "Aperture label": f"{eels['aperture_mm']:g} mm",
            },
        }
    if number is not None:
        tree["UniqueID"] = {f"Data{k}": value for k, value in enumerate(number)}
    if recorded_on is not None:
        survey = {"Unique Image ID": recorded_on[0], "Spectrum Image Rect": recorded_on[1]}
        tags["SI"] = {"Acquisition": {"Survey Image": survey}}
    tree["ImageTags"] = tags
    return tree


def write_images(path: str | os.PathLike, images: Sequence[dict]) -> None:
    """Write a DigitalMicrograph-4 file that holds several images."""
    tree = {
        "ImageList": list(images),
        "ImageSourceList": [{"ClassName": "ImageSource:Simple", "Id": [i], "ImageRef": i} for i in range(len(images))],
        "DocumentObjectList": [{"ImageSource": i, "AnnotationType": 20} for i in range(len(images))],
        "Image Behavior": {"ViewDisplayID": 8},
        "InImageMode": True,
    }
    with whole_file(path) as aside, open(aside, "wb") as file:
        parse_dm3.dm_write_header(file, 4, tree)


def write_dm4(
    path: str | os.PathLike,
    data: np.ndarray,
    axes: Sequence[Axis],
    *,
    title: str = "",
    eels: dict[str, float] | None = None,
    flat: bool = False,
    number: Number | None = None,
    recorded_on: tuple[Number, Rectangle] | None = None,
) -> None:
    """Write one image or EELS line scan or spectrum image as a DigitalMicrograph-4 file.

    Parameters
    ----------
    path : path
    data : array, shape (y, x) or (x, E) or (y, x, E)
        Of a type the format knows: float32, float64, int8, int16, uint16, int32, uint32.
    axes : sequence of (name, offset, scale, unit)
        In the order of the array's axes.
    title : str
    eels : dict, optional
        Tags of an EELS file, as `EELS_TAGS`; without them the data are an image.
    flat : bool
        Whether a line scan is stored with two axes instead of three; HyperSpy then loads it with x for the signal's.
    number : tuple of int, optional
        What names an image.
    recorded_on : tuple, optional
        The number of the image on which spectra were recorded, and their rectangle on it.

    Raises
    ------
    InputError
        Axes or a type that do not fit the format.
    """
    write_images(path, [image(data, axes, eels, title, flat, number, recorded_on)])
