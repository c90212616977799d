"""The docstrings' examples run in an empty folder, and leave no figures open."""

import pytest


@pytest.fixture(autouse=True)
def folder_of_an_example(request):
    """Give each doctest a folder of its own; other tests are left alone."""
    if not isinstance(request.node, pytest.DoctestItem):
        yield
        return
    import matplotlib.pyplot as plt

    request.getfixturevalue("monkeypatch").chdir(request.getfixturevalue("tmp_path"))
    yield
    plt.close("all")
