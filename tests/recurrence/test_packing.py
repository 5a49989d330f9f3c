import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spacy_rnn_tagger.recurrence.packing import make_packing, take

lengths = st.lists(st.integers(0, 12), max_size=10)


@given(lengths)
def test_packed_rows_are_the_tokens_step_by_step(sizes):
    packing = make_packing(sizes)
    flat = [(i, t) for i, n in enumerate(sizes) for t in range(n)]
    packed = [flat[row] for row in packing.to_packed]
    order = sorted(range(len(sizes)), key=lambda i: -sizes[i])
    assert packed == [(i, t) for t in range(max(sizes, default=0)) for i in order if sizes[i] > t]
    assert packing.batch_sizes.tolist() == [sum(n > t for n in sizes) for t in range(max(sizes, default=0))]
    assert [i for i, _ in packed] == packing.seqs.tolist()
    assert packing.n_tokens == sum(sizes)


@given(lengths)
def test_permutations_are_inverse(sizes):
    packing = make_packing(sizes)
    rows = numpy.arange(packing.n_tokens)
    assert (packing.to_packed[packing.from_packed] == rows).all()
    assert (packing.mirror[packing.mirror] == rows).all()


@given(lengths)
def test_mirror_reads_each_sequence_backwards(sizes):
    packing = make_packing(sizes)
    flat = numpy.array([(i, t) for i, n in enumerate(sizes) for t in range(n)], dtype=int).reshape((-1, 2))
    packed = take(flat, packing.to_packed)
    mirrored = take(packed, packing.mirror)
    assert (mirrored[:, 0] == packed[:, 0]).all()
    assert (mirrored[:, 1] == numpy.array(sizes, dtype=int)[packed[:, 0]] - 1 - packed[:, 1]).all()


def test_matches_torch():
    torch = pytest.importorskip("torch")
    sizes = [3, 7, 1, 7]
    seqs = [torch.arange(n) + 10 * i for i, n in enumerate(sizes)]
    theirs = torch.nn.utils.rnn.pack_sequence(seqs, enforce_sorted=False)
    packing = make_packing(sizes)
    assert (torch.cat(seqs).numpy()[packing.to_packed] == theirs.data.numpy()).all()
    assert (packing.batch_sizes == theirs.batch_sizes.numpy()).all()
