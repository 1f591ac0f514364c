"""Recurrent networks from equation to application."""

__version__ = "0.1.0"
