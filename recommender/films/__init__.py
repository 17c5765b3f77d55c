"""What is known of each film and user: ids, catalogue, interaction history and extras."""
