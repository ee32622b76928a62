"""One way to write ages: a class, the decade, and a number of years."""

DECADES = (
    "teens", "twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties",
)  # fmt: skip
_SPELLINGS = {"fourties": "forties"}  # of Common Voice


def labels_of_years(years: int) -> dict[str, str]:
    """Labels `age` and `age_years` of a known age; no decade for children."""
    decade = years // 10 - 1
    labels = {"age": DECADES[min(decade, len(DECADES) - 1)]} if decade >= 0 else {}
    return labels | {"age_years": str(years)}


def labels_of_decade(decade: str) -> dict[str, str]:
    """Labels of an age that is known to the decade: the years are its middle (`twenties` 25, `teens` 15)."""
    decade = _SPELLINGS.get(decade, decade)
    if decade not in DECADES:
        return {"age": decade} if decade else {}
    return {"age": decade, "age_years": str(10 * DECADES.index(decade) + 15)}
