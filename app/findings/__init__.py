"""What the files of a capture mean, in words: one module a family of findings. Pure; see docs/findings.md.

scene.py is what they look at, every.py calls them all.
"""
