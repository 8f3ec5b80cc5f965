"""The profiles that the runtime of a Go program keeps, decoded from the bytes of its executable and of its memory.

Pure, but for dialogue.py: the code here asks for ranges (ranges.py) and is handed their bytes. In the order of a
reading:

    elf.py        where the executable's sections lie
    pclntab.py    its function table, which stripping leaves
    module.py     where the runtime has put the tables in memory
    program.py    these three
    variables.py  the runtime's variables, found in its machine code (code.py)
    windows.py    the pieces of memory that hold the lists of buckets
    buckets.py    these lists, checked bucket by bucket
    counts.py     what the runtime would publish of their counts
    listing.py    the lists as of one moment
    reading.py    all of that in order
    symbols.py    functions, files and lines of program counters, inlined ones too
    profile.py    pprof files, scaled as the runtime scales them
    dialogue.py   a reading in a process of its own

Every byte is untrusted: what does not fit is refused with Unreadable.
"""
