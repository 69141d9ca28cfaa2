"""Thousands of pictures on one machine or a cluster, by Ray. No bpy.

Of this folder, the add-on's zips hold `rows.py` alone, which *Import Batch* needs.
"""
