"""Ratings that a visitor brings from elsewhere: their files, and which films of the service they mean."""
