"""Files: one safetensors file with a JSON header, and what objects look like in it.

`file` reads and writes, `registry` lists all that can be rebuilt; the other modules turn one kind
of object each into a `Part` (JSON facts and arrays) and back.
"""

from .approximations import build_approximation, describe_approximation, saved_encoder
from .artefact import PLATFORMS, check_can_export, compiled, write_artefact
from .checkpoints import (
    Checkpointed,
    check_arrays,
    checkpoint_file,
    checkpoint_files,
    is_of,
    read_checkpoint,
    step_of,
    write_checkpoint,
)
from .file import FORMAT_VERSION, Document, file_bytes, one_line, read_file, reading, write_file
from .models import (
    build_coordinates,
    build_expansion,
    build_model,
    describe_coordinates,
    describe_expansion,
    describe_model,
    difference,
    undescribed,
)
from .part import Part, gather
from .programs import build_program
from .versions import library_versions, moonfield_version

__all__ = [
    "FORMAT_VERSION",
    "PLATFORMS",
    "Checkpointed",
    "Document",
    "Part",
    "build_approximation",
    "build_coordinates",
    "build_expansion",
    "build_model",
    "build_program",
    "check_arrays",
    "check_can_export",
    "checkpoint_file",
    "checkpoint_files",
    "compiled",
    "describe_approximation",
    "describe_coordinates",
    "describe_expansion",
    "describe_model",
    "difference",
    "file_bytes",
    "gather",
    "is_of",
    "library_versions",
    "moonfield_version",
    "one_line",
    "read_checkpoint",
    "read_file",
    "reading",
    "saved_encoder",
    "step_of",
    "undescribed",
    "write_artefact",
    "write_checkpoint",
    "write_file",
]
