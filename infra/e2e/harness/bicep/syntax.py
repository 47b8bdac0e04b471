"""Checks the syntax of Bicep files.

    syntax.py FILE...         names every error of the files, and fails if there is one
    syntax.py --tree FILE...  prints the syntax trees besides, one JSON value a file

A node of a tree is {"kind", "line", "text"} if it has no parts, and otherwise {"kind",
"line", "parts"}, without punctuation. The grammar is tree-sitter-bicep.
"""

import json
import re
import sys

from tree_sitter import Language, Parser
import tree_sitter_bicep

# Younger than the grammar: `extension <name>`, which stands for itself. It keeps its place,
# so that the lines of errors are right.
EXTENSION = re.compile(rb"^extension [a-zA-Z][a-zA-Z0-9]*$", re.MULTILINE)


def parse(text):
    """Returns the tree of a file."""
    blank = EXTENSION.sub(lambda match: b" " * len(match.group()), text)
    return Parser(Language(tree_sitter_bicep.language())).parse(blank).root_node


def errors(node):
    """Yields the line of each error, and what is wrong there."""
    if node.is_missing:
        yield node.start_point.row + 1, f"{node.type!r} is missing"
    elif node.is_error:
        yield node.start_point.row + 1, "this is not Bicep: " + node.text.decode()[:60].strip()
    elif node.has_error:
        for part in node.children:
            yield from errors(part)


def tree(node):
    """Returns a node as a value that has a form in JSON."""
    value = {"kind": node.type, "line": node.start_point.row + 1}
    parts = [tree(part) for part in node.named_children if part.type not in ("comment", "diagnostic_comment")]
    # What tells two nodes of the same parts apart: the operator, and an existing resource.
    marks = [part.type for part in node.children if not part.is_named and re.fullmatch(r"[a-z]+|[!&|=<>?~+*/%.:-]+", part.type)]
    if marks:
        value["marks"] = marks
    if parts or node.child_count > 0:
        value["parts"] = parts
    else:
        value["text"] = node.text.decode()
    return value


def main(arguments):
    trees = arguments[:1] == ["--tree"]
    failed = False
    for name in arguments[trees:]:
        with open(name, "rb") as file:
            root = parse(file.read())
        for line, problem in errors(root):
            print(f"{name}:{line}: {problem}", file=sys.stderr)
            failed = True
        if trees:
            print(json.dumps(tree(root)))
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
