"""Thousands of pictures on one machine or a cluster, by Ray. No bpy; never in the add-on's zips."""
