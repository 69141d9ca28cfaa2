"""Exports that arrive: a copy of an object becomes files that fit where they go.

A second Blender writes and checks them, so that the artist's scene stays exactly as it is.
"""
