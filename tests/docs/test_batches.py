"""The page about batches names everything, and its example of a cluster is one that Ray accepts."""

import dataclasses

import yaml
from fences import ROOT, without_blocks
from test_reference import missing

from triposr.batch.command import _parser
from triposr.batch.rows import Row
from triposr.batch.run import SHARD_FROM
from triposr.settings import OBJECT

PAGE = without_blocks(ROOT / "docs" / "batches.md")


def test_options_of_the_command() -> None:
    names = {name for action in _parser()._actions for name in action.option_strings}
    own = names - {setting.flag for setting in OBJECT} - {"-h", "--help"}
    assert len(own) > 8
    assert not {name for name in own if f"`{name}" not in PAGE}


def test_columns_of_the_index() -> None:
    assert not missing({field.name for field in dataclasses.fields(Row)}, PAGE)


def test_figures() -> None:
    assert f"{SHARD_FROM:,}" in PAGE


def test_ray_accepts_the_cluster() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    cluster = yaml.safe_load((ROOT / "examples" / "cluster.yaml").read_text())
    validate_config(prepare_config(cluster))
    workers = cluster["available_node_types"]["gpu_worker"]
    assert workers["max_workers"] <= cluster["max_workers"]
