"""Installations as earlier releases left them: what they held, and what they answered."""
