"""Save a trained pipeline without some of its components, such as those that only training needs."""

import argparse
import sys
from pathlib import Path

import spacy


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pipeline", type=Path, help="folder of the trained pipeline")
    parser.add_argument("output", type=Path, help="folder to save to; replaced if it holds a pipeline")
    parser.add_argument("components", nargs="+", help="names of the components to leave out")
    args = parser.parse_args()
    if args.output.exists() and any(args.output.iterdir()) and not (args.output / "meta.json").exists():
        sys.exit(f"{args.output} is not empty and holds no pipeline; name another folder.")
    nlp = spacy.load(args.pipeline)
    for name in args.components:
        if name not in nlp.pipe_names:
            sys.exit(f"{args.pipeline} has no component {name!r}; it has {', '.join(nlp.pipe_names)}.")
        nlp.remove_pipe(name)
    nlp.to_disk(args.output)
    print(f"Saved {', '.join(nlp.pipe_names)} to {args.output}")


if __name__ == "__main__":
    main()
