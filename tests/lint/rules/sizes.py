# SPDX-License-Identifier: GPL-2.0-or-later
# Files have at most 600 lines, functions at most 100. Data may be longer: the class files of the data
# model, golden files, lists, prose.
import re

FILE_LIMIT = 600
FUNCTION_LIMIT = 100
DATA = re.compile(r"\.(json|md|txt|tsv|csv)$|^src/datamodel/(classes/|errors\.py|roles\.py)|^LICENSE$|^src/xapi/cli/tables/"
                  r"|^tests/golden/|^tests/fuzz/corpus/|package-lock")
NOT_A_FUNCTION = re.compile(r"\s*(namespace|class|struct|enum|union|extern|using|constexpr|const|static const)\b")


def functions(lines):
    """(first line, length) of each block that starts and ends in one column and is no type. Relies on
    the tree's formatting: an opening line ends with '{', its '}' stands below the line's first letter."""
    opened = {}
    for number, line in enumerate(lines, 1):
        indent = len(line) - len(line.lstrip())
        if line.lstrip().startswith("}") and indent in opened:
            first, statement = opened.pop(indent)
            if not NOT_A_FUNCTION.match(statement):
                yield first, number - first + 1
        if line.rstrip().endswith("{") and "(" in line and indent <= 2:
            opened[indent] = (number, line)


def check(tree):
    for name in tree.written():
        if DATA.search(name):
            continue
        lines = tree.text(name).splitlines()
        if len(lines) > FILE_LIMIT:
            yield f"{name}:{FILE_LIMIT}: {len(lines)} lines; split it by subject"
        if name.endswith((".cpp", ".hpp")):
            for first, length in functions(lines):
                if length > FUNCTION_LIMIT and not name.startswith("tests/"):
                    yield f"{name}:{first}: a function of {length} lines; cut it into steps"
