"""Statistics of a batch: from results on disk to its tables."""

import csv
import json
import math

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from oxyspy.transport import required_diffusivity
from oxyspy.workflow.population import population
from oxyspy.workflow.population_groups import _limit_with_common
from oxyspy.workflow.population_scans import Scan, read_scans
from oxyspy.workflow.population_tables import GROUP_COLUMNS, write_population
from oxyspy.workflow.schema import statistics_schema

NAN = math.nan


def scan(i, condition, sample, cycles, layer, limit=NAN, per_nm=NAN, common=0.0):
    sigma = NAN if math.isnan(layer) else 0.05
    return Scan(f"s{i}", sample, condition, cycles, layer, sigma, limit, per_nm, common)


def grown(rng, rates=(("slow", 0.05), ("fast", 0.1)), cycles=(0, 100, 400), samples=3, start=1.0):
    """Two scans of each sample of each condition after each number of cycles."""
    return [
        scan(f"{c}{s}{n}{i}", c, f"{c} {s}", n, start + rate * math.sqrt(n) + rng.normal(0, 0.07), per_nm=1e-19)
        for c, rate in rates for s in range(samples) for n in cycles for i in range(2)
    ]  # fmt: skip


def test_conditions_trends_and_tests_find_what_the_scans_were_made_with():
    found = population(grown(np.random.default_rng(0)))
    levels = {(g.level, g.name, g.unit): g for g in found.groups}
    after = levels["cycles", "fast, 400 cycles", "samples"].layer
    assert after.interval_95[0] < 3.0 < after.interval_95[1]
    for name, rate in (("slow", 0.05), ("fast", 0.1)):
        low, high = found.trends[name].rate_interval_95
        assert low < rate < high
    pairs = {(t.one, t.other): t for t in found.tests}
    # at equal cycles only
    assert set(pairs) == {(f"slow, {n} cycles", f"fast, {n} cycles") for n in (0, 100, 400)}
    assert pairs["slow, 400 cycles", "fast, 400 cycles"].p_holm < 0.01
    assert pairs["slow, 0 cycles", "fast, 0 cycles"].p_holm > 0.05
    assert "samples" in found.tested


def test_scans_of_one_sample_are_said_not_to_be_independent():
    found = population(grown(np.random.default_rng(1), samples=1))
    assert "not independent" in found.tested
    assert any("not independent" in g.note for g in found.groups if g.level == "cycles")
    assert not any(g.unit == "samples" for g in found.groups)


def test_scans_without_a_layer_count_and_those_that_say_nothing_are_named():
    scans = [scan(i, "a", "x", NAN, 1.0 + 0.1 * i) for i in range(3)]
    scans += [scan(7, "a", "x", NAN, NAN, limit=0.8), scan(8, "a", "x", NAN, NAN)]
    group = next(g for g in population(scans).groups if g.level == "sample")
    assert (group.layer.n, group.layer.n_limits, group.left_out) == (4, 1, ("s8",))
    assert "s8" in group.note
    without = next(g for g in population(scans[:3]).groups if g.level == "sample")
    assert group.layer.mean < without.layer.mean


def test_shared_errors_of_coating_and_exposure_do_not_shrink_with_the_number_of_scans():
    """A hundred scans of 2 nm: the diffusivity's relative error is that of what they share, 10 %."""
    rng = np.random.default_rng(2)
    scans = [scan(i, "a", "x", NAN, 2.0 + rng.normal(0, 0.05), per_nm=1e-19, common=0.1) for i in range(100)]
    group = population(scans).groups[0]
    assert group.diffusivity.mean == pytest.approx(2e-19, rel=0.01)
    assert math.log(group.diffusivity_high / group.diffusivity.mean) == pytest.approx(0.1, rel=0.01)
    assert group.diffusivity.interval_68[1] / group.diffusivity.mean < 1.004


def test_all_scans_of_several_coatings_have_no_one_diffusivity():
    found = population(grown(np.random.default_rng(0)))
    assert next(g for g in found.groups if g.level == "all").diffusivity is None
    assert next(g for g in found.groups if g.level == "condition").diffusivity is not None


def result_of(layer_nm, sigma_nm, limit_nm=None):
    value, sigma = (layer_nm, sigma_nm) if limit_nm is None else (0.0, limit_nm / 1.96)
    need = required_diffusivity(f"{value} +- {sigma} nm", "10 +- 1 nm", "165 min")
    return {
        "layer": {"supported": limit_nm is None, "thickness_nm": layer_nm, "sigma_nm": sigma_nm,
                  "upper_limit_nm": limit_nm},
        "required_diffusivity": need.to_dict(),
    }  # fmt: skip


def test_results_on_disk_become_a_table_whose_diffusivity_is_that_of_one_scan(tmp_path):
    """Four equal scans: their mean needs the diffusivity that each of them needs."""
    for i in range(4):
        (tmp_path / f"s{i}").mkdir()
        (tmp_path / f"s{i}" / "result.json").write_text(json.dumps(result_of(2.0, 0.1)))
    labels = {f"s{i}": {"sample": "A", "condition": "Al2O3", "cycles": "100"} for i in range(4)}
    labels["gone"] = {"sample": "A"}
    write_population(tmp_path, population(read_scans(tmp_path, labels)))
    with open(tmp_path / "statistics.csv") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == GROUP_COLUMNS
    row = next(row for row in rows if row["level"] == "sample")
    single = required_diffusivity("2 nm", "10 nm", "165 min").value
    assert float(row["required_diffusivity_cm2_s"]) == pytest.approx(single, rel=1e-3)
    assert row["n"] == "4" and row["n_left_out"] == "1" and "gone" in row["note"]
    # the coating's 10 % stay
    high = float(row["required_diffusivity_high"])
    assert math.log(high / single) == pytest.approx(math.hypot(0.1, 0.1 / 2 / 2 * 1.2), rel=0.15)
    assert json.loads((tmp_path / "statistics.json").read_text())["groups"]
    assert not (tmp_path / "trends.csv").exists()
    write_population(tmp_path, None)
    assert not (tmp_path / "statistics.csv").exists() and not (tmp_path / "statistics.json").exists()


def test_limits_on_disk_are_limits_of_the_diffusivity(tmp_path):
    for i in range(3):
        (tmp_path / f"s{i}").mkdir()
        (tmp_path / f"s{i}" / "result.json").write_text(json.dumps(result_of(None, None, 0.8)))
    group = population(read_scans(tmp_path, {f"s{i}": {} for i in range(3)})).groups[0]
    assert group.layer.upper_limit_95 == pytest.approx(0.8)
    # that of each scan alone, which all of them share
    single = required_diffusivity(f"0 +- {0.8 / 1.96} nm", "10 +- 1 nm", "165 min").high_95
    assert group.diffusivity_high_95 == pytest.approx(single, rel=0.01)


@pytest.mark.parametrize("common", [0.0, 0.02, 0.1, 0.3])
def test_limit_with_a_shared_error_is_that_of_joint_draws(common):
    rng = np.random.default_rng(0)
    drawn = rng.normal(0, 1 / 1.96, 10**6) * np.exp(common * rng.normal(size=10**6))
    assert _limit_with_common(1.0, common) == pytest.approx(np.quantile(drawn, 0.975), rel=5e-3)


def test_statistics_on_disk_are_as_their_schema_says(tmp_path):
    schema = statistics_schema()
    Draft202012Validator.check_schema(schema)
    for found in (population(grown(np.random.default_rng(0))), population([scan(0, "", "", NAN, NAN, 0.5)])):
        write_population(tmp_path, found)
        content = json.loads((tmp_path / "statistics.json").read_text())
        assert [error.message for error in Draft202012Validator(schema).iter_errors(content)] == []
    for harm in ({"more": 1}, {"groups": 3}, {"scans": [{"name": 1}]}, {"tests": [{}]}):
        assert list(Draft202012Validator(schema).iter_errors(content | harm))
    assert all(part["description"] for part in schema["properties"].values())
