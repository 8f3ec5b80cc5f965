"""The gate's script, put together from its parts. entry.py and client.py send it, installed.py prints it.

The parts are files of POSIX sh in parts/, one subject each. Each begins with a head that says what it provides, which
globals it sets and which it expects.
"""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from app.gate.recipes import Recipe

# In the order of the script. All but the first and the last only define functions.
PARTS = (
    "setup",
    "identity",
    "handlers",
    "open_files",
    "program",
    "askers",
    "space",
    "journal",
    "lock",
    "signals",
    "files",
    "recording",
    "switch",
    "timer",
    "ending",
    "recipes",
    "directory",
    "commands",
    "command_states",
    "signal_files",
    "signal_ending",
    "process_verbs",
    "network_verbs",
    "container_verbs",
    "start_verbs",
    "recipe_verbs",
    "token_verbs",
    "file_verbs",
    "groups",
    "scene",
    "samples",
    "log_verbs",
    "memory_verbs",
    "mapped_verbs",
    "loop",
)
ON_REQUEST = frozenset({"memory_verbs", "mapped_verbs"})  # parts that only a recipe brings
TEXTS = {name: files("app.gate").joinpath("parts", f"{name}.sh").read_text(encoding="utf-8") for name in PARTS}


def assembled(recipes: Iterable[Recipe] = (), *, comments: bool = True) -> str:
    """The whole script, with the functions of these recipes, and the parts that they want, before the loop.

    It is one function that is called on its last line, so that a script which was cut off does nothing. comments: keep
    the lines that are comments; whoever installs the gate reads them, and a shell that it is sent to does not.
    """
    recipes = dict.fromkeys(recipes)
    functions = "".join(f"r_{recipe.id}() {{\n{recipe.body}\n}}\n" for recipe in recipes if recipe.body)
    left_out = ON_REQUEST - {recipe.part for recipe in recipes}
    texts = [TEXTS[name] for name in PARTS if name not in left_out]
    parts = texts if comments else [without_comments(text) for text in texts]
    return "".join(["gate() {\n", *parts[:-1], functions, parts[-1], "}\ngate\n"])


def without_comments(part: str) -> str:
    """A part without its blank lines and the lines that are comments."""
    lines = part.splitlines(keepends=True)
    return "".join(line for line in lines if line.strip() and not line.lstrip().startswith("#"))


SCRIPT = assembled(comments=False).encode()  # as it is sent where the configuration has no recipes


def script(recipes: Iterable[Recipe] = (), ahead: Iterable[bytes] = ()) -> bytes:
    """The script as it is sent. ahead: the lines of its first requests.

    They are arguments of its last line: a shell that reads the script in blocks would take lines behind it for its own.
    """
    words = "".join(f" '{request.decode('ascii').rstrip()}'" for request in ahead)
    return _sent(tuple(recipes)).removesuffix(b"\n") + f"{words}\n".encode()


@cache
def _sent(recipes: tuple[Recipe, ...]) -> bytes:
    return assembled(recipes, comments=False).encode()
