"""The initial model of a training; refused runs are tested in tests/tasks."""

from argparse import Namespace

import pytest

from espnet_ext.training.start import check_start
from espnet_ext.utils.errors import UserError


@pytest.mark.parametrize("name", ["type", "keys", "training"])
def test_an_invalid_module_name_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=f"a.yaml: {name}: torch modules have an attribute of this name"):
        check_start(Namespace(attributes="a.yaml"), {"sem": None, name: None})
