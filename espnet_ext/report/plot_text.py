"""Text in plots that users wrote: fonts for its characters, or numbers where no installed font has them."""

import re
from collections.abc import Iterable, Iterator
from functools import cache

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.text import Text

from espnet_ext.report.markdown import Table

# A longer word leaves no room for the plot.
MAX_WORD = 40
_WORD = re.compile(r"[^\s(),:;`]+")
PLAIN = ("normal", "normal", 400)  # style, stretch, weight
# Fonts that draw a box for every character.
_BOXES = re.compile("last ?resort|adobe ?blank", re.IGNORECASE)


def make_readable(figure: Figure, numbers: dict[str, int]) -> None:
    """Give every text of a figure the fonts that it needs, and replace words that cannot be drawn by `[number]`.

    Args:
        figure: not drawn yet; matplotlib would warn of each missing character.
        numbers: word -> its number in all plots of a report; new words are added.
    """
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            labels = [label.get_text() for label in axis.get_ticklabels()]
            readable = [_number_words(label, numbers) for label in labels]
            if readable != labels:
                axis.set_ticks(axis.get_ticklocs(), readable)
    for text in figure.findobj(Text):
        text.set_text(_number_words(text.get_text(), numbers))
        text.set_fontfamily([*text.get_fontfamily(), *_families(text.get_text())])
        text.set_parse_math(False)  # a dollar sign is part of a name


def number_table(numbers: dict[str, int]) -> Table:
    """What the numbers in the plots stand for; without rows if there are none."""
    rows = [[f"[{number}]", word] for word, number in numbers.items()]
    caption = "Plots show these numbers for names that are long or in a script that no installed font has."
    return Table("Names in the plots", caption, ["in plots", "name"], rows, names=2)


def _number_words(text: str, numbers: dict[str, int]) -> str:
    def number(word: re.Match) -> str:
        if len(word[0]) <= MAX_WORD and all(map(_family_of, word[0])):
            return word[0]
        return f"[{numbers.setdefault(word[0], len(numbers) + 1)}]"

    return _WORD.sub(number, text)


def _families(text: str) -> Iterable[str]:
    """The fonts of a text's characters besides the usual one, each once."""
    families = dict.fromkeys(_family_of(character) for character in text if not character.isspace())
    return [family for family in families if family and family != _usual_family()]


@cache
def _family_of(character: str) -> str | None:
    """Family of the first installed font that has a character, the usual one first; None if there is none."""
    return next((family for family, path in _fonts() if ord(character) in _characters(path)), None)


def _usual_family() -> str:
    return next(_fonts())[0]


def _fonts() -> Iterator[tuple[str, str]]:
    """Family and file of the usual font and then of the others, sans serif first."""
    usual = findfont(FontProperties())
    yield get_font(usual).family_name, usual
    # matplotlib logs a warning where it finds no plain font of a family.
    plain = (font for font in fontManager.ttflist if (font.style, font.stretch, font.weight) == PLAIN)
    families = {font.name for font in plain if not _BOXES.search(font.name)}
    for family in sorted(families, key=lambda name: ("Sans" not in name, name)):
        # Of the files of one family, only the one that matplotlib takes counts.
        yield family, findfont(FontProperties(family=family))


@cache
def _characters(path: str) -> frozenset[int]:
    return frozenset(get_font(path).get_charmap())
