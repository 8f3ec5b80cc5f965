"""Files, lines and inlined calls for addresses in compiled code, from the debugging information of an ELF file (DWARF).

The file lies elsewhere: reading.py asks for the parts that these addresses need. Pure but for what it asks.
"""
