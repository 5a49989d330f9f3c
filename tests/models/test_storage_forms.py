"""Weights as float16 and as int8 rows: how far off they may be, that they are encoded the same way ever after, and that
packed objects are counted before they are unpacked."""

import tracemalloc

import numpy
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from srsly import msgpack

from spacy_rnn_tagger.models.storage.checksums import add_checksums, verify_checksums
from spacy_rnn_tagger.models.storage.forms import CODES, FORMS, LARGEST, SHORTEST_ROW, decode, encode
from spacy_rnn_tagger.models.storage.unpacking import DEEPEST, unpack
from spacy_rnn_tagger.models.storage.weights_error import WeightsError

TINY = numpy.finfo("float32").tiny


def weights(most, min_dims=1):
    """Finite float32 arrays of any shape, some of them empty, with subnormal numbers among the values."""
    values = st.floats(-most, most, width=32) | st.floats(-1, 1, width=32) | st.just(0.0)
    shapes = st.tuples(array_shapes(min_dims=min_dims - 1, max_dims=2, min_side=0, max_side=4), st.integers(0, 12))
    shapes = shapes.map(lambda parts: (*parts[0], parts[1]))
    return arrays(numpy.float32, shapes, elements=values)


def as_bytes(stored):
    parts = [stored[key] for key in sorted(stored)] if isinstance(stored, dict) else [stored]
    return [(part.dtype.str, part.shape, part.tobytes()) for part in parts]


@given(weights(most=numpy.float32(LARGEST["int8"]).item(), min_dims=2))
@example(numpy.outer([0.0, 1e-45, 3e-39, 127.0, 1e-3], [1.0, -0.999, 0.5, 63.5 / 127, 0, 0, 0, 0.1]).astype("float32"))
def test_int8_is_off_by_half_a_scale_at_most(array):
    stored = encode(array, "int8")
    if array.shape[-1] < SHORTEST_ROW:
        assert stored is array
        return
    codes, scales = stored["int8"], stored["scales"]
    assert codes.dtype == numpy.int8 and codes.shape == array.shape
    assert scales.dtype == numpy.float32 and scales.shape == array.shape[:-1]
    greatest = numpy.abs(array).max(axis=-1).astype("float64")
    assert (scales <= numpy.maximum(greatest / 127 * (1 + 2**-15), TINY)).all()
    exact = array.astype("float64")
    assert (numpy.abs(exact - decode(stored)) <= scales[..., None].astype("float64") / 2).all()
    # The numbers that come out are just codes times scales, with nothing rounded.
    assert (decode(stored) == codes * scales[..., None].astype("float64")).all()


@given(weights(most=65504.0))
@example(numpy.asarray([65504.0, 6e-8, 2.9e-8, 1e-4], dtype="float32"))
def test_float16_is_off_by_half_a_digit_at_most(array):
    stored = encode(array, "float16")
    assert stored.dtype == numpy.float16 and stored.shape == array.shape
    exact = array.astype("float64")
    assert (numpy.abs(exact - decode(stored)) <= numpy.maximum(numpy.abs(exact) * 2**-11, 2**-25)).all()


@pytest.mark.parametrize("damage", [lambda a: a.reshape((4, 2)), lambda a: a.view("int32"), lambda a: a.T.copy()])
@pytest.mark.parametrize("form", [None, CODES])
def test_a_checksum_tells_the_shape_and_the_type_of_an_array(damage, form):
    """A damaged head of an array leaves the bytes of its values as they are."""
    array = numpy.arange(8, dtype="float32").reshape((2, 4))
    message = {"nodes": [{"name": "layer"}], "attrs": [{}], "shims": [[]], "params": [{}]}
    message["params"][0]["W"] = array if form is None else {form: array}
    add_checksums(message)
    verify_checksums("here", message)
    message["params"][0]["W"] = damage(array) if form is None else {form: damage(array)}
    with pytest.raises(WeightsError, match="the weights 'W' of layer 'layer' do not have the checksum"):
        verify_checksums("here", message)


@given(weights(most=65504.0), st.sampled_from(FORMS))
def test_encoding_again_gives_the_same_bytes(array, form):
    stored = encode(array, form)
    back = decode(stored)
    assert back.dtype == numpy.float32 and back.shape == array.shape
    assert as_bytes(encode(back, form)) == as_bytes(stored)


def test_int8_finds_the_nearest_code():
    """By brute force over all codes."""
    row = numpy.random.default_rng(0).normal(size=200).astype("float32")
    stored = encode(row.reshape(1, -1), "int8")
    grid = numpy.arange(-127, 128) * stored["scales"].astype("float64")
    nearest = grid[numpy.abs(row[:, None] - grid).argmin(axis=1)]
    assert (decode(stored)[0] == nearest).all()
    assert numpy.abs(stored["int8"]).max() == 127


def test_size():
    array = numpy.ones((10, 64), dtype="float32")
    sizes = {form: sum(len(part) for _, _, part in as_bytes(encode(array, form))) for form in FORMS}
    assert sizes == {"float32": 2560, "float16": 1280, "int8": 640 + 40}
    biases = numpy.ones((64,), dtype="float32")
    assert encode(biases, "int8") is biases and encode(array, "float32") is array


@pytest.mark.parametrize("form", ["float16", "int8"])
@pytest.mark.parametrize("value", [numpy.nan, numpy.inf, -numpy.inf])
def test_what_is_not_finite_is_refused(form, value):
    for shape in ((2, 9), (3,)):
        array = numpy.ones(shape, dtype="float32")
        array[..., 1] = value
        with pytest.raises(ValueError, match=f"NaN or infinite values cannot be stored as {form}"):
            encode(array, form)


def test_what_is_too_large_is_refused():
    with pytest.raises(ValueError, match="a value of 70000 cannot be stored as float16, which ends at 65504"):
        encode(numpy.asarray([1.0, -70000.0], dtype="float32"), "float16")
    with pytest.raises(ValueError, match=r"a value of 2e\+38 cannot be stored as int8, which ends at 1e\+38"):
        encode(numpy.asarray([[1.0, -2e38]], dtype="float32"), "int8")


def test_what_cannot_be_read_is_refused():
    stored = encode(numpy.ones((4, 9), dtype="float32"), "int8")
    with pytest.raises(ValueError, match="unknown here, with int4, scales; known are float32, float16, int8"):
        decode({"int4": stored["int8"], "scales": stored["scales"]})
    with pytest.raises(ValueError, match=r"damaged: int8 codes of shape \(4, 9\) with scales of shape \(3,\)"):
        decode({**stored, "scales": stored["scales"][:3]})
    with pytest.raises(ValueError, match="damaged: float32 codes"):
        decode({**stored, "int8": stored["int8"].astype("float32")})


SCALARS = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | st.text(max_size=40)
)
SCALARS |= st.binary(max_size=300)
OBJECTS = st.recursive(
    SCALARS, lambda inside: st.lists(inside, max_size=20) | st.dictionaries(st.text(max_size=3), inside), max_leaves=40
)


@given(OBJECTS | st.lists(st.integers(0, 300), min_size=70, max_size=100))
@example(list(range(70_000)))
@example(["a" * 70_000, b"b" * 70_000])
def test_objects_are_unpacked(packed):
    assert unpack(msgpack.dumps(packed, use_bin_type=True)) == packed


@given(
    st.binary(max_size=40)
    | st.builds(lambda a, b: a + b, st.sampled_from([b"\x81", b"\xdc\x00", b"\xc7"]), st.binary())
)
def test_bytes_are_unpacked_as_the_library_does_or_refused(packed):
    try:
        found = repr(unpack(packed))
    except ValueError:
        return
    assert found == repr(msgpack.loads(packed, raw=False))


@pytest.mark.parametrize(
    "packed,reason",
    [
        (b"\x80" * 10_000_000, "9999999 bytes follow"),
        (b"\xdd\x00\x98\x96\x80" + b"\x80" * 10_000_000, "the objects are more than"),
        (b"\x81\xc0" * 5_000_000, f"deeper than {DEEPEST}"),
        (b"\xdf\xff\xff\xff\xff" * 100, "longer than the rest"),
        (b"\xc6\xff\xff\xff\xff" * 100, "longer than the rest|the data end"),
        (b"\x92\xc0", "in the middle|longer than the rest"),
        (b"\xc1", "begins no object"),
        (b"", "in the middle"),
    ],
    ids=["maps", "maps in a list", "nested", "map size", "bytes size", "cut", "no object", "empty"],
)
def test_what_would_fill_memory_is_refused_before(packed, reason):
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=reason):
            unpack(packed)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
