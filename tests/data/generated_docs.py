"""Docs that hypothesis makes up, in six scripts and with all that formats can hold."""

import spacy
from hypothesis import strategies as st
from spacy.tokens import Doc, Span

NLP = spacy.blank("xx")
WORDS = ["Anna", "Zürich", "Москва", "поёт", "القاهرة", "दिल्ली", "北京", "กรุงเทพ", "😀", "naïve", "Ab", "x"]
LABELS = ["PER", "LOC", "creative-work"]
POS = ["NOUN", "VERB", "PROPN"]


@st.composite
def make_docs(draw, *, known=True):
    """Docs of words with spaces between them, and entities that do not overlap. Unless `known`, some docs have no
    annotation of entities."""
    docs = []
    for _ in range(draw(st.integers(1, 3))):
        n = draw(st.integers(1, 8))
        words = draw(st.lists(st.sampled_from(WORDS), min_size=n, max_size=n))
        doc = Doc(NLP.vocab, words=words, spaces=[True] * (n - 1) + [False])
        if known or draw(st.booleans()):
            doc.set_ents([Span(doc, *span[:2], label=span[2]) for span in draw(make_spans(n))], default="outside")
        docs.append(doc)
    return docs


@st.composite
def make_spans(draw, n_tokens, labels=LABELS):
    """First token, token after the last, and label of entities that do not overlap."""
    cuts = sorted(draw(st.sets(st.integers(0, n_tokens), max_size=6)))
    return [(start, end, draw(st.sampled_from(labels))) for start, end in zip(cuts, cuts[1:]) if draw(st.booleans())]


@st.composite
def make_full_docs(draw):
    """Docs with sentences, trees, tags, features, lemmas, spaces, and entities of some tokens unknown."""
    docs = []
    for doc in draw(make_docs()):
        n = len(doc)
        starts = [i == 0 or draw(st.booleans()) for i in range(n)]
        roots = [max(j for j in range(i + 1) if starts[j]) for i in range(n)]
        full = Doc(
            NLP.vocab,
            words=[token.text for token in doc],
            spaces=[draw(st.booleans()) for _ in range(n)],
            tags=[draw(st.sampled_from(["NN", "VB", ","])) for _ in range(n)],
            pos=[draw(st.sampled_from(POS)) for _ in range(n)],
            morphs=[draw(st.sampled_from(["", "Case=Nom", "Case=Nom|Number=Sing"])) for _ in range(n)],
            lemmas=[draw(st.sampled_from(["a", "b", "_"])) if token.text == "_" else "a" for token in doc],
            heads=roots,
            deps=["ROOT" if root == i else "dep" for i, root in enumerate(roots)],
        )
        ends = [i for i in range(1, n + 1) if i == n or starts[i]]
        inside = [
            (ent.start, ent.end, ent.label_) for ent in doc.ents if next(e for e in ends if e > ent.start) >= ent.end
        ]
        taken = {i for start, end, _ in inside for i in range(start, end)}
        unknown = [i for i in range(n) if i not in taken and draw(st.integers(0, 4)) == 0]
        spans = [Span(full, start, end, label=label) for start, end, label in inside]
        full.set_ents(spans, missing=[full[i : i + 1] for i in unknown], default="outside")
        docs.append(full)
    return docs
