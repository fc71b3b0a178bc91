"""Does with the lessons what students do beside running them: `python -m tools.try_it [02]`, at quick pace.

1. It follows every suggestion. A paragraph that begins with `**Try it:**` is followed by a block of Python that runs as
   it stands; in the text of an exercise, after the exercise was solved. Where the block begins with
   `# In the cell above:`, its assignments replace those to the same names in the code cell above, which runs again.
2. It runs every cell twice; the second time shows the same as the first (but cells tagged "times", which draw seconds).
3. It runs every section alone, after the set-up cell and the sections that its second line names ("*Run first: …*").
   `--write` writes these lines, from the names that each section uses.
"""

import argparse
import ast
import os
import re
import symtable
import tempfile
from dataclasses import dataclass, field

import nbformat
from nbclient import NotebookClient

from tools import lessons, solve
from tools.course import WIDGET

TRY = "**Try it:**"
ABOVE = "# In the cell above:"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
UNMARKED = re.compile(r"(?<!\*\*)\bTry\b(?! it:\*\*)[^.:\n]*|\btry `[^`]*`")
RUN_FIRST = re.compile(r"^\*Run first: (.*)\.\*$", re.MULTILINE)
EVERYTHING = "everything above"
UNITS = r"bytes|ms|s|min|seconds?|minutes?|GB|MB|steps/s|times (?:faster|slower|as fast)"
VARIES = re.compile(
    rf"<progress.*?</progress>|[0-9][0-9.,]* ?(?:{UNITS})\b|0x[0-9a-f]+|_[0-9]{{3}}\.(?:png|json)", re.DOTALL
)
SETTINGS = "import os\nos.environ.update(IMAGEGEN_PACE='quick')\nos.environ.pop('IMAGEGEN_SWEEP', None)"


@dataclass
class Section:
    """A section of a lesson: its title ("" for what stands before the first) and its cells."""

    title: str
    cells: list = field(default_factory=list)

    @property
    def code(self) -> list:
        return [cell for cell in self.cells if cell.cell_type == "code"]


def sections(notebook) -> list[Section]:
    found = [Section("")]
    for cell in notebook.cells:
        title = re.match("## (.*)", cell.source) if cell.cell_type == "markdown" else None
        if title:
            found.append(Section(title[1].strip()))
        found[-1].cells.append(cell)
    return found


# --- suggestions


def suggestions(cell) -> list[str]:
    """The blocks of Python in a text cell that suggest something to try."""
    return BLOCK.findall(cell.source) if TRY in cell.source else []


def unmarked(notebook) -> list[str]:
    """Suggestions that are prose and no code, and so may not work."""
    problems = []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            prose = BLOCK.sub("", cell.source)
            problems += [f"[{number}] suggests in prose: {m[0].strip()}" for m in UNMARKED.finditer(prose)]
            if prose.count(TRY) > len(suggestions(cell)):
                problems.append(f"[{number}] says {TRY} without a block of code for each.")
    return problems


def followed(suggestion: str, above: str) -> str:
    """The code that a suggestion asks for; `above` is the cell above it. Raises ValueError where nothing matches."""
    if not suggestion.startswith(ABOVE):
        return suggestion
    new = {ast.unparse(node.targets[0]): node.value for node in ast.parse(suggestion).body}
    tree, used = ast.parse(above), set()
    for node in ast.walk(tree):
        name = ast.unparse(node.targets[0]) if isinstance(node, ast.Assign) else None
        name = node.arg if isinstance(node, ast.keyword) and node.arg not in used else name
        if name in new:
            node.value = new[name]
            used.add(name)
    if missing := set(new) - used:
        raise ValueError(f"the cell above sets no {', '.join(sorted(missing))}")
    return ast.unparse(tree)


# --- what a section needs


def names_of(source: str) -> tuple[set[str], set[str]]:
    """The global names that a cell binds, and those that it uses."""
    bound, used = set(), set()

    def visit(table, top: bool) -> None:
        for symbol in table.get_symbols():
            if top and (symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()):
                bound.add(symbol.get_name())
            if symbol.is_referenced() and (top or symbol.is_global()):
                used.add(symbol.get_name())
        for child in table.get_children():
            visit(child, False)

    visit(symtable.symtable(source, "cell", "exec"), True)
    return bound, used


def needs(found: list[Section]) -> dict[str, list[str]]:
    """For each section's title, the titles of the earlier ones that must have run, in order."""
    where = {}  # the last section that binds a name
    result = {"": []}
    for section in found:
        mine, direct = set(), set()
        for cell in section.code:
            bound, used = names_of(cell.source)
            direct |= {where[name] for name in used - bound - mine if name in where}
            mine |= bound
        all_needed = direct | {title for other in direct for title in result[other]}
        result[section.title] = [s.title for s in found if s.title in all_needed - {"", section.title}]
        where |= dict.fromkeys(mine, section.title)
    return result


def run_first(found: list[Section]) -> dict[str, str]:
    """For each section's title, what its "Run first" should say; "" where it needs nothing."""
    told, needed = {}, needs(found)
    for number, section in enumerate(found):
        earlier = [other.title for other in found[1:number] if other.code]
        everything = len(earlier) > 1 and needed[section.title] == earlier
        told[section.title] = EVERYTHING if everything else "; ".join(needed[section.title])
    return told


def untold(found: list[Section]) -> list[str]:
    """Sections whose second line does not say what must run first."""
    problems = []
    for section, told in zip(found, run_first(found).values(), strict=True):
        said = RUN_FIRST.search(section.cells[0].source) if section.title else None
        if told != (said[1] if said else ""):
            wanted = f"*Run first: {told}.*" if told else "nothing"
            problems.append(f"“{section.title}” should say {wanted} (python -m tools.try_it --write).")
    return problems


def write_run_first(path) -> None:
    notebook, solved = lessons.read(path), solve.solve(lessons.read(path))
    lines = run_first(sections(solved)).values()
    for section, told in zip(sections(notebook), lines, strict=True):
        if section.title:
            heading, _, rest = section.cells[0].source.partition("\n")
            rest = RUN_FIRST.sub("", rest).strip()
            line = f"\n*Run first: {told}.*" if told else ""
            section.cells[0].source = f"{heading}{line}" + (f"\n\n{rest}" if rest else "")
    lessons.write(notebook, path)


# --- running


@dataclass
class Step:
    """Something that is run: where it stands in the lesson, its code, and how it is tried."""

    place: str
    code: str
    again: bool = False


def walk(notebook) -> tuple[list[Step], list[str]]:
    """Every cell twice and every suggestion in its place; and the suggestions that cannot be followed."""
    steps, problems, above, waiting = [], [], "", []
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            waiting += [(number, suggestion) for suggestion in suggestions(cell)]
            following = notebook.cells[number + 1 : number + 2]
            if following and lessons.is_exercise(following[0]):
                continue
        else:
            above = cell.source
            steps.append(Step(f"[{number}]", above))
            steps.append(Step(f"[{number}] run again", above, again=not lessons.has_tag(cell, "times")))
        for place, suggestion in waiting:
            try:
                steps.append(Step(f"[{place}] {TRY}", followed(suggestion, above)))
            except ValueError as error:
                problems.append(f"[{place}] {TRY} {error}: {suggestion}")
        waiting = []
    return steps, problems


def alone(notebook) -> list[Step]:
    """Every section after the set-up and what it names; those that need everything above are walked through
    anyway."""
    found = sections(notebook)
    needed, steps = needs(found), []
    for number, section in enumerate(found[1:], start=1):
        earlier = [other.title for other in found[1:number] if other.code]
        if section.code and needed[section.title] != earlier:
            steps.append(Step("", "%reset -f"))
            for part in found:
                if part.title in ("", section.title, *needed[section.title]):
                    steps += [Step(f"“{section.title}” alone", cell.source) for cell in part.code]
    return steps


def shown(cell) -> list[str]:
    """What a reader sees of a cell's outputs, without what differs each time: seconds, progress, controls,
    warnings."""
    printed = "".join(o.text for o in cell.outputs if o.output_type == "stream" and o.name == "stdout")
    data = [o.data for o in cell.outputs if "data" in o and WIDGET not in o.data]
    return [VARIES.sub("", text) for text in (printed, *(str(sorted(bundle.items())) for bundle in data))]


def run(steps: list[Step]) -> list[str]:
    """Runs the steps in one kernel; the problems that came up."""
    cells = [nbformat.v4.new_code_cell(step.code) for step in [Step("", SETTINGS), *steps]]
    place = {"metadata": {"path": str(lessons.NOTEBOOKS)}}
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=place, allow_errors=True).execute()
    problems = []
    for step, before, cell in zip(steps, cells, cells[1:], strict=False):
        errors = [output for output in cell.outputs if output.output_type == "error"]
        if errors:
            problems.append(f"{step.place}: {errors[0].ename}: {errors[0].evalue.strip()[:300]}")
        elif step.again and shown(before) != shown(cell):
            problems.append(f"{step.place}: it shows something else than the first time.")
    return problems


def problems(path) -> list[str]:
    notebook = solve.solve(lessons.read(path))
    steps, found = walk(notebook)
    return unmarked(notebook) + untold(sections(notebook)) + found + run(steps) + run(alone(notebook))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("lesson", nargs="?", default="")
    parser.add_argument("--write", action="store_true", help="write the lines “Run first”")
    options = parser.parse_args()
    os.environ.update(IMAGEGEN_PACE="quick", IMAGEGEN_OUTPUT=tempfile.mkdtemp(prefix="imagegen-output-"))
    found = 0
    for path in lessons.paths(options.lesson):
        if options.write:
            write_run_first(path)
            continue
        told = problems(path)
        found += len(told)
        print(f"{path.name}: {'all works' if not told else ''}", *told, sep="\n  ", flush=True)
    raise SystemExit(bool(found))


if __name__ == "__main__":
    main()
