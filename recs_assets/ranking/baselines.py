"""The systems the model is compared with. Each gives dense scores for a chunk of profiles, given their history.

Every baseline breaks ties by popularity (:func:`add_popularity`): a part without evidence ranks by it below the parts
with evidence, and a profile without history gets popularity alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import linalg, sparse
from scipy.sparse import linalg as linalg_sparse

from recs_assets.ranking.arrays import Floats, Floats32, Ints
from recs_assets.ranking.candidates import top_of_sparse
from recs_assets.ranking.sparse_matrices import normalise_rows, walk_steps

KNN_BLOCK = 1_000  # parts, or users, whose co-occurrences are held at once
# Profiles of a walk, whose middle is [users x profiles]: in a processor's cache it takes a third of the time.
WALKED_AT_ONCE = 16
POPULARITY_WEIGHT = 1e-12  # far below any difference of evidence, far above the rounding of float64 scores near 1


@dataclass(frozen=True)
class DenseWeights:
    """Item-item weights over some of the parts.

    Attributes:
        products: int64[selected], product numbers.
        weights: float32[selected, selected], evidence that a part of the history (row) gives to a part (column).
    """

    products: Ints
    weights: Floats32


def popularity(weights: Floats, n_profiles: int) -> Floats:
    """The same scores for everybody: float64[n_profiles, products], a read-only view of ``weights``."""
    return np.broadcast_to(np.asarray(weights, dtype=np.float64), (n_profiles, len(weights)))


def add_popularity(scores: Floats | Floats32, weights: Floats) -> Floats:
    """Scores [profiles, products] plus so little popularity that it decides only between equal scores.

    Args:
        scores: float[profiles, products], of a scale near 1 or below.
        weights: float64[products], purchases of each part, >= 0.
    """
    most = weights.max(initial=0)
    return np.asarray(scores + POPULARITY_WEIGHT * weights / (most if most > 0 else 1), dtype=np.float64)


def item_knn(train: sparse.csr_array, shrinkage: float, neighbours: int) -> sparse.csr_array:
    """Shrunk cosine between the columns of ``train``: x_i . x_j / (|x_i| |x_j| + shrinkage), diagonal zero.

    (Sarwar et al. 2001; shrinkage as in Bell & Koren 2007.)

    Args:
        train: CSR [users x products], weights >= 0.
        shrinkage: evidence at which a similarity counts half.
        neighbours: similarities kept per part, the largest.

    Returns:
        CSR [products x products]; row i holds the similarities of other parts to part i.
    """
    by_product = sparse.csr_array(train.T)
    norm = np.sqrt(by_product.multiply(by_product).sum(axis=1))
    blocks = []
    for start in range(0, by_product.shape[0], KNN_BLOCK):
        products = np.arange(start, min(start + KNN_BLOCK, by_product.shape[0]))
        together = sparse.coo_array(by_product[products] @ train)
        other = together.col != products[together.row]
        row, column, value = together.row[other], together.col[other], together.data[other]
        value = value / (norm[products[row]] * norm[column] + shrinkage)
        similarity = sparse.csr_array((value, (row, column)), shape=together.shape)
        blocks.append(top_of_sparse(similarity.data, similarity, neighbours).assign(block=start))
    best = pd.concat(blocks)
    pairs = (best["score"].to_numpy(), ((best["profile"] + best["block"]).to_numpy(), best["product"].to_numpy()))
    return sparse.csr_array(pairs, shape=(by_product.shape[0], by_product.shape[0]))


def ease(train: sparse.csr_array, regularization: float, max_parts: int) -> DenseWeights:
    """EASE over the ``max_parts`` parts with the largest column sums: B = I - P / diag(P), P = (X'X + lambda I)^-1.

    (Steck 2019, "Embarrassingly Shallow Autoencoders for Sparse Data", equation 8.)

    Args:
        train: CSR [users x products].
        regularization: lambda > 0.
        max_parts: parts covered; the weights take 4 bytes x max_parts^2, the inverse time with its cube, or with that of the
            users of two parts or more where these are clearly fewer.
    """
    products = np.sort(np.argsort(-np.asarray(train.sum(axis=0)).ravel(), kind="stable")[:max_parts])
    selected = sparse.csr_array(train[:, products], dtype=np.float64)
    # Who has a single part adds to the diagonal alone.
    has_more = np.diff(selected.indptr) > 1
    diagonal = regularization + np.asarray(selected[np.flatnonzero(~has_more)].power(2).sum(axis=0), dtype=np.float64).ravel()
    paired = selected[np.flatnonzero(has_more)]
    # By users there is more to do than the smaller inverse.
    inverse = _inverse_by_users if 4 * paired.shape[0] < 3 * paired.shape[1] else _inverse_by_parts
    precision = inverse(paired, diagonal)
    precision /= -np.diag(precision)
    np.fill_diagonal(precision, 0.0)
    return DenseWeights(products.astype(np.int64), precision)


def _inverse_by_parts(train: sparse.csr_array, diagonal: Floats) -> Floats32:
    """[products x products] (X'X + D)^-1."""
    return _inverse(sparse.csr_array(train.T), train, diagonal)


def _inverse_by_users(train: sparse.csr_array, diagonal: Floats) -> Floats32:
    """The same as D^-1 - Z'(I + X Z')^-1 Z with Z = X D^-1 (Woodbury 1950): a smaller inverse where users are fewer."""
    if not train.shape[0]:  # LAPACK would complain
        return np.diag((1.0 / diagonal).astype(np.float32))
    scaled = sparse.csr_array(train @ sparse.diags_array(1.0 / diagonal))
    small = _inverse(train, sparse.csr_array(scaled.T), np.ones(train.shape[0]))
    scaled = scaled.astype(np.float32)
    by_product = sparse.csr_array(scaled.T)
    inverse = np.diag((1.0 / diagonal).astype(np.float32))
    for start in range(0, len(inverse), KNN_BLOCK):
        rows = slice(start, start + KNN_BLOCK)
        inverse[rows] -= (by_product[rows] @ small) @ scaled
    return inverse


def _inverse(left: sparse.csr_array, right: sparse.csr_array, diagonal: Floats) -> Floats32:
    """(left right + diagonal)^-1 of a product that is symmetric, in float32: half the time and memory, and the diagonal keeps
    the matrix well conditioned."""
    matrix = np.diag(diagonal.astype(np.float32)).T  # by columns, as LAPACK wants it
    for start in range(0, len(matrix), KNN_BLOCK):  # as a sparse matrix the whole would take three times the memory
        rows = slice(start, start + KNN_BLOCK)
        matrix[rows] += (left[rows] @ right).toarray().astype(np.float32)
    factor = linalg.cholesky(matrix, lower=True, overwrite_a=True, check_finite=False)
    inverse, _ = linalg.lapack.spotri(factor, lower=True, overwrite_c=True)
    for start in range(0, len(inverse), KNN_BLOCK):  # mirrored at once it would be held twice
        own, behind = slice(start, start + KNN_BLOCK), slice(start + KNN_BLOCK, None)
        inverse[own, own] += np.tril(inverse[own, own], -1).T
        inverse[own, behind] = inverse[behind, own].T
    # It is symmetric: what LAPACK has laid out by columns is by rows as well, as sparse products want it.
    by_rows: Floats32 = inverse.T
    return by_rows


def p3(train: sparse.csr_array) -> Callable[[sparse.csr_array], Floats]:
    """P3: the probability that a random walk from a profile ends at a part, after the steps product, user, product.

    Each step goes to a neighbour with probability in proportion to the edge's weight (Cooper et al. 2014).

    Args:
        train: CSR [users x products].

    Returns:
        Takes history, CSR [profiles x products]; gives float64[profiles, products], zero for a profile without history.
    """
    # A walk leads through nobody without a history, and most people have none.
    train = train[np.flatnonzero(np.diff(train.indptr))]
    to_users, to_products = walk_steps(train)

    def score(history: sparse.csr_array) -> Floats:
        scores = np.empty(history.shape)
        for start in range(0, len(scores), WALKED_AT_ONCE):
            rows = slice(start, start + WALKED_AT_ONCE)
            # By dense rows: the middle of the walk reaches most users.
            reached = normalise_rows(history[rows]).T.toarray()
            scores[rows] = (to_products.T @ (to_users.T @ reached)).T
        return scores

    return score


def walk_weights(train: sparse.csr_array) -> sparse.csr_array:
    """The last two steps of :func:`p3`: CSR [products x products], row i the probabilities from part i."""
    to_users, to_products = walk_steps(train)
    return sparse.csr_array(to_users @ to_products)


def score_history(history: sparse.csr_array, item_item: sparse.csr_array | DenseWeights) -> Floats:
    """Sum of the evidence of a profile's history: float64[profiles, products].

    Args:
        history: CSR [profiles x products].
        item_item: weights from :func:`item_knn`, :func:`walk_weights` or :func:`ease`; parts that it left out score 0.
    """
    if not isinstance(item_item, DenseWeights):
        return np.asarray((history @ item_item).toarray(), dtype=np.float64)
    # In single precision, as the weights are: scipy would copy them all in double for however few profiles.
    own = sparse.csr_array(history, dtype=np.float32)[:, item_item.products]
    scores = np.zeros(history.shape)
    scores[:, item_item.products] = own @ item_item.weights
    return scores


def gf_cf(train: sparse.csr_array, *, n_frequencies: int = 256, low_pass: float = 0.3) -> Callable[[sparse.csr_array], Floats32]:
    """GF-CF: a linear graph filter plus ``low_pass`` times an ideal low-pass filter; takes history, gives scores.

    With R~ = D_U^-1/2 R D_I^-1/2 and V its ``n_frequencies`` first right singular vectors, a history r is scored by
    r R~'R~ + low_pass r D_I^-1/2 V V' D_I^1/2 (Shen et al. 2021, "How Powerful is Graph Convolution for Recommendation?").

    Args:
        train: CSR [users x products], ones.
        n_frequencies: singular vectors, at most the smaller dimension - 1.
        low_pass: weight of the ideal filter.
    """
    user_scale, item_scale = (_inverse_root(np.asarray(train.sum(axis=axis), dtype=np.float64)) for axis in (1, 0))
    filtered = sparse.csr_array(sparse.diags_array(user_scale) @ train @ sparse.diags_array(item_scale))
    linear_filter = sparse.csr_array(filtered.T @ filtered)
    k = min(n_frequencies, min(train.shape) - 1)
    # PROPACK: the same vectors as ARPACK's in a quarter of its time.
    _, _, vectors = linalg_sparse.svds(filtered, k=k, random_state=0, solver="propack", return_singular_vectors="vh")
    spread = np.divide(low_pass, item_scale, out=np.zeros_like(item_scale), where=item_scale > 0)
    # In single precision: half the time, and only near-ties are ranked otherwise.
    linear_filter, vectors = linear_filter.astype(np.float32), vectors.astype(np.float32)
    to_frequencies = (sparse.diags_array(item_scale) @ vectors.T).astype(np.float32)
    from_frequencies = (vectors * spread).astype(np.float32)

    def score(history: sparse.csr_array) -> Floats32:
        history = history.astype(np.float32)
        scores = np.asarray((history @ to_frequencies) @ from_frequencies)
        scores += (history @ linear_filter).toarray()
        return scores

    return score


def _inverse_root(degrees: Floats) -> Floats:
    return np.divide(1.0, np.sqrt(degrees), out=np.zeros_like(degrees), where=degrees > 0)
