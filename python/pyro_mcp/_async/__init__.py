# Written by python/tools/twins.py from ../_sync/__init__.py; change that file.
"""The methods that wait for their operations."""
