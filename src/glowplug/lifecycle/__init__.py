"""Instances from request to released memory: pure decisions, one loop that carries them out."""
