"""Ptychographic algorithms on a growing dataset: torch and numpy, no transport."""
