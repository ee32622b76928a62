"""Frozen teachers: models whose outputs are the training targets of an attribute."""

import inspect
from collections.abc import Mapping
from typing import Any

from espnet_ext.config.attributes import TargetConfig
from espnet_ext.config.validation import check_arguments
from espnet_ext.teachers.abs_teacher import AbsTeacher
from espnet_ext.teachers.ecapa import EcapaTeacher
from espnet_ext.teachers.espnet_spk import EspnetSpkTeacher
from espnet_ext.teachers.resemblyzer import ResemblyzerTeacher
from espnet_ext.teachers.runtime import DEFAULT_RUNTIME, Runtime
from espnet_ext.teachers.sentence_transformers import BgeM3Teacher, SentenceTransformersTeacher
from espnet_ext.teachers.usem import UsemTeacher
from espnet_ext.utils.errors import UserError

TEACHERS: dict[str, type[AbsTeacher]] = {
    teacher.name: teacher
    for teacher in (
        BgeM3Teacher,
        EcapaTeacher,
        EspnetSpkTeacher,
        ResemblyzerTeacher,
        SentenceTransformersTeacher,
        UsemTeacher,
    )
}


def build_teacher(name: str, runtime: Runtime = DEFAULT_RUNTIME, **options: Any) -> AbsTeacher:
    """Build a teacher.

    Args:
        name: a key of `TEACHERS`.
        runtime: device and offline weights, for teachers that use them; the embeddings do not depend on it.
        options: arguments of the teacher's constructor.

    Raises:
        UserError: an unknown teacher or option, with the legal ones; a missing option or package; or missing weights.
    """
    check_options(name, options)
    if "runtime" in inspect.signature(TEACHERS[name]).parameters:
        options["runtime"] = runtime
    return TEACHERS[name](**options)


def check_options(name: str, options: Mapping[str, Any]) -> None:
    """Check a teacher's name and options without loading it; see `build_teacher`."""
    if name not in TEACHERS:
        raise UserError(f"unknown teacher {name!r}; legal: {', '.join(sorted(TEACHERS))}")
    check_arguments(TEACHERS[name], options, f"teacher {name}: options", skip=("runtime",))


def check_target(target: TargetConfig, where: str) -> None:
    """Check the teacher of an attribute without loading it.

    Raises:
        UserError: an unknown teacher or option, or a teacher of the other modality; the message begins with `where`.
    """
    if target.teacher is None:
        return
    try:
        check_options(target.teacher, target.options)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    modality = TEACHERS[target.teacher].modality
    if modality != target.source:
        raise UserError(
            f"{where}: teacher {target.teacher} reads {modality}, not {target.source}; "
            f"write `from: {modality}` or name another teacher"
        )
