"""The one way to a loss: what the gold tags are, and what the tags must not be, decides which."""

from typing import Optional

import numpy as np
from numpy.typing import NDArray

from ..recurrence.packing import Lengths
from .constraints import Constraints
from .crf_loss import crf_loss
from .exclusion_loss import Excluded, exclusion_loss
from .gold_tags import Gold, tags_and_sets
from .lattice import Lattice, make_lattice
from .loss_result import PathLoss
from .softmax_loss import softmax_loss, softmax_set_loss
from .transitions import Scores
from .weighted_crf_loss import weighted_crf_loss


def path_loss(
    emissions: Scores,
    lengths: Lengths,
    gold: Gold,
    *,
    weights: Optional[NDArray[np.floating]] = None,
    excluded: Optional[Excluded] = None,
    transitions: Optional[Scores] = None,
    start: Optional[Scores] = None,
    end: Optional[Scores] = None,
    constraints: Optional[Constraints] = None,
    allowed: Optional[NDArray[np.bool_]] = None,
) -> PathLoss:
    """The negative log-likelihood of the gold tags, plus -log(1 - P) of each excluded segment. With transition scores,
    the likelihood is that of the gold among all legal paths (see `crf_loss`). Without, it is the product of the tokens'
    own, whatever is legal; only the probabilities of excluded segments are over legal paths there too.

    emissions (array): (n_tokens, n_tags) scores of the concatenated sequences; not changed.
    lengths (Sequence[int]): Tokens per sequence.
    gold (array): (n_tokens,) tag indices, or `MISSING`; or (n_tokens, n_tags) bool, the tags of which one is right.
    weights (Optional[array]): (n_tags,) what a token with this gold tag counts; of several allowed tags, their mean.
    excluded (Optional[Excluded]): The segments, as `exclusion_loss` takes them.
    transitions (Optional[array]): (n_tags, n_tags) score of column after row.
    start (Optional[array]): (n_tags,) score of beginning a sequence.
    end (Optional[array]): (n_tags,) score of ending one.
    constraints (Optional[Constraints]): The legal paths, as `make_lattice` takes them.
    allowed (Optional[array]): (n_tokens, n_tags) bool, the tags that each token may have, as `make_lattice` takes them.
    RETURNS (PathLoss): The loss and its gradient, that of transition, start and end scores where there are any.
    RAISES (ValueError): If shapes do not fit, or some sequence has no legal path.
    """
    lattice: Optional[Lattice] = None
    if transitions is not None or excluded is not None:
        lattice = make_lattice(
            emissions, lengths, transitions=transitions, start=start, end=end, constraints=constraints, allowed=allowed
        )
    if lattice is None or transitions is None:
        result = _of_tokens(emissions, gold, weights)
    else:
        result = crf_loss(lattice, gold) if weights is None else weighted_crf_loss(lattice, gold, weights)
    if lattice is not None and excluded is not None:
        result = result.plus(exclusion_loss(lattice, *excluded))
    return result


def _of_tokens(emissions: Scores, gold: Gold, weights: Optional[NDArray[np.floating]]) -> PathLoss:
    """The loss of tags that are decided one by one."""
    tags, sets = tags_and_sets(gold, *emissions.shape)
    if sets is None:
        return PathLoss(*softmax_loss(np, emissions, tags, weights))
    return PathLoss(*softmax_set_loss(emissions, sets, weights))
