"""Many numbers of every position as signals, made when they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any


class SignalMaps(Mapping):
    """Numbers of every position by their names, each a HyperSpy signal over the scan's positions.

    Lazy ones come of one pass over the scan: `compute` and `save` make it once for all of them, where computing or
    saving one after the other makes it for each.

    Parameters
    ----------
    names : iterable of str
        Of the maps.
    made : callable
        Takes a name and returns its signal; called once for each name that is asked for.

    Examples
    --------
    >>> import oxyspy
    >>> scan = oxyspy.load_scan(oxyspy.data.FOLDER / "demo" / "rocksalt_2nm")
    >>> _ = scan.core_loss.calibrate_edges()
    >>> maps = scan.core_loss.white_line_maps("Mn_L", scan.low_loss)
    >>> print(maps["ratio"].data.shape, len(maps))
    (48,) 21
    """

    def __init__(self, names: Iterable[str], made: Callable[[str], Any]):
        self._signals: dict[str, Any] = dict.fromkeys(names)
        self._made = made

    def __getitem__(self, name: str) -> Any:
        if self._signals[name] is None:
            self._signals[name] = self._made(name)
        return self._signals[name]

    def __contains__(self, name: object) -> bool:
        return name in self._signals

    def __iter__(self) -> Iterator[str]:
        return iter(self._signals)

    def __len__(self) -> int:
        return len(self._signals)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {', '.join(self)}>"

    def compute(self, **choices: Any) -> SignalMaps:
        """Return the same maps in memory, all of one pass.

        Parameters
        ----------
        **choices
            For `dask.compute`, for example ``scheduler``.

        Returns
        -------
        SignalMaps
            With signals that are not lazy.

        Examples
        --------
        >>> import oxyspy
        >>> scan = oxyspy.load_scan(oxyspy.data.FOLDER / "demo" / "rocksalt_2nm", lazy=True)
        >>> _ = scan.core_loss.calibrate_edges()
        >>> maps = scan.core_loss.white_line_maps("Mn_L", scan.low_loss)
        >>> maps.compute(scheduler="single-threaded")["ratio"]
        <Signal1D, title: Mn_L ratio, dimensions: (|48)>
        """
        import dask

        lazy = {name: signal for name, signal in self.items() if signal._lazy}
        arrays = dask.compute({name: signal.data for name, signal in lazy.items()}, **choices)[0]

        def in_memory(name: str) -> Any:
            if name not in lazy:
                return self[name]
            made = lazy[name]._deepcopy_with_new_data(arrays[name])
            # now a NumPy array, which costs nothing
            made.compute(show_progressbar=False)
            return made

        return SignalMaps(self, in_memory)

    def save(self, folder: str | Path, extension: str = "hspy", overwrite: bool = True, **choices: Any) -> None:
        """Save each map in a file of its name, all of one pass.

        Parameters
        ----------
        folder : path
            Made where it is not there.
        extension : str
            Of a format that HyperSpy writes.
        overwrite : bool
            Whether files of these names are replaced.
        **choices
            For `dask.compute`.

        Examples
        --------
        >>> import oxyspy
        >>> scan = oxyspy.load_scan(oxyspy.data.FOLDER / "demo" / "rocksalt_2nm")
        >>> core = scan.core_loss
        >>> _ = core.calibrate_edges()
        >>> from pathlib import Path
        >>> core.white_line_maps("Mn_L", scan.low_loss).save("maps")
        >>> Path("maps/ratio.hspy").is_file()
        True
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for name, signal in self.compute(**choices).items():
            signal.save(folder / f"{name}.{extension}", overwrite=overwrite)
