"""Lung involvement, splits, baseline training, evaluation."""
