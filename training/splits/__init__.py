"""Evaluation protocols, and the training and test parts that they divide ratings into."""
