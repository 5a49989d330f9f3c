"""The commands that spaCy's own `train` and `evaluate` name at their end."""

from pathlib import Path

import pytest
import spacy
import typer

from spacy_rnn_tagger.cli.next_steps import add_next_steps, after_evaluating, after_training

from ..fixtures.commands import saved  # noqa: F401


def with_dev(model, dev):
    """Name development data in the config of a saved pipeline, as training does."""
    config = model / "config.cfg"
    config.write_text(config.read_text().replace("dev = null", f'dev = "{dev}"'))


def test_after_training(saved, tmp_path):  # noqa: F811
    model, dev, _ = saved
    model.rename(tmp_path / "model-best")
    arguments = {"output_path": tmp_path, "code_path": None}
    assert after_training(arguments) == [f"python -m spacy evaluate {tmp_path / 'model-best'} TEST.spacy"]
    with_dev(tmp_path / "model-best", tmp_path / "my dev.spacy")
    (named,) = after_training({**arguments, "code_path": Path("code.py")})
    assert named.endswith(f" '{tmp_path / 'my dev.spacy'}' --code code.py")
    (tmp_path / "my test.spacy").write_bytes(b"")
    assert f"'{tmp_path / 'my test.spacy'}'" in after_training(arguments)[0]


def test_after_evaluating(saved):  # noqa: F811
    assert after_evaluating({"model": str(saved[0])}) == [f"python -m spacy rnn wheelhouse {saved[0]} wheels"]


def test_pipelines_that_were_not_saved_or_have_no_component_of_ours(tmp_path):
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    nlp.to_disk(tmp_path / "model-best")
    assert after_training({"output_path": None}) == after_training({"output_path": tmp_path / "nowhere"}) == []
    assert after_training({"output_path": tmp_path}) == after_evaluating({"model": "nowhere"}) == []
    assert after_evaluating({"model": str(tmp_path / "model-best")}) == []


@pytest.mark.parametrize("hint", [["first", "second"], [], ValueError("no config")])
def test_what_a_command_does_stays_as_it_is(hint, monkeypatch, capsys):
    """Its arguments, its output, and its failures; a hint that fails is left out, and a second wrapping is none."""
    app, calls = typer.Typer(), []

    @app.command("evaluate")
    def evaluate_cli(model: str, limit: int = 3) -> None:
        calls.append((model, limit))

    def tell(arguments):
        assert arguments == {"model": "m", "limit": 5}
        if isinstance(hint, ValueError):
            raise hint
        return hint

    monkeypatch.setattr("spacy_rnn_tagger.cli.next_steps.TELLERS", {"evaluate_cli": tell})
    add_next_steps(app)
    add_next_steps(app)
    app(["m", "--limit", "5"], standalone_mode=False)
    assert calls == [("m", 5)]
    assert capsys.readouterr().out == ("\nNext:\n  first\n  second\n" if isinstance(hint, list) and hint else "")
