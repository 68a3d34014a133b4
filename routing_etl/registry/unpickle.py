"""Unpickling of a model's bytes with an allow-list, so that a valid hash is not the only wall.

A pickle is a program: it names functions and classes, and calls them. Here it may name the classes of `routing_etl.model`,
the estimators that these hold, arrays, frames, and plain containers. Anything else is refused by its name before it is
imported.
"""

from __future__ import annotations

import dataclasses
import dis
import functools
import math
import pickle
from collections.abc import Collection, Iterator
from types import FunctionType
from typing import Any

import numpy as np
from joblib.numpy_pickle import NumpyArrayWrapper, NumpyUnpickler
from numpy.typing import NDArray

#: Classes, and functions that only make such objects, by module.
_NAMES: dict[str, frozenset[str]] = {
    "builtins": frozenset({"bytearray", "complex", "frozenset", "object", "range", "set", "slice"}),
    "collections": frozenset({"Counter", "OrderedDict", "defaultdict", "deque"}),
    "datetime": frozenset({"date", "datetime", "time", "timedelta", "timezone"}),
    "decimal": frozenset({"Decimal"}),
    # Holds a function and its arguments, and calls nothing by itself; boosted trees keep their input check so.
    "functools": frozenset({"partial"}),
    "joblib.numpy_pickle": frozenset({"NumpyArrayWrapper"}),
    "numpy": frozenset({
        "bool", "bool_", "dtype", "float32", "float64", "int8", "int16", "int32", "int64", "ndarray", "str_", "uint8",
        "uint16", "uint32", "uint64",
    }),
    "numpy._core.multiarray": frozenset({"_reconstruct", "scalar"}),
    "numpy.core.multiarray": frozenset({"_reconstruct", "scalar"}),  # before NumPy 2
    "numpy._core.numeric": frozenset({"_frombuffer"}),
    "numpy.core.numeric": frozenset({"_frombuffer"}),  # before NumPy 2
    "numpy.random._mt19937": frozenset({"MT19937"}),
    "numpy.random._pcg64": frozenset({"PCG64"}),
    "numpy.random._pickle": frozenset({"__bit_generator_ctor", "__generator_ctor", "__randomstate_ctor"}),
    "numpy.random.bit_generator": frozenset({"SeedSequence", "__pyx_unpickle_SeedSequence"}),
    "polars.dataframe.frame": frozenset({"DataFrame"}),
    "polars.series.series": frozenset({"Series"}),
    "routing_etl.frames": frozenset({"AttributeSpec"}),
    "scipy.sparse._csc": frozenset({"csc_array", "csc_matrix"}),
    "scipy.sparse._csr": frozenset({"csr_array", "csr_matrix"}),
    "sklearn.utils._bunch": frozenset({"Bunch"}),
    "sklearn.utils.validation": frozenset({"check_array"}),
    # Cython's makers of loss functions; which of these have one depends on the version of scikit-learn.
    "sklearn._loss._loss": frozenset(
        f"__pyx_unpickle_Cy{loss}"
        for loss in ("AbsoluteError", "HalfBinomialLoss", "HalfMultinomialLoss", "HalfSquaredError", "PinballLoss")
    ),
}  # fmt: skip
#: Modules and packages whose own classes are allowed; their functions are not.
_CLASSES_OF = (
    "polars.datatypes", "routing_etl.model", "sklearn._loss", "sklearn.cluster._kmeans", "sklearn.compose._column_transformer",
    "sklearn.decomposition._truncated_svd", "sklearn.ensemble._forest", "sklearn.ensemble._hist_gradient_boosting",
    "sklearn.isotonic", "sklearn.linear_model._base", "sklearn.linear_model._logistic", "sklearn.pipeline",
    "sklearn.preprocessing._data", "sklearn.preprocessing._encoders",
    "sklearn.preprocessing._function_transformer", "sklearn.preprocessing._label", "sklearn.tree._classes", "sklearn.tree._tree",
)  # fmt: skip


#: The package whose objects must have all that its present code gives them.
_OURS = "routing_etl.model"


class LacksParts(Exception):
    """Objects of ours lack attributes that the present code gives their classes: another version of the program made them.

    Its text names the first ones.
    """


class RefusedName(pickle.UnpicklingError):
    """A pickle names something that no model contains. Its text is the name."""


def load_bytes(content: bytes | bytearray, lacks: Collection[str] = ()) -> Any:
    """Unpickle what `joblib.dump` wrote without compression. Arrays are parts of the bytes, not copies: memory holds a model once.

    Parameters
    ----------
    content : bytes or bytearray
        The whole file. Arrays can be written to if it can.
    lacks : collection of str, optional
        Attributes of objects of ours that were missing when they were saved already, as `lacking` gave them.

    Raises
    ------
    RefusedName
        The pickle names a class or function that no model contains.
    UnpicklingError
        The bytes are not such a pickle.
    LacksParts
        An object of ours lacks an attribute that it would have, were it made by the present code.
    """
    reader = _reader(content)
    made = reader.load()
    if missing := sorted(reader.lacking - set(lacks)):
        raise LacksParts(", ".join(missing[:3]))
    return made


def lacking(content: bytes | bytearray) -> tuple[str, ...]:
    """Attributes that objects of ours in a pickle lack although a method of their class writes them: some are not always written.

    Parameters
    ----------
    content : bytes or bytearray
        The whole file.

    Raises
    ------
    RefusedName
        The pickle names a class or function that no model contains.
    UnpicklingError
        The bytes are not such a pickle.
    """
    reader = _reader(content)
    reader.load()
    return tuple(sorted(reader.lacking))


def _reader(content: bytes | bytearray) -> _ModelUnpickler:
    return _ModelUnpickler("", _Whole(content), ensure_native_byte_order=True)


class _Whole:
    """A file of bytes that are in memory already; what `io.BytesIO` is for bytes, without copying a `bytearray`."""

    def __init__(self, content: bytes | bytearray) -> None:
        self.content, self._at = content, 0

    def read(self, size: int = -1) -> bytes:
        """The next bytes."""
        start = self._at
        self._at = len(self.content) if size < 0 else min(start + size, len(self.content))
        return bytes(memoryview(self.content)[start : self._at])

    def readline(self) -> bytes:
        """The bytes up to the next end of a line."""
        end = self.content.find(b"\n", self._at)
        return self.read(-1 if end < 0 else end + 1 - self._at)

    def array(self, wrapper: Any) -> NDArray[Any]:
        """The array that begins here, as joblib has written it behind its description.

        Raises
        ------
        UnpicklingError
            The file ends before the array does.
        """
        if wrapper.safe_get_numpy_array_alignment_bytes() is not None:
            self.read(int.from_bytes(self.read(1), "little"))
        shape, dtype = tuple(int(n) for n in wrapper.shape), wrapper.dtype
        count = math.prod(shape)
        if min(shape, default=0) < 0 or self._at + count * dtype.itemsize > len(self.content):
            raise pickle.UnpicklingError(f"an array of {shape} goes beyond the end of the file")
        if count == 0:
            return np.empty(shape, dtype)
        found = np.frombuffer(self.content, dtype, count, self._at)
        self._at += count * dtype.itemsize
        made = found.reshape(shape[::-1]).T if wrapper.order == "F" else found.reshape(shape)
        return made if dtype.isnative else made.astype(dtype.newbyteorder("="))


def _class_of_a_library(module: str) -> bool:
    return any(module == known or module.startswith(known + ".") for known in _CLASSES_OF)


def _checked(module: str, name: str) -> None:
    """Refuse a name before anything is imported for it. A dotted name could walk from a class to anything it refers to."""
    allowed = name in _NAMES.get(module, ()) or (_class_of_a_library(module) and "." not in name)
    if not allowed:
        raise RefusedName(f"{module}.{name}")


def _defined_there(found: object, module: str, name: str) -> object:
    """Refuse what a module merely imports (`os`, for one) and its functions."""
    if name not in _NAMES.get(module, ()) and not (isinstance(found, type) and found.__module__ == module):
        raise RefusedName(f"{module}.{name}")
    return found


@functools.cache
def _given(kind: type) -> frozenset[str]:
    """Attributes that a class of ours gives its objects: its fields, or what its methods write; none for anybody else's class."""
    if kind.__module__ != _OURS and not kind.__module__.startswith(_OURS + "."):
        return frozenset()
    if dataclasses.is_dataclass(kind):
        return frozenset(field.name for field in dataclasses.fields(kind))
    methods = (m for base in kind.__mro__ for m in vars(base).values() if base.__module__.startswith(_OURS))
    return frozenset(name for m in methods if isinstance(m, FunctionType) for name in _written(m))


def _written(method: FunctionType) -> Iterator[str]:
    """Names that a method writes as `self.name = ...`, from its bytecode: sources need not be installed."""
    if dis.opmap["STORE_ATTR"] not in method.__code__.co_code[::2]:
        return  # most methods write nothing, and reading bytecode step by step is slow
    before: Any = None
    for step in dis.get_instructions(method):
        if step.opname == "EXTENDED_ARG":
            continue
        if step.opname == "STORE_ATTR" and before == "self":
            yield str(step.argval)
        before = step.argval[-1] if isinstance(step.argval, tuple) and step.argval else step.argval


class _PlainUnpickler(pickle.Unpickler):
    """Reads the pickle inside an array of Python objects, which joblib before 1.6 reads without restriction."""

    def find_class(self, module: str, name: str) -> Any:
        _checked(module, name)
        return _defined_there(super().find_class(module, name), module, name)


class _ModelUnpickler(NumpyUnpickler):  # type: ignore[misc]
    """joblib's unpickler under the allow-list."""

    dispatch = NumpyUnpickler.dispatch.copy()

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.lacking: set[str] = set()

    def find_class(self, module: str, name: str) -> Any:
        _checked(module, name)
        return _defined_there(super().find_class(module, name), module, name)

    def load_build(self) -> None:
        made, state = self.stack[-2:]
        if isinstance(made, NumpyArrayWrapper):
            dtype = state.get("dtype") if isinstance(state, dict) else None
            if not isinstance(dtype, np.dtype):
                raise RefusedName(f"an array of type {type(dtype).__name__}")
            if dtype.hasobject:
                del self.stack[-2:]
                self.stack.append(_PlainUnpickler(self.file_handle).load())
                return
            pickle._Unpickler.load_build(self)  # type: ignore[attr-defined]
            self.stack.append(self.file_handle.array(self.stack.pop()))
            return
        super().load_build()
        made = self.stack[-1]
        kind: Any = type(made)
        self.lacking |= {f"{kind.__name__}.{name}" for name in _given(kind) if not hasattr(made, name)}

    dispatch[pickle.BUILD[0]] = load_build
