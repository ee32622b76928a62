import pytest

from espnet_ext.data.corpora.ages import labels_of_decade, labels_of_years


@pytest.mark.parametrize(
    ("decade", "labels"),
    [
        ("twenties", {"age": "twenties", "age_years": "25"}),
        ("teens", {"age": "teens", "age_years": "15"}),
        ("nineties", {"age": "nineties", "age_years": "95"}),
        ("fourties", {"age": "forties", "age_years": "45"}),  # as Common Voice spells it
        ("old", {"age": "old"}),
        ("", {}),
    ],
)
def test_a_decade_has_its_middle(decade: str, labels: dict[str, str]) -> None:
    assert labels_of_decade(decade) == labels


@pytest.mark.parametrize(
    ("years", "decade"), [(9, None), (10, "teens"), (19, "teens"), (20, "twenties"), (49, "forties"), (104, "nineties")]
)
def test_years_have_their_decade(years: int, decade: str | None) -> None:
    assert labels_of_years(years) == ({"age": decade} if decade else {}) | {"age_years": str(years)}
