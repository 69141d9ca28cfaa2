"""Thousands of pictures on one machine or a cluster, by Ray. No bpy; of this, the zips hold `rows.py` alone."""
