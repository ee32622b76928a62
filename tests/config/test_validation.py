"""Strict configurations: an invalid value is refused in one line with its location and the valid choices."""

import re
from typing import Annotated, Any, Literal

import pytest
from pydantic import AfterValidator, Discriminator, Field, NonNegativeFloat, PositiveFloat, PositiveInt, Tag

from espnet_ext.config.validation import StrictModel, check_arguments, check_name, validate
from espnet_ext.utils.errors import UserError


class Cat(StrictModel):
    meow: str
    color: str = Field("red", alias="colour")


class Dog(StrictModel):
    bark: str


def refuse_x(key: str) -> str:
    if key == "x":
        raise ValueError("x is taken")
    return key


class Example(StrictModel):
    dim: int
    rate: float = 0.5
    name: str = "a"
    flag: bool = False
    options: dict[str, Any] = {}
    share: float = Field(0.5, ge=0, lt=1)
    sizes: list[int] = []
    step: PositiveInt = 1
    clip: PositiveFloat = 1.0
    weights: dict[str, NonNegativeFloat] = {}
    kinds: tuple[Literal["tall", "small"], ...] = Field((), strict=False)
    pets: dict[
        Annotated[str, AfterValidator(refuse_x)],
        Annotated[
            Annotated[Cat, Tag("Cat")] | Annotated[Dog, Tag("Dog")],
            Discriminator(lambda pet: "Dog" if "bark" in str(pet) else "Cat"),
        ],
    ] = Field({}, max_length=2)


def test_values_and_defaults_are_read() -> None:
    content = {"dim": 4, "rate": 2, "options": {"x": 1}, "kinds": ["tall"], "pets": {"a": {"meow": "b", "colour": "c"}}}
    built = validate(Example, content, "here")
    pets = {"a": Cat(meow="b", color="c")}
    assert built == Example(dim=4, rate=2.0, name="a", flag=False, options={"x": 1}, kinds=("tall",), pets=pets)
    assert type(built.rate) is float


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"flga": True}, "unknown key 'flga' (did you mean flag?); legal keys: clip, dim, flag, kinds, name, *"),
        ({"zzzzzz": 1}, "unknown key 'zzzzzz'; legal keys: clip, dim, *"),
        ({3: 1}, "unknown key 3; legal keys: clip, dim, *"),
        ({"dim": "4"}, "dim must be a valid integer, found '4'"),
        ({"dim": 4.0}, "dim must be a valid integer, found 4.0"),
        ({"dim": True}, "dim must be a valid integer, found True"),
        ({"rate": True}, "rate must be a valid number, found True"),
        ({"rate": "1e-3"}, "rate must be a valid number, found '1e-3'"),
        ({"flag": 1}, "flag must be a valid boolean, found 1"),
        ({"name": None}, "name must be a valid string, found None"),
        ({"share": 1}, "share must be less than 1, found 1"),
        ({"share": -0.5}, "share must be greater than or equal to 0, found -0.5"),
        ({"share": float("nan")}, "share must be a finite number, found nan"),
        ({"step": 0}, "step must be greater than 0, found 0"),
        ({"sizes": [2, True]}, "sizes[1]: must be a valid integer, found True"),
        ({"sizes": 2}, "sizes must be a valid list, found 2"),
        ({"clip": 0}, "clip must be greater than 0, found 0"),
        ({"clip": float("inf")}, "clip must be a finite number, found inf"),
        ({"weights": {"a": 1, "b": "2"}}, "weights: b must be a valid number, found '2'"),
        ({"kinds": ["tal"]}, "kinds[0]: must be 'tall' or 'small', found 'tal' (did you mean tall?)"),
        ({"kinds": "tall"}, "kinds must be a valid list, found 'tall'"),
        ({"pets": {"a": 3}}, "pets.a: expected keys colour, meow; or bark, found 3"),
        ({"pets": {"a": {"meow": 3}}}, "pets.a: meow must be a valid string, found 3"),
        ({"pets": {"a": {"colour": "b"}}}, "pets.a: missing key 'meow'; legal keys: colour, meow; or bark"),
        ({"pets": {"a": {"brak": "b"}}}, "pets.a: unknown key 'brak' (did you mean bark?); legal keys: colour, *"),
        ({"pets": {"a": {"bark": "b", "meow": "b"}}}, "pets.a: unknown key 'meow'; legal keys: colour, meow; or bark"),
        ({"pets": {"a": {"meow": "b", "color": "b"}}}, "pets.a: unknown key 'color' (did you mean colour?); legal *"),
        ({"pets": {"x": {"bark": "b"}}}, "pets.x: x is taken"),
        ({"pets": dict.fromkeys("abc", {"bark": "b"})}, "pets must have at most 2 items after validation, not more, *"),
    ],
)
def test_the_error_names_an_invalid_value(change: dict, message: str) -> None:
    with pytest.raises(UserError) as caught:
        validate(Example, {"dim": 4} | change, "here")
    found = str(caught.value)
    expected = f"here: {message}"
    assert found.startswith(expected.removesuffix("*")) if message.endswith("*") else found == expected
    assert "\n" not in found


@pytest.mark.parametrize("content", [[1], None, "dim"])
def test_the_error_names_a_value_that_is_not_a_mapping(content: object) -> None:
    with pytest.raises(UserError, match=f"^here: expected keys clip, dim, .*, found {re.escape(repr(content))}$"):
        validate(Example, content, "here")


def test_the_error_names_a_missing_key_unless_another_key_is_misspelled() -> None:
    with pytest.raises(UserError, match="^here: missing key 'dim'; legal keys: clip, dim, "):
        validate(Example, {"rate": 1.0}, "here")
    with pytest.raises(UserError, match=r"^here: unknown key 'dimm' \(did you mean dim\?\)"):
        validate(Example, {"dimm": 1}, "here")


def test_a_configuration_without_keys_accepts_no_key() -> None:
    assert validate(StrictModel, {}, "here") == StrictModel()
    with pytest.raises(UserError, match="^here: unknown key 'a'; legal keys: none$"):
        validate(StrictModel, {"a": 1}, "here")


def test_names_of_attributes_are_keys_only_on_request() -> None:
    assert validate(Cat, {"meow": "a", "color": "b"}, "here", by_name=True) == Cat(meow="a", color="b")
    with pytest.raises(UserError, match="unknown key 'colour'"):
        validate(Cat, {"meow": "a", "colour": "b"}, "here", by_name=True)


def test_the_error_of_an_unknown_name_suggests_the_nearest_one() -> None:
    check_name("loss", ["acc", "loss"], "here")
    with pytest.raises(UserError, match=r"^here: unknown 'lss' \(did you mean loss\?\); legal: acc, loss$"):
        check_name("lss", ["acc", "loss"], "here")
    with pytest.raises(UserError, match=r"^here: unknown \[1\]; legal: acc, loss$"):
        check_name([1], ["acc", "loss"], "here")


def function(
    weights: list,
    rate: float = 0.1,
    count: int = 1,
    name: str = "a",
    flag: bool = False,
    betas: tuple = (1, 2),
    any=None,
) -> None:
    """A function of which only the signature matters."""


def test_valid_arguments_are_accepted() -> None:
    check_arguments(function, {"rate": 1, "count": 2, "name": "b", "betas": [3, 4], "any": "x"}, "here", ["weights"])
    check_arguments(function, {}, "here", required=False)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"weights": 1}, r"^here: unknown key 'weights'; legal keys: any, betas, count, flag, name, rate$"),
        ({"rat": 1}, r"^here: unknown key 'rat' \(did you mean rate\?\)"),
        ({"rate": "fast"}, "^here: rate must be a valid number, found 'fast'$"),
        ({"rate": None}, "^here: rate must be a valid number, found None$"),
        ({"count": True}, "^here: count must be a valid integer, found True$"),
        ({"count": 0.5}, "^here: count must be a valid integer, found 0.5$"),
        ({"name": 1}, "^here: name must be a valid string, found 1$"),
        ({"flag": 1}, "^here: flag must be a valid boolean, found 1$"),
        ({"betas": 1}, "^here: betas must be a valid list, found 1$"),
        (5, "^here: expected keys .* found 5$"),
    ],
)
def test_the_error_names_invalid_arguments(given: object, message: str) -> None:
    with pytest.raises(UserError, match=message):
        check_arguments(function, given, "here", ["weights"])
    with pytest.raises(UserError, match="^here: missing key 'weights'"):
        check_arguments(function, {}, "here")
