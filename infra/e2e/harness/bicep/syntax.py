"""Checks the syntax of Bicep files.

    syntax.py FILE...         names every error of the files, and fails if there is one
    syntax.py --tree FILE...  prints their syntax trees besides, a line of JSON each

A node of a tree is {"kind", "line", "parts"}, or with "text" in place of "parts" if it has none,
and "marks" for operators and keywords. The grammar is tree-sitter-bicep.
"""

import json
import re
import sys

from tree_sitter import Language, Parser
import tree_sitter_bicep

# Younger than the grammar: `extension <name>`, which stands for itself. It keeps its place,
# so that the lines of errors are right.
EXTENSION = re.compile(rb"^extension [a-zA-Z][a-zA-Z0-9]*$", re.MULTILINE)

COMMENTS = ("comment", "diagnostic_comment")
MARK = re.compile(r"[a-z]+|[!&|=<>?~+*/%.:-]+")
ESCAPE = re.compile(r"\\(['\\$nrt])")
ESCAPES = {"'": "'", "\\": "\\", "$": "$", "n": "\n", "r": "\r", "t": "\t"}


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
    if node.type == "string":
        value["parts"] = list(pieces(node))
    elif node.named_child_count > 0:
        value["parts"] = [tree(part) for part in node.named_children if part.type not in COMMENTS]
    else:
        value["text"] = node.text.decode()
    # What tells nodes with the same parts apart: an operator, a keyword.
    if marks := [part.type for part in node.children if MARK.fullmatch(part.type) and not part.is_named]:
        value["marks"] = marks
    return value


def pieces(node):
    """Yields what a string consists of. To the grammar white space before ${ is part of that."""
    at = node.start_byte + 1
    for part in node.named_children:
        if part.type == "interpolation":
            yield from text(node, at, part.end_byte - len(part.text.lstrip()))
            yield tree(part)
            at = part.end_byte
    yield from text(node, at, node.end_byte - 1)


def text(node, start, end):
    """Yields the text between two places of a string, if there is any."""
    if start < end:
        between = node.text[start - node.start_byte : end - node.start_byte].decode()
        yield {"kind": "text", "line": node.start_point.row + 1, "text": ESCAPE.sub(lambda match: ESCAPES[match.group(1)], between)}


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
