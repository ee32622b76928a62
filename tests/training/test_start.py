"""What a training starts from; runs that are refused are in tests/tasks."""

from argparse import Namespace

import pytest

from espnet_ext.training.start import check_start
from espnet_ext.utils.errors import UserError


@pytest.mark.parametrize("name", ["type", "keys", "training"])
def test_a_name_that_no_module_can_have_is_refused(name: str) -> None:
    with pytest.raises(UserError, match=f"a.yaml: {name}: torch modules have an attribute of this name"):
        check_start(Namespace(attributes="a.yaml"), {"sem": None, name: None})
