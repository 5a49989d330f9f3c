"""Install the wheel of a packaged pipeline with pip, load it by name and run it on a text.

By default into a clean target folder beside the running environment's packages; with --venv into a new virtual
environment, with all that its wheel requires (PyTorch is not among it).
"""

import argparse
import os
import subprocess
import sys
import tempfile
import venv
import zipfile
from pathlib import Path
from typing import Dict, List

ROOT = Path(__file__).parent.parent
USE = """
import sys
import spacy

nlp = spacy.load(sys.argv[1])
print(f"{nlp.meta['lang']}_{nlp.meta['name']} {nlp.meta['version']}, from {nlp.path}")
print(f"PyTorch loaded: {'torch' in sys.modules}")
doc = nlp(sys.argv[2])
for token in doc:
    print(f"{token.text:12} {token.pos_:6} {token.tag_:6} {str(token.morph):40} {token.ent_type_ or 'O'}".rstrip())
"""


def run(command: List[str], **env: str) -> None:
    subprocess.run(command, check=True, env={**os.environ, **env})


def find_wheel(package: Path) -> Path:
    """The wheel that `spacy package --build wheel` left below a package folder."""
    wheels = sorted((package / "dist").glob("*.whl"))
    if not wheels:
        sys.exit(f"There is no wheel in {package / 'dist'}; build it with: spacy package ... --build wheel")
    return wheels[-1]


def requirements(wheel: Path) -> List[str]:
    """What a wheel's metadata says that it requires."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        lines = archive.read(name).decode("utf8").splitlines()
    return [line.split(":", 1)[1].strip() for line in lines if line.startswith("Requires-Dist:")]


def in_target(wheel: Path, name: str, text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        run([*pip, "--target", folder, str(wheel)])
        path = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH", "")]))
        subprocess.run(
            [sys.executable, "-c", USE, name, text], check=True, cwd=folder, env={**os.environ, "PYTHONPATH": path}
        )


def in_venv(wheel: Path, name: str, text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, str(ROOT)])
        venv.create(Path(folder, "venv"), with_pip=True)
        bin_folder = "Scripts" if os.name == "nt" else "bin"
        python = str(Path(folder, "venv", bin_folder, "python"))
        constraints = ["-c", str(ROOT / "constraints.txt")]
        run([python, "-m", "pip", "install", "--quiet", "--find-links", folder, *constraints, str(wheel)])
        subprocess.run([python, "-c", USE, name, text], check=True, cwd=folder, env=_bare_environment())


def _bare_environment() -> Dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("package", type=Path, help="folder that `spacy package` made")
    parser.add_argument("text", help="a text to run the pipeline on")
    parser.add_argument("--venv", action="store_true", help="install into a new virtual environment, with requirements")
    args = parser.parse_args()
    wheel = find_wheel(args.package)
    needed = requirements(wheel)
    print(f"{wheel.name} requires: {', '.join(needed)}")
    if not any(line.startswith("spacy-rnn-tagger") for line in needed):
        sys.exit(f"{wheel.name} does not require spacy-rnn-tagger; is the plugin installed with pip?")
    name = wheel.name.split("-")[0]
    try:
        (in_venv if args.venv else in_target)(wheel, name, args.text)
    except subprocess.CalledProcessError as e:
        sys.exit(f"The installed pipeline does not work: {' '.join(map(str, e.cmd[:4]))} ... ended with {e.returncode}")


if __name__ == "__main__":
    main()
