"""The models in tests/models, every state of each (spin). A model without the thing it is about must be found wrong."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

MODELS = Path(__file__).resolve().parent.parent / "models"


def errors(directory, name, *options):
    """What spin's verifier finds; it has seen every state, or has stopped at the first error."""
    if not shutil.which("spin"):
        pytest.skip("spin IS NOT INSTALLED: nothing was checked here (Debian's package spin)")
    shutil.copy(MODELS / name, directory)
    run = {"cwd": directory, "check": True, "capture_output": True, "text": True}
    subprocess.run(["spin", "-a", *options, name], **run)
    subprocess.run(["cc", "-O2", "-w", "-DSAFETY", "-DCOLLAPSE", "-DVECTORSZ=2048", "-o", "pan", "pan.c"], **run)
    said = subprocess.run(["./pan", "-m20000", "-n"], **run).stdout
    assert "errors: 1" in said or ("too small" not in said and "not completed" not in said), said
    return int(re.search(r"errors: (\d+)", said)[1])


def test_rows(tmp_path):
    assert errors(tmp_path, "rows.pml") == 0


def test_rows_whose_claims_do_not_say_by_whom(tmp_path):
    assert errors(tmp_path, "rows.pml", "-DNO_GENERATION") == 1


COLLECTED = ("-DCOLLECTOR", "-DOPERATIONS=1")  # a suspect needs less company


@pytest.mark.parametrize("options", [(), COLLECTED])
def test_limbo(tmp_path, options):
    assert errors(tmp_path, "limbo.pml", *options) == 0


@pytest.mark.parametrize("options", [(), COLLECTED])
@pytest.mark.parametrize("wrong", ["-DMARK_ANYHOW", "-DZERO_IS_DEAD"])
def test_limbo_that_is_wrong(tmp_path, wrong, options):
    assert errors(tmp_path, "limbo.pml", wrong, *options) == 1


def test_freelist(tmp_path):
    assert errors(tmp_path, "freelist.pml") == 0


@pytest.mark.parametrize("wrong", ["-DNO_SWAP", "-DBIT_FIRST", "-DREAPED_FIRST", "-DGIVEN_FIRST"])
def test_freelist_that_is_wrong(tmp_path, wrong):
    assert errors(tmp_path, "freelist.pml", wrong) == 1


ASKED = ("-DCLIENTS=2", "-DREQUESTS=2")  # those who ask for things need less company
FROM = [(), ("-DSTORE",), ("-DHANDED",)]  # where the arena comes from


@pytest.mark.parametrize("more", [(), ASKED])
@pytest.mark.parametrize("source", FROM)
def test_handover(tmp_path, source, more):
    assert errors(tmp_path, "handover.pml", *source, *more) == 0


@pytest.mark.parametrize("wrong", [*((*source, flag) for flag in ("-DKEEP_LATE", "-DROWS_ANEW") for source in FROM),
                                   *((*source, *ASKED, "-DTELL_FIRST") for source in FROM),
                                   ("-DHANDED", "-DNOBODY_WAITS"), ("-DSTORE", "-DNAME_OF_TWO")])
def test_handover_that_is_wrong(tmp_path, wrong):
    assert errors(tmp_path, "handover.pml", *wrong) == 1
