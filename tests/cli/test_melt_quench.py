"""The command from a recipe to tables, and its refusals."""

import pandas as pd
import pytest

from oxyspy.cli import main
from oxyspy.transport import coatings

RECIPE = """\
composition: Mg8O8
density: 2.6 g/cm^3
temperatures: [3000 K, 3300 K, 3600 K]
melt_temperature: 4000 K
melt_segment: 0.4 ps
melt_segments: 20
pressure_tolerance: 3 GPa
hold: 0.1 ps
snapshots: 1
quench: 0.1 ps
equilibrate: 0.1 ps
production: 3 ps
species: [O]
"""


def test_a_recipe_becomes_tables_and_the_folder_is_read_again(tmp_path, capsys):
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    command = ["melt-quench", str(tmp_path / "recipe.yaml"), "-o", str(tmp_path / "out"), "--study", "ZnO"]
    main([*command, "--coating", "magnesia", "--source", "a test"])
    shown = capsys.readouterr().out
    coating = coatings(tmp_path / "out" / "coating.yaml")["magnesia"]
    assert "a test; D(O) of 3 of 3 runs at 3000, 3300, 3600 K; potential pmmcs; oxyspy" in coating.source
    assert "extrapolated" in coating.oxygen.caution
    assert "Why they differ" in shown
    table = pd.read_csv(tmp_path / "out" / "diffusion.csv")
    assert table.temperature_k.tolist() == [3000, 3300, 3600]
    assert set(table.species) == {"O"}
    for name in ("legs.json", "runs.yaml", "curves.csv", "diffusion.json", "msd_O.png"):
        assert (tmp_path / "out" / name).exists()
    main(["diffusion", str(tmp_path / "out"), "--species", "O", "-o", str(tmp_path / "again")])
    again = pd.read_csv(tmp_path / "again" / "diffusion.csv")
    pd.testing.assert_series_equal(again.d_cm2_s, table.d_cm2_s)


def test_errors_name_the_recipe(tmp_path, capsys):
    assert main(["melt-quench", str(tmp_path / "none.yaml"), "-o", str(tmp_path)]) == 1
    assert "none.yaml" in capsys.readouterr().err
    (tmp_path / "bad.yaml").write_text("density: 3\n")
    assert main(["melt-quench", str(tmp_path / "bad.yaml"), "-o", str(tmp_path)]) == 1
    assert "bad.yaml: density: '3' has no unit" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stop:
        main(["melt-quench", "x.yaml", "-o", "y", "--workers", "0"])
    assert stop.value.code == 2
