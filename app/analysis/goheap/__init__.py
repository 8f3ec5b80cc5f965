"""The memory profile of a Go program, decoded from the bytes of its executable and of its memory.

Pure: the code here asks for ranges (ranges.py) and is handed their bytes. In the order of a reading:

    elf.py        where the executable's sections lie
    pclntab.py    its function table, which stripping leaves
    module.py     where the runtime has put the tables in memory
    program.py    these three
    variables.py  the runtime's variables, found in its machine code (code.py)
    buckets.py    the list of the profile's buckets, checked one by one
    listing.py    the list as of one moment
    reading.py    all of that in order
    symbols.py    functions, files and lines of program counters, inlined ones too
    profile.py    a pprof file, scaled as the runtime scales it

Every byte is untrusted: what does not fit is refused with Unreadable.
"""
