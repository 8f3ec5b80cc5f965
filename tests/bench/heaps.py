"""Heap profiles that a real Go program wrote: 900 functions that call each other at random, and allocate at any depth.

Every allocation is sampled. Only the last few are still in use, as in services that make much garbage.
"""

import random
import subprocess
from pathlib import Path

from tests.lab import golang

FUNCTIONS, ENTRIES = 900, 40

HEAD = """package main

import (
	"math/rand"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
)

var (
	kept  [][]byte
	rnd   = rand.New(rand.NewSource(1))
	table []func(int)
)

func main() {
	runtime.MemProfileRate = 1
	stacks, _ := strconv.Atoi(os.Args[1])
	for i := 0; i < stacks; i++ {
		table[rnd.Intn(%d)](4 + rnd.Intn(28))
		if i%%3 == 0 {
			kept = kept[:0]
		}
	}
	runtime.GC()
	pprof.Lookup("heap").WriteTo(os.Stdout, 0)
}
"""

FUNCTION = """
//go:noinline
func work%d(deeper int) {
	if deeper <= 0 {
		kept = append(kept, make([]byte, 16<<rnd.Intn(10)))
		return
	}
	switch rnd.Intn(6) {
	case 0:
		table[%d](deeper - 1)
	case 1:
		table[%d](deeper - 1)
	case 2, 3:
		table[%d](deeper - 1)
	default:
		table[%d](deeper - 1)
	}
}

func init() { table = append(table, work%d) }
"""


def built(folder: Path) -> Path:
    """The program; its argument is the number of stacks, and it writes the profile to stdout."""
    chance = random.Random(7)  # noqa: S311
    called = ([chance.randrange(FUNCTIONS) for _ in range(4)] for _ in range(FUNCTIONS))
    source = HEAD % ENTRIES + "".join(FUNCTION % (n, *others, n) for n, others in enumerate(called))
    (folder / "main.go").write_text(source)
    (folder / "go.mod").write_text("module heaps\n\ngo 1.24\n")
    go("build", "-o", "heaps", ".", cwd=folder)
    return folder / "heaps"


def go(*words: str, cwd: Path) -> str:
    """What `go` prints."""
    return subprocess.run(
        [golang.GO, *words], cwd=cwd, env=golang.environment(), stdout=subprocess.PIPE, text=True, check=True
    ).stdout


def written(program: Path, stacks: int, to: Path) -> Path:
    """A profile of about so many different stacks."""
    with to.open("wb") as file:
        subprocess.run([program, str(stacks)], stdout=file, check=True)
    return to
