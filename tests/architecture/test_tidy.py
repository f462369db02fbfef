"""The budgets and bans of the house that no ready-made linter holds. There is no exemption list.

Each test collects every offender before it fails, so that one run shows the whole list.
"""

import ast
import io
import re
import subprocess
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

FILE_LINES_MAX = 600
FUNCTION_LINES_MAX = 60
PARAMETERS_MAX = 6
MAKE_TARGETS_MAX = 12

# The files that may catch every exception, once each: an edge of the process where a bug is logged
# and the caller is told "internal error". Everywhere else a bug is a crash.
BROAD_EXCEPT_PLACES: tuple[str, ...] = (
    "src/copydesk/api/app.py",  # a handler raised: logged, answered 50026
    "src/copydesk/node/reads.py",  # a view raised on the engine thread: handed to its asker
)
BROAD_EXCEPT_PLACES_MAX = 2

# Spelled so that this file does not hold what it looks for.
MACHINE_PATH = re.compile(r"(?:^|[^.\w])/(?:[w]ork|[f]arm|[r]oot|[h]ome)/|[f]ile:///")
DEBT = re.compile(r"\b(?:TO[D]O(?!\(#\d+\))|FI[X]ME|X[X]X)\b")
LOCK_HOSTS = {"https://pypi.org", "https://files.pythonhosted.org"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(*folders: str) -> list[Path]:
    """List the project's own Python files, committed or not, in a fixed order."""
    found = [path for folder in folders for path in (ROOT / folder).rglob("*.py")]
    foreign = {"node_modules", ".venv"}  # what others wrote: web packages, the candidates' own
    return sorted(path for path in found if foreign.isdisjoint(path.parts))


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def place(path: Path, line: int | None = None) -> str:
    name = path.relative_to(ROOT).as_posix()
    return name if line is None else f"{name}:{line}"


def functions(path: Path) -> Iterator[tuple[Function, bool]]:
    """Yield every function of a file, and whether it is a method with a self or cls to discount."""
    tree = ast.parse(read(path))
    methods = {
        id(member)
        for owner in ast.walk(tree)
        if isinstance(owner, ast.ClassDef)
        for member in owner.body
    }
    for node in ast.walk(tree):
        if isinstance(node, Function):
            static = any(
                isinstance(decorator, ast.Name) and decorator.id == "staticmethod"
                for decorator in node.decorator_list
            )
            yield node, id(node) in methods and not static


def parameter_count(function: Function, bound: bool) -> int:
    arguments = function.args
    named = len(arguments.posonlyargs) + len(arguments.args) + len(arguments.kwonlyargs)
    gathered = (arguments.vararg is not None) + (arguments.kwarg is not None)
    return named + gathered - bound


def broad_names(node: ast.expr | None) -> bool:
    """Tell whether an `except` clause or a `suppress` call takes in every exception."""
    if node is None:
        return True
    names = node.elts if isinstance(node, ast.Tuple) else [node]
    return any(isinstance(n, ast.Name) and n.id in {"Exception", "BaseException"} for n in names)


def broad_excepts(path: Path) -> Iterator[int]:
    for node in ast.walk(ast.parse(read(path))):
        if isinstance(node, ast.ExceptHandler) and broad_names(node.type):
            cleans_up_and_raises = isinstance(node.body[-1], ast.Raise) and not node.body[-1].exc
            if not cleans_up_and_raises:
                yield node.lineno
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("suppress"):
            yield from (argument.lineno for argument in node.args if broad_names(argument))


def comments(path: Path) -> Iterator[tuple[int, str]]:
    for token in tokenize.generate_tokens(io.StringIO(read(path)).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def repository_files() -> list[Path]:
    """List the text files that are, or would be, in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    ).stdout.split(b"\0")
    paths = [ROOT / name.decode() for name in listed if name]
    return [path for path in paths if path.is_file() and b"\0" not in path.read_bytes()[:4096]]


def test_files_are_short() -> None:
    lengths = {
        place(path): read(path).count("\n") for path in python_files("src", "tests", "bench")
    }
    assert {name: n for name, n in lengths.items() if n > FILE_LINES_MAX} == {}


def test_functions_are_short() -> None:
    offenders = {}
    for path in python_files("src", "tests", "bench"):
        for function, _ in functions(path):
            lines = (function.end_lineno or function.lineno) - function.lineno + 1
            if lines > FUNCTION_LINES_MAX:
                offenders[place(path, function.lineno)] = f"{function.name}: {lines} lines"
    assert offenders == {}


def test_functions_take_few_parameters() -> None:
    offenders = {}
    for path in python_files("src", "tests", "bench"):
        for function, bound in functions(path):
            count = parameter_count(function, bound)
            if count > PARAMETERS_MAX:
                offenders[place(path, function.lineno)] = f"{function.name}: {count} parameters"
    assert offenders == {}


def test_every_module_says_what_lives_in_it() -> None:
    silent = [p for p in python_files("src") if not ast.get_docstring(ast.parse(read(p)))]
    assert [place(path) for path in silent] == []


def test_only_named_places_catch_everything() -> None:
    assert len(BROAD_EXCEPT_PLACES) <= BROAD_EXCEPT_PLACES_MAX
    found = [(place(path), line) for path in python_files("src") for line in broad_excepts(path)]
    unnamed = [f"{name}:{line}" for name, line in found if name not in BROAD_EXCEPT_PLACES]
    assert unnamed == []
    assert sorted(name for name, _ in found) == sorted(BROAD_EXCEPT_PLACES), "one handler each"


def test_every_debt_has_a_number() -> None:
    owed = [
        f"{place(path, line)} {text}"
        for path in python_files("src", "tests", "bench")
        for line, text in comments(path)
        if DEBT.search(text)
    ]
    assert owed == []


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    named = [
        f"{place(path, number)} {line.strip()[:80]}"
        for path in repository_files()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if MACHINE_PATH.search(line)
    ]
    assert named == []


def test_the_lock_names_only_the_public_index() -> None:
    hosts = set(re.findall(r'"(\w+://[^/"]+)', read(ROOT / "uv.lock")))
    assert hosts <= LOCK_HOSTS


def test_the_makefile_is_one_page_of_one_liners() -> None:
    lines = [line for line in read(ROOT / "Makefile").splitlines() if not line.startswith("#")]
    targets = [line for line in lines if re.match(r"[a-z][a-z-]*:", line)]
    assert len(targets) <= MAKE_TARGETS_MAX
    assert [line for line in lines if line.startswith("\t")] == [], "logic belongs in tools/"
