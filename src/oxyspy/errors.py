"""Errors that say what was found, what was needed and what to do."""


class OxyspyError(Exception):
    """Any error that oxyspy raises on purpose; its text is meant for the microscopist."""


class InputError(OxyspyError, ValueError):
    """A value, unit, window or axis that cannot be used."""


class ReadError(OxyspyError, OSError):
    """A file that cannot be read; the text names it."""


class MethodError(OxyspyError, ValueError):
    """A number of one method used with a calibration of another."""
