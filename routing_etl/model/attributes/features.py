"""Items to a dense numeric matrix that knows which codes and words go with which routings.

Every attribute level (see `tokens`) is encoded by the mean routing description of the training items that share its
value, shrunk towards what the strongest attribute already tells (target encoding of a low-rank operations matrix,
Micci-Barreca 2001). Training rows get the encoding computed without their own fold, so that a rare code does not hand
an item its own routing back. Words of all attributes together enter through one ridge regression on the same
target and, the most telling ones, as 0/1 columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import linalg, sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import _check_feature_names_in, check_array, check_is_fitted, validate_data

from routing_etl.errors import ModelError
from routing_etl.frames import MAX_SOURCE, AttributeSpec
from routing_etl.model.attributes.encoding import LEARNED, AttributeEncoding, Block, Encodes, drawn_folds
from routing_etl.model.attributes.tokens import Tokeniser, TokenTable
from routing_etl.model.base.arrays import Codes, Floats, Ints
from routing_etl.model.base.parameters import COUNT, SEED, Rule, check_parameters

#: Items with the mean description that shrink the mean of a value.
_SHRINK = 2.0
#: Most items that teach the ridge regression, and tokens that it may have however few items there are.
_RIDGE_ROWS, _LEAST_RIDGE = 60_000, 200
#: Ridge penalty on every token.
_PENALTY = 3.0
#: Least share of the target's sum of squares that a level must explain out of fold.
_MIN_GAIN = 0.002
_RULES = {
    "n_directions": COUNT,
    "n_ridge": COUNT,
    **dict.fromkeys(("max_blocks", "n_words", "max_ridge"), Rule(0, whole=True)),
    "random_state": SEED,
}


@dataclass
class _FoldSums:
    """Per value of a level and fold: sums of the target (values x folds x dims) and items (values x folds)."""

    sums: Floats
    counts: Floats


@dataclass(frozen=True)
class _Target:
    """What encodings are learned from: the centred target (items x k), and the fold of every item."""

    values: Floats
    folds: Ints

    @property
    def n_folds(self) -> int:
        return int(self.folds.max()) + 1 if len(self.folds) else 1

    @cached_property
    def total(self) -> float:
        """Sum of squares, 1 for none."""
        return float(np.einsum("ij,ij->", self.values, self.values, dtype=np.float64)) or 1.0


def _fold_sums(codes: Codes, target: _Target) -> _FoldSums:
    width, n_folds = int(codes.max()) + 1 if len(codes) else 0, target.n_folds
    cell = np.where(codes >= 0, codes * np.int64(n_folds) + target.folds, -1)
    hot = _one_hot(cell, width * n_folds)
    return _FoldSums(
        np.asarray(hot.T @ target.values, dtype=np.float32).reshape(width, n_folds, -1),
        np.bincount(cell[cell >= 0], minlength=width * n_folds).astype(np.float32).reshape(width, n_folds),
    )


def _by_others(sums: _FoldSums) -> Floats:
    """Values x folds x dims: the shrunk mean over the items of the other folds that share the value."""
    others: Floats = sums.sums.sum(axis=1, keepdims=True) - sums.sums
    others /= (sums.counts.sum(axis=1, keepdims=True) - sums.counts + _SHRINK)[:, :, None]
    return others


def _out_of_fold(others: Floats, codes: Codes, folds: Ints) -> Floats:
    """Every item's row of `_by_others`; 0 without a value."""
    known = codes >= 0
    out = np.zeros((len(codes), others.shape[2]), dtype=np.float32)
    out[known] = others[codes[known], folds[known]]
    return out


def _explained(sums: _FoldSums, others: Floats) -> float:
    """How much the target's sum of squares shrinks when every item's row of `others` is taken off.

    |t - m|^2 = |t|^2 - 2 t m + |m|^2 depends on an item's t by its sum alone, so that it is added up by value and fold.
    """
    shared = np.einsum("vfd,vfd->", sums.sums, others, dtype=np.float64)
    own = np.einsum("vfd,vfd->vf", others, others, dtype=np.float64)
    return float(2.0 * shared - (own * sums.counts).sum())


def _one_hot(codes: NDArray[Any], width: int) -> sparse.csr_matrix:
    keep = codes >= 0
    indptr = np.concatenate([[0], np.cumsum(keep)])
    data = np.ones(int(keep.sum()), dtype=np.float32)
    return sparse.csr_matrix((data, codes[keep], indptr), shape=(len(codes), width))


class AttributeEncoder(TransformerMixin, Encodes, BaseEstimator):  # type: ignore[misc]
    """Encode items into float32 columns.

    A scikit-learn transformer. With `attributes` it reads a Polars frame that has these columns. Without, it reads any
    matrix of numbers (an array, a frame of numbers), whose columns are then number attributes; NaN is a missing value.

    Parameters
    ----------
    attributes : tuple of AttributeSpec, optional
        What to read.
    n_directions : int, optional
        Dimensions per level.
    max_blocks : int, optional
        Most levels encoded alone, and most encoded given the strongest level.
    n_ridge : int, optional
        Most columns of the ridge regression.
    n_words : int, optional
        Most telling words kept as 0/1 columns.
    max_ridge : int, optional
        Most token columns in the ridge regression, and at most one per two items.
    random_state : int, optional
        Seed.
    identifiers : tuple of str, optional
        With `attributes`: columns of codes that no two items share, read for the sizes that they say.

    Attributes
    ----------
    feature_names_ : list of str
        Column names.
    feature_attributes_ : list of str
        Attribute behind every column, '' for the joint ridge columns.
    """

    def __init__(
        self,
        *,
        attributes: tuple[AttributeSpec, ...] = (),
        n_directions: int = 4,
        max_blocks: int = 20,
        n_ridge: int = 24,
        n_words: int = 64,
        max_ridge: int = 2500,
        random_state: int = 42,
        identifiers: tuple[str, ...] = (),
    ) -> None:
        self.attributes = attributes
        self.n_directions = n_directions
        self.max_blocks = max_blocks
        self.n_ridge = n_ridge
        self.n_words = n_words
        self.max_ridge = max_ridge
        self.random_state = random_state
        self.identifiers = identifiers

    def __sklearn_tags__(self) -> Any:
        """A missing number is NaN, a target is needed, columns are float32."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def fit(self, X: Any, y: Any, folds: Ints | None = None) -> AttributeEncoder:
        """Learn the encodings; arguments and errors as in `fit_transform`."""
        self.fit_transform(X, y, folds)
        return self

    def fit_transform(  # type: ignore[override]
        self, X: Any, y: Any, folds: Ints | None = None
    ) -> Floats:
        """Learn the encodings; the result is out of fold for every row, so that of codes differs from `transform`'s.

        Parameters
        ----------
        X : polars.DataFrame or matrix
            n items.
        y : array
            n or n x k, the description of each item's routing.
        folds : Ints, optional
            n, fold number; drawn here when None.

        Raises
        ------
        ModelError
            A parameter, the folds or an attribute column cannot be used.
        ValueError
            X or y is no such matrix.
        """
        return self.fit_coded(X, y, folds)[0]

    def fit_coded(
        self, X: Any, y: Any, folds: Ints | None = None, others: pl.DataFrame | None = None
    ) -> tuple[Floats, TokenTable]:
        """`fit_transform`, which gives the coded items too; arguments and errors are the same.

        Parameters
        ----------
        X : polars.DataFrame or matrix
            n items.
        y : array
            n or n x k, the description of each item's routing.
        folds : Ints, optional
            n, fold number.
        others : polars.DataFrame, optional
            Items without a routing, with the columns of the attributes and the identifiers: they tell the sizes of their designs, and how texts write sizes.
        """
        check_parameters(self, _RULES)
        items = self._items(X, y, reset=True)
        target = check_array(y, ensure_2d=False, dtype="numeric", input_name="y", estimator=self)
        target = target[:, None] if target.ndim == 1 else target
        folds = self._folds(items.height, folds)
        if len(target) != items.height:
            raise ValueError(f"AttributeEncoder: X has {items.height} rows, y has {len(target)}.")
        self.tokeniser_ = Tokeniser(self._specs(), identifiers=self.identifiers).fit(items, others)
        table = self.tokeniser_.transform(items)
        table = self.tokeniser_.guess_sizes(items, table, folds, self.random_state, others)
        self.target_mean_ = target.mean(axis=0)
        centred = _Target((target - self.target_mean_).astype(np.float32), folds)
        blocks, rest = self._fit_blocks(table, centred)
        self._choose_words(table, rest)
        ridge = self._fit_ridge(table, centred, rest)
        parts = [self._fit_fill(table.numbers), *blocks, self.word_columns(table), ridge]
        self.feature_names_, self.feature_attributes_ = self._named_columns(ridge.shape[1])
        return np.ascontiguousarray(np.hstack(parts), dtype=np.float32), table

    def _fit_blocks(self, table: TokenTable, target: _Target) -> tuple[list[Floats], Floats]:
        """Learn the target encodings of levels; their columns for the training items, and what the strongest leaves."""
        raw = {name: self._encode(name, codes, target, residual=False) for name, codes in table.codes.items()}
        self.base_level_ = max(raw, key=lambda k: raw[k][0].gain) if raw else ""
        rest = target
        if self.base_level_:
            base = table.codes[self.base_level_]
            rest = _Target(
                target.values - _out_of_fold(_by_others(_fold_sums(base, target)), base, target.folds),
                target.folds,
            )
        given = [
            self._encode(name, codes, rest, residual=True)
            for name, codes in table.codes.items()
            if name != self.base_level_
        ]
        kept = _strongest(list(raw.values()), self.max_blocks) + _strongest(given, self.max_blocks)
        self.blocks_ = [block for block, _ in kept]
        self.level_gain_ = {name: block.gain for name, (block, _) in raw.items()}
        return [values for _, values in kept], rest.values

    def _named_columns(self, n_ridge: int) -> tuple[list[str], list[str]]:
        """Name and attribute of every column, in the order of `encode`."""
        names = list(self.tokeniser_.number_names)
        owners = list(self.tokeniser_.number_attributes)
        for block in self.blocks_:
            kind = "given " + self.base_level_ if block.residual else "alone"
            names += [f"{block.level} {kind} {i}" for i in range(block.table.shape[1])]
            owners += [block.attribute] * block.table.shape[1]
        names += [f"{level}={word}" for level, word, _ in self.words_]
        owners += [level.split("|")[0] for level, _, _ in self.words_]
        names += [f"tokens {i}" for i in range(n_ridge)]
        owners += [""] * n_ridge
        return names, owners

    def transform(self, X: Any) -> Floats:
        """Encode items with what was learned; values never seen count as unknown.

        Parameters
        ----------
        X : polars.DataFrame or matrix
            The items.

        Raises
        ------
        ModelError
            An attribute column is missing or mistyped.
        ValueError
            X is no such matrix as in `fit`.
        """
        check_is_fitted(self)
        return self.encode(self.tokeniser_.transform(self._items(X, None, reset=False)))

    @property
    def encoding(self) -> AttributeEncoding:
        """What was learned, for use without scikit-learn."""
        specs = self._specs()
        return AttributeEncoding(specs, **{f: getattr(self, f) for f in LEARNED})

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Names of the columns. `input_features`: None, or the names of the columns that were read."""
        check_is_fitted(self)
        _check_feature_names_in(self, input_features)
        return np.asarray(self.feature_names_, dtype=object)

    # --- what is read --------------------------------------------------------------------------------------------

    def _items(self, X: Any, y: Any, *, reset: bool) -> pl.DataFrame:
        """The attributes' columns as a frame; sets (`reset`) or checks their names and number."""
        if self.attributes:
            if not isinstance(X, pl.DataFrame):
                raise ModelError(
                    f"AttributeEncoder: X is a {type(X).__name__}, but its attributes are given by name.",
                    remedy="Give a Polars frame with these columns, or a matrix of numbers and no attributes.",
                )
            Tokeniser(self.attributes, identifiers=self.identifiers).check(X)
            read = X.select(list(dict.fromkeys((*(a.name for a in self.attributes), *self.identifiers))))
            validate_data(self, read, y if reset else "no_validation", reset=reset, skip_check_array=True)
            return read
        rules = {"dtype": np.float64, "ensure_all_finite": "allow-nan"}
        if reset:
            matrix, _ = validate_data(self, X, y, multi_output=True, **rules)
        else:
            matrix = validate_data(self, X, reset=False, **rules)
        return pl.DataFrame(matrix, schema=[a.name for a in self._specs()], nan_to_null=True)

    def _specs(self) -> tuple[AttributeSpec, ...]:
        """The attributes given, else one number per column of the matrix."""
        return tuple(self.attributes) or tuple(
            AttributeSpec(str(name), "number") for name in _check_feature_names_in(self)
        )

    def _folds(self, n: int, folds: Ints | None) -> Ints:
        if folds is None:
            return drawn_folds(n, self.random_state)
        folds = np.asarray(folds)
        if folds.shape != (n,) or folds.dtype.kind not in "iu" or (folds < 0).any():
            raise ModelError(
                f"AttributeEncoder: folds is an array of {folds.dtype} of shape {folds.shape}, or below 0.",
                remedy=f"Give one fold number, 0 or more, for each of the {n} items.",
            )
        return folds

    # --- target encodings ----------------------------------------------------------------------------------------

    def _encode(self, name: str, codes: Codes, target: _Target, *, residual: bool) -> tuple[Block, Floats]:
        """The encoding of one level, and its columns for the training items, out of fold."""
        sums = _fold_sums(codes, target)
        whole, counts = sums.sums.sum(axis=1), sums.counts.sum(axis=1)
        means = whole / (counts + _SHRINK)[:, None]
        weighted = means * np.sqrt(counts)[:, None]
        dims = min(self.n_directions, len(counts), target.values.shape[1])
        _, directions = linalg.eigh(weighted.T @ weighted, check_finite=False)
        axes = np.ascontiguousarray(directions[:, : -dims - 1 : -1], dtype=np.float32)
        others = _by_others(sums)
        gain = _explained(sums, others) / target.total
        table = _with_unknown(means @ axes)
        block = Block(name, name.split("|")[0], residual, table, gain)
        return block, _out_of_fold(others @ axes, codes, target.folds)

    # --- numbers -------------------------------------------------------------------------------------------------

    def _fit_fill(self, numbers: Floats) -> Floats:
        if numbers.size:
            with np.errstate(all="ignore"):
                known = np.abs(numbers) <= MAX_SOURCE
                low = np.nanmin(np.where(known, numbers, np.inf), axis=0)
                high = np.nanmax(np.where(known, numbers, -np.inf), axis=0)
            self.fill_ = np.where(np.isfinite(low), low - 0.1 * (high - low) - 1.0, -1.0).astype(np.float32)
        else:
            self.fill_ = np.zeros(numbers.shape[1], dtype=np.float32)
        return self.filled(numbers)

    # --- words ---------------------------------------------------------------------------------------------------

    def _choose_words(self, table: TokenTable, rest: Floats) -> None:
        found: list[tuple[float, str, str, int]] = []
        for name, lists in table.words.items():
            matrix = lists.matrix()
            counts = np.asarray(matrix.sum(axis=0)).ravel()
            sums = np.asarray(matrix.T @ rest)
            gains = (sums**2).sum(axis=1) / (counts + 5.0)
            vocabulary = self.tokeniser_.vocabularies[name]
            best = np.argsort(-gains)[: self.n_words]
            found += [(float(gains[i]), name, vocabulary[int(i)], int(i)) for i in best]
        found.sort(key=lambda f: (-f[0], f[1], f[3]))
        self.words_ = [(name, word, i) for _, name, word, i in found[: self.n_words]]
        self.word_places_ = {
            name: self._places(name, {i: p for p, (level, _, i) in enumerate(self.words_) if level == name})
            for name in dict.fromkeys(level for level, _, _ in self.words_)
        }

    def _places(self, level: str, column_of: dict[int, int]) -> Codes:
        """Code of a level -> its column, -1 for one that has none (or is unknown: code -1)."""
        out = np.full(self.tokeniser_.vocabularies[level].len() + 1, -1, dtype=np.int32)
        out[list(column_of)] = list(column_of.values())
        return out

    # --- ridge over all tokens -----------------------------------------------------------------------------------

    def _fit_ridge(self, table: TokenTable, centred: _Target, rest: Floats) -> Floats:
        """Choose tokens by what they tell of `rest`, and learn their ridge regression; its columns, out of fold."""
        target, folds, n_folds = centred.values, centred.folds, centred.n_folds
        self._choose_ridge_tokens(table, rest)
        dims = min(self.n_ridge, target.shape[1])
        matrix = self.ridge_matrix(table)
        width = self.ridge_width_
        if not width:
            self.ridge_ = np.zeros((0, dims), dtype=np.float32)
            return np.zeros((len(target), dims), dtype=np.float32)
        rng = np.random.default_rng(self.random_state)
        n = len(target)
        rows = np.arange(n) if n <= _RIDGE_ROWS else np.sort(rng.choice(n, _RIDGE_ROWS, replace=False))
        grams, moments = [], []
        for fold in range(n_folds):
            here = rows[folds[rows] == fold]
            part = matrix[here]
            grams.append(np.asarray((part.T @ part).todense(), dtype=np.float64))
            moments.append(np.asarray(part.T @ target[here], dtype=np.float64))
        gram, moment = np.sum(grams, axis=0), np.sum(moments, axis=0)
        penalty = np.full(width, _PENALTY)
        solution = _solve(gram, moment, penalty)
        _, _, directions = linalg.svd(solution.T @ (gram @ solution), check_finite=False)
        axes = directions[:dims].T
        self.ridge_ = np.asarray(solution @ axes, dtype=np.float32)
        out = np.zeros((n, dims), dtype=np.float32)
        for fold in range(n_folds):
            here = np.flatnonzero(folds == fold)
            partial = _solve(gram - grams[fold], moment - moments[fold], penalty) @ axes
            out[here] = matrix[here] @ partial.astype(np.float32)
        return out

    def _choose_ridge_tokens(self, table: TokenTable, rest: Floats) -> None:
        """Give the tokens that tell most of `rest` a column of the regression each."""
        parts: list[tuple[float, str, int]] = []
        for name, matrix in self._token_matrices(table).items():
            counts = np.asarray(matrix.sum(axis=0)).ravel()
            gains = (np.asarray(matrix.T @ rest) ** 2).sum(axis=1) / (counts + 5.0)
            gains[counts < 3] = -1.0
            best = np.argsort(-gains)[: self.max_ridge]
            parts += [(float(gains[i]), name, int(i)) for i in best if gains[i] > 0]
        parts.sort(key=lambda p: (-p[0], p[1], p[2]))
        chosen = parts[: min(self.max_ridge, max(len(rest) // 2, _LEAST_RIDGE))]
        self.ridge_places_: dict[str, Codes] = {}
        self.ridge_width_ = 0
        for name in dict.fromkeys(n for _, n, _ in chosen):
            codes = sorted(i for _, n, i in chosen if n == name)
            self.ridge_places_[name] = self._places(
                name, {c: self.ridge_width_ + k for k, c in enumerate(codes)}
            )
            self.ridge_width_ += len(codes)

    def _token_matrices(self, table: TokenTable) -> dict[str, sparse.csr_matrix]:
        single = {
            name: _one_hot(codes, self.tokeniser_.vocabularies[name].len())
            for name, codes in table.codes.items()
            if "|value" in name or "|prefix" in name
        }
        return single | {name: lists.matrix() for name, lists in table.words.items()}


def _strongest(found: list[tuple[Block, Floats]], most: int) -> list[tuple[Block, Floats]]:
    telling = [f for f in found if f[0].gain > _MIN_GAIN]
    return sorted(telling, key=lambda f: (-f[0].gain, f[0].level))[:most]


def _with_unknown(table: Floats) -> Floats:
    """Append the row of zeros that code -1 (never seen) picks: no deviation from what is already known."""
    return np.vstack([table, np.zeros((1, table.shape[1]))]).astype(np.float32)


def _solve(gram: Floats, moment: Floats, penalty: Floats) -> Floats:
    system = gram + np.diag(penalty)
    factor = linalg.cho_factor(system, overwrite_a=True, check_finite=False)
    return np.asarray(linalg.cho_solve(factor, moment, check_finite=False))
