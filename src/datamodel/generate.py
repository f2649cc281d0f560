#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# The one program that reads the data model: writes the C++ made from it, the API reference, and
# the count of what is handled. Needs nothing but Python 3's standard library. Exit status 1 and one
# line a fault on standard error when the model is wrong; nothing is written then.
import argparse
import os
import pathlib
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from idl import coverage, cpp, listing, markdown, model  # noqa: E402


def write(directory, files):
    """Writes what changed only, so that nothing is compiled again for nothing."""
    for name, text in files.items():
        path = pathlib.Path(directory, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        path.write_text(text, encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description="Read the XenAPI data model.")
    parser.add_argument("--out", metavar="DIR", help="write the generated C++ below DIR")
    parser.add_argument("--docs", metavar="DIR", help="write the API reference (Markdown) to DIR")
    parser.add_argument("--coverage", action="store_true", help="count handled messages")
    parser.add_argument("--list", choices=sorted(listing.LISTINGS), help="print one line a row")
    parser.add_argument("--missing-docs", action="store_true", help="name rows without a sentence")
    parser.add_argument("--require-docs", action="store_true",
                        help="fail when a row has no sentence")
    parser.add_argument("--outputs", action="store_true", help="print the files --out writes")
    parser.add_argument("--inputs", action="store_true",
                        help="print the files the model is made of")
    args = parser.parse_args()

    if args.inputs:
        print("\n".join(str(p) for p in model.sources()))
        return 0
    try:
        loaded = model.load()
        files = cpp.files(loaded)
    except model.ModelError as e:
        print(e, file=sys.stderr)
        return 1
    missing = model.missing_docs(loaded)
    if args.missing_docs:
        print("\n".join([*missing, f"{len(missing)} rows without a sentence"]))
    if args.require_docs and missing:
        print("\n".join(f"{row}: has no doc" for row in missing), file=sys.stderr)
        return 1
    if args.outputs:
        print("\n".join(files))
    if args.list:
        print("\n".join(listing.LISTINGS[args.list](loaded)))
    if args.coverage:
        print(coverage.report(loaded))
    if args.out:
        write(args.out, files)
    if args.docs:
        write(args.docs, markdown.files(loaded))
    return 0


if __name__ == "__main__":
    sys.exit(main())
