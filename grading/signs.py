"""What an instructor should look at by hand in an attempt: what no exercise of this course needs.

It proves nothing, and its absence proves nothing either; it says where to look.
"""

import ast
import re

# What exercises are solved with; any other import is named.
MODULES = {
    "torch", "numpy", "scipy", "sklearn", "math", "cmath", "random", "itertools", "functools", "operator",
    "collections", "dataclasses", "typing", "fractions", "decimal", "statistics", "copy", "time", "string",
    "enum", "abc", "contextlib", "warnings", "einops", "PIL", "matplotlib", "imagegen_lessons", "__future__",
}  # fmt: skip
NAMES = {
    "exercises", "checker", "Wrong", "eval", "exec", "compile", "open", "input", "breakpoint", "globals",
    "locals", "vars", "getattr", "setattr", "delattr", "__import__", "__builtins__", "os", "sys",
}  # fmt: skip
ATTRIBUTES = {
    "exercises", "exercise", "checker", "outcomes", "answer", "answers", "wrong", "verify", "modules", "os",
    "sys", "subprocess", "ctypes", "ctypeslib", "builtins", "importlib", "inspect", "load", "save", "hub",
    "ops", "jit", "library", "package", "cpp_extension", "from_file", "fromfile", "tofile", "memmap", "loadtxt",
    "savetxt", "savez", "with_traceback",
}  # fmt: skip
# Frames and other insides of Python; names with an underscore in front, but for those that classes define.
HIDDEN = re.compile(
    r"_(?!_(init|call|name|class|len|getitem|setitem|iter|next|enter|exit|doc|repr|eq|add|mul|post_init)__$)\w*"
    r"|(gi|cr|ag)_\w+|tb_\w+|f_(back|globals|locals|builtins|code|trace)"
)


def signs(name: str, source: str) -> list[str]:
    """The names to look at in the source of an attempt at the exercise `name`."""
    found, imported = set(), {"torch", "F", "nn"}
    nodes = list(ast.walk(ast.parse(source)))
    for node in nodes:
        if isinstance(node, ast.Import | ast.ImportFrom):
            base = getattr(node, "module", None)
            paths = [".".join(filter(None, (base, alias.name))) for alias in node.names]
            found |= {path.split(".")[0] for path in paths} - MODULES
            found |= NAMES & {part for path in paths for part in path.split(".")}
            found |= {path for path in paths if path.endswith(f".{name}")}  # the package's own answer
            imported |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        elif isinstance(node, ast.Name):
            found |= NAMES & {node.id}
        elif isinstance(node, ast.Attribute):
            if node.attr in ATTRIBUTES or HIDDEN.fullmatch(node.attr):
                found.add(node.attr)
            elif node.attr == name:
                found.add(ast.unparse(node))
        elif isinstance(node, ast.Constant) and _is_a_name(node.value):
            found.add(repr(node.value))
    changed = (
        ast.unparse(n) for n in nodes if isinstance(n, ast.Attribute) and not isinstance(n.ctx, ast.Load)
    )
    return sorted(found | {path for path in changed if path.split(".")[0] in imported})


def _is_a_name(value) -> bool:
    """Is it one of the names as a text, which leads getattr and its like past this list?"""
    return isinstance(value, str) and (value in NAMES | ATTRIBUTES or bool(re.fullmatch(r"_\w+", value)))
