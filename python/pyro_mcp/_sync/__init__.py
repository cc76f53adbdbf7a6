"""The methods that wait for their operations."""
