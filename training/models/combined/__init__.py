"""Models made of others: the blend for items, the ensemble for users."""
