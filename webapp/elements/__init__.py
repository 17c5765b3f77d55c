"""Elements that pages share: cards, pickers, controls, posters."""
