"""Install a pipeline by its name from a folder of wheels, which `spacy rnn wheelhouse` made, into a new virtual
environment, with all that it requires (PyTorch is not among it); load it there and run it on a text.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import venv
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


def install_and_use(wheels: Path, name: str, text: str) -> None:
    """Install a pipeline into a new virtual environment, and print what it says of a text.

    wheels (Path): The folder of wheels.
    name (str): The pipeline's name, such as "en_rnn_bundled".
    text (str): The text.
    RAISES (subprocess.CalledProcessError): If it cannot be installed or used.
    """
    with tempfile.TemporaryDirectory() as folder:
        venv.create(Path(folder, "venv"), with_pip=True)
        python = str(Path(folder, "venv", "Scripts" if os.name == "nt" else "bin", "python"))
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        constraints = ["-c", str(ROOT / "constraints.txt")]
        run([*pip, *constraints, "--find-links", str(wheels.resolve()), name], folder)
        run([python, "-c", USE, name, text], folder)


def run(command: List[str], folder: str) -> None:
    subprocess.run(command, check=True, cwd=folder, env=_bare_environment())


def _bare_environment() -> Dict[str, str]:
    """The environment without what would let the new Python see packages of the running one."""
    return {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("wheels", type=Path, help="folder that `spacy rnn wheelhouse` made")
    parser.add_argument("name", help="the pipeline's name, such as en_rnn_bundled")
    parser.add_argument("text", help="a text to run the pipeline on")
    args = parser.parse_args()
    if not any(args.wheels.glob(f"{args.name}-*.whl")):
        sys.exit(f"There is no wheel of {args.name} in {args.wheels}; build it with: python -m spacy rnn wheelhouse")
    try:
        install_and_use(args.wheels, args.name, args.text)
    except subprocess.CalledProcessError as e:
        sys.exit(f"The installed pipeline does not work: {' '.join(map(str, e.cmd[:4]))} ... ended with {e.returncode}")


if __name__ == "__main__":
    main()
